"""An organisation's own limits on collecting. Whatever is built on them can narrow them and never widen them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from evidence_kit.errors import UsageError
from evidence_kit.governance.agreement import texts
from evidence_kit.model.document import Document, did_you_mean, parse_document
from evidence_kit.model.time import parse_period, spelled

API_VERSION = "evidence-kit/policy.v1"
ACTS = ("read", "preserve", "hold", "notify")
_FIELDS = ("apiVersion", "kind", "name", "maxWindow", "residency", "minimise", "retention", "allow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimisation:
    """Fields that working copies leave out or replace. The sealed original is never touched."""

    drop: tuple[str, ...] = ()
    pseudonymise: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Limits. `residency` maps where data lie to where their vault may stand; a place it does not name is free."""

    name: str
    max_window: timedelta | None = None
    residency: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    minimise: Minimisation = field(default_factory=Minimisation)
    retention: timedelta | None = None
    allow: tuple[str, ...] = ACTS
    digest: str = ""

    def narrowed(self, other: "Policy") -> "Policy":
        """Return this policy with the limits of `other` on top; UsageError where `other` would widen one."""
        _require_within("maxWindow", other.max_window, self.max_window)
        _require_within("retention", other.retention, self.retention)
        if more := set(other.allow) - set(self.allow):
            raise UsageError(f"{other.name} allows `{min(more)}`, which {self.name} does not", hint=_ONLY_NARROWER)
        for place, vaults in other.residency.items():
            if (known := self.residency.get(place)) and (more := set(vaults) - set(known)):
                raise UsageError(
                    f"{other.name} lets data of `{place}` lie in `{min(more)}`, which {self.name} does not",
                    hint=_ONLY_NARROWER,
                )
        return Policy(
            name=f"{self.name} + {other.name}",
            max_window=other.max_window or self.max_window,
            residency={**self.residency, **other.residency},
            minimise=Minimisation(
                drop=_joined(self.minimise.drop, other.minimise.drop),
                pseudonymise=_joined(self.minimise.pseudonymise, other.minimise.pseudonymise),
            ),
            retention=other.retention or self.retention,
            allow=other.allow,
            digest=other.digest,
        )


_ONLY_NARROWER = "a policy on top of another can narrow it and never widen it"


def _require_within(name: str, wanted: timedelta | None, limit: timedelta | None) -> None:
    if wanted is not None and limit is not None and wanted > limit:
        raise UsageError(
            f"`{name}` of {spelled(wanted)} is more than the {spelled(limit)} allowed", hint=_ONLY_NARROWER
        )


def _joined(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def parse_policy(text: bytes, *, name: str) -> Policy:
    """Read a policy; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    doc.allow((), _FIELDS)
    if doc.at(("apiVersion",), str) != API_VERSION or doc.at(("kind",), str) != "Policy":
        raise doc.error(("apiVersion",), f"expected `apiVersion: {API_VERSION}` and `kind: Policy`")
    allow = texts(doc, ("allow",)) or ACTS
    for act in allow:
        if act not in ACTS:
            raise doc.error(("allow",), f"unknown act `{act}`", hint=did_you_mean(act, ACTS))
    return Policy(
        name=doc.at(("name",), str),
        max_window=_period(doc, "maxWindow"),
        residency=_residency(doc),
        minimise=_minimisation(doc),
        retention=_period(doc, "retention"),
        allow=allow,
        digest=doc.digest,
    )


def _period(doc: Document, name: str) -> timedelta | None:
    said = doc.at((name,), str, default="")
    return parse_period(said) if said else None


def _residency(doc: Document) -> dict[str, tuple[str, ...]]:
    return {str(place): texts(doc, ("residency", place)) for place in doc.at(("residency",), dict, default={})}


def _minimisation(doc: Document) -> Minimisation:
    at = ("minimise",)
    if not doc.at(at, dict, default={}):
        return Minimisation()
    doc.allow(at, ("drop", "pseudonymise"))
    return Minimisation(drop=texts(doc, (*at, "drop")), pseudonymise=texts(doc, (*at, "pseudonymise")))
