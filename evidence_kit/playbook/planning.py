"""What a run would take, from the playbook and the inventory alone: nobody is asked anything, at no provider.

What only a step can know is said so: "up to 250 items, known after `pivot`".
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from evidence_kit.errors import UsageError
from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.permitted import refusals
from evidence_kit.governance.policy import Policy
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.playbook import templates
from evidence_kit.playbook.choosing import choose_sources, choose_targets, read_inputs
from evidence_kit.playbook.expressions import ExpressionError
from evidence_kit.playbook.graph import waves
from evidence_kit.playbook.model import Playbook, Step
from evidence_kit.playbook.values import window_of
from evidence_kit.preservation.catalogue import ActionSpec

CHANGES = frozenset({"preserve", "hold"})
PEOPLE = frozenset({"decide", "approve", "manual"})
_CASE = "case"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One step as far as it can be foreseen; counts are the least it takes."""

    step: Step
    wave: int
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    items: str = ""
    units: int = 0
    calls: int = 0
    minutes: float = 0.0
    window: Window | None = None
    permissions: tuple[tuple[str, str], ...] = ()  # provider, permission
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether a person has to say something."""
        return self.step.type in PEOPLE and self.step.fields.get("by") != "rule"

    @property
    def changes(self) -> bool:
        """Whether it changes a target."""
        return self.step.type in CHANGES and self.step.fields["action"] != _CASE

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.step.id,
            "type": self.step.type,
            "wave": self.wave,
            "targets": list(self.targets),
            "sources": list(self.sources),
            "items": self.items,
            "unitsAtLeast": self.units,
            "callsAtLeast": self.calls,
            "minutesAtLeast": self.minutes,
            "window": self.window.to_json() if self.window else None,
            "waitsForPerson": self.waits,
            "changesTarget": self.changes,
            "refused": list(self.refused),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """A whole run as far as it can be foreseen."""

    playbook: Playbook
    started: datetime
    inputs: Mapping[str, Any]
    targets: Mapping[str, tuple[str, ...]]
    steps: tuple[PlannedStep, ...]
    jurisdictions: tuple[str, ...]
    clocks: tuple[str, ...]

    @property
    def permissions(self) -> dict[str, list[str]]:
        """Return the union of what all steps need, by provider."""
        found: dict[str, set[str]] = {}
        for one in self.steps:
            for provider, permission in one.permissions:
                found.setdefault(provider, set()).add(permission)
        return {provider: sorted(names) for provider, names in sorted(found.items())}

    @property
    def digest(self) -> str:
        """Return the SHA-256 of what was planned: the same file, inputs, targets and windows give the same."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "playbook": {"id": self.playbook.id, "version": self.playbook.version, "sha256": self.playbook.digest},
            "startedAt": rfc3339(self.started),
            "inputs": dict(self.inputs),
            "targets": {name: list(ids) for name, ids in self.targets.items()},
            "steps": [one.to_json() for one in self.steps],
            "permissions": self.permissions,
            "jurisdictions": list(self.jurisdictions),
            "people": sorted({one.step.fields.get("role") or one.step.type for one in self.steps if one.waits}),
            "clocks": list(self.clocks),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a plan is made on: sources, actions, the inventory and the organisation's policy."""

    specs: Mapping[str, SourceSpec]
    actions: Mapping[str, ActionSpec]
    entries: Sequence[Entry]
    policy: Policy | None = None
    place: str = ""


def plan_run(playbook: Playbook, given: Mapping[str, object], ground: Ground, *, now: datetime) -> RunPlan:
    """Return what a run would take; UsageError where inputs or targets do not fit."""
    inputs = read_inputs(playbook, given)
    targets = choose_targets(playbook, ground.entries, inputs)
    started = now.replace(microsecond=0)
    known = _names(playbook, inputs, targets, started)
    planner = _Planner(playbook=playbook, ground=ground, targets=targets, known=known, started=started)
    found = [
        planner.step(step, number) for number, wave in enumerate(waves(playbook.steps), start=1) for step in wave
    ]
    places = {place for entries in targets.values() for one in entries for place in one.jurisdiction.data}
    return RunPlan(
        playbook=playbook,
        started=started,
        inputs=inputs,
        targets={name: tuple(entry.target.label for entry in chosen) for name, chosen in targets.items()},
        steps=tuple(found),
        jurisdictions=tuple(sorted(places)),
        clocks=tuple(f"{one.use} if {' '.join(one.when.split())}" for one in playbook.clocks.values()),
    )


def _names(
    playbook: Playbook, inputs: Mapping[str, Any], targets: Mapping[str, tuple[Entry, ...]], started: datetime
) -> dict[str, Any]:
    shown = {
        name: _shown(window_of(value, started)) if playbook.inputs[name].type == "window" else value
        for name, value in inputs.items()
    }
    return {
        "inputs": shown,
        "targets": {name: [entry.target.id for entry in chosen] for name, chosen in targets.items()},
    }


