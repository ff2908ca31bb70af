"""Rules about questions: that they can be asked of the tables of a case, with values for all they name."""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence_kit.analysis.records.promote import ROW
from evidence_kit.analysis.tables.schema import EVIDENCE, FACTS, NUMBERS, view_of
from evidence_kit.model.document import Path, did_you_mean
from evidence_kit.playbook.language import NAME
from evidence_kit.playbook.lint import names
from evidence_kit.playbook.lint.graph_rules import unknown_step
from evidence_kit.playbook.lint.probing import Answer, Asked, Probe
from evidence_kit.playbook.lint.saying import Said
from evidence_kit.playbook.lint.source_rules import meant
from evidence_kit.playbook.lint.subject import Subject
from evidence_kit.playbook.model import Step
from evidence_kit.playbook.templates import OPEN

_MATCHES = ("rule", "title", "level", "artifact", "line", "time", "source", "target", "action", "actor")
_TABLE = re.compile(r"there is no table `(.*)`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """SQL of the playbook: where it stands, of which step it is, and whether values are bound to it."""

    path: Path
    sql: str
    step: Step
    binds: bool


class Questions:
    """All SQL of a playbook: asked at once, judged when the answers are there."""

    def __init__(self, subject: Subject, process: "subprocess.Popen[bytes] | None") -> None:
        self._subject = subject
        self._listed = [one for one in _questions(subject) if one.sql.strip() and OPEN not in one.sql]
        views = {view_of(name) for step in subject.of_type("collect") for name in _sources(subject, step)}
        self._common: dict[str, Sequence[str]] = {
            EVIDENCE: ROW,
            **FACTS,
            **names.RUN_TABLES,
            **dict.fromkeys(views, ROW),
        }
        steps = {name: ROW for one in self._listed for name in _parts(subject, one) if name not in self._common}
        asked = [Asked(one.sql, (*self._common, *_parts(subject, one))) for one in self._listed]
        self.probe = Probe(asked, {**self._common, **steps}, sorted(NUMBERS), process)

    def judge(self) -> Iterator[Said]:
        """Yield what is wrong with questions."""
        for step in self._subject.of_type("query"):
            yield from _sources_of_question(self._subject, step)
            yield from _saved(self._subject, step)
        answers = self.probe.answers()
        told = {one.unchecked for one in answers if one.unchecked}
        for question, answer in zip(self._listed, answers, strict=True):
            if answer.unchecked in told:
                told.discard(answer.unchecked)
                yield Said(question.path, "sql-unchecked", f"this question was not looked at: {answer.unchecked}")
            if not answer.unchecked:
                yield from _judged(question, answer)


def _questions(subject: Subject) -> Iterator[Question]:
    for step in subject.of_type("query"):
        yield Question((*step.at, "sql"), str(step.fields.get("sql", "")), step, binds=True)
    for step in subject.of_type("verify"):
        for index, check in enumerate(step.fields.get("checks", ())):
            yield Question((*step.at, "checks", index, "sql"), str(check.get("sql", "")), step, binds=False)


def _sources(subject: Subject, step: Step) -> list[str]:
    known = subject.known
    if known.sources is None:
        return []
    return [one for name in step.fields.get("sources", ()) for one in meant(name, known)]


def _parts(subject: Subject, question: Question) -> tuple[str, ...]:
    listed = question.step.fields.get("from", ()) if question.binds else ()
    return tuple(name for name in listed if name in subject.steps and re.fullmatch(NAME, name))


def _sources_of_question(subject: Subject, step: Step) -> Iterator[Said]:
    for index, name in enumerate(step.fields.get("from", ())):
        path = (*step.at, "from", index)
        yield from unknown_step(subject, path, name, f"`{step.id}` asks")
        other = subject.steps.get(name)
        if other is None:
            continue
        hands_in = other.type != "manual" or other.fields.get("intake", False)
        if other.index not in subject.vague and not (other.type in names.WITH_EVIDENCE and hands_in):
            said = f"`{name}` is a `{other.type}`, which collects nothing"
            yield Said(path, "no-evidence", said, "name steps that collect, or into which files are handed")
        if step.id and name not in subject.above.get(step.id, ()):
            said = f"`{step.id}` asks `{name}` and does not wait for it"
            yield Said(path, "missing-need", said, f"add `{name}` to its `needs`")


def _saved(subject: Subject, step: Step) -> Iterator[Said]:
    known, fields = subject.known, step.fields
    if fields.get("saved") and known.saved is not None:
        pivot = known.saved.get(fields["saved"])
        if pivot is None:
            said = f"there is no saved question `{fields['saved'][:80]}`"
            yield Said((*step.at, "saved"), "unknown-saved", said, did_you_mean(fields["saved"], known.saved))
            return
        needed = {one.name for one in pivot.parameters if one.default is None}
        every = [one.name for one in pivot.parameters]
        yield from _params(step, needed, every, Said((*step.at, "saved"), "", ""))
        yield from _columns(step, tuple(pivot.columns))
    for index, name in enumerate(fields.get("sigma", ())):
        if name and known.sigma is not None and name not in known.sigma:
            said = f"no Sigma rule is called `{name[:80]}`"
            hint = did_you_mean(name, known.sigma) if len(known.sigma) < 200 else "see `evidence-kit sigma`"
            yield Said((*step.at, "sigma", index), "unknown-sigma", said, hint)
    if "sigma" in fields:
        yield from _params(step, set(), [], Said((*step.at, "sigma"), "", ""))
        yield from _columns(step, _MATCHES)


def _judged(question: Question, answer: Answer) -> Iterator[Said]:
    if answer.params is not None:
        yield from _bound(question, answer.params)
    if answer.error:
        yield _wrong(question, answer)
    elif question.binds:
        yield from _columns(question.step, answer.columns)


def _bound(question: Question, params: tuple[str, ...]) -> Iterator[Said]:
    if question.binds:
        first = Said(question.path, "", "", text=question.sql)
        yield from _params(question.step, set(params), params, first)
        return
    for name in params:
        at = _at(question.sql, name)
        said = f"`${name}`: nothing is bound to the question of a check"
        yield Said(question.path, "sql-param", said, "", text=question.sql, at=at, width=len(name) + 1)


def _params(step: Step, needed: set[str], every: Sequence[str], place: Said) -> Iterator[Said]:
    given = step.fields.get("params", {})
    if not isinstance(given, Mapping):
        return
    for name in sorted(needed - {*given}):
        at = _at(place.text, name) if place.text else None
        said = f"`{name}` has no value"
        hint = f"`params: {{{name}: …}}`"
        yield Said(place.path, "sql-param", said, hint, text=place.text, at=at, width=len(name) + 1)
    for name in given:
        if name not in every:
            hint = did_you_mean(name, every) if every else "it takes none"
            yield Said((*step.at, "params", name), "sql-param", f"the question does not use `{name}`", hint, key=True)


def _at(sql: str, name: str) -> int:
    found = re.search(rf"\${re.escape(name)}\b", sql)
    return found.start() if found else 0


def _columns(step: Step, columns: tuple[str, ...]) -> Iterator[Said]:
    for name, said in _outputs(step):
        column = said.get("column")
        if column and column not in columns:
            path = (*step.at, "outputs", name, "column")
            hint = did_you_mean(column, columns) if columns else ""
            yield Said(path, "unknown-column", f"the answer has no column `{column[:80]}`", hint)


def _outputs(step: Step) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = step.fields.get("outputs", {})
    yield from found.items() if isinstance(found, dict) else ()


def _wrong(question: Question, answer: Answer) -> Said:
    sql, at, width = question.sql, None, 1
    lines = sql.split("\n")
    if answer.shown is not None:
        line, column = answer.shown
        at = sum(len(one) + 1 for one in lines[: line - 1]) + column
    elif (table := _TABLE.fullmatch(answer.error)) and table[1] in sql:
        at = sql.index(table[1])
    if at is not None:
        word = re.match(r"\w+|\S", sql[at:])
        width = len(word[0]) if word else 1
    return Said(question.path, "sql", answer.error, _hint(answer), text=sql, at=at, width=width)


def _hint(answer: Answer) -> str:
    if _TABLE.fullmatch(answer.error):
        return f"there are: {', '.join((EVIDENCE, *FACTS, *names.RUN_TABLES))}, and the steps named in `from`"
    return ""
