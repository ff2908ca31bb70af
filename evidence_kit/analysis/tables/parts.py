"""Part files: rows of some artifacts in Parquet, each beside a note of what it was made from and by what.

The note is written last: a part without one is what a crash left, and is made again.
"""

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evidence_kit.analysis.records.promote import Cell, Columns, Row
from evidence_kit.analysis.records.record import Artifact, Defect
from evidence_kit.analysis.tables.schema import RAW, UNLIKE, arrow, arrow_schema
from evidence_kit.errors import VaultError

_NOTE = ".json"
_ROWS = 5_000  # of a group: what is held as Python objects
_TOGETHER = 1_000  # rows that become columns at once
_TEXT = 16 << 20  # characters of raw text in a group
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
        for group in _groups(some, len(schema)):
            arrays = [pa.array(cells, kind) for cells, kind in zip(group, schema.types, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            total += len(group[0])
    return total


def _groups(some: Iterable[Columns], width: int) -> Iterator[Sequence[Sequence[Cell]]]:
    group: list[list[Cell]] = [[] for _ in range(width)]
    size = 0
    for columns in some:
        for cells, more in zip(group, columns, strict=True):
            cells.extend(more)
        size += sum(len(cell) for cell in columns[-1] if isinstance(cell, str))
        if len(group[0]) >= _ROWS or size >= _TEXT:
            yield group
            group, size = [[] for _ in range(width)], 0
    if group[0]:
        yield group
