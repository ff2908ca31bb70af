"""Asking people: at the terminal, or by a file that holds their answers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from evidence_kit.cli import output
from evidence_kit.cli.files import read_file

if TYPE_CHECKING:
    from evidence_kit.playbook.run.questions import Asked, Reply

API_VERSION = "evidence-kit/answers.v1"
_KINDS = {"choice": str, "choices": list, "approved": bool, "fields": dict, "reason": str, "acquisition": str}


def read_answers(path: Path) -> "Iterator[tuple[str, Reply]]":
    """Yield the answers in a file, by step."""
    from evidence_kit.model.document import parse_document

    doc = parse_document(read_file(path), name=str(path))
    doc.allow((), ("apiVersion", "answers"))
    if doc.at(("apiVersion",), str) != API_VERSION:
        raise doc.error(("apiVersion",), f"expected `apiVersion: {API_VERSION}`")
    for step in doc.at(("answers",), dict):
        said = doc.at(("answers", step), dict)
        doc.allow(("answers", step), [*_KINDS])
        for name in said:
            doc.at(("answers", step, name), _KINDS[name])
        yield step, reply_of(said)


def reply_of(said: Mapping[str, Any]) -> "Reply":
    """Return a reply as a file or options say it."""
    from evidence_kit.playbook.run.questions import Reply

    choices = said.get("choices", [said["choice"]] if said.get("choice") else [])
    return Reply(
        choices=tuple(map(str, choices)),
        approved=said.get("approved"),
        fields=said.get("fields", {}),
        reason=str(said.get("reason", "")),
        acquisition=str(said.get("acquisition", "")),
    )


def show(asked: "Asked") -> None:
    """Write a question out, with all that whoever answers has to know."""
    said = asked.said
    output.note("")
    output.note(f"{said['type']:9} {said['step']}: {said['question']}")
    if said["role"]:
        output.note(f"          for the {said['role']}")
    if said["guidance"]:
        output.note(f"          {said['guidance'].strip()}")
    for one in said["options"]:
        output.note(f"          {one['value']:12} {one['label']}")
    for name, one in said["covers"].items():
        output.note(f"          {name}: {one['action']} on {', '.join(one['targets']) or 'this case'}")
        for given in one["with"]:
            if given:
                output.note(f"              {', '.join(f'{key}: {value}' for key, value in given.items())}")
        if one["matter"]:
            output.note(f"              as {one['matter']}")
    for name, one in said["fields"].items():
        needed = "" if one.get("required") else ", if known"
        output.note(f"          {name} ({one['type']}{needed}) {one.get('description', '')}")
    if said["deadline"]:
        output.note(f"          until {said['deadline']}")


def at_terminal(asked: "Asked") -> "Reply | None":
    """Ask whoever sits there; an empty answer leaves the question open."""
    show(asked)
    said = asked.said
    if said["type"] == "approve":
        word = str(typer.prompt("approve, refuse, or leave open", default="", show_default=False, err=True)).strip()
        if word not in {"approve", "refuse"}:
            return None
        return reply_of({"approved": word == "approve", "reason": _line("why")})
    if said["type"] == "decide":
        text = _line("choose several, with commas between" if said["multiple"] else "choose one")
        if not text:
            return None
        choices = [part.strip() for part in text.split(",")]
        return reply_of({"choices": choices, "fields": _fields(said), "reason": _line("why")})
    if not _line("done? (`yes`, or empty to leave it open)"):
        return None
    return reply_of({"fields": _fields(said), "acquisition": _line("acquisition, if files were taken in")})


def _fields(said: Mapping[str, Any]) -> dict[str, str]:
    found = {name: _line(f"{name} ({one['type']})") for name, one in said["fields"].items()}
    return {name: text for name, text in found.items() if text}


def _line(label: str) -> str:
    return str(typer.prompt(label, default="", show_default=False, err=True)).strip()
