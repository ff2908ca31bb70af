"""The records of every stream hour by hour, from the tables of a case, and the known reasons for an hour without."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from evidence_kit.analysis.coverage import Coverage, Row
from evidence_kit.analysis.reconciliation import Place, place_of
from evidence_kit.analysis.silence import HOUR, Known, Series
from evidence_kit.errors import UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_instant

Ask = Callable[[str], Sequence[Sequence[object]]]
# Of several acquisitions of the same hour, the fullest counts: what was collected twice is there once.
HOURS = (
    "SELECT m.unit, m.acquisition, substr(e.time, 1, 13) AS hour, count(*) AS records FROM evidence e "
    "JOIN (SELECT DISTINCT artifact, unit, acquisition FROM manifest) m ON e.artifact = m.artifact "
    "WHERE e.time IS NOT NULL AND e.time <> '' GROUP BY ALL"
)
_COLLECTED = frozenset({UnitStatus.COMPLETE, UnitStatus.COMPLETE_UNSETTLED})
_MAX_HOURS = 5 * 366 * 24


def read_series(found: Coverage, ask: Ask) -> Iterator[Series]:
    """Yield the series of every row of coverage that was asked for by time."""
    counts = _counts(ask(HOURS))
    for row in found.rows:
        windows = [cell.window for cell in row.cells if cell.window and cell.status in _COLLECTED]
        asked = [cell.window for cell in row.cells if cell.window]
        if windows:
            yield _series(row, windows, asked, counts.get(_place(row), {}))


def known_reasons(found: Coverage) -> tuple[Known, ...]:
    """Return what else tells why a stream has no records: trails that stood still, units that are not settled."""
    return tuple(one for row in found.rows for one in _known(row))


def _known(row: Row) -> Iterator[Known]:
    for gap in row.gaps:
        if gap.window:
            yield _reason(row, gap.window, f"known gap: {gap.message}")
    for cell in row.cells:
        if cell.window and cell.status is UnitStatus.COMPLETE_UNSETTLED:
            said = f"not settled when it was collected: {cell.reason or cell.status.meaning}"
            yield _reason(row, cell.window, said)


def _reason(row: Row, window: Window, reason: str) -> Known:
    place = _place(row)
    return Known(
        source=place.source,
        target=place.target,
        region=place.region,
        stream=place.stream,
        window=window,
        reason=reason,
    )


def _counts(rows: Iterable[Sequence[object]]) -> Mapping[Place, Mapping[datetime, int]]:
    passes: dict[Place, dict[datetime, dict[str, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for unit, acquisition, hour, records in rows:
        try:
            at = parse_instant(f"{hour}:00:00Z")
        except UsageError:
            continue  # no time of ours: the defects of the tables say which records have none
        passes[place_of(str(unit))][at][str(acquisition)] += int(str(records))
    return {key: {at: max(counted.values()) for at, counted in hours.items()} for key, hours in passes.items()}


def _place(row: Row) -> Place:
    return Place(row.source, row.target, row.region, row.stream)


def _series(row: Row, windows: Sequence[Window], asked: Sequence[Window], counts: Mapping[datetime, int]) -> Series:
    start = _hour(min(window.start for window in asked))
    end = max(window.end for window in asked)
    hours = min(_MAX_HOURS, -(-(end - start) // HOUR))
    covered = _merged(windows)
    return Series(
        source=row.source,
        target=row.target,
        region=row.region,
        stream=row.stream,
        start=start,
        counts=tuple(
            counts.get(at, 0) if _is_covered(covered, at) else None for at in (start + n * HOUR for n in range(hours))
        ),
    )


def _merged(windows: Sequence[Window]) -> list[Window]:
    """Join windows that touch, so that an hour across a seam counts as collected."""
    merged: list[Window] = []
    for window in sorted(windows, key=lambda one: one.start):
        if merged and window.start <= merged[-1].end:
            merged[-1] = Window(merged[-1].start, max(merged[-1].end, window.end))
        else:
            merged.append(window)
    return merged


def _is_covered(windows: Sequence[Window], at: datetime) -> bool:
    return any(window.start <= at and at + HOUR <= window.end for window in windows)


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
