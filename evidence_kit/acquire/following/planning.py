"""What one pass takes: every settled window that the case does not have, and what an earlier pass left open."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from evidence_kit.acquire.context import World
from evidence_kit.acquire.following.had import TOLERANCE, Had, is_unplanned, lane_of
from evidence_kit.acquire.open_work import planned_since
from evidence_kit.acquire.plan import Plan, make_plan
from evidence_kit.acquire.scope import Order
from evidence_kit.custody.attest import clock_skew
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.model.exchange import Exchange
from evidence_kit.model.ports import Collector
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Unit

_TICK = timedelta(seconds=1)  # windows are never empty; before anything has settled nothing is asked in it
_NAMED = 3  # sources that a refusal names
# A chain that is walked as a whole would break at the edge of every window.
_WHOLE = frozenset({"aws.cloudtrail_digest"})


def require_followable(specs: Mapping[str, SourceSpec]) -> None:
    """Raise UsageError for sources that have no windows, or none that could be taken piece by piece."""
    for left, why in (
        ([name for name, spec in specs.items() if not spec.windowed], "a snapshot, without windows to follow"),
        (
            [name for name, spec in specs.items() if spec.mechanism in _WHOLE],
            "checked as a whole, not piece by piece",
        ),
    ):
        if left:
            more = f" (and {len(left) - _NAMED} more)" if len(left) > _NAMED else ""
            named = ", ".join(f"`{name}`" for name in left[:_NAMED])
            raise UsageError(
                f"{named}{more}: {why}", hint="collect it by itself, without `--follow`, before or after the incident"
            )


@dataclass(slots=True)
class Clocks:
    """What time it is, as far as providers agree: a clock that jumped ahead must not skip what is yet to happen.

    Between two answers of a provider, its clock is carried on by one that cannot be set and counts while asleep.
    """

    _heard: dict[str, tuple[datetime, float]] = field(default_factory=dict)

    def hear(self, provider: str, said: datetime, steady: float) -> None:
        """Note what a provider's clock said when the steady one showed `steady`."""
        self._heard[provider] = (said, steady)

    def listen(self, provider: str, exchanges: Sequence[Exchange], steady: float) -> None:
        """Note the last `Date` among some answers."""
        skews = [(one, skew) for one in exchanges if (skew := clock_skew(one)) is not None]
        if skews:
            last, skew = skews[-1]
            self.hear(provider, last.received_at + timedelta(seconds=skew), steady)

    def believed(self, provider: str, now: datetime, steady: float) -> datetime:
        """Return `now`, or what the provider's clock shows where ours is further ahead than a slip."""
        if provider not in self._heard:
            return now
        said, then = self._heard[provider]
        theirs = said + timedelta(seconds=steady - then)
        return theirs.replace(microsecond=0) if now - theirs > TOLERANCE else now


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Every unit there is, had or not, and the questions that were asked to know them, by source."""

    units: tuple[Unit, ...]
    heard: Mapping[str, tuple[Exchange, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One pass before it is run."""

    order: Order
    plan: Plan
    new: Window | None  # from the first to the last moment that is asked for the first time
    rest: bool  # whether a planned window reaches beyond what has settled


def settled_order(
    order: Order, specs: Mapping[str, SourceSpec], now: Mapping[str, datetime], until: datetime | None
) -> Order:
    """Return the order of a pass: up to where each source has settled, by the time at its provider."""
    settled = {name: now[spec.provider].replace(microsecond=0) - spec.settle for name, spec in specs.items()}
    start, end = order.window.start, until or max(settled.values())
    return replace(order, settled=settled, window=Window(start, max(end, start + _TICK)))


def enumerate_units(order: Order, collectors: Mapping[str, Collector], world: World) -> Found:
    """Plan each source whose first moment has settled, what vanishes first before the others."""
    made = dict(_made(order, collectors, world))
    units = tuple(unit for plan in made.values() for unit in plan.units)
    return Found(units=units, heard={name: plan.exchanges for name, plan in made.items()})


def cut(order: Order, found: Found, had: Had) -> Taken:
    """Return what of `found` the case lacks, up to where each source has settled, and what is open in it."""
    units = {unit.id: unit for unit in had.again(order.settled)}
    new: list[Window] = []
    for unit in found.units:
        for window in had.missing(unit, order.settled[unit.source]):
            piece = replace(unit, window=window)
            units.setdefault(piece.id, piece)
            new += [window] if window else []
    for unit in _answered(had, order.window, found.units):
        units.setdefault(unit.id, unit)
    return Taken(
        order=order,
        plan=Plan(
            units=tuple(units.values()), exchanges=tuple(one for asked in found.heard.values() for one in asked)
        ),
        new=Window(min(one.start for one in new), max(one.end for one in new)) if new else None,
        rest=any(unit.window and unit.window.end > order.settled[unit.source] for unit in found.units),
    )


def _made(order: Order, collectors: Mapping[str, Collector], world: World) -> Iterator[tuple[str, Plan]]:
    providers = {target.provider for target in order.targets}
    fitting = [name for name in order.sources if collectors[name].spec.provider in providers]
    if not fitting:
        raise EmptyError(
            "the plan is empty: no target fits the sources",
            hint="`--target`, `--inventory` and `--region` choose them",
        )
    for name in sorted(fitting, key=lambda name: collectors[name].spec.volatile):
        end = min(order.window.end, order.settled[name])
        if order.window.start < end:
            part = replace(order, sources=(name,), window=Window(order.window.start, end))
            yield name, make_plan(part, collectors, world)


def _answered(had: Had, window: Window, every: Sequence[Unit]) -> Iterator[Unit]:
    """Yield, closed, what could not be enumerated before and is planned now, unit by unit."""
    failing = {lane_of(unit) for unit in every if is_unplanned(unit)}
    for unit in had.open.values():
        if not is_unplanned(unit) or lane_of(unit) in failing or unit.window is None:
            continue
        if window.start <= unit.window.start and unit.window.end <= window.end:
            yield from planned_since(unit, every)
