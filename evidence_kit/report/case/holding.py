"""What a case holds and lacks, as a report says it: acquisitions, coverage, findings, artifacts and their counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the case says something: a file of it, and a line in that file where one is known."""

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """One acquisition with its seal. `sealed_at` is empty while it has none; `note` says what is odd about it."""

    id: str
    bag: str
    started_at: str
    sealed_at: str
    sealed_by: str
    keyid: str
    seal_sha256: str
    artifacts: int
    bytes: int
    artifacts_root: str
    ledger_lines: int
    units: int
    units_missing: int
    tool: str
    sources: tuple[str, ...]
    window: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One unit at its best over all acquisitions. `status` is None where it never ended."""

    window: Window | None
    status: UnitStatus | None
    reason: str
    records: int
    artifacts: int
    acquisition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One source at one target, region and stream; `gaps` are stretches that the provider itself did not log."""

    source: str
    target: str
    name: str
    region: str
    stream: str
    cells: tuple[Cell, ...]
    gaps: tuple[tuple[Window, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a provider's own records say about coverage, and the sealed line that says so."""

    kind: str
    message: str
    source: str
    unit: str
    window: Window | None
    facts: tuple[tuple[str, str], ...]
    pointer: Pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One file of evidence, as the ledger has it."""

    path: str  # in the case
    sha256: str
    bytes: int
    source: str
    target: str
    unit: str
    acquisition: str
    kind: str
    original_name: str
    records: int | None
    received_at: str
    status_code: int | None
    request_id: str
    pointer: Pointer  # the ledger's line


class Artifacts(Protocol):
    """Every artifact of the case, read anew each time it is walked: none is held."""

    def __iter__(self) -> Iterator[Artifact]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The numbers of the case, each equal to what `query` counts; `units` are told apart by their identity."""

    events: int
    acquisitions: int
    units: int
    units_whole: int
    units_missing: int
    artifacts: int
    bytes: int
    records: int
    findings: int
    sources: int
    targets: int
