"""What was agreed with a partner: which classes of evidence may be taken, on which basis, until when."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from evidence_kit.model.document import Document, did_you_mean
from evidence_kit.model.time import parse_period
from evidence_kit.sources.connector_grammar import EVIDENCE

_FIELDS = (
    "reference", "evidence", "clause", "legalBasis", "notifyWithin", "latency", "transfer", "contactRole", "expires",
)  # fmt: skip
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One agreement. `evidence` maps a class to the clause that allows it."""

    reference: str
    evidence: Mapping[str, str]
    legal_basis: tuple[str, ...] = ()
    notify_within: timedelta | None = None
    latency: timedelta | None = None  # how late a record may be when it can be had
    transfer: str = ""
    contact_role: str = ""
    expires: date | None = None

    def is_over(self, at: datetime) -> bool:
        """Say whether the agreement has ended; its last day still counts, in UTC."""
        return self.expires is not None and at.astimezone(UTC).date() > self.expires

    def to_json(self) -> dict[str, Any]:
        """Return plain data, as the inventory has it."""
        return {
            "reference": self.reference,
            "evidence": dict(self.evidence),
            "legalBasis": list(self.legal_basis),
            "notifyWithin": _period(self.notify_within),
            "latency": _period(self.latency),
            "transfer": self.transfer,
            "contactRole": self.contact_role,
            "expires": self.expires.isoformat() if self.expires else "",
        }


def _period(lasting: timedelta | None) -> str:
    return f"PT{lasting.total_seconds() / 3600:g}H" if lasting is not None else ""


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """Where data lie and whose they are, by the names that the organisation uses: `EU`, `US-CA`."""

    data: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()


def read_agreement(doc: Document, at: Path) -> Agreement | None:
    """Read the agreement of one target; UsageError says where it is wrong. None where there is none."""
    if doc.at(at, object, default="") == "":
        return None
    doc.allow(at, _FIELDS)
    within, latency = (doc.at((*at, name), str, default="") for name in ("notifyWithin", "latency"))
    return Agreement(
        reference=stated(doc, (*at, "reference")),
        evidence=_classes(doc, (*at, "evidence"), doc.at((*at, "clause"), str, default="")),
        legal_basis=texts(doc, (*at, "legalBasis")),
        notify_within=parse_period(within) if within else None,
        latency=parse_period(latency) if latency else None,
        transfer=doc.at((*at, "transfer"), str, default=""),
        contact_role=doc.at((*at, "contactRole"), str, default=""),
        expires=day(doc, (*at, "expires")),
    )


def read_jurisdiction(doc: Document, at: Path) -> Jurisdiction:
    """Read where a target's data lie and whose they are."""
    if doc.at(at, object, default="") == "":
        return Jurisdiction()
    doc.allow(at, ("data", "subjects"))
    return Jurisdiction(data=texts(doc, (*at, "data")), subjects=texts(doc, (*at, "subjects")))


def texts(doc: Document, at: Path) -> tuple[str, ...]:
    """Read a list of words; an empty one is a mistake, since it reads as "none" and as "any"."""
    found = doc.at(at, list, default=["\0"])
    if found == ["\0"]:
        return ()
    if not found:
        raise doc.error(at, f"`{at[-1]}` is empty", hint="leave it out, or name what it is to hold")
    return tuple(doc.at((*at, index), str) for index in range(len(found)))


def _classes(doc: Document, at: Path, clause: str) -> dict[str, str]:
    """Read what may be taken: a list under one clause, or a mapping of each class to its clause."""
    said = doc.at(at, object)
    if isinstance(said, dict):
        found = {str(name): doc.at((*at, name), str) for name in said}
    else:
        found = dict.fromkeys(texts(doc, at), clause)
    if not found:
        raise doc.error(at, "`evidence` is empty: an agreement that allows nothing needs no target")
    for name in found:
        if name not in EVIDENCE:
            raise doc.error(at, f"unknown class of evidence `{name}`", hint=did_you_mean(name, EVIDENCE))
    return found


def stated(doc: Document, at: Path) -> str:
    """Read a text that has to say something."""
    said = doc.at(at, str)
    if not said.strip():
        raise doc.error(at, f"`{at[-1]}` says nothing")
    return said


def day(doc: Document, at: Path) -> date | None:
    """Read a day, if there is one."""
    said = doc.at(at, str, default="")
    if not said:
        return None
    try:
        if _DAY.fullmatch(said):
            return date.fromisoformat(said)
    except ValueError:
        pass
    raise doc.error(at, f"`{said}` is not a day", hint="write `2027-03-31`")
