"""What happened and what was done, as a report says it: the incident, runs of playbooks, clocks that run."""

from dataclasses import dataclass

from evidence_kit.report.case.holding import Pointer


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
