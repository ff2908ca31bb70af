r"""A small path language for single values, compiled once: dotted names, `[0]`, `[]` for the first item that has it.

JMESPath says the same and more, at four times the cost of parsing the record; a million records take that long.
"""

import json
import re
from collections.abc import Callable

import jmespath

_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[^."\[\]]+|\[\d*\]')
_WRITTEN = re.compile(
    r'(?:"(?:[^"\\]|\\.)*"|[^."\[\]]+)(?:\[\d*\])*(?:\.(?:"(?:[^"\\]|\\.)*"|[^."\[\]]+)(?:\[\d*\])*)*'
)
_EACH = -1
Step = str | int
Place = Callable[[object], object]


def place_of(said: str) -> Place:
    """Return the function that finds what stands at a path, or None; ValueError if it is none."""
    steps = _steps(said)
    if names := names_of(said):
        return _named(names)
    if len(steps) == 3 and steps[1] == _EACH and isinstance(steps[0], str) and isinstance(steps[2], str):
        return _first(steps[0], steps[2])
    return lambda value: _follow(value, steps)


def names_of(said: str) -> tuple[str, ...]:
    """Return the names that a path leads down by; nothing if it leads through a list. ValueError if it is none."""
    steps = _steps(said)
    return tuple(str(step) for step in steps) if all(isinstance(step, str) for step in steps) else ()


def _steps(said: str) -> tuple[Step, ...]:
    if not _WRITTEN.fullmatch(said):
        raise ValueError(f"`{said}` is not a path")
    return tuple(_step(part) for part in _PART.findall(said))


def identity_of(said: str) -> Place:
    """Return the function that finds a record's own name, which a few sources give by other JMESPath than a place."""
    if not said:
        return nothing
    try:
        return place_of(said)
    except ValueError:
        return _searching(said)


def _searching(said: str) -> Place:
    """Return the function that finds what JMESPath says; a record that lacks what a function takes has no name."""
    search = jmespath.compile(said).search

    def find(value: object) -> object:
        try:
            return search(value)
        except jmespath.exceptions.JMESPathError:
            return None

    return find


def nothing(_: object) -> object:
    """Find nothing."""
    return None


def _step(part: str) -> Step:
    if part.startswith('"'):
        return str(json.loads(part))
    if part.startswith("["):
        return int(part[1:-1] or _EACH)
    return part


def _named(names: tuple[str, ...]) -> Place:
    if len(names) == 1:
        (name,) = names
        return lambda value: value.get(name) if type(value) is dict else None

    if len(names) == 2:
        outside, inside = names

        def find_below(value: object) -> object:
            above = value.get(outside) if type(value) is dict else None
            return above.get(inside) if type(above) is dict else None

        return find_below

    def find(value: object) -> object:
        for name in names:
            if type(value) is not dict:
                return None
            value = value.get(name)
        return value

    return find


def _first(above: str, name: str) -> Place:
    """Return what finds `above[].name`, the commonest of the paths through a list."""

    def find(value: object) -> object:
        items = value.get(above) if type(value) is dict else None
        if type(items) is not list:
            return None
        for item in items:
            found = item.get(name) if type(item) is dict else None
            if found is not None and found != "":
                return found
        return None

    return find


def _follow(value: object, steps: tuple[Step, ...]) -> object:
    for at, step in enumerate(steps):
        if isinstance(step, str):
            value = value.get(step) if type(value) is dict else None
        elif type(value) is not list:
            return None
        elif step == _EACH:
            found = (_follow(item, steps[at + 1 :]) for item in value)
            return next((one for one in found if one not in (None, "")), None)
        else:
            value = value[step] if step < len(value) else None
        if value is None:
            return None
    return value
