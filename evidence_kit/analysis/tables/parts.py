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


def write_rows(path: Path, table: str, rows: Iterable[Row]) -> int:
    """Write the rows of a table and return how many; nothing is in place if `rows` raises."""
    return write_columns(path, table, _columns(iter(rows)))


def _columns(rows: Iterator[Row]) -> Iterator[Columns]:
    while some := list(itertools.islice(rows, _TOGETHER)):
        yield tuple(zip(*some, strict=True))


def write_columns(path: Path, table: str, some: Iterable[Columns]) -> int:
    """Write rows that come as columns and return how many; nothing is in place if `some` raises."""
    pa = arrow()
    schema = arrow_schema(table)
    total = 0
    options = {
        "compression": _COMPRESSION,
        "use_dictionary": [name for name in schema.names if name not in UNLIKE],
        "write_statistics": [name for name in schema.names if name != RAW],
    }
    with replacing(path) as new, pa.parquet.ParquetWriter(new, schema, **options) as writer:
        for group in _groups(_batches(some, schema)):
            writer.write_table(pa.Table.from_batches(group), row_group_size=_ROWS * 2)
            total += sum(batch.num_rows for batch in group)
    return total


def _batches(some: Iterable[Columns], schema: "pa.Schema") -> Iterator["pa.RecordBatch"]:
    """Yield columns as Arrow holds them: the objects they were go at once, and their memory is used again."""
    pa = arrow()
    for columns in some:
        arrays = [
            _raws(cells) if name == RAW else pa.array(cells, kind)  # type: ignore[arg-type]
            for cells, name, kind in zip(columns, schema.names, schema.types, strict=True)
        ]
        yield pa.record_batch(arrays, schema=schema)


def _groups(batches: Iterable["pa.RecordBatch"]) -> Iterator[Sequence["pa.RecordBatch"]]:
    group: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        group.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _ROWS or size >= _TEXT:
            yield group
            group, rows, size = [], 0, 0
    if group:
        yield group


def _raws(cells: Sequence[str | bytes]) -> "pa.StringArray":
    """Return the texts of records as one piece of memory: copied once, without an object for each."""
    pa = arrow()
    texts = [cell.encode() if isinstance(cell, str) else cell for cell in cells]
    ends = array("i", itertools.accumulate(map(len, texts), initial=0))
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(b"".join(texts)))
