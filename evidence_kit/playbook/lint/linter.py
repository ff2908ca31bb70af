"""Lints a playbook: reads it as far as it can be read, asks every rule, and finds the place of whatever they say."""

import subprocess
from collections.abc import Iterable, Iterator

from evidence_kit.model.document import Flaw, read_document
from evidence_kit.playbook.lint.calling_rules import calls, clocks
from evidence_kit.playbook.lint.finding import Finding, Level
from evidence_kit.playbook.lint.graph_rules import graph
from evidence_kit.playbook.lint.input_rules import inputs
from evidence_kit.playbook.lint.known import Known
from evidence_kit.playbook.lint.mending import mended
from evidence_kit.playbook.lint.name_rules import expressions
from evidence_kit.playbook.lint.people_rules import people
from evidence_kit.playbook.lint.places import Places
from evidence_kit.playbook.lint.probing import ended, started
from evidence_kit.playbook.lint.query_rules import Questions
from evidence_kit.playbook.lint.rules import RULES
from evidence_kit.playbook.lint.saying import Said
from evidence_kit.playbook.lint.source_rules import sources
from evidence_kit.playbook.lint.structure import empty_lists, structure
from evidence_kit.playbook.lint.subject import Subject, examine
from evidence_kit.playbook.templates import OPEN, texts

MAX_SIZE = 1 << 20  # bytes of a playbook; the longest that comes with the kit has some twenty thousand
MAX_STEPS = 500
MAX_EXPRESSIONS = 2_000
MAX_FINDINGS = 1_000


def lint(text: bytes, *, name: str, known: Known) -> tuple[Finding, ...]:
    """Return everything that is wrong with a playbook, in the order of its lines."""
    if len(text) > MAX_SIZE:
        return (_plain(name, f"a playbook of more than {MAX_SIZE:,} bytes"),)
    process = started() if b"sql" in text else None
    try:
        return _found(text, name, known, process)
    finally:
        ended(process)


def _found(text: bytes, name: str, known: Known, process: "subprocess.Popen[bytes] | None") -> tuple[Finding, ...]:
    doc, flaws, spots = read_document(text, name=name)
    places = Places.of(text, spots)
    found = [_flawed(name, places, flaw) for flaw in flaws]
    if doc is not None:
        faults, bad = structure(doc)
        said: list[Said] = [*faults, *empty_lists(doc)]
        if (much := _too_much(doc.data)) is not None:
            said.append(much)
        else:
            playbook, vague = mended(doc, bad)
            subject = Subject(playbook=playbook, known=known, data=playbook.doc.data, vague=vague)
            said += _meant(subject, Questions(subject, process))
        worst = sorted(said, key=lambda one: RULES[one.rule].level is not Level.ERROR)  # what is cut off is no error
        found += [_placed(name, places, one) for one in worst[:MAX_FINDINGS]]
    return tuple(sorted({one.key: one for one in found}.values(), key=lambda one: one.key))


def errors(findings: Iterable[Finding]) -> int:
    """Return how many of them keep a playbook from running."""
    return sum(one.level is Level.ERROR for one in findings)


def _meant(subject: Subject, questions: Questions) -> list[Said]:
    try:
        return list(_said(subject, questions))
    finally:
        questions.probe.close()


def _said(subject: Subject, questions: Questions) -> Iterator[Said]:
    examine(subject)
    yield from graph(subject)
    yield from expressions(subject)
    yield from inputs(subject)
    yield from sources(subject)
    yield from people(subject)
    yield from clocks(subject)
    yield from calls(subject)
    yield from questions.judge()


def _too_much(data: object) -> Said | None:
    steps = data.get("steps") if isinstance(data, dict) else None
    if isinstance(steps, list) and len(steps) > MAX_STEPS:
        return Said(("steps",), "value", f"more than {MAX_STEPS:,} steps", "make playbooks that call each other")
    if sum(OPEN in text for _, text in texts(data)) > MAX_EXPRESSIONS:
        return Said((), "value", f"more than {MAX_EXPRESSIONS:,} expressions")
    return None


def _plain(name: str, message: str) -> Finding:
    return Finding(file=name, line=1, column=1, level=Level.ERROR, message=message, rule="syntax")


def _flawed(name: str, places: Places, flaw: Flaw) -> Finding:
    line, column = places.inside(flaw.at)
    return _finding(name, places, (line, column), 1, flaw.rule, flaw.message, flaw.hint or "")


def _placed(name: str, places: Places, said: Said) -> Finding:
    if said.at is not None:
        mark = places.within(said.path, said.text, said.at)
        width = said.width
    else:
        mark, width = places.key(said.path) if said.key else places.value(said.path)
    return _finding(name, places, mark, width, said.rule, said.message, said.hint)


def _finding(
    name: str, places: Places, mark: tuple[int, int], width: int, rule: str, message: str, hint: str
) -> Finding:
    line, column = mark
    shown = places.line(line)
    return Finding(
        file=name,
        line=line,
        column=column,
        level=RULES[rule].level,
        message=" ".join(message.split()),
        rule=rule,
        hint=hint,
        snippet=shown,
        width=max(1, min(width, len(shown) - column + 1)),
    )
