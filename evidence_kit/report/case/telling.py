"""The report of a case in the order in which people read it: headings, sentences, tables, commands.

Texts stand as the case has them; each format that is made of this makes them harmless in its own way.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evidence_kit.model.check import CheckStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.report.case import matrix
from evidence_kit.report.case.model import CaseReport
from evidence_kit.report.case.states import COMPLETE

_SAID = {CheckStatus.PASS: "passed", CheckStatus.FAIL: "FAILED", CheckStatus.NOT_CHECKED: "not checked"}


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the first or second level."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """Some words, the first of which may be stressed."""

    text: str
    stressed: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A table; its rows are walked once, and a format that shows only the first says how many more there are."""

    titles: Sequence[str]
    rows: Iterable[Sequence[str]]
    more: str = ""  # where the others stand


@dataclass(frozen=True, slots=True)
class Command:
    """What to type, line by line."""

    lines: tuple[str, ...]


Told = Heading | Sentence | Listing | Command


def tell(report: CaseReport) -> Iterator[Told]:
    """Yield the report part by part."""
    yield Heading(1, f"Case {report.case}: {report.title}".rstrip(": "))
    yield Sentence(f" ({report.verdict.code.name}, {int(report.verdict.code)})", stressed=report.verdict.headline)
    yield from map(Sentence, report.verdict.sentences)
    made = f"Made {rfc3339(report.made_at)} by {report.tool}"
    yield Sentence(f"{made}, judged by the trust policy of whoever made it.")
    yield from _unread(report)
    yield from _checks(report)
    yield from _case(report)
    yield from _coverage(report)
    yield from _time(report)
    yield from _runs(report)
    yield from _clocks(report)
    yield from _people(report)
    yield from _answers(report)
    yield from _artifacts(report)
    yield from _how(report)


def _unread(report: CaseReport) -> Iterator[Told]:
    if report.unread:
        yield Heading(2, "What could not be read")
        yield Listing(("part", "why"), ((one.part, one.why) for one in report.unread))


def _checks(report: CaseReport) -> Iterator[Told]:
    found = report.verdict.report
    yield Heading(2, "What was checked")
    checks = [(check.id, _SAID[check.status], check.summary) for check in found.checks]
    unasked = [
        (said.partition(": ")[0], _SAID[CheckStatus.NOT_CHECKED], said.partition(": ")[2]) for said in found.unasked
    ]
    yield Listing(("question", "answer", "what it rests on"), (*checks, *unasked))
    if found.defects:
        defects = ((one.subject, one.message, one.verdict.name) for one in found.defects)
        yield Listing(("where", "what is wrong", "verdict"), defects)


def _case(report: CaseReport) -> Iterator[Told]:
    yield Heading(2, "The case")
    said = ((one.label, "; ".join(one.values)) for one in report.description if one.values)
    yield Listing(("field", "what is said"), (*said, ("custodian now", report.custodian)))
    yield Heading(2, "Chain of custody")
    events = (
        (str(one.seq), one.at, one.type, one.actor, one.summary, one.keyid[:12], str(one.pointer))
        for one in report.events
    )
    yield Listing(("event", "at", "type", "by", "what", "key", "stands in"), events)
    yield Heading(2, "Acquisitions and seals")
    rows = (
        (
            one.id,
            one.started_at,
            one.sealed_at or "not sealed",
            one.sealed_by,
            f"{one.artifacts:,}",
            one.seal_sha256,
            one.note,
        )
        for one in report.acquisitions
    )
    yield Listing(("id", "started", "sealed", "by", "artifacts", "SHA-256 of the seal", "note"), rows)


def _coverage(report: CaseReport) -> Iterator[Told]:
    yield Heading(2, "Coverage")
    counts = report.counts
    yield Sentence(f"{counts.units_whole:,} of {counts.units:,} units of work were obtained in full.")
    pictured = (
        (one.source, one.target, one.place, one.words, f"{one.records:,}", f"{one.artifacts:,}")
        for one in matrix.lines(report)
    )
    yield Listing(("source", "target", "where", "state", "records", "artifacts"), pictured)
    stretches = (
        (line.source, line.target, line.place, one.said, one.state.words, one.reason)
        for line in matrix.lines(report, with_reasons=True)
        for one in line.stretches
        if one.state is not COMPLETE
    )
    yield Listing(("source", "target", "where", "when", "state", "why"), stretches)
    yield Heading(2, "Findings about the evidence")
    found = ((one.kind, one.message, one.source, str(one.pointer)) for one in report.findings)
    differ = ((one.kind, one.message, one.place.source, "; ".join(one.artifacts[:3])) for one in report.disagreements)
    yield Listing(("what", "how", "source", "stands in"), (*differ, *found))


