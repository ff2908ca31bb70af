"""One thing that is or is not on record: what an auditor can be given a sample of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from evidence_kit.governance.controls.recorded import Records
from evidence_kit.model.unit import Target


class State(StrEnum):
    """What the record says of one item."""

    SHOWN = "shown"
    AGAINST = "against"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One case, acquisition, unit, event or clause, by a name under which it can be found again."""

    id: str
    state: State
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a control asks of a fact, beyond that it is so."""

    family: str = ""
    globs: Sequence[str] = ()  # of the family: names of sources
    classes: Sequence[str] = ()  # classes of evidence
    within: timedelta | None = None
    paper: str = ""

    def to_json(self) -> dict[str, object]:
        """Return what a control says, without what it does not say."""
        said: dict[str, object] = {
            "family": self.family,
            "classes": list(self.classes) if not self.family else [],
            "within": f"PT{self.within.total_seconds() / 3600:g}H" if self.within else "",
            "paper": self.paper,
        }
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a fact is told from: all records, the one target that it is about if it is about one, and the limits."""

    records: Records
    target: Target | None
    limits: Limits


Reading = Callable[[Asked], Iterator[Item]]
Limit = Literal["family", "classes", "within", "paper"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One word of the vocabulary: what it reads, what it says when there is nothing, what it does not prove.

    What `on_occasion` can only be told when something happened that calls for it: an incident, a hand-over, a hold.
    """

    help: str
    per: Literal["case", "target", "partner"]
    read: Reading
    nothing: str
    unproved: str
    on_occasion: bool = False
    limits: Mapping[Limit, bool] = field(default_factory=dict)  # which limits it knows, and whether it needs each


def shown(name: str, said: str, *, by: bool | None) -> Item:
    """Return an item: so, not so, or (None) nobody can tell."""
    state = State.UNKNOWN if by is None else State.SHOWN if by else State.AGAINST
    return Item(id=name, state=state, said=said)
