"""Which clocks of a case run, which were met, and which are overdue: told from the log, by times that people said.

The log is read, not judged: whether to trust it is what `verify` answers. Nothing here reads the wall clock.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from evidence_kit.custody import log, strict
from evidence_kit.custody.log import Event
from evidence_kit.errors import ChainError, EvidenceKitError, UsageError
from evidence_kit.governance.clocks.entry import Clock
from evidence_kit.governance.clocks.readings import Reading, readings
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import is_rfc3339, parse_instant, rfc3339

SUBJECT = "clock"
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # before it, days cannot be counted in every zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One event about a clock: at which time a person says that it started, or was met, and why or by what."""

    seq: int
    kind: str
    id: str
    at: datetime  # what the person said; when they said it is `recorded_at`
    said: str
    by: str
    recorded_at: datetime
    entry: str = ""  # digest of the entry by which it was started
    answers: int | None = None  # the event that is corrected, or that set running what was met


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One clock that was set running, by a person or by the clock before it."""

    id: str
    clock: Clock | None  # None: no clock set at hand has it, so there is no deadline to tell
    started: Statement
    earlier: tuple[Statement, ...] = ()  # what was said of its start before it was corrected
    met: Statement | None = None
    readings: tuple[Reading, ...] = field(default=())

    @property
    def deadline(self) -> datetime | None:
        """Return the earliest reading; None where there is no number."""
        return self.readings[0].at if self.readings else None

    @property
    def is_changed(self) -> bool:
        """Whether the entry reads otherwise now than when the clock was started by it."""
        return self.clock is not None and self.started.entry not in {"", self.clock.digest}

    def left(self, now: datetime) -> timedelta | None:
        """Return the time that is left, less than nothing when it is over; of one that was met, at that time."""
        if self.deadline is None:
            return None
        return self.deadline - (self.met.at if self.met else now)

    def is_overdue(self, now: datetime) -> bool:
        """Say whether its deadline has passed and nobody has recorded that it was met."""
        return self.met is None and self.deadline is not None and now >= self.deadline

    def to_json(self, now: datetime) -> dict[str, Any]:
        """Return plain data."""
        left = self.left(now)
        return {
            "id": self.id,
            "startedAt": rfc3339(self.started.at),
            "started": _json(self.started),
            "earlier": [_json(one) for one in self.earlier],
            "deadline": rfc3339(self.deadline) if self.deadline else None,
            "secondsLeft": int(left.total_seconds()) if left is not None else None,
            "overdue": self.is_overdue(now),
            "met": _json(self.met) if self.met else None,
            "readings": [one.to_json() for one in self.readings],
            "changed": self.is_changed,
            "stale": self.clock.is_stale(now) if self.clock else None,
            "verified": self.clock.is_verified if self.clock else None,
            "clock": self.clock.to_json() if self.clock else None,
        }


def _json(one: Statement) -> dict[str, Any]:
    return {
        "event": one.seq,
        "type": one.kind,
        "at": rfc3339(one.at),
        "said": one.said,
        "by": one.by,
        "recordedAt": rfc3339(one.recorded_at),
    }


# -- reading the log -----------------------------------------------------------------------------------------------


def statements(vault: Vault) -> tuple[Statement, ...]:
    """Return what the log of a case says of clocks; a broken line raises, for a deadline must not go missing."""
    found: list[Statement] = []

    def seen(event: Event) -> None:
        if event.type in {log.CLOCK_STARTED, log.CLOCK_MET}:
            found.append(_statement(event))

    def stop(error: EvidenceKitError, where: str) -> None:
        raise ChainError(f"{where}: {error.message}", hint="`evidence-kit verify` lists all defects") from error

    with vault.open(log.LOG) as stream:
        log.scan(stream, report=stop, seen=seen)
    return tuple(found)


def _statement(event: Event) -> Statement:
    said = strict.field(event.said.predicate, SUBJECT, dict)
    is_start = event.type == log.CLOCK_STARTED
    at = strict.field(said, "startsAt" if is_start else "metAt", str)
    if not is_rfc3339(at):
        raise ChainError(f"event {event.seq} tells a clock {at[:40]!a}, which is not a time")
    moment = parse_instant(at)
    if not EARLIEST <= moment <= event.at:
        raise ChainError(f"event {event.seq} tells a clock {at}, which is not before it was written")
    answers = "corrects" if is_start else "started"
    return Statement(
        seq=event.seq,
        kind=event.type,
        id=strict.field(said, "id", str),
        at=moment,
        said=strict.field(said, "why" if is_start else "what", str),
        by=event.actor,
        recorded_at=event.at,
        entry=strict.field(said, "entry", str) if is_start else "",
        answers=strict.field(said, answers, int) if answers in said else None,
    )


# -- what runs -----------------------------------------------------------------------------------------------------


def running(said: Iterable[Statement], clocks: Mapping[str, Clock]) -> tuple[Running, ...]:
    """Return every clock that was set running, the most pressing first, those that were met last.

    What was started by hand runs from the time that was said; what follows another runs from when that was met.
    """
    tale = _Tale(clocks)
    for one in said:
        tale.hear(one)
    timed = (replace(one, readings=readings(one.clock, one.started.at)) if one.clock else one for one in tale.clocks)
    return tuple(sorted(timed, key=_pressing))


class _Tale:
    """Follows the events about clocks. One that runs is known by the event that set it running and by its id."""

    def __init__(self, known: Mapping[str, Clock]) -> None:
        self._known = known
        self._heard: dict[int, Statement] = {}
        self._found: dict[tuple[int, str], Running] = {}

    @property
    def clocks(self) -> Iterable[Running]:
        return self._found.values()

    def hear(self, one: Statement) -> None:
        self._heard[one.seq] = one
        if one.kind == log.CLOCK_MET:
            before = self._take(one)
            self._found[before.started.seq, one.id] = replace(before, met=one)
            for clock in self._known.values():
                if clock.after == one.id:
                    self._found[one.seq, clock.id] = Running(id=clock.id, clock=clock, started=one)
            return
        earlier: tuple[Statement, ...] = ()
        if one.answers is not None:
            before = self._take(one)
            earlier = (*before.earlier, before.started)
        self._found[one.seq, one.id] = Running(id=one.id, clock=self._known.get(one.id), started=one, earlier=earlier)

    def _take(self, one: Statement) -> Running:
        """Remove and return the clock of which an event speaks."""
        seq = -1 if one.answers is None else one.answers
        before = self._found.get((seq, one.id))
        if before is None and seq in self._heard and self._heard[seq].id != one.id:
            # It follows another by a clock set that is not at hand; that it ran, the log says itself.
            before = Running(id=one.id, clock=self._known.get(one.id), started=self._heard[seq])
        if before is None or before.met is not None:
            raise ChainError(f"event {one.seq} speaks of clock {one.id[:64]!a}, which no event before it runs")
        self._found.pop((seq, one.id), None)
        return before


def _pressing(one: Running) -> tuple[bool, bool, datetime, str]:
    return (one.met is not None, one.deadline is None, one.deadline or one.started.at, one.id)


def waiting(found: Iterable[Running], clocks: Mapping[str, Clock]) -> Iterator[Clock]:
    """Yield the clocks that will start when one that runs is met."""
    open_ones = [one.id for one in found if one.met is None]
    reached = set(open_ones)
    while open_ones:
        before = open_ones.pop(0)
        for clock in clocks.values():
            if clock.after == before and clock.id not in reached:
                reached.add(clock.id)
                open_ones.append(clock.id)
                yield clock


def overdue(found: Iterable[Running], now: datetime) -> tuple[Running, ...]:
    """Return those whose earliest reading has passed and that nobody has met."""
    return tuple(one for one in found if one.is_overdue(now))


def the_one(found: Sequence[Running], name: str) -> Running | None:
    """Return the clock called `name` that still runs, None where there is none."""
    open_ones = [one for one in found if one.id == name and one.met is None]
    if len(open_ones) > 1:
        seqs = ", ".join(str(one.started.seq) for one in open_ones)
        raise UsageError(f"`{name[:80]}` runs several times", hint=f"say which with `--event`: {seqs}")
    return open_ones[0] if open_ones else None
