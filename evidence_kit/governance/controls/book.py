"""Frameworks of controls, read from YAML: each with its source, version and the day on which somebody reviewed it.

A control has the standard's number and a paraphrase of ours. The words of a standard stay with whoever owns them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files

from evidence_kit.errors import UsageError
from evidence_kit.governance.agreement import day, stated, texts
from evidence_kit.governance.controls.items import Limits
from evidence_kit.governance.controls.vocabulary import FACTS
from evidence_kit.model.document import Document, Path, did_you_mean, parse_document
from evidence_kit.model.grammar import Field, Shape, check, nested
from evidence_kit.model.time import parse_period
from evidence_kit.sources.connector_grammar import EVIDENCE

API_VERSION = "evidence-kit/controls.v1"
FAMILIES_VERSION = "evidence-kit/families.v1"
STALE_AFTER = timedelta(days=180)  # standards and laws change; what nobody looked at for half a year is marked
STATUSES = ("read", "second-hand", "unverified")  # how the review was done
PAPERS = ("soc2", "iso27001")
_ID = r"[A-Za-z0-9][A-Za-z0-9.()-]{0,39}"
_NAME = r"[a-z0-9][a-z0-9-]{0,39}"

FACT = Shape(
    {
        "fact": Field(help="what has to be on record", among=tuple(FACTS), required=True),
        "family": Field(help="kind of sources, as `families.yaml` has them"),
        "classes": Field(help="classes of evidence", among=EVIDENCE, many=True),
        "within": Field(help="how long at most", kind="period"),
        "paper": Field(help="which report", among=PAPERS),
    }
)
CONTROL = Shape(
    {
        "id": Field(help="the standard's own number", pattern=_ID, required=True),
        "says": Field(help="what it asks for, in words of our own", required=True),
        "evidence": nested("facts that are evidence for it", FACT, required=True, many=True),
        "beyond": Field(help="what these facts say nothing about", required=True),
    }
)
FRAMEWORK = Shape(
    {
        "apiVersion": Field(help="the version of this language", among=(API_VERSION,), required=True),
        "kind": Field(help="always `Controls`", among=("Controls",), required=True),
        "name": Field(help="what a pack is asked for by", pattern=_NAME, required=True),
        "title": Field(help="the standard or law", required=True),
        "version": Field(help="the version of this file", required=True),
        "edition": Field(help="which edition of the standard", required=True),
        "publisher": Field(help="who publishes the standard", required=True),
        "source": Field(help="where it is published", pattern=r"https://\S+", required=True),
        "reviewed": Field(help="day on which somebody last held this against it", required=True),
        "status": Field(help="how that was done", among=STATUSES, required=True),
        "controls": nested("the controls", CONTROL, required=True, many=True),
    }
)
FAMILY = Shape(
    {
        "name": Field(help="its name", pattern=_NAME, required=True),
        "says": Field(help="what such sources tell", required=True),
        "sources": Field(help="names in the catalogue, with `*`", many=True, required=True),
        "classes": Field(help="classes of evidence", among=EVIDENCE, many=True, required=True),
    }
)
FAMILIES = Shape(
    {
        "apiVersion": Field(help="the version of this language", among=(FAMILIES_VERSION,), required=True),
        "kind": Field(help="always `Families`", among=("Families",), required=True),
        "families": nested("the families", FAMILY, required=True, many=True),
    }
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact that a control asks for, with its limits."""

    fact: str
    limits: Limits

    @property
    def said(self) -> str:
        """Return it as one word and its limits, the same for the same question."""
        limits = self.limits.to_json()
        return " ".join([self.fact, *(f"{name}={_flat(value)}" for name, value in limits.items())])


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control."""

    id: str
    says: str
    evidence: tuple[Evidence, ...]
    beyond: str

    def to_json(self) -> dict[str, object]:
        """Return plain data."""
        facts = [{"fact": one.fact, **one.limits.to_json()} for one in self.evidence]
        return {"name": self.id, "says": self.says, "evidence": facts, "beyond": self.beyond}


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """All controls of one file, and its digest: what a pack shows means nothing without them."""

    name: str
    title: str
    version: str
    edition: str
    publisher: str
    source: str
    reviewed: date
    status: str
    digest: str
    controls: tuple[Control, ...]

    def is_stale(self, at: datetime) -> bool:
        """Say whether nobody has held it against its source for too long."""
        return at.date() - self.reviewed > STALE_AFTER

    def to_json(self, at: datetime) -> dict[str, object]:
        """Return plain data."""
        return {
            "name": self.name,
            "title": self.title,
            "version": self.version,
            "edition": self.edition,
            "publisher": self.publisher,
            "source": self.source,
            "reviewed": self.reviewed.isoformat(),
            "status": self.status,
            "stale": self.is_stale(at),
            "sha256": self.digest,
            "controls": [one.to_json() for one in self.controls],
        }


@cache
def frameworks() -> Mapping[str, Framework]:
    """Return all that come with the program, by name."""
    folder = files("evidence_kit.governance.controls") / "frameworks"
    found = sorted((item.name, item.read_bytes()) for item in folder.iterdir() if item.name.endswith(".yaml"))
    made = (parse_framework(text, name=name) for name, text in found)
    return {one.name: one for one in made}


def framework(name: str) -> Framework:
    """Return one that comes with the program."""
    found = frameworks()
    if name not in found:
        raise UsageError(f"there is no framework `{name[:80]}`", hint=did_you_mean(name, found))
    return found[name]


@cache
def families() -> Mapping[str, Limits]:
    """Return what each family of sources stands for."""
    text = (files("evidence_kit.governance.controls") / "families.yaml").read_bytes()
    doc = parse_document(text, name="families.yaml")
    check(doc, (), FAMILIES)
    found: dict[str, Limits] = {}
    for index in range(len(doc.at(("families",), list))):
        at: Path = ("families", index)
        name = doc.at((*at, "name"), str)
        globs = texts(doc, (*at, "sources"))
        found[name] = Limits(family=name, globs=globs, classes=tuple(doc.at((*at, "classes"), list)))
    return found


def parse_framework(text: bytes, *, name: str) -> Framework:
    """Read a framework; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    check(doc, (), FRAMEWORK)
    reviewed = day(doc, ("reviewed",))
    controls = tuple(_control(doc, ("controls", index)) for index in range(len(doc.at(("controls",), list))))
    if reviewed is None or not controls:
        raise doc.error(("controls",), "a framework has controls, and a day on which it was reviewed")
    seen: set[str] = set()
    for index, one in enumerate(controls):
        if one.id in seen:
            raise doc.error(("controls", index, "id"), f"two controls are called `{one.id}`")
        seen.add(one.id)
    said = {field: stated(doc, (field,)) for field in ("title", "version", "edition", "publisher", "source")}
    return Framework(
        name=doc.at(("name",), str),
        reviewed=reviewed,
        status=doc.at(("status",), str),
        digest=doc.digest,
        controls=controls,
        **said,
    )


