"""Digging texts out of plain data by a path such as `order.targets[].{provider,id}`; what is not there is nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

MAX_VALUES = 40  # of one field; whoever wants the four-hundredth target opens the file that is named beside it
MAX_VALUE = 8000  # characters; a note can be half a megabyte
_TELLING = frozenset({"name", "provider", "of", "bag", "id", "verdict", "scope", "algorithm"})


@dataclass(frozen=True, slots=True)
class Found:
    """Some values, and how many more there are."""

    values: tuple[str, ...] = ()
    more: int = 0
    is_empty: bool = False  # something stands there, and it is an empty list or object

    @classmethod
    def of(cls, *values: str) -> "Found":
        """Return the values that say something."""
        return cls.bounded(value for value in values if value)

    @classmethod
    def bounded(cls, values: Iterable[str]) -> "Found":
        """Return the first values, and the number of the others."""
        every = iter(values)
        first = tuple(islice(every, MAX_VALUES))
        return cls(first, sum(1 for _ in every))

    @classmethod
    def joined(cls, parts: Iterable["Found"]) -> "Found":
        """Return the values of several findings as one."""
        every = list(parts)
        found = cls.bounded(value for part in every for value in part.values)
        is_empty = not found.values and any(part.is_empty for part in every)
        return cls(found.values, found.more + sum(part.more for part in every), is_empty)

    @property
    def text(self) -> str:
        """Return the first value, or nothing."""
        return self.values[0] if self.values else ""


def dig(document: object, path: str) -> Found:
    """Return what stands at `path`: `a.b` goes down, `[]` goes through a list, `{a,b}` picks fields."""
    reached = list(_reach([document], path.split(".")))
    found = Found.bounded(_texts(reached))
    is_empty = bool(reached) and all(value in ([], {}) for value in reached)
    return Found(found.values, found.more, is_empty)


def _reach(level: Iterable[object], steps: list[str]) -> Iterator[object]:
    for value in level:
        yield from _step(value, steps)


def _step(value: object, steps: list[str]) -> Iterator[object]:
    if not steps:
        yield value
        return
    if not isinstance(value, Mapping):
        return
    name, rest = steps[0], steps[1:]
    if name.startswith("{"):
        picked = {key: value[key] for key in name[1:-1].split(",") if key in value}
        yield _Picked(picked)
        return
    inner = value.get(name.removesuffix("[]"))
    if name.endswith("[]"):
        yield from _reach(inner if isinstance(inner, list) else [], rest)
    else:
        yield from _step(inner, rest)


@dataclass(frozen=True, slots=True)
class _Picked:
    """Chosen fields of an object."""

    fields: Mapping[str, object]


def _texts(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, list):
            yield from _texts(value)
        elif text := _text(value):
            yield text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}… ({len(text):,} characters in the file)"


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := _text(item)))
    if isinstance(value, _Picked):
        return ", ".join(_named(name, inner) for name, inner in value.fields.items() if _text(inner))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text}" for name, inner in value.items() if (text := _text(inner)))
    return ""


def _named(name: str, value: object) -> str:
    """Return a field with its name, but for those that say what the others are about, and for objects."""
    return _text(value) if name in _TELLING or isinstance(value, Mapping) else f"{name} {_text(value)}"
