"""Reads an answer of the query API a row at a time: half a million rows are counted, never held."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from evidence_kit.collectors.tap import BadBody
from evidence_kit.errors import UsageError
from evidence_kit.model.time import parse_instant, rfc3339

TIME = "TimeGenerated"
_BLANK = " \t\r\n"
_VALUE = json.JSONDecoder().raw_decode  # reads one value in C and says where it ends


@dataclass(slots=True)
class Reading:
    """What reading an answer told: how many rows, from when to when, and what the service says against it."""

    rows: int = 0
    first: str = ""
    last: str = ""
    error: str = ""  # an answer that has one is partial, whatever its status says
    columns: tuple[str, ...] = ()
    kept: list[Sequence[object]] = field(default_factory=list)


def read(body: bytes, *, keep: bool = False) -> Reading:
    """Read an answer; BadBody if it is none. With `keep` rows are kept: for counts, which are few."""
    try:
        walk = _Walk(body.decode(), keep=keep)
        walk.answer()
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadBody("HTTP 200 with a body that is not an answer to a query") from error
    if not walk.tables and not walk.reading.error:
        raise BadBody("HTTP 200 with an answer that holds no table")
    return walk.reading


class _Walk:
    """One pass over the text; only the value at hand exists as an object."""

    def __init__(self, text: str, *, keep: bool) -> None:
        self._text = text
        self._at = 0
        self._keep = keep
        self._rows_seen = False
        self.tables = 0
        self.reading = Reading()

    def answer(self) -> None:
        """Read the whole text as one object with `tables` and, perhaps, `error`."""
        for name in self._members():
            if name == "tables":
                for _ in self._items():
                    self._table()
            elif name == "error":
                self.reading.error = _said(self._value())
            else:
                self._value()
        self._skip()
        if self._at != len(self._text):
            raise ValueError("something follows the answer")

    def _table(self) -> None:
        """Read a table; the first is the result, others are statistics."""
        self.tables += 1
        result, seen = self.tables == 1, set()
        for name in self._members():
            seen.add(name)
            if result and name == "columns":
                self.reading.columns = tuple(str(column["name"]) for column in self._value())  # type: ignore[attr-defined]
            elif result and name == "rows":
                self._rows()
            else:
                self._value()
        if result and not {"columns", "rows"} <= seen:
            raise ValueError("a table without columns or rows")

    def _rows(self) -> None:
        if not self.reading.columns:
            raise ValueError("rows before their columns")
        found, width = self.reading, len(self.reading.columns)
        at = found.columns.index(TIME) if TIME in found.columns else -1
        first, last = "", ""
        for _ in self._items():
            row = self._value()
            if not isinstance(row, list) or len(row) != width:
                raise ValueError("a row that does not fit its columns")
            found.rows += 1
            if self._keep:
                found.kept.append(row)
            if at >= 0 and row[at]:
                # Without its `Z` a time sorts as text, however many digits its fraction has.
                moment = str(row[at]).removesuffix("Z")
                first, last = min(first or moment, moment), max(last, moment)
        found.first, found.last = _instant(first), _instant(last)

    # -- the few marks between values --------------------------------------------------------------------------

    def _skip(self) -> str:
        text = self._text
        while self._at < len(text) and text[self._at] in _BLANK:
            self._at += 1
        return text[self._at] if self._at < len(text) else ""

    def _take(self, marks: str) -> str:
        mark = self._skip()
        if not mark or mark not in marks:
            raise ValueError(f"expected one of {marks}")
        self._at += 1
        return mark

    def _value(self) -> object:
        self._skip()
        value, self._at = _VALUE(self._text, self._at)
        return value

    def _members(self) -> Iterator[str]:
        """Yield each member's name, standing before its value, which the caller reads."""
        self._take("{")
        if self._skip() == "}":
            self._take("}")
            return
        while True:
            name = self._value()
            self._take(":")
            yield str(name)
            if self._take(",}") == "}":
                return

    def _items(self) -> Iterator[None]:
        """Yield before each item, which the caller reads."""
        self._take("[")
        if self._skip() == "]":
            self._take("]")
            return
        while True:
            yield
            if self._take(",]") == "]":
                return


def _said(error: object) -> str:
    """Return what an error says, the innermost last: codes and messages, cut to what a person reads."""
    said: list[str] = []
    pending = [error]
    while pending and len(said) < 8:
        value = pending.pop(0)
        if isinstance(value, dict):
            said.append(": ".join(str(value[name]) for name in ("code", "message") if value.get(name)))
            pending += [*(value.get("details") or []), value.get("innererror")]
    return "; ".join(part for part in said if part)[:500] or "an error without words"


def _instant(text: str) -> str:
    if not text:
        return ""
    try:
        return rfc3339(parse_instant(f"{text}Z"))
    except UsageError as error:
        raise ValueError(error.message) from error
