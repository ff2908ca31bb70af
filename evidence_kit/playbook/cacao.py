"""A playbook as CACAO 2.0: readable by other programs and by people, with every word of the original beside it.

CACAO says nothing of a step that fails and asks for conditions in a language of patterns over observations, so what
decides whether a step runs is told in the text of its command and, exactly, in its extension. Steps stand in waves,
as they do in our plans; ids come from names, so the same file gives the same bytes.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evidence_kit.errors import UsageError
from evidence_kit.playbook import picture
from evidence_kit.playbook.cacao_texts import activity_of, instruction, text_of_default
from evidence_kit.playbook.graph import waves
from evidence_kit.playbook.model import Playbook, Step
from evidence_kit.playbook.schema import schema

SPEC = "cacao-2.0"
AUTHOR = "evidence-kit"
OPERATOR = "whoever runs evidence-kit"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://evidence-kit.dev/cacao")
_DAY = "%Y-%m-%dT%H:%M:%S.000Z"  # to the millisecond, as the specification asks
# An id stays over all versions of a playbook, and so must the time at which it is said to be created: not one that
# the file could change, but that of the language's first version.
_FIRST = "2026-11-01T00:00:00.000Z"
_TYPES = {"int": "integer", "double": "float", "bool": "bool"}


def ident(kind: str, name: str) -> str:
    """Return the id of something, which depends on nothing but its name."""
    return f"{kind}--{uuid.uuid5(_SPACE, name)}"


PLAYBOOK_EXTENSION = ident("extension-definition", "playbook")
STEP_EXTENSION = ident("extension-definition", "step")


@dataclass(slots=True, kw_only=True)
class _Making:
    """One export in the making."""

    playbook: Playbook
    at: str
    author: str
    workflow: dict[str, dict[str, Any]] = field(default_factory=dict)
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def id(self, kind: str, name: str) -> str:
        """Return the id of a part of this playbook."""
        return ident(kind, f"{self.playbook.id}/{name}")

    def agent(self, name: str) -> str:
        """Return the id of whoever carries a step out, known from now on."""
        found = ident("group", name)
        self.agents[found] = {"type": "group", "name": name}
        return found


def export(playbook: Playbook, *, at: datetime | None = None) -> dict[str, Any]:
    """Return the CACAO playbook; `at` is when the file was last changed, where it does not say `reviewed` itself."""
    meta: Mapping[str, Any] = _file(playbook)["metadata"]
    when = _when(meta, at)
    authors = meta.get("authors") or [AUTHOR]
    making = _Making(playbook=playbook, at=when, author=ident("identity", str(authors[0])))
    start = _flow(making)
    activities = sorted({found for step in playbook.steps if (found := activity_of(step))})
    made: dict[str, Any] = {
        "type": "playbook",
        "spec_version": SPEC,
        "id": ident("playbook", playbook.id),
        "name": playbook.title,
        "description": playbook.description.strip(),
        "playbook_types": _types(playbook) if activities else [],
        "playbook_activities": activities,
        "playbook_processing_summary": _summary(making, meta),
        "created_by": making.author,
        "created": min(_FIRST, when),
        "modified": when,
        "labels": list(meta.get("labels", ())),
        "external_references": [{"name": url, "url": url} for url in meta.get("references", ())],
        "markings": [_marking(meta)] if "tlp" in meta else [],
        "playbook_variables": {f"__{one.name}__": _variable(playbook, one.name) for one in playbook.inputs.values()},
        "workflow_start": start,
        "workflow": making.workflow,
        "playbook_extensions": {PLAYBOOK_EXTENSION: _whole(playbook)},
        "agent_definitions": making.agents,
        "extension_definitions": _extensions(making.author),
        "data_marking_definitions": _markings(meta, making),
    }
    return {name: value for name, value in made.items() if value or name == "playbook_variables"}


def _file(playbook: Playbook) -> Mapping[str, Any]:
    return playbook.doc.data


def _when(meta: Mapping[str, Any], at: datetime | None) -> str:
    if at is not None:
        return at.strftime(_DAY)
    if "reviewed" in meta:
        return f"{meta['reviewed']}T00:00:00.000Z"
    raise UsageError("the playbook does not say when it was written", hint="`metadata.reviewed` does, or `--at`")


def _flow(making: _Making) -> str:
    """Write the workflow and return its start: wave after wave, the steps of one wave side by side."""
    after = making.id("end", "end")
    making.workflow[after] = {"type": "end"}
    for number, wave in reversed(list(enumerate(waves(making.playbook.steps), start=1))):
        after = _wave(making, number, wave, after)
    start = making.id("start", "start")
    making.workflow[start] = {"type": "start", "on_completion": after}
    return start


def _wave(making: _Making, number: int, wave: Sequence[Step], after: str) -> str:
    if len(wave) == 1:
        return _step(making, wave[0], after)
    found = making.id("parallel", f"wave {number}")
    branches: list[str] = []
    for step in wave:
        end = making.id("end", f"end of {step.id}")
        making.workflow[end] = {"type": "end"}
        branches.append(_step(making, step, end))
    making.workflow[found] = {
        "type": "parallel",
        "name": f"Wave {number}",
        "next_steps": branches,
        "on_completion": after,
    }
    return found


def _step(making: _Making, step: Step, after: str) -> str:
    """Write one step, whatever of it ends how: what follows decides for itself, by its own needs."""
    other = step.fields.get("playbook")
    found = making.id("playbook-action" if other else "action", step.id)
    made: dict[str, Any] = {
        "type": "playbook-action" if other else "action",
        "name": step.label,
        "description": instruction(making.playbook, step),
        "on_completion": after,
        "step_extensions": {STEP_EXTENSION: dict(_file(making.playbook)["steps"][step.index])},
    }
    if step.timeout is not None:
        made["timeout"] = round(step.timeout.total_seconds() * 1000)
    if other:
        made["playbook_id"] = ident("playbook", str(other).partition("@")[0])
    else:
        made["agent"] = making.agent(_who(step))
        command = {"type": "manual", "command": instruction(making.playbook, step)}
        activity = activity_of(step)
        made["commands"] = [{**command, "playbook_activity": activity} if activity else command]
    making.workflow[found] = made
    return found


def _who(step: Step) -> str:
    if not picture.waits(step):
        return OPERATOR
    return str(step.fields.get("role") or ("an approver" if step.type == "approve" else "a person"))


def _types(playbook: Playbook) -> list[str]:
    kinds = {step.type for step in playbook.steps}
    return ["investigation", *(["notification"] if "notify" in kinds else [])]


def _summary(making: _Making, meta: Mapping[str, Any]) -> dict[str, bool]:
    kinds = {one["type"] for one in making.workflow.values()}
    found = {
        "manual_playbook": "action" in kinds,
        "external_playbooks": "playbook-action" in kinds,
        "parallel_processing": "parallel" in kinds,
        "data_markings": "tlp" in meta,
        "extensions": True,
    }
    return {name: value for name, value in found.items() if value}


def _variable(playbook: Playbook, name: str) -> dict[str, Any]:
    one = playbook.inputs[name]
    given = text_of_default(one.default)
    return {
        "type": _TYPES.get(one.type, "string"),
        "description": f"{one.description} ({one.type})",
        **({"value": given} if given is not None else {}),
        "external": True,
    }


def _whole(playbook: Playbook) -> dict[str, Any]:
    """Return all that the file says beside its steps, and the digest of the file."""
    return {
        **{name: value for name, value in _file(playbook).items() if name != "steps"},
        "sha256": playbook.digest,
    }


def _extensions(author: str) -> dict[str, dict[str, Any]]:
    where = str(schema()["$id"])
    told = (
        (PLAYBOOK_EXTENSION, "evidence-kit playbook", "what the file says beside its steps, and its SHA-256", where),
        (STEP_EXTENSION, "evidence-kit step", "a step exactly as its author wrote it", f"{where}#/properties/steps"),
    )
    return {
        name: {
            "type": "extension-definition",
            "name": title,
            "description": about,
            "created_by": author,
            "schema": place,
            "version": "1.0.0",
        }
        for name, title, about, place in told
    }


def _marking(meta: Mapping[str, Any]) -> str:
    return ident("marking-tlp", str(meta["tlp"]))


def _markings(meta: Mapping[str, Any], making: _Making) -> dict[str, dict[str, Any]]:
    if "tlp" not in meta:
        return {}
    said = {
        "type": "marking-tlp",
        "id": _marking(meta),
        "created_by": making.author,
        "created": making.at,
        "tlpv2_level": f"TLP:{meta['tlp']}",
    }
    return {_marking(meta): said}
