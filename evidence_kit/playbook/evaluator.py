"""Evaluates what `expressions` has read, by cel-python, and counts: steps taken, and the size of what is made."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.evaluation import Activation, CELEvalError, Evaluator

from evidence_kit.model.time import rfc3339

MAX_STEPS = 200_000  # of evaluation: a filter over the largest list that a step may hand on takes a tenth
MAX_SIZE = 1 << 20  # of a text or a list that an expression makes


class UnevaluableError(ValueError):
    """An expression that comes to nothing; the message says why."""


class _SpentError(BaseException):
    """The budget is spent. No kind of error that cel-python knows: its macros go on after those, without end."""


class Bounded(Evaluator):
    """An evaluator that counts its steps, those of macros included, and looks at what it makes."""

    def __init__(self, ast: Any, activation: Activation, taken: list[int] | None = None) -> None:  # noqa: ANN401
        super().__init__(ast, activation)
        self.taken = [0] if taken is None else taken

    def sub_evaluator(self, ast: Any) -> "Bounded":  # noqa: ANN401
        """Evaluate the body of a macro on the same budget."""
        return Bounded(ast, self.activation, self.taken)

    def visit_children(self, tree: Any) -> Any:  # noqa: ANN401
        """Count a step."""
        self.taken[0] += 1
        if self.taken[0] > MAX_STEPS:
            raise _SpentError(f"it takes more than {MAX_STEPS:,} steps")
        return super().visit_children(tree)

    def conditionaland(self, tree: Any) -> Any:  # noqa: ANN401
        """Return true, false, or an error."""
        return _truth(super().conditionaland(tree), tree)

    def conditionalor(self, tree: Any) -> Any:  # noqa: ANN401
        """Return true, false, or an error."""
        return _truth(super().conditionalor(tree), tree)

    def addition(self, tree: Any) -> Any:  # noqa: ANN401
        """Return a sum, or a longer text or list, of which there is an end."""
        made = super().addition(tree)
        if isinstance(made, str | list) and len(made) > MAX_SIZE:
            raise _SpentError(f"it makes more than {MAX_SIZE:,} characters or items")
        return made


def evaluate(tree: Any, names: Mapping[str, object]) -> object:  # noqa: ANN401 - of lark
    """Return what a tree comes to, as plain data."""
    try:
        known = Activation(functions=_FUNCTIONS, vars={name: _cel(value) for name, value in names.items()})
        return _plain(Bounded(tree, known).evaluate())
    except _SpentError as error:
        raise UnevaluableError(str(error)) from error
    except CELEvalError as error:
        raise UnevaluableError(_said(error)) from error
    except RecursionError as error:
        raise UnevaluableError("it nests too deep") from error
    except (ValueError, TypeError, OverflowError, KeyError) as error:
        raise UnevaluableError(str(error)[:200] or type(error).__name__) from error


def _truth(made: Any, tree: Any) -> Any:  # noqa: ANN401
    """Return what `&&` and `||` come to: cel-python lets through whatever stood on the other side."""
    if len(tree.children) > 1 and not isinstance(made, celtypes.BoolType | CELEvalError):
        return CELEvalError("`&&` and `||` take true and false alone")
    return made


def _cel(value: object) -> Any:  # noqa: ANN401 - of CEL's own types
    if isinstance(value, datetime):
        return celtypes.TimestampType(value)
    if isinstance(value, Mapping):
        return celtypes.MapType({celtypes.StringType(name): _cel(one) for name, one in value.items()})
    if isinstance(value, list | tuple):
        return celtypes.ListType([_cel(one) for one in value])
    return json_to_cel(value)  # type: ignore[arg-type]


def _plain(value: Any) -> object:  # noqa: ANN401 - of CEL's own types
    if value is None or isinstance(value, celtypes.BoolType):
        return None if value is None else bool(value)
    if isinstance(value, celtypes.TimestampType):
        return rfc3339(value)
    if isinstance(value, timedelta):
        return f"PT{int(value.total_seconds())}S"
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(one) for one in value]
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    raise UnevaluableError(f"it comes to {type(value).__name__}, which is no data")


# -- what the language adds: CEL's extensions of texts and lists by their usual names, and networks ----------------


def _split(text: str, separator: str) -> celtypes.ListType:
    return celtypes.ListType([celtypes.StringType(part) for part in text.split(separator)])


def _join(parts: Sequence[str], separator: str = "") -> celtypes.StringType:
    return celtypes.StringType(separator.join(parts))


def _distinct(items: Sequence[Any]) -> celtypes.ListType:
    return celtypes.ListType(list(dict.fromkeys(items)))


def _lower(text: str) -> celtypes.StringType:
    return celtypes.StringType("".join(char.lower() if char.isascii() else char for char in text))


def _in_network(address: str, networks: str | Sequence[str]) -> celtypes.BoolType:
    try:
        host = ipaddress.ip_address(address)
    except ValueError:  # logs name services, too, where others have addresses
        return celtypes.BoolType(False)
    wanted = [networks] if isinstance(networks, str) else networks
    return celtypes.BoolType(any(host in ipaddress.ip_network(one, strict=False) for one in wanted))


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "split": _split,
    "join": _join,
    "distinct": _distinct,
    "lowerAscii": _lower,
    "inNetwork": _in_network,
}


def _said(error: Exception) -> str:
    first = str(error.args[0]) if error.args else type(error).__name__
    return "these kinds of values cannot be combined so" if first.startswith("found no matching") else first[:200]
