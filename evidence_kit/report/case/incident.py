"""The records of a case in the order of time, for a report: the first of them one by one, all of them counted."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from evidence_kit.analysis.tables.asking import Limits, Question, ask
from evidence_kit.analysis.tables.derive import Tables
from evidence_kit.analysis.timeline.asked import COLUMNS, Asked
from evidence_kit.analysis.timeline.rows import Event, Evidence
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.report.case.doings import Bar, Incident, Moment
from evidence_kit.report.case.holding import Pointer
from evidence_kit.report.case.model import Answer

MOMENTS = 10_000  # one by one in a report: some megabytes; `timeline` gives all
_BARS = 120  # over the whole time: one every few pixels
_SECOND = 1_000_000_000
# Stretches that people count in, in seconds: from one second to a fortnight.
_STRETCHES = (
    1,
    5,
    15,
    60,
    300,
    900,
    1_800,
    3_600,
    7_200,
    14_400,
    21_600,
    43_200,
    86_400,
    172_800,
    604_800,
    1_209_600,
)
_LONGEST = 2_000  # characters of one text of a record
_ROWS = 500  # of one answer


def read_incident(evidence: Evidence, asked: Asked, span: Window | None, *, most: int = MOMENTS) -> Incident:
    """Return the first `most` records that fit, and how all that fit lie in time.

    Where nobody chose a time it is `span`, the time that providers were asked about: a finding can be a year old.
    """
    everywhere, untimed = evidence.count(asked)
    words = _words(asked)
    if span and not asked.since and not asked.until:
        asked = replace(asked, since=span.start, until=span.end)
    total, _ = evidence.count(asked)
    bar_ns = _stretch(evidence, asked)
    return Incident(
        moments=tuple(map(_moment, evidence.events(asked, limit=most))),
        total=total,
        outside=everywhere - total,
        untimed=untimed,
        asked=words,
        bars=tuple(_bars(evidence, asked, bar_ns)),
        bar_ns=bar_ns,
    )


def _moment(event: Event) -> Moment:
    line = event.text("line")
    return Moment(
        at_ns=event.at_ns or 0,
        at=event.at,
        action=event.text("action")[:_LONGEST],
        actor=(event.text("actor") or event.text("credential"))[:_LONGEST],
        address=event.text("src_ip")[:_LONGEST],
        resource=event.text("resource")[:_LONGEST],
        outcome=event.text("outcome")[:_LONGEST],
        source=event.text("source"),
        target=event.text("target"),
        pointer=Pointer(event.text("artifact"), int(line) if line.isdecimal() else None),
    )


def _stretch(evidence: Evidence, asked: Asked) -> int:
    """Return how long one bar lasts, in nanoseconds."""
    condition, values = asked.condition(evidence.addresses)
    sql = f"SELECT min(at_ns), max(at_ns) FROM shifted WHERE at_ns IS NOT NULL AND {condition}"  # noqa: S608 - values are bound
    first, last = evidence.one(sql, values)
    if not isinstance(first, int) or not isinstance(last, int):
        return _SECOND
    wanted = (last - first) // _BARS
    return next((one * _SECOND for one in _STRETCHES if one * _SECOND >= wanted), wanted)


def _bars(evidence: Evidence, asked: Asked, bar_ns: int) -> Iterator[Bar]:
    condition, values = asked.condition(evidence.addresses)
    sql = (
        f"SELECT at_ns // {bar_ns:d} AS bar, source, count(*) FROM shifted"  # noqa: S608 - values are bound
        f" WHERE at_ns IS NOT NULL AND {condition} GROUP BY ALL ORDER BY ALL"
    )
    for bar, source, count in evidence.all(sql, values):
        yield Bar(int(str(bar)) * bar_ns, str(source), int(str(count)))


def _words(asked: Asked) -> str:
    """Return what was chosen, as one says it."""
    said = [f"{option} {' or '.join(values)}" for option in COLUMNS if (values := getattr(asked, option))]
    said += [f"since {rfc3339(asked.since)}"] if asked.since else []
    said += [f"until {rfc3339(asked.until)}"] if asked.until else []
    return ", ".join(said)


def read_answer(tables: Sequence[Tables], name: str, question: Question, limits: Limits) -> Answer:
    """Return the answer to a question, its first rows as text; UsageError says what is wrong with the question."""
    rows: list[tuple[str, ...]] = []
    more = 0
    with ask(tables, question, limits) as (schema, batches):
        columns = tuple(str(one) for one in schema.names)
        for batch in batches:
            for row in batch.to_pylist():
                if len(rows) < _ROWS:
                    rows.append(tuple("" if value is None else str(value)[:_LONGEST] for value in row.values()))
                else:
                    more += 1
    return Answer(name=name, sql=question.sql, columns=columns, rows=tuple(rows), more=more)
