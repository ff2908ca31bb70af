"""Coverage as a picture in text: a line a source and target, a pattern a state, and a sentence why."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from evidence_kit.analysis.coverage import Cell, Coverage, Row, instants
from evidence_kit.analysis.crosscheck import CrossCheck
from evidence_kit.cli import output
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, rfc3339

# Patterns, not colours: each state has a sign of its own, worst last when several share a column.
_SIGNS: dict[UnitStatus, str] = {
    UnitStatus.COMPLETE: "─",
    UnitStatus.NOT_ENABLED: "·",
    UnitStatus.NOT_CONFIGURED: "·",
    UnitStatus.NOT_LICENSED: "·",
    UnitStatus.REGION_DISABLED: "·",
    UnitStatus.OUT_OF_SCOPE: "·",
    UnitStatus.COMPLETE_UNSETTLED: "?",
    UnitStatus.SAMPLED_AT_SOURCE: "~",
    UnitStatus.EXCLUDED_AT_SOURCE: "~",
    UnitStatus.EXPIRED_RETENTION: "x",
    UnitStatus.DENIED: "┈",
    UnitStatus.DENIED_BY_POLICY: "┈",
    UnitStatus.SKIPPED_BY_OPERATOR: "┈",
    UnitStatus.PARTIAL_TRUNCATED: "!",
    UnitStatus.PARTIAL_THROTTLED: "!",
    UnitStatus.PARTIAL_ERROR: "!",
    UnitStatus.INTEGRITY_FAILED: "#",
}
_NEVER, _GAP = "!", "╳"
_ORDER = "─·?~x┈!#╳"
_LEGEND = (
    "─ complete  · nothing to have  ? unsettled  ~ sampled or excluded by the provider  x expired"
    "  ┈ denied or skipped  ! partial  ╳ not logged  # contradicted by the provider's own proof"
)
_NAME_WIDTH = 26


def lines(found: Coverage, checked: CrossCheck | None, *, width: int) -> Iterator[str]:
    """Yield the picture."""
    span = found.span
    if span is not None:
        yield f"{'':{_NAME_WIDTH}} {rfc3339(span.start)}{rfc3339(span.end):>{max(1, width - 18)}}"
    for (source, picture, where, why), rows in _grouped(found.rows, span, width).items():
        regions = sorted({row.region for row in rows if row.region})
        place = f"{where}{_places(regions)}"
        yield f"{source:{_NAME_WIDTH}} ├{picture}┤ {place}  {why(rows)}"
    yield ""
    yield from _reasons(found)
    if checked and (checked.asked or checked.unreadable):
        yield from _witnesses(checked)
    yield _LEGEND


class _Why:
    """The sentence behind a line; equal for lines that may be drawn as one."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.kinds = kinds

    def __hash__(self) -> int:
        return hash(self.kinds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Why) and other.kinds == self.kinds

    def __call__(self, rows: Sequence[Row]) -> str:
        records = sum(row.records for row in rows)
        artifacts = sum(cell.artifacts for row in rows for cell in row.cells)
        brought = f", {output.plural(records, 'record')}" if records else f", {output.plural(artifacts, 'artifact')}"
        return "; ".join(self.kinds) + (brought if records or artifacts else "")


def _grouped(rows: Sequence[Row], span: Window | None, width: int) -> dict[tuple[str, str, str, _Why], list[Row]]:
    groups: dict[tuple[str, str, str, _Why], list[Row]] = defaultdict(list)
    for row in rows:
        where = f"{row.name} ({row.target})" if row.name else row.target
        timed = span is not None and any(cell.window for cell in row.cells)
        picture = _picture(row, span, width) if span and timed else f"{'as it was when collected':^{width}}"
        groups[row.source, picture, where, _Why(_kinds(row))].append(row)
    return groups


def _kinds(row: Row) -> tuple[str, ...]:
    said = sorted({cell.status.value.replace("_", " ") if cell.status else "never finished" for cell in row.cells})
    gaps = [f"not logged {rfc3339(g.window.start)} – {rfc3339(g.window.end)}" for g in row.gaps if g.window]
    return (*said, *sorted(set(gaps)))


def _places(regions: Sequence[str]) -> str:
    if not regions:
        return ""
    return f" {regions[0]}" if len(regions) == 1 else f" {len(regions)} regions"


def _picture(row: Row, span: Window, width: int) -> str:
    columns = [" "] * width
    for cell in row.cells:
        start, end = instants(cell, span)
        _draw(columns, span, start, end, _sign(cell))
    for gap in row.gaps:
        if gap.window:
            _draw(columns, span, gap.window.start, gap.window.end, _GAP)
    return "".join(columns)


def _sign(cell: Cell) -> str:
    return _SIGNS[cell.status] if cell.status else _NEVER


def _draw(columns: list[str], span: Window, start: datetime, end: datetime, sign: str) -> None:
    """Fill the columns that `[start, end)` touches; of two states in one column the worse shows."""
    whole, width = (span.end - span.start).total_seconds(), len(columns)
    first = int((max(start, span.start) - span.start).total_seconds() / whole * width)
    last = -int(-(min(end, span.end) - span.start).total_seconds() / whole * width)
    for column in range(first, min(width, max(last, first + 1))):
        if _ORDER.find(sign) >= _ORDER.find(columns[column]):
            columns[column] = sign


def _reasons(found: Coverage) -> Iterator[str]:
    """Yield each reason once, with how many units it holds for."""
    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in found.rows:
        for cell in row.cells:
            if cell.status is not UnitStatus.COMPLETE:
                status = cell.status.value if cell.status else "open"
                counts[status, row.source, cell.reason] += 1
    for (status, source, reason), count in sorted(counts.items()):
        yield f"{status:20} {source}: {output.plural(count, 'unit')}: {reason}"
    for message in sorted({finding.message for _, finding in found.findings}):
        yield f"{'finding':20} {message}"


def _witnesses(checked: CrossCheck) -> Iterator[str]:
    alone = f"{output.plural(checked.only_lookup, 'event')} in the event history only"
    if checked.only_lookup:
        alone += f" ({checked.lookup_first} – {checked.lookup_last})"
    both = output.plural(checked.both, "management event")
    files = f"{checked.only_files:,} in delivered files only"
    yield f"{'cross-check':20} CloudTrail: {both} seen by both witnesses, {alone}, {files}"
    if checked.unreadable:
        first = f"; the first: {output.safe(checked.unread[0])}" if checked.unread else ""
        yield f"{'cross-check':20} {output.plural(checked.unreadable, 'artifact')} could not be read for this{first}"


def as_json(found: Coverage, checked: CrossCheck | None) -> dict[str, object]:
    """Return all of it as plain data."""
    return {
        "rows": [
            {
                "name": row.source,
                "target": row.target,
                "region": row.region,
                "stream": row.stream,
                "cells": [
                    {
                        "window": cell.window.to_json() if cell.window else None,
                        "status": cell.status.value if cell.status else None,
                        "reason": cell.reason,
                        "records": cell.records,
                        "artifacts": cell.artifacts,
                        "acquisition": cell.acquisition,
                    }
                    for cell in row.cells
                ],
                "gaps": [g.window.to_json() for g in row.gaps if g.window],
            }
            for row in found.rows
        ],
        "findings": [
            {"name": finding.kind, "unit": unit, "message": finding.message, "facts": dict(finding.facts)}
            for unit, finding in found.findings
        ],
        "unitsMissing": found.missing,
        "crossCheck": asdict(checked) if checked else None,
    }
