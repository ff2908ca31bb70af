"""What can be told of an expression without evaluating it: its kind, what it calls, what it is compared with."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from evidence_kit.playbook.expressions import Expression

_DEEPEST = 150
_BY_FUNCTION = {
    "size": "int", "has": "bool", "int": "int", "double": "double", "string": "string", "bool": "bool",
    "timestamp": "timestamp", "duration": "duration", "matches": "bool", "inNetwork": "bool", "join": "string",
    "lowerAscii": "string", "split": "list<string>", "distinct": "list",
    "all": "bool", "exists": "bool", "exists_one": "bool", "filter": "list", "map": "list", "contains": "bool",
    "startsWith": "bool", "endsWith": "bool",
}  # fmt: skip
_BY_TOKEN = {"INT_LIT": "int", "UINT_LIT": "int", "FLOAT_LIT": "double", "STRING_LIT": "string", "BOOL_LIT": "bool"}
_BY_NODE = {
    "conditionalor": "bool",
    "conditionaland": "bool",
    "relation": "bool",
    "list_lit": "list",
    "map_lit": "map",
}
Types = Callable[[tuple[str, ...]], str | None]


class Call(NamedTuple):
    """A function, or a method of something, and where its name stands."""

    name: str
    at: int
    is_method: bool


class Compared(NamedTuple):
    """A name, and a text that it is held against; where the text stands, and how wide it is."""

    path: tuple[str, ...]
    text: str
    at: int
    width: int


def kind_of(expression: Expression, types: Types) -> str | None:
    """Return the kind of what an expression comes to, if that is certain."""
    return _kind(expression.tree, types, 0)


def calls(expression: Expression) -> Iterator[Call]:
    """Yield every call."""
    for node in expression.tree.find_pred(lambda one: one.data in {"ident_arg", "member_dot_arg"}):
        token = node.children[0 if node.data == "ident_arg" else 1]
        yield Call(str(token), int(token.start_pos), node.data == "member_dot_arg")


def compared(expression: Expression) -> Iterator[Compared]:
    """Yield every name that is held against a text: `a == "x"`, `"x" in a`, `a in ["x", "y"]`."""
    for node in expression.tree.find_data("relation"):
        if len(node.children) != 2 or not hasattr(node.children[0], "data") or not node.children[0].children:
            continue
        sign, left, right = node.children[0].data, node.children[0].children[0], node.children[1]
        if sign in {"relation_eq", "relation_ne"}:
            yield from _pairs(left, right)
            yield from _pairs(right, left)
        elif sign == "relation_in":
            yield from _pairs(right, left)
            for one in _listed(right):
                yield from _pairs(left, one)


def results(expression: Expression) -> Iterator[Compared]:
    """Yield the texts that an expression may come to: itself, or the branches of `? :`."""
    waiting = [expression.tree]
    while waiting:
        node = _inner(waiting.pop())
        if getattr(node, "data", "") == "expr" and len(node.children) == 3:
            waiting += node.children[1:]
        elif (said := _text(node)) is not None:
            yield Compared((), *said)


def only_name(expression: Expression) -> tuple[str, ...] | None:
    """Return the name that an expression is, if it is nothing else."""
    found = expression.references()
    return found[0].path if len(found) == 1 and _name(expression.tree) == found[0].path else None


def _kind(node: Any, types: Types, depth: int) -> str | None:  # noqa: ANN401 - of lark
    node = _inner(node)
    if depth > _DEEPEST or node is None:
        return None
    if not hasattr(node, "data"):
        return _BY_TOKEN.get(node.type)
    if (path := _name(node)) is not None:
        return types(path)
    if node.data in {"ident_arg", "member_dot_arg"}:
        return _BY_FUNCTION.get(str(node.children[0 if node.data == "ident_arg" else 1]))
    if node.data == "unary":
        return "bool" if node.children[0].data == "unary_not" else _kind(node.children[1], types, depth + 1)
    if node.data == "expr" and len(node.children) == 3:
        return _same([_kind(one, types, depth + 1) for one in node.children[1:]])
    if node.data in {"addition", "multiplication"}:
        return _same([_kind(one, types, depth + 1) for one in (node.children[0].children[0], node.children[1])])
    return _BY_NODE.get(node.data)


def _same(kinds: list[str | None]) -> str | None:
    """Return what both sides are; two lists are a list, whatever is in them."""
    first, second = kinds
    if first is None or second is None:
        return None
    if first.startswith("list") and second.startswith("list"):
        return first if first == second else "list"
    return first if first == second and first != "timestamp" else None


def _inner(node: Any) -> Any:  # noqa: ANN401 - of lark
    """Return what a node stands for that only hands on what is in it."""
    while getattr(node, "data", "") not in {"", "ident", "ident_arg", "list_lit", "map_lit"} and (
        len(node.children) == 1
    ):
        node = node.children[0]
    return node


def _name(node: Any) -> tuple[str, ...] | None:  # noqa: ANN401 - of lark
    parts: list[str] = []
    while True:
        node = _inner(node)
        if not hasattr(node, "data"):
            return None
        if node.data == "ident":
            return (str(node.children[0]), *reversed(parts))
        if node.data == "member_dot":
            node, name = node.children
            parts.append(str(name))
        elif node.data == "member_index" and (key := _text(_inner(node.children[1]))) is not None:
            node = node.children[0]
            parts.append(key[0])
        else:
            return None


def _text(node: Any) -> tuple[str, int, int] | None:  # noqa: ANN401 - of lark
    said = str(node)
    if getattr(node, "type", "") != "STRING_LIT" or said[0] not in "\"'" or "\\" in said:
        return None
    return said[1:-1], int(node.start_pos), len(said)


def _pairs(name: Any, text: Any) -> Iterator[Compared]:  # noqa: ANN401 - of lark
    if (path := _name(name)) is not None and (said := _text(_inner(text))) is not None:
        yield Compared(path, *said)


def _listed(node: Any) -> list[Any]:  # noqa: ANN401 - of lark
    node = _inner(node)
    if getattr(node, "data", "") != "list_lit" or not node.children or node.children[0] is None:
        return []
    return list(node.children[0].children)
