"""The coverage of a case as a picture and as the same in words: a line a source and target, a stretch a state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evidence_kit.model.time import Window, rfc3339
from evidence_kit.report.case.holding import Row
from evidence_kit.report.case.model import CaseReport
from evidence_kit.report.case.states import GAP, NOTHING, STATES, State, state_of

NO_TIME = "as it was when collected"
_NAMED = 4  # regions and streams of one line; more are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Adjoining cells of one state and reason; `starts` and `lasts` are parts of the whole span, in per cent."""

    state: State
    window: Window | None
    reason: str
    cells: int
    records: int
    artifacts: int
    starts: float
    lasts: float

    @property
    def said(self) -> str:
        """Return when this is."""
        return f"{rfc3339(self.window.start)} – {rfc3339(self.window.end)}" if self.window else NO_TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Rows of one source and target whose pictures are the same."""

    source: str
    target: str
    places: tuple[str, ...]
    stretches: tuple[Stretch, ...]

    @property
    def place(self) -> str:
        """Return which regions and streams these are, the first by name."""
        named = ", ".join(self.places[:_NAMED])
        return named if len(self.places) <= _NAMED else f"{named} and {len(self.places) - _NAMED:,} more"

    @property
    def words(self) -> str:
        """Return the states of the line, the best first."""
        found = {one.state.id for one in self.stretches}
        return ", ".join(state.words for state in STATES if state.id in found)

    @property
    def worst(self) -> int:
        """Return how bad the worst stretch is; where there was nothing to have, nothing is bad."""
        return max((STATES.index(one.state) for one in self.stretches if one.state is not NOTHING), default=-1)

    @property
    def records(self) -> int:
        """Return how many records all of it brought."""
        return sum(one.records for one in self.stretches)

    @property
    def artifacts(self) -> int:
        """Return how many artifacts all of it brought."""
        return sum(one.artifacts for one in self.stretches)


def lines(report: CaseReport, *, with_reasons: bool = False) -> tuple[Line, ...]:
    """Return the picture, rows that look alike as one line, the worst first; with reasons, only what has the same."""
    groups: dict[tuple[object, ...], list[tuple[Row, tuple[Stretch, ...]]]] = {}
    for row in report.coverage:
        found = tuple(_stretches(row, report.span))
        looks = tuple((one.state.id, one.window, one.reason if with_reasons else "") for one in found)
        groups.setdefault((row.source, row.target, looks), []).append((row, found))
    return tuple(sorted(map(_line, groups.values()), key=lambda line: -line.worst))


def _line(members: Sequence[tuple[Row, tuple[Stretch, ...]]]) -> Line:
    first = members[0][0]
    places = (" ".join(part for part in (row.region, row.stream) if part) for row, _ in members)
    return Line(
        source=first.source,
        target=f"{first.name} ({first.target})" if first.name and first.name != first.target else first.target,
        places=tuple(place for place in places if place),
        stretches=tuple(_together(stretches) for stretches in zip(*(found for _, found in members), strict=True)),
    )


def _together(same: Sequence[Stretch]) -> Stretch:
    first = same[0]
    return Stretch(
        state=first.state,
        window=first.window,
        reason=first.reason,
        cells=sum(one.cells for one in same),
        records=sum(one.records for one in same),
        artifacts=sum(one.artifacts for one in same),
        starts=first.starts,
        lasts=first.lasts,
    )


def _stretches(row: Row, span: Window | None) -> Iterator[Stretch]:
    """Yield cells that adjoin and are alike as one, in the order of time; what was not logged comes last."""
    kept: list[Stretch] = []
    for cell in sorted(row.cells, key=lambda one: (one.window is not None, one.window and one.window.start)):
        made = _stretch(state_of(cell), cell.window, cell.reason, span, (1, cell.records, cell.artifacts))
        if kept and (joined := _joined(kept[-1], made, span)):
            kept[-1] = joined
        else:
            kept.append(made)
    yield from kept
    for window, message in sorted(set(row.gaps), key=lambda one: (one[0].start, one[1])):
        yield _stretch(GAP, window, message, span, (0, 0, 0))


def _joined(last: Stretch, made: Stretch, span: Window | None) -> Stretch | None:
    if (last.state, last.reason) != (made.state, made.reason):
        return None
    counts = (last.cells + made.cells, last.records + made.records, last.artifacts + made.artifacts)
    if last.window is None and made.window is None:
        return _stretch(made.state, None, made.reason, span, counts)
    if last.window and made.window and last.window.end == made.window.start:
        return _stretch(made.state, Window(last.window.start, made.window.end), made.reason, span, counts)
    return None


def _stretch(
    state: State, window: Window | None, reason: str, span: Window | None, counts: tuple[int, int, int]
) -> Stretch:
    starts, lasts = _place(window, span)
    cells, records, artifacts = counts
    return Stretch(
        state=state,
        window=window,
        reason=reason,
        cells=cells,
        records=records,
        artifacts=artifacts,
        starts=starts,
        lasts=lasts,
    )


def _place(window: Window | None, span: Window | None) -> tuple[float, float]:
    if window is None or span is None:
        return 0.0, 100.0
    whole = (span.end - span.start).total_seconds()
    start, end = max(window.start, span.start), min(window.end, span.end)
    starts = (start - span.start).total_seconds() / whole * 100
    return round(starts, 3), round(max(0.0, (end - start).total_seconds() / whole * 100), 3)
