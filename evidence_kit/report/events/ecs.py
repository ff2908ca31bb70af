"""JSON lines in the Elastic Common Schema; what it has no field for stands in `labels`, by our own names."""

from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.rows import Event, Evidence
from evidence_kit.report.disclosure.package import Package
from evidence_kit.report.events.addresses import is_ip
from evidence_kit.report.events.files import Row, Written, json_lines
from evidence_kit.report.events.outcomes import outcome_of
from evidence_kit.report.events.rows import at_micros, columns, shift
from evidence_kit.report.events.text import message

VERSION = "8.17.0"
SAID = f"Elastic Common Schema {VERSION}"
_FINDINGS = ("guardduty", "securityhub", "macie", "inspector", "scc", "defender", "alerts")


def export(evidence: Evidence, package: Package) -> tuple[Written, ...]:
    """Write the events; ECS demands a time, so what has none goes into a file of its own."""
    asked = Asked()
    return (
        json_lines(package, "events.ndjson", map(row, evidence.events(asked))),
        json_lines(package, "untimed.ndjson", map(columns, evidence.untimed(asked))),
    )


def row(event: Event) -> Row:
    """Return one event as nested objects, without the fields that it says nothing of."""
    source, provider = event.text("source"), event.text("provider")
    is_finding = any(name in source.split(".") for name in _FINDINGS)
    return _kept(
        {
            "@timestamp": at_micros(event),
            "ecs": {"version": VERSION},
            "message": message(event),
            "event": {
                "kind": "alert" if is_finding else "event",
                "action": event.text("action"),
                "outcome": outcome_of(event.text("outcome")),
                "provider": provider,
                "module": source.partition(".")[0],
                "dataset": source,
                "original": event.text("raw"),
            },
            "cloud": {
                "provider": provider,
                "account": {"id": event.text("target")},
                "region": event.text("region"),
            },
            "user": {"name": event.text("actor")},
            "user_agent": {"original": event.text("user_agent")},
            "source": _address(event.text("src_ip")),
            "related": _related(event),
            "log": {"file": {"path": event.text("artifact")}},
            "labels": _labels(event),
        }
    )


def _labels(event: Event) -> dict[str, object]:
    """Return what ECS has no field for; labels are words, never numbers."""
    return {
        "case": event.text("case"),
        "artifact": event.text("artifact"),
        "line": event.text("line"),
        "time": event.text("time"),
        "clock_shift_s": str(shift(event)) if event.shift_ns else "",
        "credential": event.text("credential"),
        "resource": event.text("resource"),
        "outcome": event.text("outcome"),
    }


def _address(text: str) -> dict[str, object]:
    return {"address": text, "ip": text if is_ip(text) else ""}


def _related(event: Event) -> dict[str, object]:
    address = event.text("src_ip")
    return {"ip": [address] if is_ip(address) else [], "user": [event.text("actor")] if event.text("actor") else []}


def _kept(fields: dict[str, object]) -> dict[str, object]:
    found = {name: _kept(value) if isinstance(value, dict) else value for name, value in fields.items()}
    return {name: value for name, value in found.items() if value not in ("", None, [], {})}
