"""The report of a case as Markdown; nothing that a case says can become markup."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from evidence_kit.model.check import CheckStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.report.case import matrix
from evidence_kit.report.case.model import CaseReport
from evidence_kit.report.case.states import COMPLETE
from evidence_kit.report.custody.markdown import escaped
from evidence_kit.report.verdict.text import visible

ROWS = 200  # of one table; a note says how many more there are
_SAID = {CheckStatus.PASS: "passed", CheckStatus.FAIL: "FAILED", CheckStatus.NOT_CHECKED: "not checked"}
Rows = Iterable[Sequence[str]]


def lines(report: CaseReport) -> Iterator[str]:
    """Yield the report line by line."""
    yield f"# Case {escaped(report.case)}: {escaped(report.title)}".rstrip(": ")
    yield ""
    yield f"**{escaped(report.verdict.headline)}** ({report.verdict.code.name}, {int(report.verdict.code)})"
    for sentence in report.verdict.sentences:
        yield ""
        yield escaped(sentence)
    yield ""
    yield f"Made {rfc3339(report.made_at)} by {escaped(report.tool)}, judged by the trust policy of whoever made it."
    yield from _unread(report)
    yield from _checks(report)
    yield from _case(report)
    yield from _coverage(report)
    yield from _time(report)
    yield from _people(report)
    yield from _artifacts(report)
    yield from _how(report)


def _section(title: str) -> Iterator[str]:
    yield ""
    yield f"## {title}"


def _table(titles: Sequence[str], rows: Rows, more: str = "") -> Iterator[str]:
    """Yield a table of at most ROWS rows, and a note on those beyond."""
    yield ""
    yield f"| {' | '.join(map(escaped, titles))} |"
    yield f"|{'---|' * len(titles)}"
    found = iter(rows)
    for row in islice(found, ROWS):
        yield f"| {' | '.join(escaped(value) for value in row)} |"
    if left := sum(1 for _ in found):
        yield ""
        yield f"… and {left:,} more{f'; {escaped(more)}' if more else ''}"


def _unread(report: CaseReport) -> Iterator[str]:
    if report.unread:
        yield from _section("What could not be read")
        yield from _table(("part", "why"), ((one.part, one.why) for one in report.unread))


def _checks(report: CaseReport) -> Iterator[str]:
    found = report.verdict.report
    yield from _section("What was checked")
    checks = [(check.id, _SAID[check.status], check.summary) for check in found.checks]
    unasked = [
        (said.partition(": ")[0], _SAID[CheckStatus.NOT_CHECKED], said.partition(": ")[2]) for said in found.unasked
    ]
    yield from _table(("question", "answer", "what it rests on"), (*checks, *unasked))
    if found.defects:
        defects = ((one.subject, one.message, one.verdict.name) for one in found.defects)
        yield from _table(("where", "what is wrong", "verdict"), defects)


def _case(report: CaseReport) -> Iterator[str]:
    yield from _section("The case")
    said = ((one.label, "; ".join(one.values)) for one in report.description if one.values)
    yield from _table(("field", "what is said"), (*said, ("custodian now", report.custodian)))
    yield from _section("Chain of custody")
    events = (
        (str(one.seq), one.at, one.type, one.actor, one.summary, one.keyid[:12], str(one.pointer))
        for one in report.events
    )
    yield from _table(("event", "at", "type", "by", "what", "key", "stands in"), events)
    yield from _section("Acquisitions and seals")
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
    yield from _table(("id", "started", "sealed", "by", "artifacts", "SHA-256 of the seal", "note"), rows)


def _coverage(report: CaseReport) -> Iterator[str]:
    yield from _section("Coverage")
    counts = report.counts
    yield ""
    yield f"{counts.units_whole:,} of {counts.units:,} units of work were obtained in full."
    pictured = (
        (one.source, one.target, one.place, one.words, f"{one.records:,}", f"{one.artifacts:,}")
        for one in matrix.lines(report)
    )
    yield from _table(("source", "target", "where", "state", "records", "artifacts"), pictured)
    stretches = (
        (line.source, line.target, line.place, one.said, one.state.words, one.reason)
        for line in matrix.lines(report, with_reasons=True)
        for one in line.stretches
        if one.state is not COMPLETE
    )
    yield from _table(("source", "target", "where", "when", "state", "why"), stretches)
    yield from _section("Findings about the evidence")
    found = ((one.kind, one.message, one.source, str(one.pointer)) for one in report.findings)
    differ = ((one.kind, one.message, one.place.source, "; ".join(one.artifacts[:3])) for one in report.disagreements)
    yield from _table(("what", "how", "source", "stands in"), (*differ, *found))


def _time(report: CaseReport) -> Iterator[str]:
    yield from _section("The incident in time")
    found = report.incident
    yield ""
    if found.absent:
        yield f"There is no time line: {escaped(found.absent)}."
    else:
        chosen = f" ({escaped(found.asked)})" if found.asked else ""
        yield (
            f"{found.total:,} records with a time{chosen}; {found.outside:,} before or after the time that was asked"
            f" about, {found.untimed:,} without a time."
        )
        rows = (
            (one.at, one.source, one.action, one.actor, one.address, one.resource, one.outcome, str(one.pointer))
            for one in found.moments
        )
        titles = ("time", "source", "action", "actor", "address", "resource", "outcome", "stands in")
        yield from _table(titles, rows, more="`evidence-kit timeline` gives all")
    for run in report.runs:
        yield from _section(f"Playbook {escaped(run.playbook)}: {escaped(run.outcome)}")
        yield from _table(
            ("step", "needs", "outcome", "why"),
            ((one.id, ", ".join(one.needs), one.outcome or "did not run", one.reason) for one in run.steps),
        )
        if run.decisions:
            yield from _table(
                ("at", "by", "step", "decided", "why"),
                ((one.at, one.by, one.step, one.choice, one.reason) for one in run.decisions),
            )
    yield from _section("Clocks")
    due = ((one.title or one.id, one.authority, one.due_at, one.state, one.source) for one in report.deadlines)
    yield from _table(("duty", "authority", "due", "state", "source"), due)
    offsets = (
        (one.name, f"{one.offset:.1f} s", f"{one.samples:,}", f"{one.shift:.1f} s", one.why) for one in report.clocks
    )
    yield from _table(("clock", "ahead", "measured", "taken off", "why"), offsets)


def _people(report: CaseReport) -> Iterator[str]:
    yield from _section("Partners and agreements")
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
    yield from _table(("target", "provider", "agreement", "may be taken", "legal basis", "ends"), rows)
    if report.requests:
        asked = (
            (one.id, one.partner, one.deadline, f"{one.deliveries:,}", "; ".join(one.missing) or "nothing")
            for one in report.requests
        )
        yield from _table(("request", "partner", "due", "deliveries", "still missing"), asked)
    if report.overrides:
        yield from _table(
            ("event", "collected although it was forbidden"),
            ((str(one.seq), one.summary) for one in report.overrides),
        )
    for answer in report.answers:
        yield from _section(f"Question: {escaped(answer.name)}")
        yield ""
        yield escaped(answer.sql)
        yield from _table(answer.columns, answer.rows)
        if answer.more:
            yield ""
            yield f"… and {answer.more:,} more in the answer"


def _artifacts(report: CaseReport) -> Iterator[str]:
    yield from _section("Artifacts")
    yield ""
    yield f"{report.counts.artifacts:,} files of evidence, {report.counts.bytes:,} bytes."
    rows = ((one.path, f"{one.bytes:,}", one.sha256, one.received_at) for one in report.artifacts)
    yield from _table(
        ("file", "bytes", "SHA-256", "received"), rows, more="`manifest-sha256.txt` of each bag lists all"
    )


def _how(report: CaseReport) -> Iterator[str]:
    yield from _section("How to verify")
    for number, one in enumerate(report.instructions, 1):
        yield ""
        yield f"{number}. {escaped(one.says)}"
        yield ""
        yield from (f"       {visible(line)}" for line in one.command.split("\n"))