def _control(doc: Document, at: Path) -> Control:
    count = len(doc.at((*at, "evidence"), list))
    if not count:
        raise doc.error((*at, "evidence"), "a control without evidence is met by everybody")
    return Control(
        id=doc.at((*at, "id"), str),
        says=stated(doc, (*at, "says")),
        evidence=tuple(_evidence(doc, (*at, "evidence", index)) for index in range(count)),
        beyond=stated(doc, (*at, "beyond")),
    )


def _evidence(doc: Document, at: Path) -> Evidence:
    name = doc.at((*at, "fact"), str)
    known = FACTS[name].limits
    said = doc.at(at, dict)
    for limit in sorted(set(said) - {"fact"}):
        if limit not in known:
            raise doc.error((*at, limit), f"`{name}` knows no `{limit}`", hint=FACTS[name].help)
    for limit, needed in known.items():
        if needed and limit not in said:
            raise doc.error(at, f"`{name}` needs `{limit}`", hint=FACTS[name].help)
    return Evidence(name, _limits(doc, at))


def _limits(doc: Document, at: Path) -> Limits:
    family, within = (doc.at((*at, name), str, default="") for name in ("family", "within"))
    if family and family not in families():
        raise doc.error((*at, "family"), f"unknown family `{family}`", hint=did_you_mean(family, families()))
    return replace(
        families()[family] if family else Limits(classes=texts(doc, (*at, "classes"))),
        within=parse_period(within) if within else None,
        paper=doc.at((*at, "paper"), str, default=""),
    )


def _flat(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)