def _shown(window: Window) -> dict[str, str]:
    return {"since": rfc3339(window.start), "until": rfc3339(window.end)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planner:
    """Foresees one step after another; `known` are the names that have a value before anything has run."""

    playbook: Playbook
    ground: Ground
    targets: Mapping[str, tuple[Entry, ...]]
    known: Mapping[str, Any]
    started: datetime

    def step(self, step: Step, wave: int) -> PlannedStep:
        items, count = _items(step, self.known)
        if step.type == "collect":
            return self._collection(step, wave, items, count)
        if step.type in CHANGES and (action := self.ground.actions.get(step.fields["action"])) is not None:
            provider = action.source.provider
            entries = [one for one in self._targets_of(step) if one.target.provider == provider]
            return PlannedStep(
                step=step,
                wave=wave,
                items=items,
                targets=tuple(one.target.label for one in entries),
                units=len(entries) * count,
                permissions=tuple((provider, name) for name in action.source.permissions),
                notes=(f"cost: {action.cost}", f"undone by: {action.reversible}"),
            )
        return PlannedStep(step=step, wave=wave, items=items)

    def _collection(self, step: Step, wave: int, items: str, count: int) -> PlannedStep:
        ground = self.ground
        entries = self._targets_of(step)
        specs = choose_sources(step.fields["sources"], ground.specs, {one.target.provider for one in ground.entries})
        here = {one.target.provider for one in entries}
        specs = {name: spec for name, spec in specs.items() if spec.provider in here} or specs
        window, note = _window(self.playbook, step, self.known, self.started)
        units, minutes = 0, 0.0
        for spec in specs.values():
            each = [_units(spec, one, window) * count for one in entries if one.target.provider == spec.provider]
            units += sum(each)
            minutes = max(minutes, max((math.ceil(one / spec.limit.rps) / 60 for one in each), default=0.0))
        chosen = {spec.provider for spec in specs.values()}
        fitting = [one for one in entries if one.target.provider in chosen]
        span = window or Window(self.started - timedelta(days=365), self.started)
        against = refusals(specs.values(), fitting, span, at=self.started, policy=ground.policy, vault=ground.place)
        return PlannedStep(
            step=step,
            wave=wave,
            items=items,
            targets=tuple(one.target.label for one in fitting),
            sources=tuple(specs),
            units=units,
            calls=units,
            minutes=round(minutes, 1),
            window=window if any(spec.windowed for spec in specs.values()) else None,
            permissions=tuple((spec.provider, name) for spec in specs.values() for name in spec.permissions),
            refused=tuple(one.text for one in against),
            notes=(note,) if note else (),
        )

    def _targets_of(self, step: Step) -> Sequence[Entry]:
        return self.targets[step.targets] if step.targets else self.ground.entries


def _units(spec: SourceSpec, entry: Entry, window: Window | None) -> int:
    """Return how many units a source has at a target at least: one a region that is named, one a step of time."""
    regions = max(1, len(entry.target.regions)) if spec.scope == "region" else 1
    if not spec.windowed or window is None or spec.step is None:
        return regions
    return regions * max(1, math.ceil((window.end - window.start) / spec.step))


def _items(step: Step, known: Mapping[str, Any]) -> tuple[str, int]:
    """Return over what a step runs, in words, and how many there are at least."""
    each = step.for_each
    if each is None:
        return "", 1
    try:
        found = templates.fill(each.items, known)
    except ExpressionError:
        return f"up to {each.most:,} items, known after {_after(each.items)}", 1
    if not isinstance(found, list):
        raise UsageError(f"`for_each` of step `{step.id}` comes to no list")
    return f"{min(len(found), each.most):,} items", min(len(found), each.most)


def _window(playbook: Playbook, step: Step, known: Mapping[str, Any], started: datetime) -> tuple[Window | None, str]:
    said = step.fields.get("window")
    if said is None and "window" not in playbook.inputs:
        return None, ""
    try:
        found = known["inputs"]["window"] if said is None else templates.fill(said, known)
    except ExpressionError:
        return None, f"its window is known after {_after(json.dumps(said))}"
    return (window_of(found, started), "") if isinstance(found, Mapping) else (None, "its window is none")


def _after(text: str) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(_steps(text))) or "it runs"


def _steps(text: str) -> Iterator[str]:
    try:
        slots = templates.read(text).slots
    except ExpressionError:
        return
    for slot in slots:
        for one in slot.expression.references():
            if one.path[0] == "steps" and len(one.path) > 1:
                yield one.path[1]
