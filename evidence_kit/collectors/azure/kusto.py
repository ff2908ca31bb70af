"""Kusto questions and the windows they are asked for: pure text and arithmetic, nothing is asked here.

The service gives 500,000 rows or 64 MB an answer and no second page, so a window is cut before it is asked for.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from evidence_kit.errors import UsageError
from evidence_kit.model.time import Window, rfc3339

MAX_ROWS = 500_000  # an answer with as many was cut off, whether or not it says so
PACK_ROWS = 400_000  # leaves room for what arrives between the count and the question
# Answers end at 64,000,000 bytes. What is billed is not what is sent: names, empty columns and quotes come on top.
PACK_BYTES = 40_000_000
MAX_SHARDS = 1024  # of one second; half a billion rows, more than a second of any table
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
FINE = timedelta(hours=24)  # counted by the second in one answer of at most 86,400 rows
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_MAX_PREDICATE = 1000
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'")
# What would end the predicate, comment out what follows it, or open a literal that other rules hold for.
_FORBIDDEN = ("|", ";", "//", "`", "~~~", "@", "\\", '"', "'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """What one service that speaks Kusto calls things: a row's time, what its shards are made of, its size."""

    time: str
    item: str
    size: str


LOG_ANALYTICS = Tongue(time="TimeGenerated", item="_ItemId", size="sum(_BilledSize)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one answer of a service holds, and how much of that is asked for."""

    max_rows: int
    pack_rows: int
    pack_bytes: int

    def is_heavy(self, count: "Count") -> bool:
        """Say whether one answer may not hold what a bin does."""
        return count.rows > self.pack_rows or count.size > self.pack_bytes


def limits() -> Limits:
    """Return what an answer of Log Analytics holds."""
    return Limits(max_rows=MAX_ROWS, pack_rows=PACK_ROWS, pack_bytes=PACK_BYTES)


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows the service says begin in one bin, and how large they are billed."""

    start: datetime
    width: timedelta
    rows: int
    size: int
    late: int = 0  # of them, those that arrived after the first count


@dataclass(frozen=True, slots=True)
class Span:
    """What one question asks for: a window, or one of `shards` equal parts of its rows."""

    window: Window
    shard: int = 0
    shards: int = 1

    def split(self) -> tuple["Span", ...]:
        """Return parts that tile this one: halves in time down to a second, then shards; none at the end."""
        if self.shards == 1 and (halves := halved(self.window, SECOND)):
            return tuple(Span(half) for half in halves)
        if self.shards * 2 > MAX_SHARDS:
            return ()
        # The remainder by 2n is that by n, or n more: the two tile what the one held.
        twice = self.shards * 2
        return replace(self, shards=twice), replace(self, shard=self.shard + self.shards, shards=twice)

    def __str__(self) -> str:
        said = f"{rfc3339(self.window.start)} to {rfc3339(self.window.end)}"
        return said if self.shards == 1 else f"{said}, shard {self.shard} of {self.shards}"


@dataclass(frozen=True, slots=True)
class Question:
    """A table and, perhaps, a predicate; both are checked, since they become part of the text."""

    table: str
    where: str = ""
    narrower: str = ""
    tongue: Tongue = LOG_ANALYTICS

    def __post_init__(self) -> None:
        if _TABLE.fullmatch(self.table) is None:
            raise UsageError(f"`{self.table[:80]!a}` is not the name of a table", hint="for example `SigninLogs`")
        for predicate in (self.where, self.narrower):
            _require_predicate(predicate)

    def rows(self, span: Span) -> str:
        """Ask for the rows of a span."""
        sharded = f"\n| where hash({self.tongue.item}, {span.shards}) == {span.shard}" if span.shards > 1 else ""
        return self._within(span.window) + sharded

    def count(self, window: Window, width: timedelta) -> str:
        """Ask how many rows there are, by bin; bins without any are not in the answer."""
        return f"{self._within(window)}\n| summarize Rows=count(), Bytes={self.tongue.size} by {self._bin(width)}"

    def recount(self, window: Window, since: datetime) -> str:
        """Ask once more, by the hour, and how many of them arrived after `since`."""
        late = f"Late=countif(ingestion_time() >= datetime({rfc3339(since)}))"
        return f"{self._within(window)}\n| summarize Rows=count(), {late} by {self._bin(HOUR)}"

    def _within(self, window: Window) -> str:
        start, end = rfc3339(window.start), rfc3339(window.end)
        time = self.tongue.time
        lines = [self.table, f"where {time} >= datetime({start}) and {time} < datetime({end})"]
        lines += [f"where ({predicate})" for predicate in (self.where, self.narrower) if predicate]
        return "\n| ".join(lines)

    def _bin(self, width: timedelta) -> str:
        time = self.tongue.time
        return f"{time}=bin({time}, {'1h' if width == HOUR else '1s'})"


def _require_predicate(text: str) -> None:
    """Refuse what could be more than a condition on rows; brackets close only what they opened."""
    bare, depth = _LITERAL.sub("0", text), 0
    if len(text) > _MAX_PREDICATE or not text.isprintable() or any(mark in bare for mark in _FORBIDDEN):
        raise UsageError(
            f"the filter `{text[:80]!a}` is not a plain predicate",
            hint='for example `ResultType != "0"`; neither `|` nor `;`, and quotes close',
        )
    for mark in bare:
        depth += (mark == "(") - (mark == ")")
        if depth < 0:
            break
    if depth:
        raise UsageError(f"brackets in the filter `{text[:80]!a}` do not match")


# -- windows -----------------------------------------------------------------------------------------------------


def halved(window: Window, width: timedelta) -> tuple[Window, ...]:
    """Cut a window in two at the multiple of `width` nearest its middle; nothing if none lies within."""
    middle = floor(window.start + (window.end - window.start) / 2, width)
    middle = middle if middle > window.start else middle + width
    if middle >= window.end:
        return ()
    return Window(window.start, middle), Window(middle, window.end)


def heavy(counts: Iterable[Count], window: Window, most: Limits | None = None) -> Iterator[Window]:
    """Yield the stretches whose hours one answer may not hold, adjoining ones together, a day at the most."""
    current: Window | None = None
    most = most or limits()
    for count in counts:
        if not most.is_heavy(count):
            continue
        part = clamped(count, window)
        if current and current.end == part.start and part.end - current.start <= FINE:
            current = Window(current.start, part.end)
            continue
        if current:
            yield current
        current = part
    if current:
        yield current


def pack(counts: Sequence[Count], window: Window, most: Limits | None = None) -> tuple[Span, ...]:
    """Tile `window` with as few spans as hold it, none above what one answer may hold.

    Stretches without rows belong to a neighbour, so that what arrives there late is asked for all the same.
    """
    spans: list[Span] = []
    most = most or limits()
    start, rows, size = window.start, 0, 0
    for count in sorted(counts, key=lambda count: count.start):
        if rows and (rows + count.rows > most.pack_rows or size + count.size > most.pack_bytes):
            begin = clamped(count, window).start
            spans += _parts(Window(start, begin), rows, size, most)
            start, rows, size = begin, 0, 0
        rows, size = rows + count.rows, size + count.size
    return (*spans, *_parts(Window(start, window.end), rows, size, most))


def _parts(window: Window, rows: int, size: int, most: Limits) -> Iterator[Span]:
    """Cut a bin that is too large by itself; others stay whole."""
    parts = min(MAX_SHARDS, max(math.ceil(rows / most.pack_rows), math.ceil(size / most.pack_bytes), 1))
    for shard in range(parts):
        yield Span(window, shard, parts)


def clamped(count: Count, window: Window) -> Window:
    """Return the part of a bin that lies in `window`: the first and the last bin may reach beyond."""
    return Window(max(count.start, window.start), min(count.start + count.width, window.end))


def floor(moment: datetime, width: timedelta) -> datetime:
    """Return the start of the bin in which a moment lies, as `bin()` counts them."""
    return _EPOCH + (moment - _EPOCH) // width * width


# -- what came against what was counted --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """A stretch of which another number of rows came than the service counts."""

    window: Window
    got: int
    counted: int
    late: int

    @property
    def is_explained(self) -> bool:
        """Whether rows that arrived meanwhile make up for all that did not come."""
        return self.counted - self.late <= self.got


def compare(got: Iterable[tuple[Window, int]], counts: Sequence[Count]) -> tuple[Difference, ...]:
    """Compare what came with hourly counts, in the smallest stretches that begin and end on the hour."""
    found: list[Difference] = []
    start: datetime | None = None
    rows, several = 0, sorted(got, key=lambda item: item[0].start)
    for index, (window, some) in enumerate(several):
        start, rows = start or window.start, rows + some
        last = index == len(several) - 1
        if not last and ((window.end - _EPOCH) % HOUR or several[index + 1][0].start != window.end):
            continue
        block = Window(start, window.end)
        counted, late = _within(counts, block)
        if counted != rows:
            found.append(Difference(block, rows, counted, late))
        start, rows = None, 0
    return tuple(found)


def _within(counts: Sequence[Count], block: Window) -> tuple[int, int]:
    inside = [c for c in counts if c.start < block.end and c.start + c.width > block.start]
    return sum(c.rows for c in inside), sum(c.late for c in inside)
