"""Reports for the tests of every format: of a real case, full of everything, hostile throughout, and large."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from pathlib import Path

from support.casemaker import NOW, WINDOW, Case, PagesFromMemory
from support.sealed_records import TRAIL, case_of, event, trail

from evidence_kit.analysis.coverage import read_coverage
from evidence_kit.analysis.tables.derive import Tables, derive, open_case
from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.clocks import Clock, read_clocks
from evidence_kit.analysis.timeline.opening import opened
from evidence_kit.model.exchange import Item, Remark
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Finding as Remarked
from evidence_kit.model.unit import Unit
from evidence_kit.report.case import model
from evidence_kit.report.case.doings import Deadline, Decision, Incident, Run, Step
from evidence_kit.report.case.holding import Artifact, Cell, Finding, Pointer, Row
from evidence_kit.report.case.incident import read_incident
from evidence_kit.report.case.model import Answer, CaseReport, Partner, Unread
from evidence_kit.report.case.reading import Beside, read_case
from evidence_kit.sources.catalogue import load_catalogue

HOSTILE = (
    '</script></style><img src=x onerror=alert(1)>" onmouseover="alert(1)" \x1b]0;owned\x07 a\u202egnp.exe \u2028'
    " =HYPERLINK('http://192.0.2.1/') {{ 7 * 7 }} <!-- `code` [x](javascript:alert(1)) | **b**"
)
LATER = NOW + timedelta(hours=1)


@dataclass(frozen=True)
class Reported:
    """A case, the tables that are derived of it, and its report."""

    case: Case
    tables: Tables
    report: CaseReport


class Remarking(PagesFromMemory):
    """A collector that says of each unit that half of it was not logged."""

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        half = Window(WINDOW.start, WINDOW.start + (WINDOW.end - WINDOW.start) / 2)
        yield Remark(finding=Remarked(kind="not_logged", message=f"logging was off in {unit.region}", window=half))
        yield from super().acquire(unit, ctx)


def reported(base: Path, events: int = 30) -> Reported:
    """Make a case of two acquisitions, one of CloudTrail events, its tables, and the report with its time line."""
    body = trail([event(at, eventTime=f"2026-11-18T22:{at // 60 % 60:02}:{at % 60:02}Z") for at in range(events)])
    case = case_of(base / "case", {TRAIL: {"a.json.gz": body, "b.json.gz": trail([event(1, eventTime=None)])}})
    case.collect(
        Remarking(pages=3, names=("two words",), regions=("us-east-1", "eu-west-1"), partial=frozenset({"eu-west-1"}))
    )
    tables = tables_of(case, base)
    with opened([tables], read_clocks(case.vault, tables.case)) as evidence:
        found = read_incident(evidence, Asked(), read_coverage(case.vault).span)
    return Reported(case, tables, report_of(case, Beside(incident=found)))


def tables_of(case: Case, base: Path) -> Tables:
    """Derive the tables of a case."""
    return derive(open_case(case.vault, root=case.root), base / "work", load_catalogue())


def report_of(case: Case, beside: Beside | None = None) -> CaseReport:
    """Verify a case and read its report."""
    return read_case(case.vault, report=case.verify(), now=LATER, specs=load_catalogue(), beside=beside)


def full(report: CaseReport) -> CaseReport:
    """Return a report in which no part is empty, every state of coverage is seen, and a playbook has run."""
    span = report.span
    assert span is not None
    return replace(
        report,
        coverage=(*report.coverage, *_rows(span)),
        partners=(_partner(), *report.partners),
        requests=(
            model.Asked(
                id="REQ-1", partner="Acme", deadline="2026-11-20", is_late=True, deliveries=1, missing=("no chat",)
            ),
        ),
        overrides=report.events[:1],
        findings=(*report.findings, _finding(span)),
        clocks=(Clock(case="x", name="aws", offset=2.5, low=2, high=3, samples=9, shift=2.5, why=""),),
        deadlines=(_deadline(),),
        runs=(run(),),
        answers=(Answer(name="Who was it?", sql="SELECT 1\nFROM x", columns=("a", "b"), rows=(("1", "2"),), more=3),),
        unread=(Unread("a ledger", "line 3 cannot be read"),),
        holds=("H-1: a court asked for it",),
        offer="bob@example.com",
    )


def _rows(span: Window) -> Iterator[Row]:
    part = (span.end - span.start) / len(UnitStatus)
    cells = tuple(
        Cell(
            window=Window(span.start + part * at, span.start + part * (at + 1)),
            status=status,
            reason=f"because of {status.value}",
            records=at,
            artifacts=1,
            acquisition="a",
        )
        for at, status in enumerate(UnitStatus)
    )
    gap = (Window(span.start + part * 2, span.start + part * 5), "StopLogging by ci-deploy")
    yield Row(
        source="test.all", target="111122223333", name="shop", region="eu-west-1", stream="", cells=cells, gaps=(gap,)
    )
    never = Cell(window=None, status=None, reason="never finished", records=0, artifacts=0, acquisition="a")
    yield Row(source="test.state", target="acme", name="Acme", region="", stream="s", cells=(never,), gaps=())


def _partner() -> Partner:
    return Partner(
        name="Acme (acme)",
        provider="acme",
        owner="procurement",
        reference="DPA-7",
        evidence=(("audit", "4.2"), ("chat", "")),
        legal_basis=("contract",),
        notify_within="PT24H",
        transfer="SCC",
        contact_role="security desk",
        expires="2027-01-01",
        data=("EU",),
        subjects=("EU", "US-CA"),
        pointer=Pointer("custody/log.jsonl", 2),
    )


def _finding(span: Window) -> Finding:
    return Finding(
        kind="not_logged",
        message="the trail was stopped",
        source=TRAIL,
        unit=f"{TRAIL}|1|us-east-1|-|-",
        window=span,
        facts=(("by", "ci-deploy"),),
        pointer=Pointer("bags/a/record/exchanges.jsonl", 7),
    )


def _deadline() -> Deadline:
    return Deadline(
        id="gdpr.33",
        title="Notify the authority",
        authority="the lead authority",
        starts_at="2026-11-19T00:00:00Z",
        due_at="2026-11-22T00:00:00Z",
        state="overdue",
        readings=("72 h: 2026-11-22T00:00:00Z",),
        content=("what happened",),
        source="Regulation (EU) 2016/679, Article 33",
        note="two readings",
        event=3,
    )


def run() -> Run:
    """Return a run of a playbook with every kind of end."""
    steps = (
        Step(id="keys", title="List keys", needs=(), outcome="complete", acquisition="20261121T213000Z-aaaaaa"),
        Step(id="trail", title="Collect the trail", needs=("keys",), outcome="partial", reason="throttled"),
        Step(id="endpoint", title="", needs=("keys",), outcome="failed", reason="denied"),
        Step(id="pivot", title="Ask who", needs=("trail", "endpoint"), outcome="", reason="a need failed"),
        Step(id="a-step-with-a-name-that-is-far-too-long-for-a-box", title="", needs=("nowhere",), outcome="skipped"),
    )
    decided = Decision(
        step="trail",
        at="2026-11-21T22:00:00Z",
        by="alice@example.com",
        choice="go_on",
        reason="partial is enough",
        event=4,
    )
    return Run(
        id="R-1",
        playbook="key-leak",
        sha256="0" * 64,
        started_at="2026-11-21T21:30:00Z",
        ended_at="2026-11-21T22:10:00Z",
        outcome="partial",
        steps=steps,
        decisions=(decided,),
    )


def poisoned(report: CaseReport) -> CaseReport:
    """Return a report in which every text is hostile; only what the program itself decides is left."""
    return _poisoned(replace(report, artifacts=tuple(report.artifacts)))


def _poisoned(value):
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return HOSTILE if value else value
    if isinstance(value, tuple):
        made = [_poisoned(item) for item in value]
        return type(value)(*made) if hasattr(value, "_fields") else tuple(made)
    if isinstance(value, dict):
        return {f"{HOSTILE}{at}": _poisoned(item) for at, item in enumerate(value.values())}
    if dataclasses.is_dataclass(value):
        return replace(
            value, **{one.name: _poisoned(getattr(value, one.name)) for one in dataclasses.fields(value) if one.init}
        )
    return value


@dataclass(frozen=True)
class Many:
    """So many artifacts, made as they are walked."""

    number: int

    def __iter__(self) -> Iterator[Artifact]:
        for at in range(self.number):
            yield Artifact(
                path=f"bags/b/data/s/t/{at // 1000:04}/{at:06}.json",
                sha256=f"{at:064x}",
                bytes=at,
                source="s",
                target="t",
                unit="s|t|-|-|-",
                acquisition="b",
                kind="page",
                original_name="",
                records=1,
                received_at="2026-11-21T21:30:00Z",
                status_code=200,
                request_id=f"req-{at}",
                pointer=Pointer("bags/b/record/exchanges.jsonl", at + 1),
            )


def large(report: CaseReport, number: int) -> CaseReport:
    """Return a report over `number` artifacts."""
    return replace(report, artifacts=Many(number), counts=replace(report.counts, artifacts=number))


def write(pieces: Iterable[str], path: Path) -> Path:
    """Write a report and return where."""
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        stream.writelines(pieces)
    return path


EMPTY = Incident(absent="nobody asked")
