"""Before the first evidence call: what of a plan would be complete, partial or impossible, and why."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from evidence_kit.acquire.context import Interrupted, UnitContext, World
from evidence_kit.acquire.plan import Plan
from evidence_kit.errors import AccessError, OperatorStop, ProviderError
from evidence_kit.model.exchange import Exchange, Stop
from evidence_kit.model.grants import Grantor, Grants
from evidence_kit.model.source import Limit, SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target, Unit

_NAMED = 3  # places that a reason names; the others are counted
_LIMIT = Limit(rps=5, burst=5, per=("account",))
Ask = Callable[[str], tuple[Grantor, object] | None]  # a provider to what asks it, and the access to ask with


class Verdict(StrEnum):
    """What is to be expected of one source at one target."""

    COMPLETE = "complete"
    NOTHING = "nothing"  # the provider has nothing to give: a feature is off, a region is not enabled
    UNKNOWN = "unknown"  # nothing speaks against it, but the provider would not tell of every permission
    PARTIAL = "partial"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """One source at one target."""

    source: str
    target: Target
    units: int
    verdict: Verdict
    reasons: tuple[str, ...] = ()

    @property
    def falls_short(self) -> bool:
        """Whether evidence will be missing."""
        return self.verdict in {Verdict.PARTIAL, Verdict.IMPOSSIBLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What a plan promises, who we are at each target, and what nobody could tell."""

    forecasts: tuple[Forecast, ...]
    grants: Mapping[str, Grants]
    exchanges: tuple[Exchange, ...] = ()


def check(plan: Plan, specs: Mapping[str, SourceSpec], ask: Ask, world: World) -> Preflight:
    """Ask each target what we may do there and set it beside the plan; nothing here is evidence."""
    units: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    targets = {unit.target.id: unit.target for unit in plan.units}
    for unit in plan.units:
        units[unit.target.id, unit.source].append(unit)
    exchanges: list[Exchange] = []
    grants = {
        target.id: _grants(target, [specs[source] for at, source in units if at == target.id], ask, world, exchanges)
        for target in targets.values()
    }
    forecasts = [forecast(specs[source], targets[at], several, grants[at]) for (at, source), several in units.items()]
    return Preflight(forecasts=tuple(forecasts), grants=grants, exchanges=tuple(exchanges))


def forecast(spec: SourceSpec, target: Target, units: Sequence[Unit], grants: Grants) -> Forecast:
    """Judge one source at one target by what planning settled and what is not granted."""
    settled = [unit for unit in units if unit.settled]
    lost = [unit for unit in settled if unit.settled and not unit.settled[0].is_whole]
    lacking = [permission for permission in spec.permissions if permission in grants.missing]
    reasons = [f"lacks {permission} ({grants.missing[permission]})" for permission in lacking]
    if len(settled) == len(units):
        verdict = Verdict.IMPOSSIBLE if lost else Verdict.NOTHING
    elif lacking:
        verdict = Verdict.IMPOSSIBLE if len(lacking) == len(spec.permissions) else Verdict.PARTIAL
    else:
        untold = any(permission in grants.unknown for permission in spec.permissions)
        verdict = Verdict.PARTIAL if lost else Verdict.UNKNOWN if untold else Verdict.COMPLETE
    reasons += _settled_reasons(settled)
    return Forecast(source=spec.name, target=target, units=len(units), verdict=verdict, reasons=tuple(reasons))


def _settled_reasons(units: Iterable[Unit]) -> list[str]:
    """Say each reason once, with the places that it holds for."""
    places: dict[tuple[UnitStatus, str], list[str]] = defaultdict(list)
    for unit in units:
        if unit.settled:
            places[unit.settled].append(" ".join(filter(None, (unit.region, unit.stream))))
    said = []
    for (status, reason), where in places.items():
        named = list(dict.fromkeys(filter(None, where)))
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        said.append(f"{status.value}{': ' if named else ''}{', '.join(named[:_NAMED])}{more}: {reason}")
    return said


def _grants(target: Target, specs: Sequence[SourceSpec], ask: Ask, world: World, exchanges: list[Exchange]) -> Grants:
    permissions = sorted({permission for spec in specs for permission in spec.permissions})
    found = ask(target.provider)
    if found is None:
        return Grants.untold(permissions, f"nobody can be asked at `{target.provider}`")
    grantor, access = found
    whole = Unit(source="preflight", target=target)
    ctx = UnitContext(world=world, limit=_LIMIT, unit=whole, record=exchanges.append)
    try:
        return grantor(access, target, permissions, ctx)
    except Interrupted:
        raise OperatorStop("stopped while checking; nothing was collected") from None
    except Stop as stop:
        return Grants.untold(permissions, stop.reason)
    except (AccessError, ProviderError) as error:
        return Grants.untold(permissions, error.message)