def _time(report: CaseReport) -> Iterator[Told]:
    yield Heading(2, "The incident in time")
    found = report.incident
    if found.absent:
        yield Sentence(f"There is no time line: {found.absent}.")
        return
    chosen = f" ({found.asked})" if found.asked else ""
    yield Sentence(
        f"{found.total:,} records with a time{chosen}; {found.outside:,} before or after the time that was asked"
        f" about, {found.untimed:,} without a time."
    )
    rows = (
        (one.at, one.source, one.action, one.actor, one.address, one.resource, one.outcome, str(one.pointer))
        for one in found.moments
    )
    titles = ("time", "source", "action", "actor", "address", "resource", "outcome", "stands in")
    yield Listing(titles, rows, more="`evidence-kit timeline` gives all")


def _runs(report: CaseReport) -> Iterator[Told]:
    for run in report.runs:
        yield Heading(2, f"Playbook {run.playbook}: {run.outcome}")
        steps = ((one.id, ", ".join(one.needs), one.outcome or "did not run", one.reason) for one in run.steps)
        yield Listing(("step", "needs", "outcome", "why"), steps)
        if run.decisions:
            decided = ((one.at, one.by, one.step, one.choice, one.reason) for one in run.decisions)
            yield Listing(("at", "by", "step", "decided", "why"), decided)


def _clocks(report: CaseReport) -> Iterator[Told]:
    yield Heading(2, "Clocks")
    due = ((one.title or one.id, one.authority, one.due_at, one.state, one.source) for one in report.deadlines)
    yield Listing(("duty", "authority", "due", "state", "source"), due)
    offsets = (
        (one.name, f"{one.offset:.1f} s", f"{one.samples:,}", f"{one.shift:.1f} s", one.why) for one in report.clocks
    )
    yield Listing(("clock", "ahead", "measured", "taken off", "why"), offsets)


def _people(report: CaseReport) -> Iterator[Told]:
    yield Heading(2, "Partners and agreements")
    rows = (
        (
            one.name,
            one.provider,
            one.reference or "none on record",
            ", ".join(name for name, _ in one.evidence),
            ", ".join(one.legal_basis),
            one.expires,
        )
        for one in report.partners
    )
    yield Listing(("target", "provider", "agreement", "may be taken", "legal basis", "ends"), rows)
    if report.requests:
        asked = (
            (one.id, one.partner, one.deadline, f"{one.deliveries:,}", "; ".join(one.missing) or "nothing")
            for one in report.requests
        )
        yield Listing(("request", "partner", "due", "deliveries", "still missing"), asked)
    if report.overrides:
        told = ((str(one.seq), one.summary) for one in report.overrides)
        yield Listing(("event", "collected although it was forbidden"), told)


def _answers(report: CaseReport) -> Iterator[Told]:
    for answer in report.answers:
        yield Heading(2, f"Question: {answer.name}")
        yield Sentence(answer.sql)
        yield Listing(answer.columns, answer.rows)
        if answer.more:
            yield Sentence(f"… and {answer.more:,} more in the answer")


def _artifacts(report: CaseReport) -> Iterator[Told]:
    yield Heading(2, "Artifacts")
    yield Sentence(f"{report.counts.artifacts:,} files of evidence, {report.counts.bytes:,} bytes.")
    rows = ((one.path, f"{one.bytes:,}", one.sha256, one.received_at) for one in report.artifacts)
    titles = ("file", "bytes", "SHA-256", "received")
    yield Listing(titles, rows, more="`manifest-sha256.txt` of each bag lists all")


def _how(report: CaseReport) -> Iterator[Told]:
    yield Heading(2, "How to verify")
    for number, one in enumerate(report.instructions, 1):
        yield Sentence(f"{number}. {one.says}")
        yield Command(tuple(one.command.split("\n")))
