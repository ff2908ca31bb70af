"""`playbook plan`: what a run would take, said without asking any provider."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import ordering, output, settings
from evidence_kit.cli.playbooks_given import FOLDERS, SET, inventory_of, library, pairs

if TYPE_CHECKING:
    from evidence_kit.playbook.model import Playbook
    from evidence_kit.playbook.planning import PlannedStep, RunPlan


def plan(
    playbook: str = typer.Argument(..., help="A playbook's id, or the path of its file."),
    inputs: list[str] = SET,
    inventory: str | None = ordering.INVENTORY,
    connectors: list[str] = ordering.CONNECTORS,
    folders: list[Path] = FOLDERS,
    policy: str | None = ordering.POLICY,
    place: str | None = ordering.PLACE,
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Say what a run would take: waves, calls and minutes at least, permissions, people, and what it changes.

    Nothing is asked of any provider. What only a step can know is said so.
    """
    beside = Beside(inventory, tuple(connectors), policy, place)
    tell(library(folders).find(playbook), pairs(inputs), beside, as_json=as_json)


@dataclass(frozen=True, slots=True)
class Beside:
    """What a plan is made with beside the playbook."""

    inventory: str | None
    connectors: Sequence[str]
    policy: str | None
    place: str | None


def tell(playbook: "Playbook", given: Mapping[str, object], beside: Beside, *, as_json: bool) -> None:
    """Say what a run of `playbook` would take."""
    from evidence_kit.playbook.planning import Ground, plan_run
    from evidence_kit.preservation.catalogue import load_actions

    listed, _, _ = inventory_of(beside.inventory)
    limits = settings.setting("policy", beside.policy)
    ground = Ground(
        specs=settings.catalogue(beside.connectors),
        actions=load_actions(),
        entries=listed.entries,
        policy=ordering.read_policy(limits) if limits else None,
        place=settings.setting("place", beside.place) or "",
    )
    made = plan_run(playbook, given, ground, now=settings.now())
    if as_json:
        output.document({**made.to_json(), "digest": made.digest})
        return
    for line in lines(made):
        output.data(line)


def lines(made: "RunPlan") -> Iterator[str]:
    """Yield a plan for people."""
    yield f"plan      {made.playbook.id} {made.playbook.version}: {made.playbook.title}"
    for name, ids in made.targets.items():
        yield f"targets   {name}: {', '.join(ids) or 'none'}"
    wave = 0
    for one in made.steps:
        if one.wave != wave:
            wave = one.wave
            yield f"wave {wave}"
        yield from _step(one)
    calls, minutes = sum(one.calls for one in made.steps), sum(one.minutes for one in made.steps)
    pace = f"{minutes:,.0f} min" if minutes >= 1 else "under a minute"
    yield f"cost      at least {output.plural(calls, 'call')}, {pace} at the providers' pace"
    for provider, names in made.permissions.items():
        yield f"needs     {provider}: {output.plural(len(names), 'permission')}"
    if made.jurisdictions:
        yield f"data in   {', '.join(made.jurisdictions)}"
    for clock in made.clocks:
        yield f"clock     {clock}"
    yield f"digest    {made.digest}"


def _step(one: "PlannedStep") -> Iterator[str]:
    what = one.step.fields.get("action") or ", ".join(one.sources[:3]) + (" …" if len(one.sources) > 3 else "")
    facts = [
        one.step.type,
        what,
        output.plural(len(one.targets), "target") if one.targets else "",
        f"at least {output.plural(one.units, 'unit')}" if one.units else "",
        one.items,
        f"WAITS FOR {one.step.fields.get('role') or 'A PERSON'}".upper() if one.waits else "",
        "CHANGES THE TARGET" if one.changes else "",
    ]
    yield f"  {one.step.id:20} {' · '.join(fact for fact in facts if fact)}"
    if one.step.when:
        yield f"  {'':20} if {' '.join(one.step.when.split())}"
    for refused in one.refused:
        yield f"  {'':20} refused: {refused}"
    for note in one.notes:
        yield f"  {'':20} {note}"
