"""When the records of a delivery are dated, as far as lines of JSON or CSV say it in a field of a usual name."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from evidence_kit.errors import UsageError
from evidence_kit.model.time import Window, parse_instant

MAX_LINE = 1 << 20
# Fields in which the time of an event stands, in the order in which they are looked for.
TIMES = (
    "eventtime", "event_time", "time", "timestamp", "@timestamp", "published", "createddatetime", "occurredat",
    "occurred_at", "createdat", "created_at", "datetime", "date", "ts",
)  # fmt: skip
_SECONDS, _MILLISECONDS = (10**8, 10**11), (10**11, 10**14)  # epochs between 1973 and 5138 in either unit


@dataclass(slots=True)
class Dates:
    """The span of a class of evidence, and how much of it lies outside the window that was asked for."""

    records: int = 0
    outside: int = 0
    undated: int = 0
    unread: int = 0  # files in which no dates are looked for
    first: datetime | None = None
    last: datetime | None = None

    def add(self, found: datetime | None, window: Window) -> None:
        """Take in one record."""
        self.records += 1
        if found is None:
            self.undated += 1
            return
        self.outside += found not in window
        self.first = min(self.first or found, found)
        self.last = max(self.last or found, found)

    def merge(self, other: "Dates") -> None:
        """Take in what another file said."""
        self.records += other.records
        self.outside += other.outside
        self.undated += other.undated
        self.unread += other.unread
        self.first = min((found for found in (self.first, other.first) if found), default=None)
        self.last = max((found for found in (self.last, other.last) if found), default=None)


class Reader(Protocol):
    """Reads lines as they pass."""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        ...

    def end(self) -> None:
        """Take what is left: a last line without its line feed."""
        ...


def reader(name: str, dates: Dates, window: Window) -> Reader | None:
    """Return what reads a file of that name, or None where no dates are looked for."""
    plain = name.lower()
    if plain.endswith((".jsonl", ".ndjson")):
        return _Lines(dates, window)
    if plain.endswith(".csv"):
        return _Rows(dates, window)
    return None


class _Lines:
    """Lines of JSON."""

    def __init__(self, dates: Dates, window: Window) -> None:
        self._dates, self._window, self._rest, self._long = dates, window, b"", False

    def feed(self, chunk: bytes) -> None:
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._take(self._rest + line)
            self._rest = b""
        self._rest += rest
        if len(self._rest) > MAX_LINE:
            self._rest, self._long = b"", True

    def end(self) -> None:
        self._take(self._rest)
        self._rest = b""

    def _take(self, line: bytes) -> None:
        if self._long:
            self._long = False
            self._dates.add(None, self._window)
        elif line.strip():
            self._dates.add(self._date(line), self._window)

    def _date(self, line: bytes) -> datetime | None:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return _dated(record) if isinstance(record, dict) else None


class _Rows(_Lines):
    """Rows of CSV below a row of names."""

    def __init__(self, dates: Dates, window: Window) -> None:
        super().__init__(dates, window)
        self._names: list[str] | None = None

    def _take(self, line: bytes) -> None:
        if self._names is None and line.strip():
            self._names = self._cells(line)
        else:
            super()._take(line)

    def _date(self, line: bytes) -> datetime | None:
        return _dated(dict(zip(self._names or (), self._cells(line), strict=False)))

    def _cells(self, line: bytes) -> list[str]:
        try:
            return next(csv.reader([line.decode("utf-8-sig", "replace").rstrip("\r")]), [])
        except csv.Error:
            return []


def _dated(record: Mapping[str, object]) -> datetime | None:
    fields = {name.lower(): value for name, value in record.items()}
    for name in TIMES:
        value = fields.get(name)
        if isinstance(value, str | int | float) and (found := _instant(value)) is not None:
            return found
    return None


def _instant(value: str | float) -> datetime | None:
    if isinstance(value, str) and not (value.isascii() and value.replace(".", "", 1).isdigit()):
        try:
            return parse_instant(value)
        except UsageError:
            return None
    try:
        number = float(value)
    except OverflowError:  # JSON's integers have no end
        return None
    if _MILLISECONDS[0] <= number < _MILLISECONDS[1]:
        number /= 1000
    return datetime.fromtimestamp(number, UTC) if _SECONDS[0] <= number < _SECONDS[1] else None
