"""Where each value stands in JSON bytes: a strict scan with positions, so that evidence is never written anew.

Reads one document, or JSON Lines. A key that stands twice is seen twice: whichever a reader takes, both are found.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_DEPTH = 200  # evidence nests some twenty deep; the path of each value is held while it is scanned
_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_SCALAR = re.compile(rb"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?![0-9A-Za-z_.+-])")
_ANYWHERE, _ANY = "**", "*"
Steps = tuple[str, ...]


class NotJsonError(ValueError):
    """The bytes are neither one JSON document nor JSON Lines."""


@dataclass(frozen=True, slots=True)
class Found:
    """One value that a path leads to: its bytes `[start, end)`, its place, and the bytes of the keys on the way."""

    which: int  # index of the path that led here
    place: str
    start: int
    end: int
    keys: tuple[tuple[int, int], ...]


def steps_of(path: str) -> Steps:
    r"""Return the steps of a dotted path; `\.` is a full stop within a key."""
    parts = re.split(r"(?<!\\)\.", path)
    if not all(parts):
        raise ValueError("a step of the path is empty")
    if set(parts) == {_ANYWHERE}:
        raise ValueError("the path names everything and nothing")
    return tuple(part.replace("\\.", ".") for part in parts)


@dataclass(slots=True)
class _Level:
    """One container that is open: what of each path is still to match, its label, its place in the container."""

    states: tuple[frozenset[int], ...]
    is_object: bool
    label: str = ""
    key: tuple[int, int] | None = None
    count: int = 0
    hits: tuple[int, ...] = ()
    start: int = 0


@dataclass(slots=True)
class _Scan:
    data: bytes
    paths: tuple[Steps, ...]
    at: int = 0
    document: int = 0
    is_many: bool = False
    stack: list[_Level] = field(default_factory=list)

    def documents(self) -> Iterator[Found]:
        self._skip()
        while self.at < len(self.data):
            self.document += 1
            yield from self._document()
            before = self.at
            self._skip()
            if self.at < len(self.data) and b"\n" not in self.data[before : self.at]:
                raise NotJsonError(f"something follows the value that ends at byte {before:,}")
        if not self.document:
            raise NotJsonError("there is no value")

    def _skip(self) -> None:
        space = _SPACE.match(self.data, self.at)
        self.at = space.end() if space else self.at

    def _document(self) -> Iterator[Found]:
        yield from self._value(tuple(_closure(steps, {0}) for steps in self.paths))
        while self.stack:
            level = self.stack[-1]
            self._skip()
            closing = b"}" if level.is_object else b"]"
            if self.data.startswith(closing, self.at):
                self.at += 1
                self.stack.pop()
                yield from self._found(level.hits, level.start)
                continue
            if level.count:
                self._expect(b",")
            self._name(level)
            level.count += 1
            yield from self._value(self._stepped(level))

    def _name(self, level: _Level) -> None:
        """Read the key of a member, or count an item."""
        self._skip()
        if not level.is_object:
            level.label = str(level.count)
            return
        key = _STRING.match(self.data, self.at)
        if key is None:
            raise NotJsonError(f"no key at byte {self.at:,}")
        level.label, level.key = _text(key[0]), key.span()
        self.at = key.end()
        self._skip()
        self._expect(b":")
        self._skip()

    def _expect(self, byte: bytes) -> None:
        if not self.data.startswith(byte, self.at):
            raise NotJsonError(f"no `{byte.decode()}` at byte {self.at:,}")
        self.at += 1

    def _stepped(self, level: _Level) -> tuple[frozenset[int], ...]:
        """Return what of each path is still to match below the member that was just named."""
        return tuple(
            _closure(steps, _after(steps, state, level.label)) if state else state
            for steps, state in zip(self.paths, level.states, strict=True)
        )

    def _value(self, states: tuple[frozenset[int], ...]) -> Iterator[Found]:
        start = self.at
        hits = tuple(n for n, steps in enumerate(self.paths) if len(steps) in states[n])
        if self.data[start : start + 1] in {b"{", b"["}:
            if len(self.stack) >= MAX_DEPTH:
                raise NotJsonError(f"nested more than {MAX_DEPTH} deep")
            self.stack.append(_Level(states, self.data[start : start + 1] == b"{", hits=hits, start=start))
            self.at += 1
            return
        value = _STRING.match(self.data, start) or _SCALAR.match(self.data, start)
        if value is None:
            raise NotJsonError(f"no value at byte {start:,}")
        if value[0].startswith(b'"'):
            _text(value[0])
        self.at = value.end()
        yield from self._found(hits, start)

    def _found(self, hits: tuple[int, ...], start: int) -> Iterator[Found]:
        if not hits:
            return
        place = "".join(f"/{level.label.replace('~', '~0').replace('/', '~1')}" for level in self.stack)
        keys = tuple(level.key for level in self.stack if level.key)
        for which in hits:
            yield Found(which, f"#{self.document}{place}", start, self.at, keys)


def find(data: bytes, paths: tuple[Steps, ...]) -> list[Found]:
    """Return every value that one of `paths` leads to, in the order in which they end; NotJsonError if it is no JSON.

    A place is `#`, the number of the document (1 unless there are lines), and an RFC 6901 pointer.
    """
    return list(_Scan(data, paths).documents())


def _closure(steps: Steps, states: set[int]) -> frozenset[int]:
    """Add what is reached without a step: `**` may stand for none."""
    reached = set(states)
    for state in sorted(states):
        while state < len(steps) and steps[state] == _ANYWHERE:
            state += 1  # noqa: PLW2901 - walks on from where it stands
            reached.add(state)
    return frozenset(reached)


def _after(steps: Steps, states: frozenset[int], label: str) -> set[int]:
    after: set[int] = set()
    for state in states:
        if state == len(steps):
            continue
        if steps[state] == _ANYWHERE:
            after.add(state)
        elif steps[state] in {_ANY, label}:
            after.add(state + 1)
    return after


def _text(raw: bytes) -> str:
    """Return what a string says; invalid UTF-8 is not JSON."""
    try:
        return str(json.loads(raw.decode("utf-8")))
    except ValueError as error:
        raise NotJsonError("a string is not UTF-8") from error
