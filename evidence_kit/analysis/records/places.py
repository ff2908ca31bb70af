r"""A small path language for single values, compiled once: dotted names, `[0]`, `[]` for the first item that has it.

JMESPath says the same and more, at four times the cost of parsing the record; a million records take that long.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
        return Named(names)
    if len(steps) == 3 and steps[1] == _EACH and isinstance(steps[0], str) and isinstance(steps[2], str):
        return First(steps[0], steps[2])
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


@dataclass(frozen=True, slots=True)
class Named:
    """The place that names lead down to."""

    names: tuple[str, ...]

    def __call__(self, value: object) -> object:
        """Return what stands there, or None."""
        for name in self.names:
            if type(value) is not dict:
                return None
            value = value.get(name)
        return value


@dataclass(frozen=True, slots=True)
class First:
    """The place `above[].name`, the commonest of those that lead through a list."""

    above: str
    name: str

    def __call__(self, value: object) -> object:
        """Return what stands there, or None."""
        return self._of(value.get(self.above)) if type(value) is dict else None

    def among(self, lists: Sequence[object]) -> Sequence[object]:
        """Return what stands in each of the lists that `above` leads to; mostly it is the first item that has it."""
        name = self.name
        try:
            found: list[object] = [items[0][name] for items in lists]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return list(map(self._of, lists))
        return list(map(self._of, lists)) if None in found or "" in found else found

    def _of(self, items: object) -> object:
        if type(items) is not list:
            return None
        for item in items:
            found = item.get(self.name) if type(item) is dict else None
            if found is not None and found != "":
                return found
        return None


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
