"""What a partner has shown of itself: reports, subprocessors, incidents, contacts. Facts that people wrote down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from evidence_kit.governance.agreement import day, stated, texts
from evidence_kit.model.document import Document
from evidence_kit.model.time import parse_period

REPORTS = ("soc2", "iso27001")
_FIELDS = (*REPORTS, "subprocessors", "incidents", "contacts", "confirmed")
_NONE = "none"  # a partner that says so has said more than one that says nothing
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A report or certificate that somebody else wrote about the partner."""

    issued: date
    expires: date | None
    reference: str


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident at the partner, and how long we waited to hear of it; None where nobody wrote that down."""

    happened: date
    notified_after: timedelta | None
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """All that is known. None is not known; an empty tuple is what the partner says there is none of."""

    papers: Mapping[str, Paper] = field(default_factory=dict)
    subprocessors: tuple[str, ...] | None = None
    incidents: tuple[Incident, ...] | None = None
    contacts: Mapping[str, str] = field(default_factory=dict)
    confirmed: date | None = None


def read_assurance(doc: Document, at: Path) -> Assurance | None:
    """Read what a target's entry says; UsageError says where it is wrong. None where it says nothing."""
    if doc.at(at, object, default="") == "":
        return None
    doc.allow(at, _FIELDS)
    said = doc.at(at, dict)
    contacts = doc.at((*at, "contacts"), dict, default={})
    return Assurance(
        papers={name: _paper(doc, (*at, name)) for name in REPORTS if name in said},
        subprocessors=_subprocessors(doc, (*at, "subprocessors")),
        incidents=_incidents(doc, (*at, "incidents")),
        contacts={str(role): stated(doc, (*at, "contacts", role)) for role in contacts},
        confirmed=day(doc, (*at, "confirmed")),
    )


def _paper(doc: Document, at: Path) -> Paper:
    doc.allow(at, ("issued", "expires", "reference"))
    issued = day(doc, (*at, "issued"))
    if issued is None:
        raise doc.error(at, "a report has a day on which it was issued", hint="`issued: 2026-05-31`")
    return Paper(issued, day(doc, (*at, "expires")), doc.at((*at, "reference"), str, default=""))


def _subprocessors(doc: Document, at: Path) -> tuple[str, ...] | None:
    if (said := doc.at(at, object, default="")) == "":
        return None
    return () if said == _NONE else texts(doc, at)


def _incidents(doc: Document, at: Path) -> tuple[Incident, ...] | None:
    if (said := doc.at(at, object, default="")) == "":
        return None
    if said == _NONE:
        return ()
    found = doc.at(at, list)
    if not found:
        raise doc.error(at, "`incidents` is empty", hint="`incidents: none` if the partner says that there were none")
    return tuple(_incident(doc, (*at, index)) for index in range(len(found)))


def _incident(doc: Document, at: Path) -> Incident:
    doc.allow(at, ("happened", "notifiedAfter", "summary"))
    happened = day(doc, (*at, "happened"))
    if happened is None:
        raise doc.error(at, "an incident has a day on which it happened", hint="`happened: 2026-02-03`")
    after = doc.at((*at, "notifiedAfter"), str, default="")
    return Incident(happened, parse_period(after) if after else None, doc.at((*at, "summary"), str, default=""))
