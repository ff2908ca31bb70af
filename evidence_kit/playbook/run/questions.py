"""Questions to people, as they are asked, signed and judged."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from evidence_kit.custody import answer, strict
from evidence_kit.custody.answer import Answer
from evidence_kit.errors import SignatureError, UsageError
from evidence_kit.model.document import did_you_mean
from evidence_kit.model.time import parse_instant, rfc3339
from evidence_kit.playbook.model import Step
from evidence_kit.playbook.values import typed

# What every question says, and in which type; one that was handed over is read before it is believed.
_ASKED: Mapping[str, type] = {
    **dict.fromkeys(("case", "run", "step", "type", "question", "guidance", "role", "deadline"), str),
    "options": list,
    "multiple": bool,
    "fields": dict,
    "covers": dict,
    "context": dict,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as somebody gets it; its bytes are what answers are bound to."""

    step: str
    body: bytes

    @property
    def said(self) -> Mapping[str, Any]:
        """Return what it says."""
        found: Mapping[str, Any] = json.loads(self.body)
        return found

    @property
    def sha256(self) -> str:
        """Return what answers name it by."""
        return answer.digest(self.body)

    @property
    def deadline(self) -> datetime | None:
        """Return when it is too late to answer."""
        return parse_instant(self.said["deadline"]) if self.said.get("deadline") else None

    @property
    def covers(self) -> Mapping[str, Any]:
        """Return the steps that an approval is about, with their arguments."""
        found: Mapping[str, Any] = self.said.get("covers", {})
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What somebody answers, before it is signed."""

    choices: tuple[str, ...] = ()
    approved: bool | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    acquisition: str = ""


def ask(
    step: Step, *, case: str, run: str, at: datetime, covers: Mapping[str, Any], context: Mapping[str, Any]
) -> Asked:
    """Return the question of a step, with all that whoever answers has to know."""
    said = step.fields
    question = {
        "apiVersion": "evidence-kit/question.v1",
        "case": case,
        "run": run,
        "step": step.id,
        "type": step.type,
        "name": step.label,
        "question": said.get("question") or said.get("prompt") or said.get("instructions"),
        "guidance": said.get("guidance", ""),
        "role": said.get("role", ""),
        "options": [{"value": one["value"], "label": one.get("label", "")} for one in said.get("options", ())],
        "multiple": bool(said.get("multiple", False)),
        "fields": {name: dict(one) for name, one in said.get("fields", {}).items()},
        "covers": covers,
        "context": context,
        "askedAt": rfc3339(at),
        "deadline": rfc3339(at + (step.timeout or timedelta(0))) if step.timeout else "",
    }
    return Asked(step=step.id, body=json.dumps(question, indent=1, ensure_ascii=False).encode())


def read_question(data: bytes) -> Asked:
    """Return a question that was handed over; UsageError where it is none."""
    try:
        said = strict.decode(data)
        for name, kind in _ASKED.items():
            strict.field(said, name, kind)
        return Asked(step=strict.field(said, "step", str), body=data)
    except SignatureError as error:
        raise UsageError(f"this is no question: {error.message}") from error


def judged(step: Step, reply: Reply) -> Reply:
    """Return a reply with every field in its type; UsageError says what is missing or not allowed."""
    if step.type == "decide":
        _require_choice(step, reply.choices)
    if step.type == "approve" and reply.approved is None:
        raise UsageError("an approval is given or refused", hint="`--approve` or `--refuse`")
    asked = step.fields.get("fields", {})
    for name in reply.fields:
        if name not in asked:
            hint = did_you_mean(name, asked) if asked else "this question asks for none"
            raise UsageError(f"nobody asked for `{name[:80]}`", hint=hint)
    for name, one in asked.items():
        if one.get("required") and name not in reply.fields:
            raise UsageError(
                f"`{name}` has to be answered too", hint=f"`--set {name}=…`: {one.get('description', one['type'])}"
            )
    found = {name: typed(asked[name]["type"], value) for name, value in reply.fields.items()}
    return Reply(
        choices=tuple(dict.fromkeys(reply.choices)),
        approved=reply.approved,
        fields=found,
        reason=reply.reason,
        acquisition=reply.acquisition,
    )


def _require_choice(step: Step, choices: Sequence[str]) -> None:
    known = [one["value"] for one in step.fields["options"]]
    for choice in choices:
        if choice not in known:
            raise UsageError(f"`{choice[:80]}` is none of the options", hint=did_you_mean(choice, known))
    if not choices or (len({*choices}) > 1 and not step.fields.get("multiple")):
        raise UsageError(
            f"choose {'at least ' if step.fields.get('multiple') else ''}one", hint=f"of: {', '.join(known)}"
        )


def reply_of(said: Answer) -> Reply:
    """Return what a signed answer says."""
    return Reply(
        choices=said.choices,
        approved=said.approved,
        fields=said.fields,
        reason=said.reason,
        acquisition=said.acquisition,
    )
