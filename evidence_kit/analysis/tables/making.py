"""One part made: artifacts read, compared with their seals, their records promoted and written."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from evidence_kit.analysis.records.layout import Layout
from evidence_kit.analysis.records.mapping import shape_of
from evidence_kit.analysis.records.places import identity_of
from evidence_kit.analysis.records.promote import Columns, Promoter
from evidence_kit.analysis.records.reading import read_together
from evidence_kit.analysis.records.record import Artifact, Defect, Records
from evidence_kit.analysis.tables import parts
from evidence_kit.analysis.tables.parts import Part
from evidence_kit.analysis.tables.schema import EVIDENCE
from evidence_kit.model.ports import Vault
from evidence_kit.model.source import SourceSpec

_TEXT = 1 << 19  # characters that are promoted at once
_RECORD = 256  # more that a record counts for, however short
MAX_DEFECTS = 1_000  # of an artifact, one by one; the rest is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One part to make, all of one source; `root` is where another process finds the case."""

    case: str
    root: Path | None
    path: Path
    made_by: str
    artifacts: tuple[Artifact, ...]
    spec: SourceSpec | None


@dataclass(slots=True)
class _Making:
    job: Job
    defects: list[Defect] = field(default_factory=list)

    def columns(self, vault: Vault) -> Iterator[Columns]:
        """Yield the rows of all artifacts, as columns; DigestError if one is not what was sealed."""
        spec, shape = self.job.spec, shape_of(self.job.artifacts[0].source)
        identity = identity_of(spec.records.id if spec else "")
        promoter = Promoter(self.job.case, self.job.artifacts[0], shape, identity)
        some: list[tuple[Artifact, Records]] = []
        size = 0
        for artifact, records in self._found(vault, shape.layout):
            some.append((artifact, records))
            size += sum(map(len, records.raws)) + len(records.lines) * _RECORD
            if size >= _TEXT:  # many small files cost no more than a few large ones
                yield promoter.together(some)
                some, size = [], 0
        if some:
            yield promoter.together(some)
        for path, count in promoter.unreadable.items():
            self._note(path, "times", f"{count:,} times cannot be read")
        for path, count in promoter.closed.items():
            self._note(path, "documents", f"{count:,} records carry a document that cannot be read")
        order = {artifact.path: at for at, artifact in enumerate(self.job.artifacts)}
        self.defects.sort(key=lambda defect: order[defect.artifact])

    def _found(self, vault: Vault, layout: Layout) -> Iterator[tuple[Artifact, Records]]:
        """Yield the records of all artifacts, and keep the defects."""
        for artifact in self.job.artifacts:
            found = 0
            for one in read_together(vault, artifact, self.job.spec, layout):
                if not isinstance(one, Defect):
                    yield artifact, one
                    continue
                found += 1
                if found <= MAX_DEFECTS:
                    self.defects.append(one)
            if found > MAX_DEFECTS:
                self._note(artifact.path, "all records", f"{found - MAX_DEFECTS:,} more defects")

    def _note(self, path: str, place: str, reason: str) -> None:
        self.defects.append(Defect(path, 0, place, reason))


def make(job: Job, vault: Vault | None = None) -> Part:
    """Make one part; without a vault, from the case's folder."""
    making = _Making(job)
    with _uncollected(), parts.writing(job.path, EVIDENCE) as sheet:
        for columns in making.columns(vault or _opened(job)):
            sheet.add(columns)
    part = Part(
        path=job.path,
        source=job.artifacts[0].source,
        made_by=job.made_by,
        rows=sheet.rows,
        keys=frozenset(parts.key_of(one.path, one.sha256) for one in job.artifacts),
        defects=tuple(making.defects),
    )
    parts.write_note(part, job.artifacts)
    return part


@contextmanager
def _uncollected() -> Iterator[None]:
    """Spare rows the search for cycles: text and numbers make none, and walking them takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _opened(job: Job) -> Vault:
    from evidence_kit.vaults.local import LocalVault

    if job.root is None:
        raise ValueError("another process needs a folder")
    return LocalVault(job.root)
