"""Reads a case into the one model of its report; what cannot be read is named in it, never left out in silence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from evidence_kit.acquire.description import FIELDS
from evidence_kit.acquire.environment import TOOL
from evidence_kit.analysis import coverage, crosscheck
from evidence_kit.analysis.coverage import Coverage
from evidence_kit.analysis.reconciliation import Disagreement, reconcile
from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.clocks import read_clocks
from evidence_kit.analysis.timeline.gaps import gaps
from evidence_kit.custody import log, strict
from evidence_kit.custody.log import State
from evidence_kit.errors import EvidenceKitError
from evidence_kit.governance.clocks.entry import Clock
from evidence_kit.model.check import Report
from evidence_kit.model.ports import Vault
from evidence_kit.model.source import SourceSpec
from evidence_kit.report.case import holdings, journal, partners, words
from evidence_kit.report.case.deadlines import read_deadlines
from evidence_kit.report.case.doings import Incident, Run
from evidence_kit.report.case.holding import Cell, Counts, Row
from evidence_kit.report.case.model import Answer, CaseReport, Said, Unread
from evidence_kit.report.custody.digging import dig

T = TypeVar("T")
_NOTHING: Mapping[str, object] = {}
_HEAD = (
    ("id", "case"),
    ("title", "title"),
    ("uuid", "serial"),
    ("openedAt", "opened"),
    ("localOffset", "local time"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a report shows and the case's own files do not give without further ado; all of it may be empty."""

    incident: Incident = field(default_factory=lambda: Incident(absent="no time line was asked for"))
    answers: Sequence[Answer] = ()
    clocks: Mapping[str, Clock] = field(default_factory=dict)  # by which the deadlines on record are computed
    runs: Sequence[Run] = ()
    unread: Sequence[Unread] = ()
    walked: holdings.Walked | None = None  # where the ledgers were read for the time line already


@dataclass(slots=True)
class _Reading:
    """Reads part after part, and keeps why one could not be."""

    unread: list[Unread] = field(default_factory=list)

    def of(self, part: str, read: Callable[[], T], otherwise: T) -> T:
        """Return what `read` gives, or `otherwise` and a word on why."""
        try:
            return read()
        except EvidenceKitError as error:
            self.unread.append(Unread(part, error.message))
            return otherwise


def read_case(
    vault: Vault, *, report: Report, now: datetime, specs: Mapping[str, SourceSpec], beside: Beside | None = None
) -> CaseReport:
    """Return the report of a case that `report` has judged; a broken one is told as far as it can be read."""
    beside = beside or Beside()
    reading = _Reading(list(beside.unread))
    described = reading.of(log.CASE, lambda: _described(vault), _NOTHING)
    told = journal.read_journal(vault)
    reading.unread += told.unread
    walked = beside.walked or holdings.walk(vault, told.roots)
    reading.unread += walked.unread
    covered, tally = walked.coverage, walked.tally
    acquisitions = tuple(journal.acquisitions(vault, told))
    name = dig(described, "id").text or told.state.case
    return CaseReport(
        case=name,
        title=dig(described, "title").text,
        made_at=now,
        tool=TOOL,
        verdict=words.verdict(report, report.exit()),
        counts=_counts(told, covered, tally),
        description=tuple(_description(described)),
        custodian=_holder(told.state),
        offer=told.state.custody.offer.to.name if told.state.custody.offer else "",
        holds=tuple(f"{one}: {reason}" for one, reason in told.state.custody.holds.items()),
        events=told.events,
        acquisitions=acquisitions,
        span=covered.span,
        coverage=tuple(map(_row, covered.rows)),
        gaps=gaps(covered, Asked()),
        findings=tuple(tally.findings),
        disagreements=reading.of("accounts that should agree", lambda: _disagreements(vault, covered, specs), ()),
        clocks=reading.of("providers' clocks", lambda: read_clocks(vault, name), ()),
        deadlines=reading.of("notification clocks", lambda: read_deadlines(vault, beside.clocks, now), ()),
        partners=partners.partners(told.told),
        requests=reading.of("requests to partners", lambda: partners.requests(vault, now), ()),
        overrides=tuple(one for one in told.events if one.type == log.OVERRIDDEN),
        incident=beside.incident,
        runs=tuple(beside.runs),
        answers=tuple(beside.answers),
        artifacts=holdings.Ledgers(vault, told.roots),
        instructions=words.instructions(acquisitions),
        unread=tuple(reading.unread),
    )


def _disagreements(vault: Vault, covered: Coverage, specs: Mapping[str, SourceSpec]) -> tuple[Disagreement, ...]:
    """Return where accounts differ; the two of CloudTrail are walked only where there is one."""
    has_witness = any(row.source in {crosscheck.LOOKUP, crosscheck.FILES} for row in covered.rows)
    return reconcile(vault, covered, crosscheck.cross_check(vault) if has_witness else None, specs)


def _described(vault: Vault) -> Mapping[str, object]:
    with vault.open(log.CASE) as stream:
        return strict.decode(stream.read(strict.MAX_DOCUMENT + 1))


def _description(described: Mapping[str, object]) -> Iterator[Said]:
    for path, label in _HEAD:
        yield Said(label=label, values=dig(described, path).values, path=path)
    for known in FIELDS:
        path = ".".join(known.path)
        yield Said(label=known.label, values=dig(described, path).values, path=path)


def _holder(state: State) -> str:
    holder = state.custody.holder
    return f"{holder.name} (key {holder.keyid[:12]})" if holder.keyid else ""


def _row(found: coverage.Row) -> Row:
    return Row(
        source=found.source,
        target=found.target,
        name=found.name,
        region=found.region,
        stream=found.stream,
        cells=tuple(map(_cell, found.cells)),
        gaps=tuple((one.window, one.message) for one in found.gaps if one.window),
    )


def _cell(found: coverage.Cell) -> Cell:
    return Cell(
        window=found.window,
        status=found.status,
        reason=found.reason,
        records=found.records,
        artifacts=found.artifacts,
        acquisition=found.acquisition,
    )


def _counts(told: journal.Journal, covered: Coverage, tally: holdings.Tally) -> Counts:
    units = sum(len(row.cells) for row in covered.rows)
    return Counts(
        events=len(told.events),
        acquisitions=len(told.state.acquisitions),
        units=units,
        units_whole=units - covered.missing,
        units_missing=covered.missing,
        artifacts=tally.artifacts,
        bytes=tally.bytes,
        records=tally.records,
        findings=len(tally.findings),
        sources=len({row.source for row in covered.rows}),
        targets=len({row.target for row in covered.rows}),
    )
