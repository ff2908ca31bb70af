"""The files of an export, each with its digest and how many rows it has."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from evidence_kit.report.disclosure.package import Package

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file within the export."""

    path: str
    sha256: str
    bytes: int
    rows: int

    @property
    def fields(self) -> dict[str, object]:
        """Return it as the statement lists it."""
        return {"path": self.path, "sha256": self.sha256, "bytes": self.bytes, "rows": self.rows}


def json_lines(package: Package, path: str, rows: Iterable[Row]) -> Written:
    """Write one JSON object a line, in ASCII, so that nothing in it can act on whoever looks at the file."""
    return write(package, path, (_line(row) for row in rows), of_header=0)


def _line(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def write(package: Package, path: str, lines: Iterable[bytes], *, of_header: int) -> Written:
    """Write lines, the first `of_header` of which are no rows."""
    count = size = 0

    def counted() -> Iterator[bytes]:
        nonlocal count, size
        for line in lines:
            count, size = count + 1, size + len(line)
            yield line

    sha256 = package.write(path, counted())
    return Written(path=path, sha256=sha256, bytes=size, rows=max(0, count - of_header))
