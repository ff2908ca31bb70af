"""Inputs from an event: a finding or an alert names what the playbook is about."""

from collections.abc import Mapping
from typing import Any

from evidence_kit.errors import UsageError
from evidence_kit.playbook import templates
from evidence_kit.playbook.expressions import parse
from evidence_kit.playbook.model import Playbook


def inputs_of(playbook: Playbook, event: Mapping[str, Any]) -> dict[str, object]:
    """Return what the first trigger that fits takes from an event; UsageError where none does."""
    said: Any = playbook.doc.data.get("triggers", ())
    for one in said:
        match = one.get("match")
        if match and not parse(match).holds({"event": event}):
            continue
        return {name: templates.fill(text, {"event": event}) for name, text in one.get("map", {}).items()}
    raise UsageError(f"no trigger of `{playbook.id}` fits this event", hint="give the inputs with `--set`")
