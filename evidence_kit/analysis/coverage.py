"""Coverage: what was asked for, what was got, what is missing and why, over all acquisitions of a case."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.bagfiles import Ended, Seen
from evidence_kit.custody import ledger
from evidence_kit.custody.ledger import Entry
from evidence_kit.model.ports import Vault
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Finding

# The trail's gaps, found by walking its digests, are gaps of the files that it delivered.
_SPEAKS_FOR = {"aws.cloudtrail.digest": "aws.cloudtrail.s3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One stretch of one row: a window, how it ended, and what it brought."""

    window: Window | None
    status: UnitStatus | None
    reason: str
    records: int
    artifacts: int
    acquisition: str

    @property
    def rank(self) -> int:
        """Return how good this is: a later, better try of the same unit replaces a worse one."""
        if self.status is None:
            return 0
        if self.status is UnitStatus.COMPLETE:
            return 4
        return 3 if self.status.is_whole else 2 if self.status is UnitStatus.COMPLETE_UNSETTLED else 1


@dataclass(slots=True, kw_only=True)
class Row:
    """One source at one target, region and stream."""

    source: str
    target: str
    name: str
    region: str
    stream: str
    cells: list[Cell] = field(default_factory=list)
    gaps: list[Finding] = field(default_factory=list)

    @property
    def records(self) -> int:
        """Return how many records all cells hold."""
        return sum(cell.records for cell in self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """All rows, the span they cover, and what the providers' own records say about gaps.

    `held` and `passes` spare whoever reconciles reading the ledgers again; None where nobody has looked.
    """

    rows: tuple[Row, ...]
    findings: tuple[tuple[str, Finding], ...]
    held: frozenset[str] | None = None  # the sources that artifacts are of
    passes: Mapping[str, tuple[str, str]] | None = None  # the last two acquisitions of what was collected again

    @property
    def span(self) -> Window | None:
        """Return from the first to the last moment asked for."""
        windows = [cell.window for row in self.rows for cell in row.cells if cell.window]
        if not windows:
            return None
        return Window(min(w.start for w in windows), max(w.end for w in windows))

    @property
    def missing(self) -> int:
        """Return how many cells are not whole."""
        cells = (cell for row in self.rows for cell in row.cells)
        return sum(cell.status is None or not cell.status.is_whole for cell in cells)


@dataclass(slots=True)
class _Passes:
    """Notes on the way which sources artifacts are of, and which acquisitions brought some of each unit."""

    seen: Seen | None
    held: set[str] = field(default_factory=set)
    brought: dict[str, list[str]] = field(default_factory=dict)

    def line(self, root: str, entry: Entry) -> None:
        """Take one line of a ledger, and pass it on."""
        if self.seen is not None:
            self.seen(root, entry)
        if entry.kind == ledger.EXCHANGE and isinstance(entry.fields.get("artifact"), dict):
            self.held.add(entry.text("unit").partition("|")[0])

    def end(self, ended: Ended) -> None:
        """Take the end of one unit."""
        if ended.outcome is not None and ended.outcome.artifacts:
            self.brought.setdefault(ended.unit.id, []).append(ended.acquisition)


def read_coverage(vault: Vault, seen: Seen | None = None) -> Coverage:
    """Read it from the ledgers of all bags, each line once; `seen` is told them all."""
    best: dict[str, tuple[Ended, Cell]] = {}
    findings: dict[tuple[str, str, str], tuple[str, Finding]] = {}
    noted = _Passes(seen)
    for root in bagfiles.bags(vault):
        for ended in bagfiles.units(vault, root, noted.line):
            noted.end(ended)
            cell = _cell(ended)
            known = best.get(ended.unit.id)
            if known is None or cell.rank >= known[1].rank:
                best[ended.unit.id] = (ended, cell)
            for finding in ended.outcome.findings if ended.outcome else ():
                findings[ended.unit.id, finding.kind, finding.message] = (ended.unit.id, finding)
    rows = _rows(best.values())
    _attach_gaps(rows, findings.values())
    return Coverage(
        rows=tuple(rows),
        findings=tuple(findings.values()),
        held=frozenset(noted.held),
        passes=last_two(noted.brought),
    )


def last_two(brought: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str]]:
    """Return the last two acquisitions of every unit that more than one brought artifacts of."""
    return {unit: (names[-2], names[-1]) for unit, names in brought.items() if len(names) > 1}


def _cell(ended: Ended) -> Cell:
    outcome = ended.outcome
    return Cell(
        window=ended.unit.window,
        status=outcome.status if outcome else None,
        reason=outcome.reason if outcome else "never finished; `evidence-kit resume` continues it",
        records=outcome.records if outcome else 0,
        artifacts=outcome.artifacts if outcome else 0,
        acquisition=ended.acquisition,
    )


def _rows(found: Iterable[tuple[Ended, Cell]]) -> list[Row]:
    rows: dict[tuple[str, str, str, str], Row] = {}
    for ended, cell in found:
        unit = ended.unit
        key = (unit.source, unit.target.id, unit.region, unit.stream)
        row = rows.setdefault(
            key,
            Row(
                source=unit.source,
                target=unit.target.id,
                name=unit.target.name,
                region=unit.region,
                stream=unit.stream,
            ),
        )
        row.cells.append(cell)
    return [rows[key] for key in sorted(rows)]


def _attach_gaps(rows: Sequence[Row], findings: Iterable[tuple[str, Finding]]) -> None:
    by_place: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for unit, finding in findings:
        source, target, region, *_ = unit.split("|")
        if finding.kind in {"not_logged", "no_digest_after"} and finding.window:
            by_place[source, target, region].append(finding)
    for row in rows:
        speaking = [source for source, about in _SPEAKS_FOR.items() if about == row.source]
        for source in (row.source, *speaking):
            row.gaps += by_place[source, row.target, row.region]


def instants(cell: Cell, span: Window) -> tuple[datetime, datetime]:
    """Return where a cell starts and ends within `span`; one without a window fills it."""
    return (cell.window.start, cell.window.end) if cell.window else (span.start, span.end)
