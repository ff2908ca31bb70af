"""Steps that collect: those that are ready at the same time are one acquisition, so that no budget stands idle.

Every unit says for which steps it was taken, in the ledger that is sealed with it. So whatever happens to the
journal, the bag knows, and a crash between a seal and the journal is made good by reading the bag.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from evidence_kit.acquire.plan import Plan, make_plan
from evidence_kit.acquire.scope import Order, joint
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.permitted import refusals, standing
from evidence_kit.model.exchange import Exchange
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_period, spelled
from evidence_kit.model.unit import Unit
from evidence_kit.playbook.choosing import choose_sources
from evidence_kit.playbook.model import Step
from evidence_kit.playbook.run.play import Play
from evidence_kit.playbook.run.results import NotAllowedError, Result
from evidence_kit.playbook.run.taken import STEP, Part, Wanted, acquisitions, latest, open_units, result_of, unit_key

_CUT_OFF = frozenset({UnitStatus.SKIPPED_BY_OPERATOR, UnitStatus.PARTIAL_TRUNCATED})


def wanted(play: Play, step: Step) -> Wanted:
    """Return what a step asks for, with every value filled in; UsageError where that makes no sense."""
    specs = choose_sources(
        step.fields["sources"], play.tools.specs, {entry.target.provider for entry in play.tools.entries}
    )
    windowed = any(spec.windowed for spec in specs.values())
    window = play.window(step) if windowed else Window(play.started - timedelta(days=1), play.started)
    most = play.playbook.policy.max_window
    if windowed and most is not None and window.end - window.start > most:
        asked = spelled(window.end - window.start)
        raise NotAllowedError(f"a window of {asked} is more than the {spelled(most)} that the policy allows")
    entries = _fitting(play.targets_of(step), {spec.provider for spec in specs.values()})
    items, left_out = play.items(step)
    parts = []
    for item in items:
        params = play.filled(step.fields.get("with", {}), **play.of_item(step, item))
        parts += list(_parts(play, step, tuple(specs), entries, window, _texts(step, params)))
    return Wanted(step=step, parts=tuple(parts), left_out=left_out)


def collect(play: Play, asked: Sequence[Wanted]) -> dict[str, Result]:
    """Take what some steps want, in as few acquisitions as can be, and return how each step ended."""
    _finish_unsealed(play)
    for orders in _batches(play, asked):
        _acquire(play, [one.step for one in asked], orders)
    results = {one.step.id: result_of(play.engine.vault, play.id, one) for one in asked}
    for attempt in range(2, _attempts(play, asked) + 1):
        again = [one for one in asked if open_units(play.engine.vault, play.id, one.step.id)]
        if not again or play.engine.stop.is_set():
            break
        play.tools.teller.step(again[0].step, f"attempt {attempt}: what is open is tried again")
        play.engine.stop.wait(_backoff(play, again).total_seconds())
        _acquire_again(play, again)
        results |= {one.step.id: result_of(play.engine.vault, play.id, one) for one in again}
    return results


def _parts(
    play: Play,
    step: Step,
    sources: tuple[str, ...],
    entries: Sequence[Entry],
    window: Window,
    params: Mapping[str, str],
) -> Iterator[Part]:
    """Yield what agreements and policy leave of an order: a source that they forbid at a target is not asked for."""
    tools = play.tools
    for entry in entries:
        fitting = [tools.specs[name] for name in sources if tools.specs[name].provider == entry.target.provider]
        against = refusals(fitting, [entry], window, at=play.now(), policy=tools.policy, vault=tools.place)
        everything = any(not one.source for one in against)
        forbidden = {one.source for one in against}
        allowed = () if everything else tuple(spec.name for spec in fitting if spec.name not in forbidden)
        order = Order(
            sources=allowed,
            targets=(entry.target,),
            window=window,
            params={name: value for name, value in params.items() if _takes(fitting, name)},
            governance=standing([entry], tools.policy, tools.place),
        )
        yield Part(step=step.id, order=order, refused=against)


def _takes(specs: Sequence[object], name: str) -> bool:
    return any(param.name == name for spec in specs for param in spec.params)  # type: ignore[attr-defined]


def _texts(step: Step, params: object) -> dict[str, str]:
    if not isinstance(params, Mapping):
        raise UsageError(f"`with` of step `{step.id}` is no mapping")
    for name, value in params.items():
        if not isinstance(value, str | int | float | bool):
            raise UsageError(
                f"`with.{name}` of step `{step.id}` is no single value", hint="`for_each` runs over a list"
            )
    return {str(name): str(value) for name, value in params.items() if value != ""}


def _fitting(entries: Sequence[Entry], providers: set[str]) -> list[Entry]:
    return [entry for entry in entries if entry.target.provider in providers]


@dataclass(frozen=True, slots=True)
class _Planned:
    """Units of several steps that go into one acquisition, and what had to be asked to know them."""

    units: tuple[Unit, ...]
    exchanges: tuple[Exchange, ...]
    orders: tuple[Order, ...]


def _batches(play: Play, asked: Sequence[Wanted]) -> Iterator[_Planned]:
    """Plan every part and deal the units into acquisitions: one, unless two parts differ about the same unit."""
    batches: list[dict[str, Unit]] = [{}]
    exchanges: list[Exchange] = []
    orders: list[Order] = []
    # After a crash: what a sealed bag holds is not asked for again, but for what a stop had cut off.
    have = {one.step.id: _have(play, one.step) for one in asked}
    world = play.engine.world()
    for part in (part for one in asked for part in one.parts if part.order.sources):
        try:
            plan = make_plan(part.order, play.engine.collectors, world)
        except EmptyError:
            continue
        exchanges += plan.exchanges
        orders.append(part.order)
        for unit in plan.units:
            if unit_key(unit) not in have[part.step]:
                _deal(batches, unit, part.step)
    for number, units in enumerate(batches):
        if units:
            yield _Planned(tuple(units.values()), tuple(exchanges) if number == 0 else (), tuple(orders))


def _have(play: Play, step: Step) -> set[str]:
    ends = latest(play.engine.vault, play.id, step.id)
    return {key for key, one in ends.items() if one.outcome is None or one.outcome.status not in _CUT_OFF}


def _deal(batches: list[dict[str, Unit]], unit: Unit, step: str) -> None:
    for batch in batches:
        known = batch.get(unit.id)
        if known is None:
            batch[unit.id] = _marked(unit, step)
            return
        if {**known.settings, STEP: ""} == {**unit.settings, STEP: ""}:
            steps = dict.fromkeys([*known.settings[STEP].split(","), step])
            batch[unit.id] = _marked(unit, ",".join(steps))
            return
    batches.append({unit.id: _marked(unit, step)})


def _marked(unit: Unit, steps: str) -> Unit:
    return replace(unit, settings={**unit.settings, STEP: steps})


def _acquire(play: Play, steps: Sequence[Step], planned: _Planned) -> None:
    """Run one acquisition; what it says of itself names the run and the steps."""
    orders = planned.orders
    order = Order(
        sources=tuple(dict.fromkeys(unit.source for unit in planned.units)),
        targets=tuple({order.targets[0].id: order.targets[0] for order in orders}.values()),
        window=Window(min(order.window.start for order in orders), max(order.window.end for order in orders)),
        params={},
        governance={**joint(orders), "playbook": {"run": play.id, "steps": [step.id for step in steps]}},
    )
    _run(play, steps, order, Plan(units=planned.units, exchanges=planned.exchanges))


def _acquire_again(play: Play, asked: Sequence[Wanted]) -> None:
    """Run one acquisition over what is still open of some steps."""
    units: dict[str, Unit] = {}
    for one in asked:
        for unit in open_units(play.engine.vault, play.id, one.step.id):
            units.setdefault(unit.id, unit)
    last = list(acquisitions(play.engine.vault, play.id).items())[-1]
    sources = tuple(dict.fromkeys(unit.source for unit in units.values()))
    order = replace(last[1], sources=sources, continues=last[0])
    _run(play, [one.step for one in asked], order, Plan(units=tuple(units.values()), exchanges=()))


def _run(play: Play, steps: Sequence[Step], order: Order, plan: Plan) -> None:
    play.engine.workers = play.playbook.workers or play.engine.workers
    limits = [step.timeout for step in steps if step.timeout is not None]
    with _until(play, max(limits) if len(limits) == len(steps) else None):
        result = play.engine.collect(order, plan)
    if result.failure:
        raise result.failure


class _until:  # noqa: N801 - used as a statement
    """Stop an acquisition when time is up, so that what has arrived is sealed."""

    def __init__(self, play: Play, limit: timedelta | None) -> None:
        self._stop, self._limit = play.engine.stop, limit
        self._was_set = self._stop.is_set()
        self._timer: threading.Timer | None = None
        self._late = False

    def __enter__(self) -> None:
        if self._limit is not None:
            self._timer = threading.Timer(self._limit.total_seconds(), self._ring)
            self._timer.daemon = True
            self._timer.start()

    def _ring(self) -> None:
        self._late = not self._stop.is_set()
        self._stop.set()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._late and not self._was_set:
            self._stop.clear()


def _finish_unsealed(play: Play) -> None:
    """Seal an acquisition of this run that a crash left, taking up what it had planned."""
    state = play.engine.keeper.state()
    for name, order in acquisitions(play.engine.vault, play.id).items():
        if state.acquisitions[name].seal_sha256 is None:
            result = play.engine.resume(name, order, lambda: Plan(units=(), exchanges=()))
            if result.failure:
                raise result.failure


def _attempts(play: Play, asked: Sequence[Wanted]) -> int:
    return max(int(one.step.fields.get("retry", {}).get("attempts", play.playbook.retry[0])) for one in asked)


def _backoff(play: Play, asked: Sequence[Wanted]) -> timedelta:
    said = [one.step.fields.get("retry", {}).get("backoff") for one in asked]
    return max((parse_period(one) if one else play.playbook.retry[1] for one in said), default=timedelta(0))
