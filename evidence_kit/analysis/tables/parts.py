"""Part files: rows of some artifacts in Parquet, each beside a note of what it was made from and by what.

The note is written last: a part without one is what a crash left, and is made again.
"""

import contextlib
import hashlib
import itertools
import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_kit.analysis.records.promote import Columns, Row
from evidence_kit.analysis.records.record import Artifact, Defect
from evidence_kit.analysis.tables.schema import RAW, UNLIKE, arrow, arrow_schema
from evidence_kit.errors import VaultError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_NOTE = ".json"
_ROWS = 20_000  # of a group
_TOGETHER = 1_000  # rows that become columns at once
_TEXT = 24 << 20  # bytes of a group, which is held whole
_COMPRESSION = "zstd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: its file, the artifacts whose rows it holds, what could not be read of them."""

    path: Path
    source: str
    made_by: str
    rows: int
    keys: frozenset[bytes]  # of the artifacts
    defects: tuple[Defect, ...]

    @property
    def note(self) -> Path:
        """Return where its note stands."""
        return self.path.with_suffix(_NOTE)

    def remove(self) -> None:
        """Take the part away, the note first."""
        self.note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def parts_in(folder: Path) -> Iterator[Part]:
    """Yield every whole part below `folder`; remove what an interrupted run left."""
    for path in sorted(folder.rglob("*")):
        if (path.suffix == ".parquet" and not path.with_suffix(_NOTE).exists()) or path.suffix == ".new":
            path.unlink()
    for note in sorted(folder.rglob(f"*{_NOTE}")):
        part = _read(note)
        if part is None or not part.path.exists():
            note.unlink()
        else:
            yield part


def _read(note: Path) -> Part | None:
    try:
        said = json.loads(note.read_bytes())
        return Part(
            path=note.with_suffix(".parquet"),
            source=said["source"],
            made_by=said["madeBy"],
            rows=said["rows"],
            keys=frozenset(key_of(name, sha256) for name, sha256 in said["artifacts"].items()),
            defects=tuple(Defect(*fields) for fields in said["defects"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def key_of(path: str, sha256: str) -> bytes:
    """Return what stands for an artifact where there may be millions."""
    return hashlib.sha256(f"{path}\0{sha256}".encode()).digest()[:16]


def write_note(part: Part, artifacts: Sequence[Artifact]) -> None:
    """Say that the part is whole."""
    said = {
        "source": part.source,
        "madeBy": part.made_by,
        "rows": part.rows,
        "artifacts": {one.path: one.sha256 for one in artifacts},
        "defects": [[one.artifact, one.line, one.place, one.reason] for one in part.defects],
    }
    with replacing(part.note) as new:
        new.write_bytes(json.dumps(said, separators=(",", ":")).encode())


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to; what was written there takes the place of `path` whole, or not at all."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield new
        with new.open("rb") as stream:
            os.fsync(stream.fileno())
        new.replace(path)
    except OSError as error:
        raise VaultError(f"cannot write `{path}`: {(error.strerror or '').lower()}") from error
    finally:
        new.unlink(missing_ok=True)


def settle(folder: Path) -> None:
    """Have the disk keep what has been put in place in `folder`."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_rows(path: Path, table: str, rows: Iterable[Row]) -> None:
    """Write the rows of a table; nothing is in place if `rows` raises."""
    with writing(path, table) as sheet:
        sheet.add_rows(rows)


@contextlib.contextmanager
def writing(path: Path, table: str) -> Iterator["Sheet"]:
    """Give a sheet for the rows of a table; they are in place, all of them, once the block ends without an error."""
    pa = arrow()
    schema = arrow_schema(table)
    options = {
        "compression": _COMPRESSION,
        "use_dictionary": [name for name in schema.names if name not in UNLIKE],
        "write_statistics": [name for name in schema.names if name != RAW],
    }
    with replacing(path) as new, pa.parquet.ParquetWriter(new, schema, **options) as writer:
        sheet = Sheet(writer, schema)
        yield sheet
        sheet.flush()


class Sheet:
    """A Parquet file that is being written, a group of rows at a time; `rows` counts them."""

    def __init__(self, writer: "pq.ParquetWriter", schema: "pa.Schema") -> None:
        self.rows = 0
        self._writer, self._schema = writer, schema
        self._group: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0  # of the group

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Add rows."""
        left = iter(rows)
        while some := list(itertools.islice(left, _TOGETHER)):
            self.add(tuple(zip(*some, strict=True)))

    def add(self, columns: Columns) -> None:
        """Add rows that come as columns: the objects they were can go at once, and their memory is used again."""
        pa = arrow()
        names, kinds = self._schema.names, self._schema.types
        arrays = [
            _raws(cells) if name == RAW else pa.array(cells, kind)  # type: ignore[arg-type]
            for cells, name, kind in zip(columns, names, kinds, strict=True)
        ]
        batch = pa.record_batch(arrays, schema=self._schema)
        self._group.append(batch)
        self._rows, self._bytes = self._rows + batch.num_rows, self._bytes + batch.nbytes
        if self._rows >= _ROWS or self._bytes >= _TEXT:
            self.flush()

    def flush(self) -> None:
        """Write the group."""
        if self._group:
            self._writer.write_table(arrow().Table.from_batches(self._group), row_group_size=_ROWS * 2)
        self.rows += self._rows
        self._group, self._rows, self._bytes = [], 0, 0


def _raws(cells: Sequence[str | bytes]) -> "pa.StringArray":
    """Return the texts of records as one piece of memory: copied once, without an object for each."""
    pa = arrow()
    texts = [cell.encode() if isinstance(cell, str) else cell for cell in cells]
    ends = array("i", itertools.accumulate(map(len, texts), initial=0))
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(texts)))
