"""What one run knows and works with: the playbook, its inputs and targets, how steps ended, and the tools at hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from evidence_kit.acquire.run import Engine
from evidence_kit.custody.trust import Trust
from evidence_kit.errors import UsageError
from evidence_kit.governance.clocks.entry import ClockSet
from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.policy import Policy
from evidence_kit.model.check import Report
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, parse_instant, rfc3339
from evidence_kit.notices.delivered import Delivered
from evidence_kit.notices.notice import Notice
from evidence_kit.playbook import expressions, templates
from evidence_kit.playbook.model import Playbook, Step
from evidence_kit.playbook.run.answering import Office
from evidence_kit.playbook.run.journal import Journal
from evidence_kit.playbook.run.questions import Asked, Reply
from evidence_kit.playbook.run.results import Result
from evidence_kit.playbook.values import window_of

WINDOW = "window"  # the input that a collection takes if it names no window of its own


class Teller(Protocol):
    """Tells the operator how a run gets on."""

    def step(self, step: Step, said: str) -> None:
        """Say that a step begins, goes on, or how it ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a run works with; each comes from outside, so that tests hand in their own."""

    engine: Engine
    specs: Mapping[str, SourceSpec]
    entries: Sequence[Entry]
    work: Path  # where tables are kept, outside of the case
    trust: Trust | None = None
    policy: Policy | None = None
    place: str = ""  # where the case lies, as the policy names places
    library: Callable[[str], Playbook]  # `id@major` to a playbook
    reply: Callable[[Asked], Reply | None] = lambda _: None  # asks whoever is at hand; None: nobody answers now
    notify: Callable[[str, Notice], Delivered] | None = None  # by the name of a channel
    clocks: ClockSet | None = None
    render: Callable[[Mapping[str, Any]], Sequence[Path]] | None = None
    verify: Callable[[], Report] | None = None
    teller: Teller


@dataclass(slots=True, kw_only=True)
class Play:
    """One run."""

    id: str
    playbook: Playbook
    tools: Tools
    office: Office  # takes in what people answer
    started: datetime  # windows are counted from here, also after a crash
    inputs: Mapping[str, Any]
    targets: Mapping[str, tuple[Entry, ...]]
    parents: tuple[str, ...] = ()  # playbooks that called this one
    results: dict[str, Result] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    clocks: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    stopped: str = ""  # the step that ended the run early
    closed: bool = False
    case: str = ""  # its id, once it was read: the log is long, and expressions are many

    @property
    def engine(self) -> Engine:
        """Return what collects."""
        return self.tools.engine

    @property
    def journal(self) -> Journal:
        """Return where everything is noted."""
        return self.office.journal

    def now(self) -> datetime:
        """Return the time, without fractions."""
        return self.engine.now().replace(microsecond=0)

    def names(self, **more: object) -> dict[str, Any]:
        """Return everything that an expression can name."""
        return {
            "inputs": {name: self._shown(name, value) for name, value in self.inputs.items()},
            "steps": {step.id: self._ended(step) for step in self.playbook.steps},
            "targets": {name: [entry.target.id for entry in found] for name, found in self.targets.items()},
            "run": {
                "id": self.id,
                "playbook": self.playbook.id,
                "version": self.playbook.version,
                "started_at": rfc3339(self.started),
                "case_id": self._case_id(),
                "operator": self.engine.keeper.actor,
            },
            **more,
        }

    def _case_id(self) -> str:
        self.case = self.case or self.engine.keeper.state().case
        return self.case

    def _ended(self, step: Step) -> dict[str, Any]:
        """Return what expressions see of a step; of one that did not run, every output is there and empty."""
        result = self.results.get(step.id)
        found: dict[str, Any] = result.names() if result else {"outcome": "", "reason": "", "gaps": 0, "outputs": {}}
        empty = {name: _empty(kind) for name, kind in step.outputs.items()}
        return {**found, "outputs": {**empty, **found["outputs"]}}

    def _shown(self, name: str, value: object) -> object:
        if self.playbook.inputs[name].type == WINDOW and isinstance(value, Mapping):
            window = window_of(value, self.started)
            return {"since": rfc3339(window.start), "until": rfc3339(window.end)}
        return value

    def value(self, text: str, **more: object) -> object:
        """Return what a text with `${{ }}` comes to."""
        return templates.fill(text, self.names(**more))

    def filled(self, data: object, **more: object) -> Any:  # noqa: ANN401 - as the playbook's author wrote it
        """Return data with every `${{ }}` in it filled in."""
        return templates.fill(data, self.names(**more))

    def holds(self, text: str, **more: object) -> bool:
        """Return whether an expression is true."""
        return expressions.parse(text).holds(self.names(**more))

    def window(self, step: Step) -> Window:
        """Return the window of a collection, in absolute times."""
        said = step.fields.get("window")
        if said is None and WINDOW not in self.inputs:
            raise UsageError(f"step `{step.id}` has no window, and there is no input `window`")
        found = self.names()["inputs"][WINDOW] if said is None else self.filled(said)
        if not isinstance(found, Mapping):
            raise UsageError(f"the window of step `{step.id}` is none")
        return window_of(found, self.started)

    def targets_of(self, step: Step) -> tuple[Entry, ...]:
        """Return the targets of a step: its set, or whatever the inventory lists."""
        return self.targets[step.targets] if step.targets else tuple(self.tools.entries)

    def items(self, step: Step) -> tuple[list[object], int]:
        """Return what a step runs over, each once, and how many are left out; a step without a list runs once."""
        each = step.for_each
        if each is None:
            return [None], 0
        found = self.value(each.items)
        if not isinstance(found, list):
            raise UsageError(f"`for_each` of step `{step.id}` comes to no list")
        distinct = [one for at, one in enumerate(found) if one not in found[:at]]
        return distinct[: each.most], max(0, len(distinct) - each.most)

    def of_item(self, step: Step, item: object) -> dict[str, object]:
        """Return the name that an item has in expressions."""
        return {step.for_each.name: item} if step.for_each else {}


def _empty(kind: str) -> object:
    if kind.startswith("list<"):
        return []
    return {"int": 0, "double": 0.0, "bool": False}.get(kind, "")


def moment(text: object) -> datetime:
    """Return a time from the journal."""
    return parse_instant(str(text))
