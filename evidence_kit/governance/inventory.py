"""The inventory: which targets there are, how to get into each, and what was agreed about it. Never a secret."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence_kit.errors import UsageError
from evidence_kit.governance.agreement import Agreement, Jurisdiction, read_agreement, read_jurisdiction
from evidence_kit.governance.assurance import Assurance, read_assurance
from evidence_kit.model import places
from evidence_kit.model.document import Document, did_you_mean, parse_document
from evidence_kit.model.unit import Target
from evidence_kit.preservation.credentials import FIELD, IDENTITY, SAME

API_VERSION = "evidence-kit/inventory.v1"
# How to get into a target, by provider: names and places, never a secret.
_ACCESS = {
    "aws": ("role", "profile", "externalId", "partition", "sessionPolicies", "memberRole", "memberExternalId"),
    "gcp": ("credentials", "organization", "subject"),
    "azure": ("tenant", "subscription", "workspace", "cloud", "clientId"),
}
_PARTNER = ("params", "secrets", "ca", "allowPrivate")
_FIELDS = (
    "name", "provider", "id", "regions", "endpoints", "owner", "labels", "jurisdiction", "agreement", "assurance",
)  # fmt: skip
_ACCOUNT = 12  # digits of an AWS account id
_PROVIDER = re.compile(r"[a-z][a-z0-9_]*")
At = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One target with what people know of it."""

    target: Target
    owner: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    jurisdiction: Jurisdiction = field(default_factory=Jurisdiction)
    agreement: Agreement | None = None
    assurance: Assurance | None = None

    @property
    def is_partner(self) -> bool:
        """Whether somebody else runs it for us: there is an agreement, or it is none of the clouds."""
        return self.agreement is not None or self.target.provider not in _ACCESS

    def to_json(self) -> dict[str, Any]:
        """Return what a record of an acquisition says of the target's standing; access is recorded elsewhere."""
        return {
            "name": self.target.label,
            "owner": self.owner,
            "labels": dict(self.labels),
            "jurisdiction": {"data": list(self.jurisdiction.data), "subjects": list(self.jurisdiction.subjects)},
            "agreement": self.agreement.to_json() if self.agreement else None,
        }


@dataclass(frozen=True, slots=True)
class Inventory:
    """All entries of one file, in its order."""

    entries: tuple[Entry, ...]

    @property
    def targets(self) -> tuple[Target, ...]:
        """Return the targets alone."""
        return tuple(entry.target for entry in self.entries)

    def of(self, targets: Sequence[Target]) -> tuple[Entry, ...]:
        """Return the entries of some targets; one that the file does not list has nothing but itself."""
        known = {(entry.target.provider, entry.target.id): entry for entry in self.entries}
        return tuple(known.get((target.provider, target.id)) or Entry(target=target) for target in targets)


