"""What was recorded, as plain data: the one thing that facts are told from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.governance.inventory import Entry
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRecord:
    """One planned unit of one acquisition and how it ended; `status` is empty where it never did."""

    case: str
    acquisition: str
    at: datetime  # when the acquisition started
    id: str
    source: str
    target: Target
    region: str
    stream: str
    window: Window | None
    status: str
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One event of a custody log."""

    case: str
    seq: int
    at: datetime
    type: str
    actor: str
    keyid: str
    said: Mapping[str, object]

    @property
    def id(self) -> str:
        """Return how an auditor finds it."""
        return f"{self.case} event {self.seq} {self.type}"

    def part(self, *path: str) -> Mapping[str, object]:
        """Return an object within it, empty where there is none."""
        value: object = self.said
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How one question of a verification was answered: `pass`, `fail` or `not_checked`."""

    status: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """A request for evidence to one target: when it was made, when it was due, when it was answered."""

    case: str
    request: str
    provider: str
    target: str
    asked_at: datetime
    due: datetime | None
    answered_at: datetime | None
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """One case. `checks` is empty where nobody verified it against a trust policy."""

    id: str
    title: str
    head: str  # root of the custody log
    events: Sequence[EventRecord]
    units: Sequence[UnitRecord] = ()
    checks: Mapping[str, Checked] = field(default_factory=dict)
    verdict: str = ""
    description: Mapping[str, object] = field(default_factory=dict)
    measured: frozenset[str] = frozenset()  # acquisitions that compared clocks with their providers

    def of(self, *types: str) -> tuple[EventRecord, ...]:
        """Return the events of some types, oldest first."""
        return tuple(event for event in self.events if event.type in types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """All that a pack is made of. `entries` is None where no inventory was given."""

    cases: Sequence[CaseRecord]
    period: Window
    at: datetime
    answers: Sequence[AnswerRecord] = ()
    entries: Sequence[Entry] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)  # every source that is known → its provider
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)  # source → its classes of evidence

    def events(self, *types: str) -> tuple[EventRecord, ...]:
        """Return the events of some types that were written within the period."""
        return tuple(one for case in self.cases for one in case.of(*types) if one.at in self.period)

    def in_period(self) -> tuple[CaseRecord, ...]:
        """Return the cases in which anything was written within the period."""
        return tuple(case for case in self.cases if any(event.at in self.period for event in case.events))

    def targets(self) -> tuple[Target, ...]:
        """Return every target that was collected from within the period, or that the inventory lists; each once."""
        asked = [unit.target for case in self.cases for unit in case.units if _meets(unit, self.period)]
        listed = [entry.target for entry in self.entries or ()]
        found = {(one.provider, one.id): one for one in (*asked, *listed)}
        return tuple(found[key] for key in sorted(found))

    def entry(self, target: Target) -> Entry | None:
        """Return what the inventory has of a target."""
        found = (one for one in self.entries or () if _key(one.target) == _key(target))
        return next(found, None)

    def units(self, target: Target) -> tuple[UnitRecord, ...]:
        """Return the units of a target that are about the period."""
        return tuple(
            unit
            for case in self.cases
            for unit in case.units
            if _key(unit.target) == _key(target) and _meets(unit, self.period)
        )


def _key(target: Target) -> tuple[str, str]:
    return target.provider, target.id


def _meets(unit: UnitRecord, period: Window) -> bool:
    """Say whether a unit is about the period: by its window, or where it has none by when it was collected."""
    if unit.window is None:
        return unit.at in period
    return unit.window.start < period.end and period.start < unit.window.end
