"""The playbook as the rules see it: its steps, what exists beside it, and every expression with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from evidence_kit.model.document import Path
from evidence_kit.playbook import templates
from evidence_kit.playbook.expressions import Expression, ExpressionError, parse
from evidence_kit.playbook.graph import ancestors
from evidence_kit.playbook.lint import names
from evidence_kit.playbook.lint.known import Known
from evidence_kit.playbook.lint.saying import Said
from evidence_kit.playbook.model import Playbook, Step

MAX_DEPTH = 400  # of an expression's tree: where lint follows, evaluation has given up long before


@dataclass(frozen=True, slots=True)
class Use:
    """An expression in its place: `at` is the character of `text` where it begins."""

    path: Path
    text: str
    at: int
    expression: Expression
    roots: frozenset[str]
    step: Step | None = None
    is_alone: bool = True  # nothing else is in the text

    def said(self, rule: str, message: str, hint: str = "", *, at: int = 0, width: int = 0) -> Said:
        """Build a fault at a character of the expression."""
        wide = width or max(1, len(self.expression.text) - at)
        return Said(self.path, rule, message, hint, text=self.text, at=self.at + at, width=wide)


@dataclass(frozen=True)
class Subject:
    """One playbook under examination."""

    playbook: Playbook
    known: Known
    data: Mapping[str, Any]  # as written
    vague: frozenset[int] = frozenset()  # places of steps of which too little is known
    uses: list[Use] = field(default_factory=list)
    unread: list[Said] = field(default_factory=list)  # of expressions

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """Return the steps by id, of two that are alike the first."""
        found: dict[str, Step] = {}
        for step in self.playbook.steps:
            if step.id:
                found.setdefault(step.id, step)
        return found

    @cached_property
    def above(self) -> Mapping[str, frozenset[str]]:
        """Return what each step needs, and what those need."""
        return ancestors(self.playbook.steps)

    def of_type(self, *types: str) -> Iterator[Step]:
        """Yield the steps of some types that are known well enough."""
        return (step for step in self.playbook.steps if step.type in types and step.index not in self.vague)

    def outputs(self, step: Step) -> Mapping[str, str | None] | None:
        """Return the outputs of a step with their types; None where nobody knows them."""
        if step.index in self.vague:
            return None
        found: dict[str, str | None] = dict(step.outputs)
        if step.type == "playbook":
            library = self.known.playbooks
            other = library.get(str(step.fields.get("playbook", ""))) if library is not None else None
            if other is None:
                return None
            found |= dict.fromkeys(other.outputs)
        return found

    def type_of(self, path: tuple[str, ...]) -> str | None:
        """Return the type of a name, if that is certain."""
        if path[0] == "run" and len(path) == 2:
            return names.RUN.get(path[1])
        if path[0] == "target" and len(path) == 2:
            return names.TARGET.get(path[1])
        if path[0] == "targets" and len(path) == 2:
            return "list<string>"
        if path[0] == "inputs" and len(path) == 2:
            given = self.playbook.inputs.get(path[1])
            return given.type or None if given else None
        if path[0] == "steps" and len(path) == 3:
            return names.STEP.get(path[2])
        if path[0] == "steps" and len(path) == 4 and path[2] == "outputs" and path[1] in self.steps:
            return (self.outputs(self.steps[path[1]]) or {}).get(path[3])
        return None


def examine(subject: Subject) -> None:
    """Read every expression of the playbook; what cannot be read is kept as said."""
    for path, text in templates.texts(subject.data):
        at = names.fits
        if (roots := names.bare(path)) is not None:
            _bare(subject, path, text, roots)
        elif templates.OPEN not in text:
            continue
        elif any(at(path, pattern) for pattern in names.SQL):
            where = text.index(templates.OPEN)
            hint = "bind it: `$name` in the SQL, and `params: {name: ${{ … }}}` beside it"
            subject.unread.append(_slot(path, text, where, "no-template-in-sql", "`${{ }}` within SQL", hint))
        elif (roots := names.templated(path)) is not None:
            _template(subject, path, text, roots)
        else:
            where = text.index(templates.OPEN)
            said = f"`{path[-1]}` is used as it stands: nothing is filled in here"
            subject.unread.append(_slot(path, text, where, "template-here", said, ""))


def _slot(path: Path, text: str, at: int, rule: str, message: str, hint: str) -> Said:
    end = text.find(templates.CLOSE, at)
    width = end + len(templates.CLOSE) - at if end >= 0 else len(templates.OPEN)
    return Said(path, rule, message, hint, text=text, at=at, width=width)


def _bare(subject: Subject, path: Path, text: str, roots: frozenset[str]) -> None:
    if not text.strip():
        return
    if templates.OPEN in text:
        where = text.index(templates.OPEN)
        hint = "an expression stands here by itself: leave `${{` and `}}` out"
        subject.unread.append(
            _slot(path, text, where, "bare-expression", f"`{path[-1]}` is an expression already", hint)
        )
        return
    try:
        _add(subject, path, text, 0, parse(text), roots)
    except ExpressionError as error:
        subject.unread.append(_unreadable(path, text, error))


def _template(subject: Subject, path: Path, text: str, roots: frozenset[str]) -> None:
    try:
        read = templates.read(text)
    except ExpressionError as error:
        subject.unread.append(_unreadable(path, text, error))
        return
    for slot in read.slots:
        _add(subject, path, text, slot.at, slot.expression, roots, is_alone=len(read.parts) == 1)


def _add(
    subject: Subject,
    path: Path,
    text: str,
    at: int,
    expression: Expression,
    roots: frozenset[str],
    *,
    is_alone: bool = True,
) -> None:
    if _depth(expression.tree) > MAX_DEPTH:
        subject.unread.append(Said(path, "expression", "an expression that nests too deep", text=text, at=at))
        return
    step = None
    if path[0] == "steps" and isinstance(path[1], int) and path[1] < len(subject.playbook.steps):
        step = subject.playbook.steps[path[1]]
        if step.for_each is not None and path[2] in names.OF_ITEM and step.for_each.name:
            roots = roots | {step.for_each.name}
    subject.uses.append(Use(path, text, at, expression, roots, step, is_alone))


def _unreadable(path: Path, text: str, error: ExpressionError) -> Said:
    return Said(path, "expression", error.message, error.hint or "", text=text, at=min(error.at, len(text)))


def _depth(tree: Any) -> int:  # noqa: ANN401 - of lark
    """Return how deep a tree is, not counting what only hands on what is in it."""
    deepest, waiting = 0, [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        children = getattr(node, "children", ())
        more = len(children) > 1
        waiting += [(child, depth + more) for child in children if child is not None]
    return deepest
