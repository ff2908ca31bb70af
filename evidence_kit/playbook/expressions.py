"""Conditions in CEL, by cel-python, within bounds: nothing is coerced, nothing runs on, and every name has a place.

Values come from evidence, so from attackers: an expression may not take longer or grow larger than it has to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evidence_kit.errors import UsageError

MAX_LENGTH = 4_096  # characters
MAX_DEPTH = 64  # of brackets
# What cel-python adds to CEL, and other programs do not know.
_FOREIGN = frozenset({"reduce", "min"})
FUNCTIONS = frozenset({"split", "join", "distinct", "lowerAscii", "inNetwork"})  # beside those of CEL
_MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})


class ExpressionError(UsageError):
    """An expression that cannot be read or evaluated; `at` is the character where, if that is known."""

    def __init__(self, message: str, *, at: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.at = at


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that an expression looks up: `steps.pivot.outputs.ips` as its parts, and where it begins."""

    path: tuple[str, ...]
    at: int
    is_called: bool = False  # the last part is a method, such as `startsWith`
    within: str = ""  # the function that it is the only argument of, such as `size`


@dataclass(frozen=True, slots=True)
class Expression:
    """CEL that was read."""

    text: str
    tree: Any = field(repr=False, compare=False)  # of lark

    def references(self) -> tuple[Reference, ...]:
        """Return the names that it looks up outside of itself, in the order in which they stand."""
        return tuple(_references(self.tree, frozenset(), ""))

    def value(self, names: Mapping[str, object]) -> object:
        """Return what it comes to, as plain data; ExpressionError where it comes to nothing."""
        from evidence_kit.playbook.evaluator import UnevaluableError, evaluate

        try:
            return evaluate(self.tree, names)
        except UnevaluableError as error:
            raise ExpressionError(f"`{self.text[:200]}`: {error}") from error

    def holds(self, names: Mapping[str, object]) -> bool:
        """Return whether it is true; ExpressionError where it comes to anything but true or false."""
        found = self.value(names)
        if not isinstance(found, bool):
            raise ExpressionError(f"`{self.text[:200]}` is {_kind(found)}, not true or false")
        return found


def parse(text: str) -> Expression:
    """Read an expression; ExpressionError says where it is wrong."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression of more than {MAX_LENGTH:,} characters")
    _require_shallow(text)
    from celpy.celparser import CELParseError, CELParser

    try:
        tree = CELParser().parse(text)
    except CELParseError as error:
        raise ExpressionError("this is no expression", at=_offset(text, error.line, error.column)) from error
    except RecursionError as error:
        raise ExpressionError("an expression that nests too deep") from error
    _require_plain(tree)
    return Expression(text, tree)


def _require_shallow(text: str) -> None:
    depth = 0
    for at, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if depth > MAX_DEPTH:
            raise ExpressionError(f"brackets nest more than {MAX_DEPTH} deep", at=at)


def _require_plain(tree: Any) -> None:  # noqa: ANN401 - of lark
    """Raise for what cel-python would take and CEL does not know, and for protocol buffers."""
    for node in tree.find_pred(
        lambda one: one.data in {"member_dot_arg", "member_object", "dot_ident", "dot_ident_arg"}
    ):
        if node.data != "member_dot_arg":
            raise ExpressionError("names begin with a letter, and no message is made here", at=node.meta.start_pos)
        if node.children[1].value in _FOREIGN:
            raise ExpressionError(f"CEL has no `{node.children[1].value}`", at=node.children[1].start_pos)


# -- names ----------------------------------------------------------------------------------------------------------


def _references(tree: Any, bound: frozenset[str], within: str) -> Iterator[Reference]:  # noqa: ANN401
    """Walk a tree; `bound` holds the names that a macro around it gives."""
    waiting: list[tuple[Any, frozenset[str], str]] = [(tree, bound, within)]
    while waiting:
        node, names, inside = waiting.pop()
        if not hasattr(node, "data"):
            continue
        if (found := _chain(node)) is not None:
            path, at = found
            if path[0] not in names:
                yield Reference(path, at, within=inside)
            continue
        if node.data == "member_dot_arg":
            waiting += reversed(list(_parts_of_call(node, names)))
            continue
        within = ""
        if node.data == "ident_arg":
            arguments = node.children[1].children if len(node.children) > 1 and node.children[1] else []
            within = str(node.children[0]) if len(arguments) == 1 else ""
        elif len(node.children) == 1:
            within = inside
        waiting += [(child, names, within) for child in reversed(node.children)]


def _parts_of_call(node: Any, names: frozenset[str]) -> Iterator[tuple[Any, frozenset[str], str]]:  # noqa: ANN401
    """Yield the receiver of a method and its arguments; a macro's first argument names a variable."""
    receiver, method = node.children[:2]
    arguments = node.children[2].children if len(node.children) > 2 and node.children[2] else []
    yield receiver, names, "size" if str(method) == "size" else ""
    if str(method) in _MACROS and len(arguments) == 2 and (variable := _chain(arguments[0])) is not None:
        yield arguments[1], names | {variable[0][0]}, ""
    else:
        for argument in arguments:
            yield argument, names, ""


def _chain(node: Any) -> tuple[tuple[str, ...], int] | None:  # noqa: ANN401
    """Return `a.b["c"]` as its parts and where it begins; None for anything else."""
    parts: list[str] = []
    while True:
        while hasattr(node, "data") and len(node.children) == 1 and node.data not in {"ident", "paren_expr"}:
            node = node.children[0]
        if not hasattr(node, "data"):
            return None
        if node.data == "ident":
            token = node.children[0]
            return (str(token), *reversed(parts)), int(token.start_pos)
        if node.data == "member_dot":
            node, name = node.children
            parts.append(str(name))
        elif node.data == "member_index" and (key := _literal(node.children[1])) is not None:
            node = node.children[0]
            parts.append(key)
        else:
            return None


def _literal(node: Any) -> str | None:  # noqa: ANN401
    while hasattr(node, "data") and len(node.children) == 1:
        node = node.children[0]
    said = str(node)
    is_text = getattr(node, "type", "") == "STRING_LIT" and said[0] in "\"'" and "\\" not in said
    return said[1:-1] if is_text else None


def _offset(text: str, line: int | None, column: int | None) -> int:
    before = text.split("\n")[: (line or 1) - 1]
    return min(sum(len(one) + 1 for one in before) + (column or 1) - 1, len(text))


def _kind(value: object) -> str:
    names = {"str": "a text", "int": "a number", "float": "a number", "list": "a list", "dict": "a mapping"}
    return names.get(type(value).__name__, "nothing")
