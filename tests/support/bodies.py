"""Reads the records of bytes as if they were a sealed artifact."""

import hashlib
import io
from dataclasses import replace

from support.casemaker import SPEC

from evidence_kit.analysis.records.layout import PLAIN, Layout
from evidence_kit.analysis.records.reading import read_records
from evidence_kit.analysis.records.record import Artifact, Defect, Record
from evidence_kit.model.source import RecordPath


class OneBody:
    """A vault that holds one file."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def open(self, path: str) -> io.BytesIO:
        return io.BytesIO(self.body)


def artifact_of(body: bytes, source: str = "test.source") -> Artifact:
    """Return the artifact that the bytes are."""
    return Artifact(path="bags/b/data/one", sha256=hashlib.sha256(body).hexdigest(), source=source)


def read(body: bytes, path: str = "Records", layout: Layout = PLAIN) -> list[Record | Defect]:
    """Return all that the bytes hold."""
    spec = replace(SPEC, records=RecordPath(path=path))
    return list(read_records(OneBody(body), artifact_of(body), spec, layout))  # type: ignore[arg-type]


def raws(body: bytes, path: str = "Records", layout: Layout = PLAIN) -> list[str]:
    """Return the raw texts of the records."""
    return [one.raw for one in read(body, path, layout) if isinstance(one, Record)]


def reasons(body: bytes, path: str = "Records", layout: Layout = PLAIN) -> list[str]:
    """Return why what could not be read could not be read."""
    return [one.reason for one in read(body, path, layout) if isinstance(one, Defect)]