def parse_inventory(text: bytes, *, name: str) -> Inventory:
    """Read an inventory; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    doc.allow((), ("apiVersion", "kind", "targets"))
    if doc.at(("apiVersion",), str) != API_VERSION or doc.at(("kind",), str) != "Inventory":
        raise doc.error(("apiVersion",), f"expected `apiVersion: {API_VERSION}` and `kind: Inventory`")
    entries = tuple(_entry(doc, index) for index in range(len(doc.at(("targets",), list))))
    if not entries:
        raise doc.error(("targets",), "the inventory lists no target")
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        for label in {entry.target.id, entry.target.name} - {""}:
            if label in seen:
                raise doc.error(("targets", index), f"two targets are called `{label}`")
            seen.add(label)
    return Inventory(entries)


def _entry(doc: Document, index: int) -> Entry:
    at = ("targets", index)
    labels = doc.at((*at, "labels"), dict, default={})
    return Entry(
        target=_target(doc, at),
        owner=doc.at((*at, "owner"), str, default=""),
        labels=tuple((str(name), doc.at((*at, "labels", name), str)) for name in labels),
        jurisdiction=read_jurisdiction(doc, (*at, "jurisdiction")),
        agreement=read_agreement(doc, (*at, "agreement")),
        assurance=read_assurance(doc, (*at, "assurance")),
    )


def _target(doc: Document, at: At) -> Target:
    provider, account = doc.at((*at, "provider"), str), _id(doc, (*at, "id"))
    fields = _ACCESS.get(provider, ())
    doc.allow(at, (*_FIELDS, *(("preserve", *fields) if fields else _PARTNER)))
    if not _PROVIDER.fullmatch(provider):
        raise doc.error((*at, "provider"), f"`{provider}` is no name of a provider", hint="small letters and digits")
    if provider == "aws" and not (account.isdigit() and len(account) == _ACCOUNT):
        raise doc.error((*at, "id"), f"`{account}` is not an AWS account id", hint="twelve digits, in quotes")
    regions = doc.at((*at, "regions"), list, default=[])
    access = {field: doc.at((*at, field), str, default="") for field in fields} | _endpoints(doc, at)
    access |= _preserve(doc, at) if fields else _partner(doc, at)
    return Target(
        provider=provider,
        id=account,
        name=doc.at((*at, "name"), str, default=""),
        regions=tuple(str(region) for region in regions),
        access={field: value for field, value in access.items() if value},
    )


def _preserve(doc: Document, at: At) -> dict[str, str]:
    """Return as whom a target may be changed so that evidence stays: not as who reads, unless it says so."""
    here = (*at, FIELD)
    said = doc.at(at, dict).get(FIELD)
    if said is None or said == SAME:
        return {FIELD: SAME} if said else {}
    known = IDENTITY[doc.at((*at, "provider"), str)]
    if not isinstance(said, dict):
        raise doc.error(here, f"`{FIELD}` is neither a mapping nor `{SAME}`", hint=f"with: {', '.join(known)}")
    doc.allow(here, known)
    return {f"{FIELD}.{name}": doc.at((*here, name), str) for name in said}


def _partner(doc: Document, at: At) -> dict[str, str]:
    """Return how to get into a partner's API: plain values, and where its secrets are kept."""
    found = {
        f"param.{name}": doc.at((*at, "params", name), str) for name in doc.at((*at, "params"), dict, default={})
    }
    for name in doc.at((*at, "secrets"), dict, default={}):
        where = doc.at((*at, "secrets", name), str)
        if not re.fullmatch(places.SECRET, where):
            # Whatever stands there instead may be the secret itself: it is not repeated.
            raise doc.error(
                (*at, "secrets", name),
                f"`{name}` does not say where the secret is kept",
                hint=places.HINT,
            )
        found[f"secret.{name}"] = where
    found["ca"] = doc.at((*at, "ca"), str, default="")
    found["allowPrivate"] = "true" if doc.at((*at, "allowPrivate"), bool, default=False) else ""
    return found


def _endpoints(doc: Document, at: At) -> dict[str, str]:
    """Return where a target's APIs are if not where its provider has them: a private endpoint, a sovereign cloud."""
    found: dict[str, str] = {}
    for api in doc.at((*at, "endpoints"), dict, default={}):
        url = doc.at((*at, "endpoints", api), str)
        if not url.startswith("https://"):
            raise doc.error((*at, "endpoints", api), f"`{url}` does not begin with `https://`")
        found[f"endpoint.{api}"] = url.rstrip("/")
    return found


def _id(doc: Document, path: At) -> str:
    value = doc.at(path, object)
    if isinstance(value, int):
        # YAML read the digits as a number. With fewer than an account has, a leading zero was left out.
        digits = str(value) if len(str(value)) == _ACCOUNT else "0…"
        raise doc.error(path, "the id must be a string", hint=f'write it in quotes: "{digits}"')
    return doc.at(path, str)


def choose_targets(targets: Sequence[Target], names: Sequence[str]) -> tuple[Target, ...]:
    """Return the targets called `names` (by name or id), or all; UsageError for one that is not there."""
    if not names:
        return tuple(targets)
    by_name = {label: target for target in targets for label in (target.id, target.name) if label}
    for name in names:
        if name not in by_name:
            raise UsageError(f"unknown target `{name}`", hint=did_you_mean(name, by_name))
    return tuple({by_name[name].id: by_name[name] for name in names}.values())
