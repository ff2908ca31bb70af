"""Finds the character of the file that a path, or a character of a text in it, stands for.

A text may be written over several lines, with escapes, or folded: what is counted is what is not blank, since that is
what every way of writing keeps.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from evidence_kit.model.document import Mark, Path, Spot

_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_ESCAPED = {"x": 2, "u": 4, "U": 8}
_BLANK = frozenset(" tnrvfeabNLP_0")  # escapes that stand for something blank or invisible
_INVISIBLE = frozenset("\x00\x07\x08\x1b")


@dataclass(frozen=True, slots=True)
class Places:
    """The lines of a file, and how each value of it is written."""

    lines: tuple[str, ...]
    spots: Mapping[Path, Spot] = field(repr=False)

    @classmethod
    def of(cls, text: bytes, spots: Mapping[Path, Spot]) -> "Places":
        """Cut a file into lines as YAML does."""
        said = text.decode("utf-8", "replace").removeprefix("\ufeff")
        return cls(tuple(_BREAKS.split(said)), spots)

    def spot(self, path: Path) -> Spot:
        """Return how the value at `path`, or its nearest parent, is written."""
        while path and path not in self.spots:
            path = path[:-1]
        return self.spots.get(path) or Spot(None, (1, 1), (1, 1), "")

    def key(self, path: Path) -> tuple[Mark, int]:
        """Return where the key of a value stands, and its width; the value itself where it has none."""
        spot = self.spot(path)
        if spot.key is None or path not in self.spots:
            return self.value(path)
        return self.inside(spot.key), max(len(str(path[-1])), 1)

    def value(self, path: Path) -> tuple[Mark, int]:
        """Return where a value begins, and how much of its first line it is."""
        spot = self.spot(path)
        line, column = self.inside(spot.start)
        end = spot.end[1] if spot.end[0] == spot.start[0] else len(self.line(line)) + 1
        return (line, column), max(1, len(self.line(line)[column - 1 : end - 1].rstrip()))

    def within(self, path: Path, text: str, at: int) -> Mark:
        """Return where character `at` of the text at `path` is written."""
        spot = self.spot(path)
        before = sum(not _is_blank(char) for char in text[:at])
        last = spot.start
        for count, mark in enumerate(self._written(spot)):
            if count == before:
                return self.inside(mark)
            last = mark[0], mark[1] + 1
        return self.inside(last)

    def line(self, number: int) -> str:
        """Return a line of the file."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def inside(self, mark: Mark) -> Mark:
        """Return a place that the file has: the nearest one."""
        line = min(max(mark[0], 1), max(len(self.lines), 1))
        return line, min(max(mark[1], 1), len(self.line(line)) + 1)

    def _written(self, spot: Spot) -> Iterator[Mark]:
        """Yield the place of every character of a value that is not blank."""
        (line, column), (last, end) = spot.start, spot.end
        if spot.style in {"|", ">"}:
            line, column = line + 1, 1
        elif spot.style:
            column += 1
        while line <= min(last, len(self.lines)):
            said = self.line(line)
            stop = min(end - 1, len(said)) if line == last else len(said)
            if spot.style in {"'", '"'} and line == last:
                stop -= 1
            for at, blank in _characters(said, column - 1, stop, spot.style):
                if not blank:
                    yield line, at + 1
            line, column = line + 1, 1


def _characters(said: str, at: int, stop: int, style: str) -> Iterator[tuple[int, bool]]:
    """Yield where each character of a line's part begins, and whether it is blank; an escape is one character."""
    while at < stop:
        width, blank = 1, _is_blank(said[at])
        if style == "'" and said.startswith("''", at):
            width = 2
        elif style == '"' and said[at] == "\\":
            kind = said[at + 1 : at + 2]
            width = 2 + _ESCAPED.get(kind, 0)
            blank = not kind or kind in _BLANK or (kind in _ESCAPED and _is_blank(_char(said[at + 2 : at + width])))
        yield at, blank
        at += width


def _char(digits: str) -> str:
    try:
        return chr(int(digits, 16))
    except (ValueError, OverflowError):
        return "?"


def _is_blank(char: str) -> bool:
    return char.isspace() or char in _INVISIBLE
