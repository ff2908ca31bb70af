"""How a line of text falls into columns: by white space, quotes and brackets, tabs, or as CSV."""

import csv
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.analysis.records.decoding import NotReadError
from evidence_kit.analysis.records.record import MAX_COLUMNS

# `[06/Feb/2026:00:00:38 +0000]` and `"GET / HTTP/1.1"` are one column each; `""` within quotes is a quote.
_QUOTED = re.compile(r'\[([^\]]*)\]|"((?:[^"\\]|\\.|"")*)"|(\S+)')
_NAME = re.compile(r"[A-Za-z][\w.-]*")
SPLITS = ("spaces", "quoted", "tabs", "csv", "semicolons")
HEADERS = ("", "first", "#Fields:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The columns of a log of lines.

    `header` is `first` where the first line names the columns, or the prefix of the line that does; `columns` are
    the names where no line says them.
    """

    split: str = ""
    header: str = ""
    columns: tuple[str, ...] = ()

    def cells(self, line: str) -> list[str]:
        """Return the cells of a line; NotReadError where there are more than any log has."""
        cells = _SPLITTERS[self.split](line)
        if len(cells) > MAX_COLUMNS:
            raise NotReadError(f"more than {MAX_COLUMNS:,} columns")
        return cells

    def named(self, line: str, header: Sequence[str]) -> Mapping[str, object]:
        """Return the columns of a line by name; those beyond the names are called by their number."""
        names = header or self.columns
        return {
            (names[at] if at < len(names) else f"column{at + 1}"): cell for at, cell in enumerate(self.cells(line))
        }

    def header_of(self, line: str, number: int) -> list[str] | None:
        """Return the names that a line gives the columns, nothing for a comment, None for a line of data."""
        if self.header == "first":
            names = self.cells(line) if number == 1 else []
            return names if names and self._names_columns(names) else None
        if self.header and line.startswith(self.header):
            return line.removeprefix(self.header).split()  # of W3C logs, whose cells tabs part
        return [] if self.header.startswith("#") and line.startswith("#") else None

    def _names_columns(self, cells: Sequence[str]) -> bool:
        """Say whether the first line is what it should be; that of a file that was cut is data."""
        is_known = not self.columns or not {*self.columns}.isdisjoint(cells)
        return is_known or all(map(_NAME.fullmatch, cells))

    def turns(self, line: str) -> bool:
        """Say whether a quoted cell begins in a line and goes on in the next, or ends in it."""
        return self.split == "csv" and line.count('"') % 2 == 1


PLAIN = Layout()


def _csv(line: str, delimiter: str = ",") -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise NotReadError(f"not CSV: {error}") from error


def _quoted(line: str) -> list[str]:
    cells = itertools.islice(_QUOTED.finditer(line), MAX_COLUMNS + 1)  # a bracket without an end costs a whole look
    return [next((part for part in found.groups() if part is not None), "") for found in cells]


def _tabs(line: str) -> list[str]:
    return line.split("\t")


def _whole(line: str) -> list[str]:
    return [line]


def _semicolons(line: str) -> list[str]:
    return _csv(line, ";")


_SPLITTERS: Mapping[str, Callable[[str], list[str]]] = {
    "": _whole, "spaces": str.split, "quoted": _quoted, "tabs": _tabs, "csv": _csv, "semicolons": _semicolons,
}  # fmt: skip


def lines_of(pieces: Iterator[str], limit: int) -> Iterator[str | None]:
    """Yield each line without its end, or None in place of one longer than `limit`."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        *whole, rest = piece.split("\n")
        for line in whole:
            yield _joined(held, size, line, limit)
            held, size = [], 0
        if (size := size + len(rest)) <= limit:
            held.append(rest)
        else:
            held = []
    if size:
        yield _joined(held, size, "", limit)


def _joined(held: list[str], size: int, line: str, limit: int) -> str | None:
    if size + len(line) > limit:
        return None
    return "".join((*held, line)).removesuffix("\r") if held else line.removesuffix("\r")
