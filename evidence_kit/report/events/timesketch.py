"""JSON lines as Timesketch imports them: `message`, `datetime` and `timestamp_desc`, then all columns."""

from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.rows import Event, Evidence
from evidence_kit.report.disclosure.package import Package
from evidence_kit.report.events.files import Row, Written, json_lines
from evidence_kit.report.events.rows import at_micros, columns
from evidence_kit.report.events.text import message


def export(evidence: Evidence, package: Package) -> tuple[Written, ...]:
    """Write the time line; what has no time cannot stand in it and goes into a file of its own."""
    asked = Asked()
    return (
        json_lines(package, "timeline.jsonl", map(row, evidence.events(asked))),
        json_lines(package, "untimed.jsonl", map(columns, evidence.untimed(asked))),
    )


def row(event: Event) -> Row:
    """Return one event of the time line."""
    return {
        "message": message(event),
        "datetime": at_micros(event),
        "timestamp_desc": f"Recorded by {event.text('source')}",
        **columns(event),
    }
