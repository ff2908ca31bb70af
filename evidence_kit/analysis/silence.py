"""Streams that fall silent as if records had been deleted: found by counting, told as a number, never as a proof.

An hour without records says something only where hours like it always had some. Two questions are asked: did every
other hour of the stream have records; and, for streams that sleep at night, did the same hour of every other day of
its kind. A third question is about streams that all but fall silent: are these hours far below every other one. How
long a silence must be is worked out for the worst of all streams whose hours are independent: among
a thousand of them, whatever their rate, each question takes fewer than one for a stream with a hole.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from evidence_kit.errors import UsageError
from evidence_kit.model.time import Window, rfc3339

HOUR = timedelta(hours=1)
FALSE_ALARMS = 0.001  # of streams without any hole, for each of the three questions
_DAY = 24
_SHARE = 4  # a stream that is empty for more than a quarter of its hours is one that sleeps
_HOLES = 4  # likewise one with more holes than this
_FEWEST = 12  # hours, or days for the second question: below, nothing is always
_FEWEST_DAYS = 4
_MANY = 1_000  # hours; more of them only make a hole of the same length less likely by chance
_SATURDAY = 5
_FEW = 10  # times fewer records than in the poorest of all other hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The records of one stream, hour by hour; None where the hour was not collected whole."""

    source: str
    target: str
    region: str
    stream: str
    start: datetime
    counts: tuple[int | None, ...]

    def __post_init__(self) -> None:
        if self.start.astimezone(UTC) != self.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0):
            raise UsageError(f"a series starts at a whole hour, not at {rfc3339(self.start)}")

    def at(self, hour: int) -> datetime:
        """Return when an hour starts."""
        return self.start + hour * HOUR

    def window(self, first: int, after: int) -> Window:
        """Return the time from one hour up to another."""
        return Window(self.at(first), self.at(after))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A reason to be silent that something else tells: a stopped trail, a unit that is not whole."""

    source: str
    target: str
    region: str
    stream: str | None  # None: whatever the stream
    window: Window
    reason: str

    def tells_of(self, series: Series, window: Window) -> bool:
        """Say whether this is about that stretch of that stream."""
        mine = (self.source, self.target, self.region) == (series.source, series.target, series.region)
        here = self.stream is None or self.stream == series.stream
        return mine and here and self.window.start < window.end and window.start < self.window.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A stretch without records where there always were some, and why that need not mean anything."""

    source: str
    target: str
    region: str
    stream: str
    window: Window
    hours: int
    basis: str
    explanations: tuple[str, ...] = ()


def silences(series: Iterable[Series], known: Sequence[Known] = ()) -> Iterator[Silence]:
    """Yield every silence of every stream, in order, with the explanations that are known."""
    for one in series:
        for found in _silences(one):
            told = [reason.reason for reason in known if reason.tells_of(one, found.window)]
            yield replace(found, explanations=(*found.explanations, *dict.fromkeys(told)))


