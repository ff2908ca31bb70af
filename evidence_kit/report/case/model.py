"""What a report says of a case: one frozen model, from which every format is made.

Nothing here is prose for one format and nothing is escaped: texts stand as the case has them, and each format makes
them harmless in its own way. Times are RFC 3339 texts where a record says them, instants where this program does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from evidence_kit.analysis.reconciliation import Disagreement
from evidence_kit.analysis.timeline.clocks import Clock
from evidence_kit.analysis.timeline.gaps import Gap
from evidence_kit.errors import Exit
from evidence_kit.model.check import Report
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
class Said:
    """One field of the case's description; without values nobody said it."""

    label: str
    values: tuple[str, ...]
    path: str  # in `case.json`


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What verification found, by the caller's own trust policy; `report` has every check and every defect."""

    code: Exit
    headline: str
    sentences: tuple[str, ...]  # the same in plain words, what it rests on, what was not asked
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the custody log, as its author signed it."""

    seq: int
    at: str
    type: str
    actor: str
    keyid: str
    summary: str
    subjects: tuple[tuple[str, str], ...]  # name, SHA-256
    stamped: str  # the earliest time-stamp that the log has over this event, and by whom; nothing if there is none
    pointer: Pointer


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
class Partner:
    """A target that evidence was taken from, with what was agreed about it, as the latest order has it."""

    name: str
    provider: str
    owner: str
    reference: str  # empty: no agreement is on record
    evidence: tuple[tuple[str, str], ...]  # class, clause
    legal_basis: tuple[str, ...]
    notify_within: str
    transfer: str
    contact_role: str
    expires: str
    data: tuple[str, ...]  # jurisdictions
    subjects: tuple[str, ...]
    pointer: Pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request to a partner, and what of it has not come."""

    id: str
    partner: str
    deadline: str
    is_late: bool
    deliveries: int
    missing: tuple[str, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One record of evidence in its place in time; `at` is its time by one common clock."""

    at_ns: int
    at: str
    action: str
    actor: str
    address: str
    resource: str
    outcome: str
    source: str
    target: str
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class Bar:
    """How many records of one source fall into a stretch of time."""

    starts_ns: int
    source: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The records in the order of time. `moments` are the first of `total`; `bars` count all of them.

    `outside` counts those that lie before or after the time that was asked of providers, where nobody chose a time.
    `absent` says why there is nothing, where that has another reason than that nothing happened.
    """

    moments: tuple[Moment, ...] = ()
    total: int = 0
    outside: int = 0
    untimed: int = 0
    asked: str = ""  # what was chosen, in words; nothing: all
    bars: tuple[Bar, ...] = ()
    bar_ns: int = 0
    absent: str = ""

    @property
    def left_out(self) -> int:
        """Return how many records with a time are not among the moments."""
        return self.total - len(self.moments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided in a playbook run, and the custody event that says so."""

    step: str
    at: str
    by: str
    choice: str
    reason: str
    event: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a playbook run: what it needs, and how it ended; an empty `outcome` says that it did not run."""

    id: str
    title: str
    needs: tuple[str, ...]
    outcome: str
    reason: str = ""
    started_at: str = ""
    ended_at: str = ""
    acquisition: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a playbook, handed in by whoever ran it."""

    id: str
    playbook: str
    sha256: str
    started_at: str
    ended_at: str
    outcome: str
    steps: tuple[Step, ...]
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A notification clock that a person started; `due_at` is its earliest reading, empty where none is known."""

    id: str
    title: str
    authority: str
    starts_at: str
    due_at: str
    state: str  # running, overdue, met
    readings: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    source: str = ""
    note: str = ""
    event: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one question in SQL that whoever wrote the report asked; `more` rows are not in it."""

    name: str
    sql: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int


@dataclass(frozen=True, slots=True)
class Instruction:
    """One step of checking the case: what it shows, and what to type."""

    says: str
    command: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of the case that could not be read, and why; what it would say is missing from the report."""

    part: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    """Everything that a report says. Where `unread` names a part, the numbers about it are too low."""

    case: str
    title: str
    made_at: datetime
    tool: str
    verdict: Verdict
    counts: Counts
    description: tuple[Said, ...]
    custodian: str
    offer: str
    holds: tuple[str, ...]
    events: tuple[Event, ...]
    acquisitions: tuple[Acquisition, ...]
    span: Window | None
    coverage: tuple[Row, ...]
    gaps: tuple[Gap, ...]
    findings: tuple[Finding, ...]
    disagreements: tuple[Disagreement, ...]
    clocks: tuple[Clock, ...]
    deadlines: tuple[Deadline, ...]
    partners: tuple[Partner, ...]
    requests: tuple[Asked, ...]
    overrides: tuple[Event, ...]
    incident: Incident
    runs: tuple[Run, ...]
    answers: tuple[Answer, ...]
    artifacts: Artifacts
    instructions: tuple[Instruction, ...]
    unread: tuple[Unread, ...]
