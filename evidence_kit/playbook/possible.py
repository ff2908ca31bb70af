"""Which playbooks could run today, at which targets, and how far back: by what a look at all targets found."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evidence_kit.errors import UsageError
from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.permitted import EVERYWHERE, refusals
from evidence_kit.governance.policy import Policy
from evidence_kit.governance.readiness.observed import Possible, Standing
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window
from evidence_kit.playbook.choosing import choose_sources, choose_targets
from evidence_kit.playbook.library import Library, read_file
from evidence_kit.playbook.model import Playbook, Step

_REASONS = 50  # of one playbook that are told apart; the rest is counted
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the answer rests on: an inventory, what is known of sources, and what a look found."""

    entries: Sequence[Entry]
    specs: Mapping[str, SourceSpec]
    standings: Mapping[tuple[str, str], Standing]  # by source and target
    at: datetime
    policy: Policy | None = None
    place: str = ""


@dataclass(slots=True)
class _Tally:
    """What speaks for a playbook and against it."""

    reasons: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    good: int = 0
    bad: int = 0
    reach: int | None = None


def wanted(library: Library, basis: Basis, only: Collection[str] = ()) -> frozenset[str]:
    """Return every source that some playbook would collect at these targets."""
    found: set[str] = set()
    for _, playbook in _playbooks(library, only):
        if isinstance(playbook, UsageError):
            continue
        for step, entries in _collections(playbook, library, basis, _Tally(), frozenset()):
            found |= _specs(step, entries, basis, _Tally()).keys()
    return frozenset(found)


def possible(library: Library, basis: Basis, only: Collection[str] = ()) -> Iterator[Possible]:
    """Yield what each playbook could do, or each of `only` some."""
    for name, playbook in _playbooks(library, only):
        if isinstance(playbook, UsageError):
            yield Possible(playbook=name, version="", verdict="cannot", reasons=(playbook.message,))
        else:
            yield _one(playbook, library, basis)


def _playbooks(library: Library, only: Collection[str]) -> Iterator[tuple[str, Playbook | UsageError]]:
    """Yield every playbook; one that cannot be read is what is wrong with it, for the others can run all the same."""
    for name in only:
        library.find(name)  # one that is not there is refused by its name
    for name, path in sorted(library.files.items()):
        if only and name not in only:
            continue
        try:
            yield name, read_file(path)
        except UsageError as error:
            yield name, error


def _one(playbook: Playbook, library: Library, basis: Basis) -> Possible:
    tally = _Tally()
    for step, entries in _collections(playbook, library, basis, tally, frozenset()):
        _step(step, entries, basis, tally)
    verdict = "cannot" if not tally.good else "partly" if tally.bad else "ready"
    reasons = list(dict.fromkeys(tally.reasons))
    more = [f"and {len(reasons) - _REASONS} more"] if len(reasons) > _REASONS else []
    return Possible(
        playbook=playbook.id,
        version=playbook.version,
        verdict=verdict,
        targets=tuple(dict.fromkeys(tally.targets)),
        reasons=(*reasons[:_REASONS], *more),
        reach=tally.reach if tally.good else None,
    )


def _collections(
    playbook: Playbook, library: Library, basis: Basis, tally: _Tally, calling: frozenset[str]
) -> Iterator[tuple[Step, Sequence[Entry]]]:
    """Yield every step that collects, with its targets, also those of playbooks that are called."""
    if playbook.id in calling:
        return
    try:
        targets = choose_targets(playbook, basis.entries)
    except UsageError as error:
        tally.bad += 1
        tally.reasons.append(error.message)
        return
    for step in playbook.steps:
        if step.type == "collect":
            yield step, targets[step.targets] if step.targets else tuple(basis.entries)
        elif step.type == "playbook":
            yield from _called(step, library, basis, tally, calling | {playbook.id})


def _called(
    step: Step, library: Library, basis: Basis, tally: _Tally, calling: frozenset[str]
) -> Iterator[tuple[Step, Sequence[Entry]]]:
    try:
        other = library.find(str(step.fields["playbook"]))
    except UsageError as error:
        tally.bad += 1
        tally.reasons.append(f"step `{step.id}`: {error.message}")
        return
    yield from _collections(other, library, basis, tally, calling)


def _specs(step: Step, entries: Iterable[Entry], basis: Basis, tally: _Tally) -> Mapping[str, SourceSpec]:
    try:
        return choose_sources(step.fields["sources"], basis.specs, {one.target.provider for one in entries})
    except UsageError as error:
        tally.bad += 1
        tally.reasons.append(f"step `{step.id}`: {error.message}")
        return {}


def _step(step: Step, entries: Sequence[Entry], basis: Basis, tally: _Tally) -> None:
    specs = _specs(step, entries, basis, tally)
    chosen = {spec.provider for spec in specs.values()}
    fitting = [one for one in entries if one.target.provider in chosen]
    if specs and not fitting:
        tally.bad += 1
        tally.reasons.append(f"step `{step.id}`: no target in the inventory has these sources")
    span = Window(basis.at - _DAY, basis.at)
    against = refusals(specs.values(), fitting, span, at=basis.at, policy=basis.policy, vault=basis.place)
    tally.bad += len(against)
    tally.reasons += (f"refused: {one.text}" for one in against)
    refused = {(one.target, one.source) for one in against}
    for entry in fitting:
        label = entry.target.label
        for name, spec in specs.items():
            if spec.provider != entry.target.provider or refused & {(label, ""), (label, name), (EVERYWHERE, "")}:
                continue
            _count(basis.standings.get((name, entry.target.id)), f"{name} at {label}", label, tally)


def _count(one: Standing | None, about: str, label: str, tally: _Tally) -> None:
    if one is None:
        tally.bad += 1
        tally.reasons.append(f"{about}: was not looked at")
        return
    is_there = one.verdict in {"complete", "unknown", "partial"}
    if one.verdict != "complete":
        tally.bad += 1
        said = {"nothing": "nothing is logged", "unknown": "not every permission could be asked about"}
        tally.reasons.append(f"{about}: {one.reasons[0] if one.reasons else said.get(one.verdict, one.verdict)}")
    if is_there:
        tally.good += 1
        tally.targets.append(label)
        if one.reach is not None:
            tally.reach = one.reach if tally.reach is None else min(tally.reach, one.reach)
