"""What a step says to whoever reads it in another program: who does what, when, and what is asked."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from evidence_kit.playbook import picture
from evidence_kit.playbook.model import Playbook, Step

# Words of CACAO's vocabulary that fit what our steps do; for the others it has none.
_ACTIVITIES = {"query": "analyze-collected-data", "report": "compose-content", "notify": "deliver-content"}
_TOLD = frozenset({"question", "prompt", "instructions", "guidance", "message", "options", "fields", "sql"})


def activity_of(step: Step) -> str:
    """Return what CACAO calls the activity of a step, or nothing."""
    return _ACTIVITIES.get(step.type, "")


def instruction(playbook: Playbook, step: Step) -> str:
    """Return the text of a step: readable by itself, without the extension that has everything exactly."""
    return "\n".join(_lines(playbook, step))


def text_of_default(value: object) -> str | None:
    """Return the default of an input as CACAO's variables hold it: a text, or nothing."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _lines(playbook: Playbook, step: Step) -> Iterator[str]:
    if not picture.waits(step):
        yield f"Done by `evidence-kit playbook run {playbook.id}`: step `{step.id}` ({step.type})."
    yield from _said(step)
    if step.needs:
        yield f"Runs after: {picture.needs(step)}."
    if step.when:
        yield f"Only if: {step.when.strip()}"
    if step.targets:
        yield f"On: {step.targets}."
    yield f"If it fails, the run {'goes on' if step.on_error == 'continue' else 'stops'}."
    for name, value in step.fields.items():
        if name not in _TOLD:
            yield f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def _said(step: Step) -> Iterator[str]:
    """Yield what the author wrote for people, and what there is to answer."""
    said = step.fields
    for name in ("question", "prompt", "instructions", "message", "sql"):
        if name in said:
            yield str(said[name]).strip()
    if step.description:
        yield step.description.strip()
    if "guidance" in said:
        yield str(said["guidance"]).strip()
    for one in said.get("options", ()):
        yield f"- {one['value']}: {one.get('label', one['value'])}"
    yield from _asked(said.get("fields", {}))


def _asked(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, one in fields.items():
        needed = "" if one.get("required") else ", if known"
        yield f"Give {name} ({one['type']}{needed}): {one.get('description', name)}"
