"""A playbook as it was read: plain frozen data, with every text still as its author wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal

from evidence_kit.model.document import Document

_DONE = frozenset({"success", "partial"})


class Outcome(StrEnum):
    """How a step ended."""

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    DENIED = "denied"
    TIMED_OUT = "timed_out"

    @property
    def is_done(self) -> bool:
        """Whether the step did what it is for, in part at least."""
        return self in {Outcome.SUCCESS, Outcome.PARTIAL}


@dataclass(frozen=True, slots=True)
class Need:
    """A step that has to end first, in one of some outcomes."""

    step: str
    accept: frozenset[str] = _DONE

    @property
    def takes_failure(self) -> bool:
        """Whether its author has said what comes after a failure."""
        return bool(self.accept - _DONE - {"skipped"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One thing that a run has to know."""

    name: str
    type: str
    description: str
    required: bool = False
    default: object = None
    pattern: str = ""
    among: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSet:
    """Targets chosen from the inventory."""

    name: str
    providers: tuple[str, ...]
    where: str = ""
    least: int = 1
    most: int = 100

    def is_of(self, provider: str) -> bool:
        """Say whether a provider is one of its own; `*` stands for any, since partners are not known beforehand."""
        return any(fnmatchcase(provider, one) for one in self.providers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the steps are for, and what they may do."""

    purpose: str
    legal_basis: tuple[str, ...] = ()
    personal_data: str = "possible"
    allow: frozenset[str] = frozenset({"read"})
    max_window: timedelta | None = None
    drop: tuple[str, ...] = ()
    pseudonymise: tuple[str, ...] = ()
    retention: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockUse:
    """A regulatory clock that may start."""

    name: str
    use: str
    when: str
    start: str
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEach:
    """The list that a step runs over."""

    items: str
    name: str
    most: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `fields` holds what only its type has, as plain data that the language's table has checked."""

    id: str
    type: str
    index: int
    name: str = ""
    description: str = ""
    phase: str = ""
    needs: tuple[Need, ...] = ()
    when: str = ""
    on_error: Literal["continue", "stop"] = "stop"
    timeout: timedelta | None = None
    for_each: ForEach | None = None
    targets: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> tuple[str | int, ...]:
        """Return its place in the document."""
        return ("steps", self.index)

    @property
    def label(self) -> str:
        """Return what people call it."""
        return self.name or self.id

    @property
    def outputs(self) -> Mapping[str, str]:
        """Return the names and types of what later steps may use; of a `playbook` step they are the other's."""
        return {**OUTPUTS[self.type], **_declared(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """A whole playbook; `doc` knows where everything stands."""

    id: str
    version: str
    title: str
    description: str
    inputs: Mapping[str, Input]
    targets: Mapping[str, TargetSet]
    policy: Policy
    clocks: Mapping[str, ClockUse]
    steps: tuple[Step, ...]
    outputs: Mapping[str, str]
    workers: int | None  # units at once; None leaves it to the engine
    retry: tuple[int, timedelta]  # attempts, and how long to wait
    doc: Document = field(repr=False)
    text: bytes = field(default=b"", repr=False)  # exactly what was read

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the file."""
        return self.doc.digest

    @property
    def major(self) -> str:
        """Return its name as others call it: `id@major`."""
        return f"{self.id}@{self.version.partition('.')[0]}"

    def step(self, name: str) -> Step:
        """Return the step called `name`, which is there."""
        return next(step for step in self.steps if step.id == name)


OUTPUTS: Mapping[str, Mapping[str, str]] = {
    "collect": {"records": "int", "artifacts": "int", "bytes": "int", "units": "int", "missing": "int"},
    "query": {"rows": "int"},
    "verify": {"passed": "int", "failed": "list<string>"},
    "decide": {"decided_by": "string", "decided_at": "timestamp"},
    "approve": {"approved": "bool", "approved_by": "list<string>", "approved_at": "timestamp"},
    "preserve": {"resources": "list<string>", "done": "int", "missing": "int"},
    "hold": {"resources": "list<string>", "done": "int", "missing": "int"},
    "notify": {"delivered": "bool"},
    "report": {"files": "list<string>"},
    "playbook": {"outcome": "string"},
    "manual": {"done_by": "string", "done_at": "timestamp", "artifacts": "int"},
}


def _declared(step: Step) -> dict[str, str]:
    found = {name: str(said.get("type", "list<string>")) for name, said in step.fields.get("outputs", {}).items()}
    found |= {name: str(said["type"]) for name, said in step.fields.get("fields", {}).items()}
    if step.type == "decide":
        found["choices" if step.fields.get("multiple") else "choice"] = (
            "list<string>" if step.fields.get("multiple") else "string"
        )
    return found
