"""What a portfolio says: one frozen model, from which the page and the JSON are made. Nothing in it was verified."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """One case. The numbers are those of its own report; where `unread` is not empty they are too low."""

    folder: str
    case: str
    title: str
    opened_at: str
    last_event_at: str
    custodian: str
    acquisitions: int
    unsealed: int
    artifacts: int
    bytes: int
    units: int
    units_whole: int
    runs: tuple[tuple[str, str], ...]  # playbook, outcome
    verified: str  # the last verification on record, as its event tells it; empty: none is
    unread: tuple[str, ...]

    @property
    def units_missing(self) -> int:
        """Return how many units did not bring all there was."""
        return self.units - self.units_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long it took from an order, a request or awareness of an incident until evidence was sealed, in seconds.

    `from_aware` is over those cases alone in which a person has recorded when they became aware.
    """

    kind: str  # source, playbook, partner
    name: str
    count: int
    mean: int
    median: int
    longest: int
    aware_count: int = 0
    from_aware: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What the acquisitions of one month planned and got."""

    month: str
    acquisitions: int
    units: int
    units_whole: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Something that waits for somebody: a hand-over, a clock, a request, a hold. `late`: its time is over."""

    kind: str
    case: str
    what: str
    who: str
    due: str
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRow:
    """A target or partner over all cases: what was agreed, as the latest order has it, and how it answered."""

    name: str
    provider: str
    owner: str
    agreement: str
    expires: str
    cases: tuple[str, ...]
    requests: int
    open_requests: int
    late_requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """Everything about all cases below a folder."""

    made_at: datetime
    tool: str
    cases: tuple[CaseRow, ...]
    timings: tuple[Timing, ...]
    months: tuple[Month, ...]
    open: tuple[Open, ...]
    partners: tuple[PartnerRow, ...]
    unread: tuple[tuple[str, str], ...]  # folder, why

    @property
    def late(self) -> int:
        """Return how many open things are late."""
        return sum(one.late for one in self.open)
