"""Looks at every target: what a plan settles, what is granted, how far back it goes, what logging says of itself."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from evidence_kit.acquire import preflight
from evidence_kit.acquire.context import World
from evidence_kit.acquire.plan import Plan, make_plan
from evidence_kit.acquire.preflight import Ask, Forecast
from evidence_kit.acquire.scope import Order
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.governance.readiness.observed import Standing, State
from evidence_kit.governance.readiness.states import read_states
from evidence_kit.model.grants import Grants
from evidence_kit.model.ports import Collector
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Unit


def survey(
    order: Order, specs: Mapping[str, SourceSpec], collectors: Mapping[str, Collector], ask: Ask, world: World
) -> tuple[tuple[Standing, ...], tuple[State, ...]]:
    """Return how every source stands at every target of an order, and what providers say of their logging."""
    plan, unplanned = _planned(order, collectors, world)
    flight = preflight.check(plan, specs, ask, world)
    units: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    for unit in plan.units:
        units[unit.source, unit.target.id].append(unit)
    standings = tuple(
        _standing(
            one, specs[one.source], units[one.source, one.target.id], flight.grants[one.target.id], order.window
        )
        for one in flight.forecasts
    )
    untold = (
        Standing(
            source=name,
            target=target.id,
            label=target.label,
            provider=target.provider,
            verdict=preflight.Verdict.UNKNOWN.value,
            reasons=(why,),
        )
        for name, why in unplanned.items()
        for target in order.targets
        if target.provider == specs[name].provider
    )
    return (*standings, *untold), tuple(read_states(plan.units, collectors, world))


def _planned(order: Order, collectors: Mapping[str, Collector], world: World) -> tuple[Plan, Mapping[str, str]]:
    """Plan each source for itself; one that a playbook has to tell something first cannot be planned without it."""
    units: list[Unit] = []
    unplanned: dict[str, str] = {}
    for name in order.sources:
        try:
            units += make_plan(replace(order, sources=(name,)), collectors, world).units
        except EmptyError:
            continue  # no target is of its provider
        except UsageError as error:
            unplanned[name] = error.message
    return Plan(units=tuple(units), exchanges=()), unplanned


def _standing(one: Forecast, spec: SourceSpec, units: Sequence[Unit], grants: Grants, asked: Window) -> Standing:
    reach = _reach(units, asked.end) if spec.windowed else None
    # What is no longer kept is told by how far back the rest reaches; it makes nothing partial today.
    kept = [unit for unit in units if not (unit.settled and unit.settled[0] is UnitStatus.EXPIRED_RETENTION)]
    one = preflight.forecast(spec, one.target, kept or units, grants)
    return Standing(
        source=one.source,
        target=one.target.id,
        label=one.target.label,
        provider=one.target.provider,
        verdict=one.verdict.value,
        reasons=one.reasons,
        missing=tuple(name for name in spec.permissions if name in grants.missing),
        unknown=tuple(name for name in spec.permissions if name in grants.unknown),
        reach=reach,
        bounded=reach is not None and reach < int((asked.end - asked.start).total_seconds()),
    )


def _reach(units: Iterable[Unit], now: datetime) -> int:
    """Return how far back every place that can be asked goes; nothing where none can."""
    lanes: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for unit in units:
        if unit.settled is None and unit.window is not None:
            lanes[unit.region, unit.stream].append(unit.window.start)
    return min((int((now - min(starts)).total_seconds()) for starts in lanes.values()), default=0)
