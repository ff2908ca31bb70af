"""Makes a document about a case from the one model of its report and from its custody record.

Nothing is checked or counted here that the report has not; whatever a template needs and nobody recorded is a blank.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from evidence_kit.custody import log
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.model.check import CheckStatus
from evidence_kit.model.document import did_you_mean
from evidence_kit.model.time import parse_instant, rfc3339
from evidence_kit.report.case import matrix, words
from evidence_kit.report.case.model import CaseReport, Event
from evidence_kit.report.case.states import COMPLETE
from evidence_kit.report.custody.record import Field, Part, Record, Section
from evidence_kit.report.documents.blocks import parse
from evidence_kit.report.documents.templating import render
from evidence_kit.report.documents.writing import Document

NAMES: Mapping[str, str] = {
    "custody-record": "Chain-of-custody record",
    "acquisition-report": "Acquisition report",
    "certification": "Certification (draft)",
    "regulator": "Notification of a personal data breach (draft)",
    "summary": "Executive summary",
}
ROWS = 500  # of one table in a document; a line below says how many more the case has
_BREACH = frozenset({"eu.gdpr.art33", "uk.gdpr.art33"})
_MEASURES = frozenset({log.HELD, log.RELEASED, log.OVERRIDDEN, log.REQUESTED, log.PLAY_STARTED})
_SAID = frozenset({log.NOTE, log.CLOCK_STARTED, log.CLOCK_MET, log.PLAY_ANSWERED, log.REQUESTED, log.RECEIVED})


@dataclass(frozen=True, slots=True)
class Cut:
    """The first rows of something, and how many more there are."""

    rows: tuple[object, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A stretch of coverage that is not complete, as a document tells it."""

    source: str
    target: str
    place: str
    when: str
    state: str
    reason: str


def as_of(report: CaseReport) -> str:
    """Return when the last event on record was signed; EmptyError where no event can be read."""
    if not report.events:
        raise EmptyError("no event of the custody log can be read", hint="`evidence-kit verify` says why")
    return report.events[-1].at


def last_event(events: Iterable[Event]) -> datetime | None:
    """Return the time that a document speaks of, before there is a report: that of the last event."""
    times = [one.at for one in events]
    return parse_instant(times[-1]) if times else None


def make(name: str, report: CaseReport, record: Record, templates: Path | None = None) -> Document:
    """Return a document; UsageError where there is none of that name, or a template is wrong."""
    if name not in NAMES:
        raise UsageError(f"there is no document `{name[:80]}`", hint=did_you_mean(name, NAMES))
    when = as_of(report)
    made = render(name, _facts(name, report, record, when), _filters(), templates)
    return Document(
        name=name,
        title=NAMES[name],
        case=report.case,
        as_of=when,
        tool=report.tool,
        template_sha256=made.sha256,
        is_own_template=made.is_own,
        blocks=parse(made.text),
    )


def _facts(name: str, report: CaseReport, record: Record, when: str) -> Mapping[str, object]:
    sections = {section.id: section for section in record.sections}
    return {
        "report": report,
        "record": record,
        "sections": sections,
        "parted": tuple((section, _cut(section.parts)) for section in record.sections),
        "title": NAMES[name],
        "as_of": when,
        "counts": report.counts,
        "verdict": report.verdict,
        "case": _said(sections.values(), in_bags=False),
        "bags": tuple(_bags(sections)),
        "tools": sorted({one.tool for one in report.acquisitions if one.tool}),
        "shortfalls": _cut(_shortfalls(report)),
        "events": _cut(report.events),
        "findings": _cut(report.findings),
        "statements": _cut(one for one in report.events if one.type in _SAID),
        "measures": _cut(one for one in report.events if one.type in _MEASURES),
        "deviations": _cut(one for one in report.events if one.type in {log.NOTE, log.REPAIRED, log.RESUMED}),
        "unanswered": tuple(_unanswered(report)),
        "verifications": tuple(one for one in report.events if one.type == log.VERIFIED),
        "defects": _cut(report.verdict.report.defects),
        "breach_clocks": tuple(one for one in report.deadlines if one.id in _BREACH),
        "decisions": tuple((run, one) for run in report.runs for one in run.decisions),
        "data_places": sorted({place for one in report.partners for place in one.data}),
        "subject_places": sorted({place for one in report.partners for place in one.subjects}),
    }


def _said(sections: Iterable[Section], *, in_bags: bool) -> Mapping[str, str]:
    """Return what is on record about the case as a whole, by label; what nobody said is an empty text."""
    found: dict[str, str] = {}
    for section in sections:
        for part in section.parts:
            if bool(part.title) == in_bags and section.id != "custody":
                found |= {field.label: _text(field) for field in part.fields if field.label not in found}
    return found


def _bags(sections: Mapping[str, Section]) -> Iterable[Part]:
    """Yield all fields about one acquisition as one part, in the order of the record."""
    fields: dict[str, list[Field]] = {}
    notes: dict[str, str] = {}
    for name in ("item", "origin", "people", "time", "place", "method", "integrity"):
        for part in sections[name].parts:
            if part.title.startswith("bags/"):
                fields.setdefault(part.title, []).extend(part.fields)
                notes[part.title] = part.note
    for title, several in fields.items():
        yield Part(title=title, fields=tuple(several), note=notes[title])


def _shortfalls(report: CaseReport) -> Iterable[Shortfall]:
    for line in matrix.lines(report, with_reasons=True):
        for one in line.stretches:
            if one.state is not COMPLETE:
                yield Shortfall(
                    source=line.source,
                    target=line.target,
                    place=line.place,
                    when=one.said,
                    state=one.state.words,
                    reason=one.reason,
                )


def _unanswered(report: CaseReport) -> Iterable[str]:
    """Yield every question that verification could not ask."""
    yield from report.verdict.report.unasked
    for check in report.verdict.report.checks:
        if check.status is CheckStatus.NOT_CHECKED:
            yield f"{check.id}: {check.summary}"


def _cut(rows: Iterable[object]) -> Cut:
    every = iter(rows)
    first = tuple(islice(every, ROWS))
    return Cut(first, sum(1 for _ in every))


# -- filters -----------------------------------------------------------------------------------------------------


def _filters() -> Mapping[str, object]:
    return {
        "number": lambda value: f"{value:,}",
        "counted": words.count,
        "moment": _moment,
        "instant": rfc3339,
        "listed": lambda values: ", ".join(map(str, values)),
        "said": _text,
        "headed": lambda text: f"{text[:1].upper()}{text[1:]}",
        "spaced": lambda text: str(text).replace("_", " "),
    }


def _moment(text: str) -> str:
    """Return a time to the second, in UTC, as people read it."""
    return f"{text[:10]} {text[11:19]} UTC" if text[10:11] == "T" and text.endswith("Z") else text


def _text(field: Field) -> str:
    """Return the values of a field on one line."""
    more = f" … and {field.more:,} more" if field.more else ""
    return "; ".join(field.values) + more
