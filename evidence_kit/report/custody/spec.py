"""How a field of the custody record is described: which file of a case says it, where in there, how it is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from evidence_kit.acquire.description import FIELDS
from evidence_kit.custody import bag, log

Way = Literal[
    "value",  # dug out of the document
    "lines",  # stands in many lines of a journal, which are not walked
    "present",  # too long to print; that it is there is said
    "command",  # a command line, quoted as a shell reads it
    "manifest",  # one line an artifact: only how many is said
    "rare",  # left out where nobody said it, for then there was nothing to say
    "units",  # counted over the units
    "giver",  # who made the offer that is answered
    "receiver",  # to whom that offer was made
    "movement",  # what the kind of the event implies
    "stamped",  # when the log with this event was time-stamped
]
BAG = "bags/*"
ACQUISITION, SEAL, LEDGER, MANIFEST = (
    f"{BAG}/{name}" for name in (bag.ACQUISITION, bag.SEAL, bag.LEDGER, bag.MANIFEST)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One field: which file says it, where, and what a person must still say. Without a file nothing records it."""

    group: str
    label: str
    file: str = ""
    path: str = ""
    event: str = ""  # in the log: only events of this type
    way: Way = "value"
    remains: str = ""


def case(group: str, **fields: str) -> Iterator[Spec]:
    """Yield fields of `case.json` that this program fills in, by their label."""
    for label, path in fields.items():
        yield Spec(group=group, label=label.replace("_", " "), file=log.CASE, path=path)


def said(group: str, *paths: str) -> Iterator[Spec]:
    """Yield fields of `case.json` that a person fills in, under the labels that they have there."""
    for known in FIELDS:
        if (path := ".".join(known.path)).startswith(paths):
            yield Spec(group=group, label=known.label, file=log.CASE, path=path)


def of(group: str, file: str, label: str, path: str, way: Way = "value") -> Spec:
    """Return a field of one file."""
    return Spec(group=group, label=label, file=file, path=path, way=way)


def event(group: str, label: str, kind: str, path: str, way: Way = "value") -> Spec:
    """Return a field of the log's events of one kind, or of all."""
    return Spec(group=group, label=label, file=log.LOG, path=path, event=kind, way=way)