@cache
def shortest(hours: int) -> int:
    """Return how many hours of silence are worth telling among so many; more than there are if none is.

    For a stream whose hours are independent and empty with probability p, this sums the probability of everything
    that would be told, for the p that makes it worst.
    """
    if hours < _FEWEST:
        return hours + 1
    if hours > _MANY:
        return shortest(_MANY)
    rates = {step / (2 * hours) for step in range(1, 8 * _FEWEST)} | {step / 40 for step in range(1, 20)}
    for least in range(1, hours // _SHARE + 1):
        told = [(zeros, math.log(ways)) for zeros, ways in _ways(hours, least)]
        if max(_chance(hours, told, rate) for rate in rates if rate < 1) <= FALSE_ALARMS:
            return least
    return hours + 1


def _ways(hours: int, least: int) -> Iterator[tuple[int, int]]:
    """Yield how many empty hours there can be, and in how many ways they fall into holes that are all long enough."""
    for zeros in range(least, hours // _SHARE + 1):
        for holes in range(1, min(_HOLES, zeros // least) + 1):
            yield zeros, math.comb(hours - zeros + 1, holes) * math.comb(zeros - holes * (least - 1) - 1, holes - 1)


def _chance(hours: int, told: Sequence[tuple[int, float]], empty: float) -> float:
    one, none = math.log(empty), math.log1p(-empty)
    return sum(math.exp(ways + zeros * one + (hours - zeros) * none) for zeros, ways in told)


@cache
def shortest_daily(days: int, hours: int) -> int:
    """Return the same for a silence that is compared with the same hours of other days.

    For each hour, one empty day among n has at worst the probability 1/n (1-1/n)^(n-1); hours are independent.
    """
    if days < _FEWEST_DAYS:
        return hours + 1
    once = (1 / days) * (1 - 1 / days) ** (days - 1)
    least = 1
    while hours * once**least / (1 - once) > FALSE_ALARMS:
        least += 1
    return least


def _silences(series: Series) -> Iterator[Silence]:
    yield from _thin(series)
    runs = _runs(series.counts)
    covered = [count for count in series.counts if count is not None]
    if runs and _are_long(runs, len(covered)):
        yield from (_told(series, *run, _always(covered, run)) for run in runs)
        return
    for first, after in runs:
        if (basis := _daily(series, first, after)) is not None:
            yield _told(series, first, after, basis)


@cache
def shortest_thin(hours: int) -> int:
    """Return how many hours in a row that are the poorest of all are worth telling; more than there are if none is.

    Of hours that could change places, `k` chosen ones are the poorest with probability 1 / C(n, k), whatever their
    distribution; that they are poorer by far only makes it less likely.
    """
    if hours < _FEWEST:
        return hours + 1
    rare = FALSE_ALARMS / 2  # each hour more is three times as rare at least: all together stay below the whole
    lengths = range(1, hours // _SHARE + 1)
    return next((long for long in lengths if (hours - long + 1) / math.comb(hours, long) <= rare), hours + 1)


def _thin(series: Series) -> Iterator[Silence]:
    """Yield the one stretch in which a stream goes on with a small part of what every other hour has."""
    covered = sorted((count, hour) for hour, count in enumerate(series.counts) if count is not None)
    for most in range(len(covered) // _SHARE, 0, -1):
        highest, least = covered[most - 1][0], covered[most][0]
        if not highest or highest * _FEW > least or most < shortest_thin(len(covered)):
            continue  # so many more in all others is rare: what follows is not done often
        hours = [hour for _, hour in covered[:most]]
        first, after = min(hours), max(hours) + 1
        if after - first == most:
            others = f"{_hours(len(covered) - most)} with at least {_events(least)} each"
            yield _told(series, first, after, f"{others}, and at most {highest:,} for {_hours(most)}")
            return


def _runs(counts: Sequence[int | None]) -> list[tuple[int, int]]:
    """Return each stretch of collected hours without a record, as `(first, after)`."""
    runs: list[tuple[int, int]] = []
    for hour, count in enumerate(counts):
        if count != 0:
            continue
        if runs and runs[-1][1] == hour:
            runs[-1] = (runs[-1][0], hour + 1)
        else:
            runs.append((hour, hour + 1))
    return runs


def _are_long(runs: Sequence[tuple[int, int]], covered: int) -> bool:
    lengths = [after - first for first, after in runs]
    return min(lengths) >= shortest(covered) and sum(lengths) <= covered // _SHARE and len(runs) <= _HOLES


def _always(covered: Sequence[int], run: tuple[int, int]) -> str:
    others = [count for count in covered if count]
    long = run[1] - run[0]
    return f"{_hours(len(others))} with at least {_events(min(others))} each, and 0 for {_hours(long)}"


def _daily(series: Series, first: int, after: int) -> str | None:
    """Return the basis if the same hours of every other day of this kind had records, else None."""
    others: list[int] = []
    fewest = len(series.counts)
    for hour in range(first, after):
        same = [count for count in _same_hours(series, hour) if count is not None]
        if not all(same):
            return None
        others += same
        fewest = min(fewest, len(same) + 1)
    long = after - first
    if long >= _DAY or not others or shortest_daily(fewest, len(series.counts)) > long:
        return None
    kind = "weekend day" if series.at(first).weekday() >= _SATURDAY else "weekday"
    days = f"the same hours of {fewest - 1} other {kind}s"
    return f"{days} with at least {_events(min(others))} each, and 0 for {_hours(long)}"


def _same_hours(series: Series, hour: int) -> Iterator[int | None]:
    """Yield the counts of the same hour of other days, weekends apart from other days."""
    weekend = series.at(hour).weekday() >= _SATURDAY
    for other in range(hour % _DAY, len(series.counts), _DAY):
        if other != hour and (series.at(other).weekday() >= _SATURDAY) == weekend:
            yield series.counts[other]


def _told(series: Series, first: int, after: int, basis: str) -> Silence:
    return Silence(
        source=series.source,
        target=series.target,
        region=series.region,
        stream=series.stream,
        window=series.window(first, after),
        hours=after - first,
        basis=basis,
        explanations=tuple(_edges(series, first, after)),
    )


def _edges(series: Series, first: int, after: int) -> Iterator[str]:
    counts = series.counts
    if first == 0:
        yield "it starts where the window starts: the stream may have begun later"
    elif counts[first - 1] is None:
        yield "the hour before it was not collected whole"
    if after == len(counts):
        yield "it ends where the window ends: the stream may have ended, or more may still be delivered"
    elif counts[after] is None:
        yield "the hour after it was not collected whole"
    days = {series.at(hour).weekday() >= _SATURDAY for hour, count in enumerate(counts) if count}
    if True not in days and any(series.at(hour).weekday() >= _SATURDAY for hour in range(first, after)):
        yield "it falls on a weekend, and no other weekend was collected"


def _hours(count: int) -> str:
    return f"{count:,} hour{'' if count == 1 else 's'}"


def _events(count: int) -> str:
    return f"{count:,} event{'' if count == 1 else 's'}"
