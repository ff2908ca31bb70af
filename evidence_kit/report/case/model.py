"""What a report says of a case: one frozen model, from which every format is made.

Nothing here is prose for one format and nothing is escaped: texts stand as the case has them, and each format makes
them harmless in its own way. Times are RFC 3339 texts where a record says them, instants where this program does.
"""

from dataclasses import dataclass
from datetime import datetime

from evidence_kit.analysis.reconciliation import Disagreement
from evidence_kit.analysis.timeline.clocks import Clock
from evidence_kit.analysis.timeline.gaps import Gap
from evidence_kit.errors import Exit
from evidence_kit.model.check import Report
from evidence_kit.model.time import Window
from evidence_kit.report.case.doings import Deadline, Incident, Run
from evidence_kit.report.case.holding import Acquisition, Artifacts, Counts, Finding, Pointer, Row


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
