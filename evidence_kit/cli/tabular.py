"""Rows as a table on a terminal, as JSON, as CSV that no spreadsheet runs, and as Parquet; a batch at a time."""

import contextlib
import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from evidence_kit.analysis.tables.plain import json_line, plain
from evidence_kit.cli import output
from evidence_kit.errors import UsageError
from evidence_kit.report.events.formulas import defused

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = ("table", "json", "csv", "parquet")
_WIDEST = 60  # columns of one cell on a terminal; what is cut off ends in `…`


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How many rows were written, and whether there were more."""

    rows: int
    more: bool


def write(answer: "tuple[pa.Schema, Iterator[pa.RecordBatch]]", form: str, to: Path | None, limit: int) -> Shown:
    """Write at most `limit` rows (0: all) in a format, to a new file or to stdout."""
    schema, batches = answer
    counter = _Counter(limit)
    rows = counter.limited(batches)
    try:
        if form == "parquet":
            if to is None:
                raise UsageError("Parquet is not for a terminal", hint="name a file with `-o FILE`")
            _parquet(schema, rows, to)
        else:
            with _opened(to) as stream:
                _WRITERS[form](schema.names, _dicts(rows), stream)
    except OSError as error:
        if to is None or isinstance(error, BrokenPipeError):
            raise
        raise UsageError(f"cannot write `{to}`: {(error.strerror or '').lower()}") from error
    return Shown(rows=counter.rows, more=counter.more)


class _Counter:
    """Lets so many rows through and notices whether there were more."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.rows, self.more = 0, False

    def limited(self, batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        for batch in batches:
            room = self._limit - self.rows if self._limit else batch.num_rows
            self.more = batch.num_rows > room
            kept = batch.slice(0, room) if self.more else batch
            self.rows += kept.num_rows
            if kept.num_rows:
                yield kept
            if self.more:
                return


def safe_cell(value: object) -> object:
    """Return a CSV cell: text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(value, str):
        return defused(value)
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(value, default=plain) if isinstance(value, dict | list) else value


@contextlib.contextmanager
def _opened(to: Path | None) -> Iterator[IO[str]]:
    if to is None:
        yield sys.stdout
        return
    with _new(to), to.open("w", encoding="utf-8", newline="") as stream:
        yield stream


@contextlib.contextmanager
def _new(to: Path) -> Iterator[None]:
    """Make a file that was not there; take it away if the answer breaks off, for it would pass for a whole one."""
    to.touch(exist_ok=False)
    try:
        yield
    except BaseException:
        to.unlink(missing_ok=True)
        raise


def _dicts(batches: "Iterator[pa.RecordBatch]") -> Iterator[Mapping[str, Any]]:
    for batch in batches:
        yield from batch.to_pylist()


def _json(_: list[str], rows: Iterator[Mapping[str, Any]], stream: IO[str]) -> None:
    before = "["
    for row in rows:
        stream.write(before + "\n" + json_line(row))
        before = ","
    stream.write("[]\n" if before == "[" else "\n]\n")


def _csv(names: list[str], rows: Iterator[Mapping[str, Any]], stream: IO[str]) -> None:
    is_terminal = stream is sys.stdout and stream.isatty()
    writer = csv.writer(stream)  # RFC 4180: with its line ends, a carriage return in a cell is quoted too
    writer.writerow([safe_cell(name) for name in names])
    for row in rows:
        cells = [safe_cell(row[name]) for name in names]
        writer.writerow([output.safe(cell) if is_terminal and isinstance(cell, str) else cell for cell in cells])


def _table(names: list[str], rows: Iterator[Mapping[str, Any]], stream: IO[str]) -> None:
    lines = [[_cell(name) for name in names], *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    for line in lines:
        stream.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")


def _cell(value: object) -> str:
    """Return a cell on one line, without anything that could move the cursor."""
    if isinstance(value, dict | list):
        value = json.dumps(value, default=str)
    text = "" if value is None else output.safe(" ".join(str(value)[: 4 * _WIDEST].split()))
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _parquet(schema: "pa.Schema", batches: "Iterator[pa.RecordBatch]", to: Path) -> None:
    import pyarrow.parquet

    with _new(to), to.open("wb") as stream, pyarrow.parquet.ParquetWriter(stream, schema, compression="zstd") as made:
        for batch in batches:
            made.write_batch(batch)


_WRITERS: Mapping[str, Callable[[list[str], Iterator[Mapping[str, Any]], IO[str]], None]] = {
    "json": _json,
    "csv": _csv,
    "table": _table,
}
