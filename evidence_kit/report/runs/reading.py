"""Reads what is on record about runs of playbooks into the model of reports.

How a step ended is what the signed event says; the journal adds why, when, and what it was made of. Where the two
differ both are told.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evidence_kit.custody import log
from evidence_kit.custody.ledger import Entry
from evidence_kit.model.ports import Vault
from evidence_kit.playbook.model import Playbook
from evidence_kit.playbook.run import journal
from evidence_kit.report.case.doings import Decision, Run, Step
from evidence_kit.report.case.model import Unread
from evidence_kit.report.runs.records import Record, Signed, read_records

NOT_ENDED = "not ended"
_BY_NOBODY = frozenset({"rule", "timeout"})
_DIGITS = 12  # of a key, as everywhere in reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The runs of a case, the playbooks that they were of, and what could not be read.

    `broken` is what of the custody log could not be: a report of the whole case names that by itself.
    """

    runs: tuple[Run, ...] = ()
    playbooks: Mapping[str, Playbook]  # by run, where the file is what was signed
    unread: tuple[Unread, ...] = ()
    broken: tuple[Unread, ...] = ()


def read_runs(vault: Vault) -> Found:
    """Return every run that the custody log names, oldest first."""
    found = read_records(vault)
    return Found(
        runs=tuple(map(_run, found.runs)),
        playbooks={one.id: one.playbook for one in found.runs if one.playbook is not None},
        unread=(*found.unread, *(one for record in found.runs for one in _differing(record))),
        broken=found.broken,
    )


def _run(record: Record) -> Run:
    begun, ended, ends = record.first(log.PLAY_STARTED), record.first(log.PLAY_ENDED), record.ends()
    said: Mapping[str, Any] = begun.said if begun else {}
    named = said.get("playbook")
    book: Mapping[str, Any] = named if isinstance(named, dict) else {}
    return Run(
        id=record.id,
        playbook=" ".join(str(book[name]) for name in ("id", "version") if name in book) or "unknown",
        sha256=str(book.get("sha256", "")),
        started_at=begun.at if begun else "",
        ended_at=ended.at if ended else "",
        outcome=str(ended.said.get("outcome", "")) if ended else NOT_ENDED,
        steps=tuple(_step(record, name, ends.get(name)) for name in _steps(record)),
        decisions=tuple(_decisions(record)),
    )


def _steps(record: Record) -> Iterable[str]:
    """Return the ids of all steps: in the author's order, or as they are on record where there is no playbook."""
    if record.playbook is not None:
        return [step.id for step in record.playbook.steps]
    return dict.fromkeys([*record.ends(), *(str(one.said["step"]) for one in record.events if "step" in one.said)])


def _step(record: Record, name: str, signed: tuple[str, Signed] | None) -> Step:
    lines = [line for line in record.lines if line.fields.get("step") == name]
    result = _result(lines)
    made_of = result.get("acquisitions")
    known = record.playbook.step(name) if record.playbook is not None else None
    return Step(
        id=name,
        title=known.name if known else "",
        needs=tuple(need.step for need in known.needs) if known else (),
        outcome=signed[0] if signed else "",
        reason=str(result.get("reason", "")) if signed else _waiting(lines),
        started_at=next((str(line.fields["at"]) for line in lines if "at" in line.fields), ""),
        ended_at=_ended_at(lines) or (signed[1].at if signed else ""),
        acquisition=", ".join(map(str, made_of)) if isinstance(made_of, list) else "",
    )


def _result(lines: Iterable[Entry]) -> Mapping[str, Any]:
    """Return the end of a step as the journal has it, or nothing."""
    for line in lines:
        found = line.fields.get("result")
        if line.kind == journal.ENDED and isinstance(found, dict):
            return found
    return {}


def _ended_at(lines: Iterable[Entry]) -> str:
    return next((str(line.fields.get("at", "")) for line in lines if line.kind == journal.ENDED), "")


def _waiting(lines: list[Entry]) -> str:
    """Return why a step that has no end on record has none."""
    if any(line.kind == journal.ENDED for line in lines):
        return "it ended by the journal, and no signed event says so"
    if any(line.kind == journal.ASKED for line in lines):
        return "it waits for people"
    return "it has begun, and has not ended" if lines else "its turn has not come"


def _decisions(record: Record) -> Iterator[Decision]:
    """Yield what people answered and what rules and deadlines decided, in the order of the record."""
    for one in record.events:
        step = str(one.said.get("step", ""))
        if one.type == log.PLAY_ANSWERED:
            yield Decision(
                step=step,
                at=str(one.said.get("at") or one.at),
                by=_person(one.said.get("by")),
                choice=_answer(one.said),
                reason=str(one.said.get("reason", "")),
                event=one.seq,
            )
        elif one.type == log.PLAY_STEP:
            outputs = _result(line for line in record.lines if line.fields.get("step") == step).get("outputs")
            if isinstance(outputs, dict) and outputs.get("decided_by") in _BY_NOBODY:
                chosen = outputs.get("choices") or [outputs.get("choice", "")]
                yield Decision(
                    step=step,
                    at=str(outputs.get("decided_at") or one.at),
                    by=f"the playbook's {outputs['decided_by']}",
                    choice=", ".join(map(str, chosen)),
                    reason="",
                    event=one.seq,
                )


def _person(said: object) -> str:
    if not isinstance(said, dict):
        return ""
    return f"{said.get('name', '')} (key {str(said.get('keyid', ''))[:_DIGITS]})"


def _answer(said: Mapping[str, Any]) -> str:
    """Return an answer in words: what was chosen, and what else was given."""
    approved = said.get("approved")
    chosen = said.get("choices")
    parts = [", ".join(map(str, chosen))] if isinstance(chosen, list) and chosen else []
    parts += ["approved" if approved else "refused"] if isinstance(approved, bool) else []
    given = said.get("fields")
    parts += [f"{name}: {value}" for name, value in given.items()] if isinstance(given, dict) else []
    return "; ".join(parts) or "done"


def _differing(record: Record) -> Iterator[Unread]:
    """Name each step whose journal says another end than what is signed."""
    for step, (outcome, event) in record.ends().items() if record.lines else ():
        told = _result(line for line in record.lines if line.fields.get("step") == step).get("outcome")
        if told != outcome:
            here = f"and {told} here" if told else "and its end is not here"
            yield Unread(
                journal.journal_path(record.id), f"step `{step}` ended {outcome} by event {event.seq}, {here}"
            )
