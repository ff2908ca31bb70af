"""Where evidence is missing in a period, so that silence is not read as nothing having happened."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from evidence_kit.analysis.coverage import Coverage, Row
from evidence_kit.analysis.moments import nanoseconds
from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window

# Complete says that there is no more; in a region that is switched off nothing can happen.
_SILENT = frozenset({UnitStatus.COMPLETE, UnitStatus.REGION_DISABLED})
NOT_LOGGED, NEVER_ASKED, UNFINISHED = "not_logged", "never_asked", "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch without evidence, or with less than there was; no window means a state that was not read."""

    kind: str
    source: str
    target: str
    places: tuple[str, ...]
    window: Window | None
    reason: str

    @property
    def starts_ns(self) -> int | None:
        """Return where it stands in the order of time."""
        return nanoseconds(self.window.start) if self.window else None


@dataclass(frozen=True, slots=True)
class _Why:
    kind: str
    source: str
    target: str
    reason: str


def gaps(found: Coverage, asked: Asked) -> tuple[Gap, ...]:
    """Return the gaps that touch the period asked for, cut to it, oldest first; those without a time come first."""
    rows = [row for row in found.rows if _is_wanted(row.source, asked.source)]
    by_why: defaultdict[_Why, dict[tuple[Window | None, ...], list[str]]] = defaultdict(dict)
    for row in rows:
        for why, windows in _of_row(row).items():
            cut = tuple(_cut(_joined(windows), asked))
            if cut:
                place = " ".join(part for part in (row.region, row.stream) if part)
                by_why[why].setdefault(cut, []).append(place)
    made = [_gap(why, window, places) for why, by in by_why.items() for cut, places in by.items() for window in cut]
    made += [
        Gap(kind=NEVER_ASKED, source="", target="", places=(), window=window, reason="no source was asked about this")
        for window in _never_asked(rows, asked)
    ]
    return tuple(sorted(made, key=_order))


def _gap(why: _Why, window: Window | None, places: Iterable[str]) -> Gap:
    named = tuple(sorted({place for place in places if place}))
    return Gap(kind=why.kind, source=why.source, target=why.target, places=named, window=window, reason=why.reason)


def _order(gap: Gap) -> tuple[bool, int, str, str, str]:
    at = gap.starts_ns
    return (at is not None, at or 0, gap.source, gap.target, gap.kind)


def _of_row(row: Row) -> Mapping[_Why, list[Window | None]]:
    found: defaultdict[_Why, list[Window | None]] = defaultdict(list)
    for cell in row.cells:
        if cell.status not in _SILENT:
            kind = cell.status.value if cell.status else UNFINISHED
            found[_Why(kind, row.source, row.target, cell.reason)].append(cell.window)
    for finding in row.gaps:
        if finding.window:
            found[_Why(NOT_LOGGED, row.source, row.target, finding.message)].append(finding.window)
    return found


def _joined(windows: Sequence[Window | None]) -> Iterator[Window | None]:
    """Yield adjoining and overlapping windows as one."""
    if None in windows:
        yield None
    last: Window | None = None
    for window in sorted((one for one in windows if one), key=lambda one: (one.start, one.end)):
        if last and window.start <= last.end:
            last = Window(last.start, max(last.end, window.end))
            continue
        if last:
            yield last
        last = window
    if last:
        yield last


def _cut(windows: Iterable[Window | None], asked: Asked) -> Iterator[Window | None]:
    for window in windows:
        if window is None:
            yield None
            continue
        start = max(window.start, asked.since) if asked.since else window.start
        end = min(window.end, asked.until) if asked.until else window.end
        if start < end:
            yield Window(start, end)


def _never_asked(rows: Sequence[Row], asked: Asked) -> Iterator[Window]:
    """Yield what lies within the period and outside every window that was asked for."""
    windows = [one for one in _joined([cell.window for row in rows for cell in row.cells if cell.window]) if one]
    if not windows:
        if asked.since and asked.until:
            yield Window(asked.since, asked.until)
        return
    at: datetime = asked.since or windows[0].start
    end = asked.until or windows[-1].end
    for window in windows:
        if window.end <= at:
            continue
        if at < min(window.start, end):
            yield Window(at, min(window.start, end))
        at = max(at, window.end)
    if at < end:
        yield Window(at, end)


def _is_wanted(source: str, said: Sequence[str]) -> bool:
    return not said or any(fnmatchcase(source, pattern.replace("[", "[[]")) for pattern in said)
