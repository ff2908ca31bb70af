"""Text that others wrote, made fit for a line that a person reads."""

from evidence_kit.analysis.timeline.rows import Event
from evidence_kit.report.verdict.text import visible

_SAID = ("action", "actor", "credential", "src_ip", "resource", "outcome")
_LABELS = {"credential": "with ", "src_ip": "from ", "resource": "on "}


def message(event: Event) -> str:
    """Return what happened, on one line: what, who, with what, from where, on what, and how it ended."""
    said = ((name, event.text(name)) for name in _SAID)
    parts = [f"{_LABELS.get(name, '')}{text if text.isprintable() else visible(text)}" for name, text in said if text]
    return " ".join(parts) if parts else f"record of {event.text('source')}"
