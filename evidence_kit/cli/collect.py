"""`collect`: plan, acquire, sign, seal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import elsewhere, following, ordering, output, settings, timestamp
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.acquire.context import World
    from evidence_kit.acquire.plan import Plan
    from evidence_kit.acquire.preflight import Preflight
    from evidence_kit.acquire.run import Engine, Result
    from evidence_kit.acquire.scope import Order
    from evidence_kit.model.ports import Collector
    from evidence_kit.model.source import SourceSpec


def collect(
    sources: list[str] = typer.Argument(None, help="Sources, as `evidence-kit sources list` names them."),
    case: str | None = typer.Option(None, "--case", help="The case folder to collect into."),
    since: str = ordering.SINCE,
    until: str | None = ordering.UNTIL,
    target: list[str] = ordering.TARGET,
    inventory: str | None = ordering.INVENTORY,
    region: list[str] = ordering.REGION,
    profile: str | None = ordering.PROFILE,
    params: list[str] = ordering.PARAMS,
    connectors: list[str] = ordering.CONNECTORS,
    reconcile: bool = typer.Option(
        False, "--reconcile", help="No new work: a second pass over what had not settled, and what it changed."
    ),
    follow: bool = typer.Option(
        False, "--follow", help="Go on, pass after pass, as windows settle; `--until` or Ctrl-C ends it."
    ),
    every: str = typer.Option("5m", "--every", help="With `--follow`: how long from one pass to the next."),
    plan: bool = typer.Option(False, "--plan", help="Say what it would take, collect nothing."),
    preflight: bool = typer.Option(True, help="Ask first what our credentials may do, and say what will be missing."),
    policy: str | None = ordering.POLICY,
    place: str | None = ordering.PLACE,
    override: str | None = typer.Option(
        None, "--override", help="Why a refusal is set aside; somebody else must have approved it on record."
    ),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    workers: int = typer.Option(256, "--workers", min=1, max=1024, help="How many units run at once."),
    executor: str | None = elsewhere.OPTION,
    tsa: list[str] = timestamp.OPTION,
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Collect evidence into a case and seal it.

    Every unit of work is planned first; every artifact is stored as received and signed as it arrives.
    Exits 3 if anything could not be had: sealed and authentic, but not everything.
    """
    from evidence_kit.cli import running

    if reconcile:
        if sources or follow:
            raise UsageError("`--reconcile` takes up what a case holds", hint="name neither sources nor `--follow`")
        now = settings.now().replace(microsecond=0)
        folder = settings.required_case(case)
        _reconcile(
            folder, now, key=key, workers=workers, executor=executor, connectors=connectors, tsa=tsa, as_json=as_json
        )
        return
    ordered = ordering.place(
        ordering.Asked(
            sources=sources or (),
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
    if override is None:
        ordering.require_permitted(ordered)
    if follow:
        _follow(
            following.Wanted(
                ordered=ordered,
                case=case,
                until=ordered.order.window.end if until else None,
                every=every,
                preflight=preflight,
                workers=workers,
                executor=executor,
                tsas=tsa,
                as_json=as_json,
                override=override,
            ),
            key=key,
            plan=plan,
        )
        return
    if plan:
        _show_plan(ordered.order, ordered.specs, preflight=preflight, as_json=as_json)
        return
    shared: dict[str, object] = {}

    def work(engine: "Engine") -> "Result":
        order = _set_aside(engine, ordered, override) if override is not None and ordered.refusals else ordered.order
        return _checked(engine, order, ordered.specs, shared) if preflight else engine.collect(order)

    running.run(
        settings.required_case(case),
        ordered.specs,
        key=settings.setting("key", key),
        workers=workers,
        as_json=as_json,
        work=work,
        tsas=tsa,
        shared=shared,
        executor=executor,
    )


def _follow(wanted: following.Wanted, *, key: str | None, plan: bool) -> None:
    """Follow, or show what the first pass would take and when the next would come."""
    follow = following.Follower(wanted)
    if not plan:
        follow.run(settings.setting("key", key))
        return
    _show_plan(
        follow.order, wanted.ordered.specs, preflight=wanted.preflight, as_json=wanted.as_json, planned=follow.planned
    )
    output.note(f"then      a pass every {wanted.every}, the next at {follow.second()}")


def _set_aside(engine: "Engine", ordered: ordering.Ordered, reason: str) -> "Order":
    """Put on record that an agreement is set aside, by whose leave and why, before anything is taken."""
    from evidence_kit.acquire.authority import OVERRIDE
    from evidence_kit.acquire.decisions import override

    texts = [one.text for one in ordered.refusals]
    seq = override(engine.keeper, texts, reason, at=engine.now())
    output.note(f"override  event {seq}: {output.plural(len(texts), 'refusal')} set aside: {reason}")
    said = {"event": seq, "refusals": texts, "reason": reason}
    return replace(ordered.order, governance={**ordered.order.governance, OVERRIDE: said})


def _checked(
    engine: "Engine", order: "Order", specs: "Mapping[str, SourceSpec]", shared: Mapping[str, object]
) -> "Result":
    """Say what will be missing before anything is taken, then take what there is."""
    from evidence_kit.acquire.plan import make_plan
    from evidence_kit.cli import check

    plan = make_plan(order, engine.collectors, engine.world())
    flight = check.fly(plan, specs, shared, engine.world())
    check.tell(flight)
    return engine.collect(order, replace(plan, exchanges=(*plan.exchanges, *flight.exchanges)))


def _reconcile(
    case: Path,
    now: datetime,
    *,
    key: str | None,
    workers: int,
    executor: str | None,
    connectors: Sequence[str],
    tsa: Sequence[str],
    as_json: bool,
) -> None:
    """Run the second pass, then say what came late and what is gone."""
    from evidence_kit.acquire.case import read_description
    from evidence_kit.acquire.open_work import find_unsettled
    from evidence_kit.analysis.passes import changes
    from evidence_kit.cli import running
    from evidence_kit.sources.catalogue import choose
    from evidence_kit.vaults.local import LocalVault

    known = settings.catalogue(connectors)
    vault = LocalVault(case)
    read_description(vault)
    found = find_unsettled(
        vault,
        lambda unit: unit.window is None or unit.window.end + choose([unit.source], known)[unit.source].settle <= now,
    )
    output.note(found.summary)
    try:
        running.run(
            case,
            choose(found.order.sources, known),
            key=settings.setting("key", key),
            workers=workers,
            as_json=as_json,
            work=found.run,
            tsas=tsa,
            executor=executor,
        )
    finally:
        wanted = {unit.id for unit in found.units}
        for change in changes(vault, known):
            if change.unit in wanted and (change.late or change.gone):
                came, gone = output.plural(change.late, "record"), output.plural(change.gone, "record")
                output.note(f"changed   {change.unit}: {came} came late, {gone} no longer shown")


def _duration(minutes: float) -> str:
    return f"{minutes:,.0f} min" if minutes >= 1 else "under a minute"


def _show_plan(
    order: "Order",
    specs: "Mapping[str, SourceSpec]",
    *,
    preflight: bool,
    as_json: bool,
    planned: "Callable[[Mapping[str, Collector], World], Plan] | None" = None,
) -> None:
    from evidence_kit.acquire.plan import describe, estimate, make_plan
    from evidence_kit.cli import check
    from evidence_kit.collectors.registry import build

    world = ordering.planning()
    shared: dict[str, object] = {}
    collectors = build(specs, shared)
    made = planned(collectors, world) if planned else make_plan(order, collectors, world)
    flight: Preflight | None = check.fly(made, specs, shared, world) if preflight else None
    costs = estimate(made, specs)
    settled = [(unit, unit.settled) for unit in made.units if unit.settled]
    extras = [(cost.source, one) for cost in costs for one in specs[cost.source].extras(order.params)]
    if as_json:
        output.document(
            {
                "units": len(made.units),
                "sources": [
                    {
                        "name": cost.source,
                        "units": cost.units,
                        "callsAtLeast": cost.calls,
                        "minutesAtLeast": cost.minutes,
                        "permissions": list(cost.permissions),
                    }
                    for cost in costs
                ],
                "settled": [
                    {"name": unit.id, "status": status.value, "reason": reason} for unit, (status, reason) in settled
                ],
                "extras": [
                    {"name": name, "param": one.name, "price": one.price, "permissions": list(one.permissions)}
                    for name, one in extras
                ],
                "preflight": check.as_json_document(flight) if flight else None,
            }
        )
        return
    output.data(f"plan      {output.plural(len(made.units), 'unit')} · {output.plural(len(order.targets), 'target')}")
    for cost in costs:
        output.data(
            f"  {cost.source:28} {output.plural(cost.units, 'unit')}  at least {output.plural(cost.calls, 'call')}"
            f", {_duration(cost.minutes)} at the provider's pace"
        )
    for name, one in extras:
        output.data(f"  {name:28} --set {one.name}={order.params[one.name]}: {one.price}")
    for unit, (status, reason) in settled:
        output.data(f"  {status.value:20} {describe(unit)}: {reason}")
    if flight:
        check.show(flight)
    output.data("permissions")
    added = {permission for _, one in extras for permission in one.permissions}
    for permission in sorted(added.union(*(cost.permissions for cost in costs))):
        output.data(f"  {permission}")
    output.note("hint: pages are known only once they are asked for; more events take more calls")
