"""Planning: every unit that will ever be asked for, before the first evidence call."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from evidence_kit.acquire.context import Interrupted, UnitContext, World
from evidence_kit.acquire.scope import Order
from evidence_kit.errors import AccessError, EmptyError, EvidenceKitError, OperatorStop, ProviderError
from evidence_kit.model.exchange import Exchange, Stop
from evidence_kit.model.ports import Collector
from evidence_kit.model.retention import within_retention
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import rfc3339, spelled
from evidence_kit.model.unit import ORGANIZATION, Scope, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All units, and the questions that had to be asked to know them."""

    units: tuple[Unit, ...]
    exchanges: tuple[Exchange, ...]


def make_plan(order: Order, collectors: Mapping[str, Collector], world: World) -> Plan:
    """Enumerate every unit of `order`; a target that cannot be enumerated becomes a settled unit of its own."""
    exchanges: list[Exchange] = []
    units: dict[str, Unit] = {}
    for name in order.sources:
        collector = collectors[name]
        for scope in order.scopes():
            if scope.target.provider != collector.spec.provider:
                continue
            for unit in _enumerate(collector, scope, world, exchanges.append):
                units.setdefault(unit.id, unit)
    units = _once_an_organization(units, collectors)
    if not units:
        raise EmptyError(
            "the plan is empty: no target fits the sources",
            hint="`--target`, `--inventory` and `--region` choose them",
        )
    ordered = sorted(units.values(), key=lambda unit: collectors[unit.source].spec.volatile)
    return Plan(units=tuple(_interleaved(ordered)), exchanges=tuple(exchanges))


def _once_an_organization(units: Mapping[str, Unit], collectors: Mapping[str, Collector]) -> dict[str, Unit]:
    """Keep one unit an organisation and source: the first target that may speak for it does, its members need not."""
    kept: dict[str, Unit] = {}
    spoken: set[tuple[str, str]] = set()
    members: list[str] = []
    for name, unit in units.items():
        of = (unit.source, unit.settings.get(ORGANIZATION, ""))
        if collectors[unit.source].spec.scope == "organization" and of[1]:
            if unit.settled and unit.settled[0] is UnitStatus.OUT_OF_SCOPE:
                members.append(name)
            elif of in spoken:
                continue
            else:
                spoken.add(of)
        kept[name] = unit
    for name in members:
        if (kept[name].source, kept[name].settings[ORGANIZATION]) in spoken:
            del kept[name]
    return kept


def _enumerate(
    collector: Collector, scope: Scope, world: World, record: Callable[[Exchange], None]
) -> Iterator[Unit]:
    whole = Unit(source=collector.spec.name, target=scope.target, window=scope.window)
    ctx = UnitContext(world=world, limit=collector.spec.limit, unit=whole, record=record)
    try:
        for unit in collector.units(scope, ctx):
            yield from _within_retention(unit, collector.spec, world.now())
    except Interrupted:
        raise OperatorStop("stopped while planning; nothing was collected") from None
    except Stop as stop:
        yield replace(whole, settled=(stop.status, stop.reason))
    except AccessError as error:
        yield replace(whole, settled=(UnitStatus.DENIED, error.message))
    except ProviderError as error:
        yield replace(whole, settled=(UnitStatus.PARTIAL_ERROR, error.message))
    except EvidenceKitError:
        raise
    except Exception as error:  # noqa: BLE001 - one collector's bug must not take the other sources down
        reason = f"the collector failed to plan: {type(error).__name__}: {error}"[:500]
        yield replace(whole, settled=(UnitStatus.PARTIAL_ERROR, reason))


def _within_retention(unit: Unit, spec: SourceSpec, now: datetime) -> Iterator[Unit]:
    """Split off what is older than the provider keeps, and cut the rest into the source's steps."""
    if unit.window is None or unit.settled or not spec.windowed:
        yield unit
        return
    kept = spec.retention or None
    reason = f"older than {spelled(kept)}, which is all that is kept" if kept else ""
    for part in within_retention(unit, kept, now, reason):
        if part.settled or part.window is None or spec.step is None:
            yield part
        else:
            yield from (replace(part, window=step) for step in part.window.split(spec.step))


def _interleaved(units: Sequence[Unit]) -> Iterator[Unit]:
    """Deal units of one volatility round robin over their targets and regions, so that no budget stands idle."""
    lanes: dict[tuple[str, str, str], list[Unit]] = defaultdict(list)
    for unit in units:
        lanes[unit.source, unit.target.id, unit.region].append(unit)
    sources = dict.fromkeys(unit.source for unit in units)
    for source in sources:
        group = [lane for key, lane in lanes.items() if key[0] == source]
        for turn in range(max(map(len, group))):
            yield from (lane[turn] for lane in group if turn < len(lane))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a plan costs at least: one call a unit, at the pace that the provider allows."""

    source: str
    units: int
    calls: int
    minutes: float
    permissions: tuple[str, ...]


def estimate(plan: Plan, specs: Mapping[str, SourceSpec]) -> tuple[Estimate, ...]:
    """Return the least cost a source. Pages are known only once they have been asked for."""
    found: list[Estimate] = []
    for name in dict.fromkeys(unit.source for unit in plan.units):
        spec, units = specs[name], [unit for unit in plan.units if unit.source == name and not unit.settled]
        budgets: dict[tuple[str, str], int] = defaultdict(int)
        for unit in units:
            budgets[unit.target.id, unit.region if "region" in spec.limit.per else ""] += 1
        seconds = max((math.ceil(count / spec.limit.rps) for count in budgets.values()), default=0)
        found.append(
            Estimate(
                source=name,
                units=len(units),
                calls=len(units),
                minutes=round(seconds / 60, 1),
                permissions=spec.permissions,
            )
        )
    return tuple(found)


def describe(unit: Unit) -> str:
    """Return a unit in a few words for people."""
    window = f" {rfc3339(unit.window.start)} to {rfc3339(unit.window.end)}" if unit.window else ""
    return (
        f"{unit.source} {unit.target.id} {unit.region or 'global'}{' ' + unit.stream if unit.stream else ''}{window}"
    )
