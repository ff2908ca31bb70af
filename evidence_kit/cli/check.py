"""`sources check`: what would be complete, partial or impossible, found out before the first evidence call."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import ordering, output
from evidence_kit.errors import Exit

if TYPE_CHECKING:
    from evidence_kit.acquire.context import World
    from evidence_kit.acquire.plan import Plan
    from evidence_kit.acquire.preflight import Ask, Forecast, Preflight
    from evidence_kit.governance.permitted import Refusal
    from evidence_kit.model.grants import Grants
    from evidence_kit.model.source import SourceSpec

_SHOWN = 6  # what `collect` says before it begins; the rest is counted


def check(
    names: list[str] = typer.Argument(None, help="Sources, as `evidence-kit sources list` names them."),
    since: str = ordering.SINCE,
    until: str | None = ordering.UNTIL,
    target: list[str] = ordering.TARGET,
    inventory: str | None = ordering.INVENTORY,
    region: list[str] = ordering.REGION,
    profile: str | None = ordering.PROFILE,
    params: list[str] = ordering.PARAMS,
    connectors: list[str] = ordering.CONNECTORS,
    policy: str | None = ordering.POLICY,
    place: str | None = ordering.PLACE,
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Say what would be complete, partial or impossible. Nothing is collected.

    Asks each target who we are, what we may do, which regions and logs there are, and how far back they reach.
    Exits 3 if anything would be missing or is refused. `unknown` is what the provider would not tell.
    """
    from evidence_kit.acquire.plan import make_plan
    from evidence_kit.collectors.registry import build

    ordered = ordering.place(
        ordering.Asked(
            sources=names or (),
            since=since,
            until=until,
            targets=target,
            inventory=inventory,
            regions=region,
            profile=profile,
            params=params,
            connectors=connectors,
            policy=policy,
            place=place,
        )
    )
    order, specs = ordered.order, ordered.specs
    world = ordering.planning()
    shared: dict[str, object] = {}
    flight = fly(make_plan(order, build(specs, shared), world), specs, shared, world)
    if as_json:
        output.document(as_json_document(flight, ordered.refusals))
    else:
        show(flight)
        for refused in ordered.refusals:
            output.data(f"refused     {refused.text}")
    if ordered.refusals or any(one.falls_short for one in flight.forecasts):
        raise typer.Exit(Exit.INCOMPLETE)


def fly(plan: "Plan", specs: "Mapping[str, SourceSpec]", shared: Mapping[str, object], world: "World") -> "Preflight":
    """Ask every target of a plan, with the accesses that its planning has opened."""
    from evidence_kit.acquire import preflight

    return preflight.check(plan, specs, asker(shared), world)


def asker(shared: Mapping[str, object]) -> "Ask":
    """Return whom to ask what is granted at a provider, and by which of the accesses that are open."""
    from evidence_kit.collectors.registry import grantor
    from evidence_kit.model.grants import Grantor

    def ask(provider: str) -> tuple[Grantor, object] | None:
        found = grantor(provider)
        return (found, shared[provider]) if found and provider in shared else None

    return ask


def show(flight: "Preflight") -> None:
    """Print a table: target by target, the worst first."""
    for name, forecasts in _by_target(flight).items():
        grants = flight.grants[forecasts[0].target.id]
        output.data(f"{name}{f'  as {grants.caller}' if grants.caller else ''}")
        width = max(len(one.source) for one in forecasts)
        for one in sorted(forecasts, key=lambda one: (not one.falls_short, one.verdict, one.source)):
            first, *others = one.reasons or ("",)
            units = output.plural(one.units, "unit")
            output.data(f"  {one.verdict.value:10}  {one.source:{width}}  {units}  {first}".rstrip())
            for reason in others:
                output.data(f"  {'':10}  {'':{width}}  {reason}")
        for line in _untold(grants):
            output.data(f"  {line}")
    counts = Counter(one.verdict.value for one in flight.forecasts)
    output.note("  ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))


def tell(flight: "Preflight") -> None:
    """Say in a few lines what will be missing, and what nobody could tell; say nothing where nothing will."""
    for name, forecasts in _by_target(flight).items():
        for line in _untold(flight.grants[forecasts[0].target.id]):
            output.note(f"preflight {name}: {line}")
    short = [one for one in flight.forecasts if one.falls_short]
    for one in short[:_SHOWN]:
        output.note(f"preflight {one.source} at {one.target.label} will be {one.verdict.value}: {one.reasons[0]}")
    if len(short) > _SHOWN:
        output.note(f"preflight … and {len(short) - _SHOWN} more: `evidence-kit sources check` names them")


def as_json_document(flight: "Preflight", refusals: "Sequence[Refusal]" = ()) -> list[dict[str, object]]:
    """Return the forecasts by target as plain data, with what an agreement or a policy has against each."""
    from evidence_kit.governance.permitted import EVERYWHERE

    return [
        {
            "name": name,
            "provider": forecasts[0].target.provider,
            "caller": flight.grants[forecasts[0].target.id].caller,
            "unknownPermissions": dict(flight.grants[forecasts[0].target.id].unknown),
            "refused": [one.text for one in refusals if one.target in {name, EVERYWHERE}],
            "sources": [
                {"name": one.source, "verdict": one.verdict.value, "units": one.units, "reasons": list(one.reasons)}
                for one in forecasts
            ],
        }
        for name, forecasts in _by_target(flight).items()
    ]


def _by_target(flight: "Preflight") -> dict[str, list["Forecast"]]:
    found: dict[str, list[Forecast]] = {}
    for one in flight.forecasts:
        found.setdefault(one.target.label, []).append(one)
    return found


def _untold(grants: "Grants") -> list[str]:
    """Say once for each reason how many permissions nobody could tell of."""
    why = Counter(grants.unknown.values())
    return [f"{output.plural(count, 'permission')} not known: {reason}" for reason, count in why.items()]
