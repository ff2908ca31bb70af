"""What is left to do in a case: an acquisition without a seal first, else the open units of the sealed ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

from evidence_kit.acquire.authority import OVERRIDE
from evidence_kit.acquire.plan import Plan, make_plan
from evidence_kit.acquire.run import Engine, Result, unit_ends
from evidence_kit.acquire.scope import Order, joint, read_status
from evidence_kit.acquire.worker import UNSETTLED
from evidence_kit.custody import ledger, log, strict
from evidence_kit.custody.log import Event, State
from evidence_kit.errors import EmptyError, EvidenceKitError, UsageError
from evidence_kit.model.exchange import Exchange
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Unit
from evidence_kit.preservation.catalogue import load_actions
from evidence_kit.vaults.local import LocalVault

_Pending = Mapping[str, tuple[str, Unit]]
_OF_PLAYBOOKS = "what changes a target is its playbook's to repeat, with its approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """What `resume` is about to do."""

    order: Order
    summary: str
    acquisition: str = ""
    units: tuple[Unit, ...] = ()

    def run(self, engine: Engine) -> Result:
        """Do it."""
        if self.acquisition:
            again = partial(_plan_again, engine, self.order, self.units) if self.units else None
            return engine.resume(self.acquisition, self.order, _unplanned if self.order.settled else again)
        return engine.collect(self.order, _plan_again(engine, self.order, self.units))


def _unplanned() -> Plan:
    raise UsageError(
        "the pass that was killed had not been planned yet",
        hint="give the same `collect … --follow` again, with `--until` to have it end; it knows what the case has",
    )


def _plan_again(engine: Engine, order: Order, units: tuple[Unit, ...]) -> Plan:
    """Plan what could not be planned before; units that were planned are taken up as they are."""
    ready = [unit for unit in units if not unit.settled]
    exchanges: list[Exchange] = []
    for unit in units:
        if unit.settled:
            part = replace(order, sources=(unit.source,), targets=(unit.target,), window=unit.window or order.window)
            plan = make_plan(part, engine.collectors, engine.world())
            ready += plan.units
            exchanges += plan.exchanges
            if unit.id not in {one.id for one in plan.units}:
                ready += planned_since(unit, plan.units)
    return Plan(units=tuple({unit.id: unit for unit in ready}.values()), exchanges=tuple(exchanges))


def planned_since(unit: Unit, found: Sequence[Unit]) -> Iterator[Unit]:
    """Yield `unit`, which could not be enumerated once, as closed where `found` holds the units that stand for it."""
    alike = [
        one
        for one in found
        if (one.source, one.target.id) == (unit.source, unit.target.id)
        and unit.region in {"", one.region}
        and not (one.settled and one.settled[0].is_open)
    ]
    if alike:
        count = f"{len(alike)} unit{'' if len(alike) == 1 else 's'}"
        yield replace(unit, settled=(UnitStatus.COMPLETE, f"planned since, as {count} with ends of their own"))


def find_work(vault: LocalVault) -> OpenWork:
    """Return it; EmptyError if everything is sealed and complete."""
    state, orders = read_log(vault)
    pending: dict[str, tuple[str, Unit]] = {}
    for known in state.acquisitions.values():
        if known.seal_sha256 is None:
            order = orders[known.id]
            _require_no_action(known.id, order)
            units = tuple(unit for _, unit in _parted(pending)[0].values()) if order.continues else ()
            summary = f"resuming  {known.id}, which was never sealed"
            return OpenWork(order=order, acquisition=known.id, units=units, summary=summary)
        _settle(vault, known, pending, _is_open)
    ready, left = _parted(pending)
    if not ready:
        with vault.lock(), vault.working():
            pass  # a crash right after the last event leaves the working folder; this clears it
        if left:
            raise EmptyError(f"nothing is open that collects{left}", hint=_OF_PLAYBOOKS)
        raise EmptyError("nothing is open: every acquisition is sealed and every unit has all there is")
    last = next(reversed([name for name, _ in ready.values()]))
    units = tuple(unit for _, unit in ready.values())
    sources = tuple(dict.fromkeys(unit.source for unit in units))
    order = replace(_standing(ready, orders), sources=sources, continues=last)
    return OpenWork(order=order, units=units, summary=f"taking up {len(units)} open units of {last}{left}")


def _standing(pending: _Pending, orders: Mapping[str, Order]) -> Order:
    """Return the last of the orders that units are open of, with what all of them say of their targets.

    What was set aside for one acquisition is not set aside for the next.
    """
    names = tuple(dict.fromkeys(name for name, _ in pending.values()))
    last = orders[names[-1]]
    kept = {name: said for name, said in last.governance.items() if name != OVERRIDE}
    agreed = {name: said for name, said in joint(orders[name] for name in names).items() if name == "targets"}
    return replace(last, governance={**kept, **agreed})


def find_unsettled(vault: LocalVault, is_settled: Callable[[Unit], bool]) -> OpenWork:
    """Return the units to which the provider may have delivered more since, where `is_settled` by now."""
    state, orders = read_log(vault)
    if any(known.seal_sha256 is None for known in state.acquisitions.values()):
        raise UsageError("an acquisition is not sealed", hint="`evidence-kit resume` seals it; reconcile then")
    pending: dict[str, tuple[str, Unit]] = {}
    for known in state.acquisitions.values():
        _settle(vault, known, pending, _is_unsettled)
    collecting, left = _parted(pending)
    ready = {key: one for key, one in collecting.items() if is_settled(one[1])}
    if not ready:
        waiting = f"; {len(collecting)} are not settled yet" if collecting else ""
        raise EmptyError(f"nothing is left to reconcile{waiting}{left}", hint=_OF_PLAYBOOKS if left else None)
    last = next(reversed([name for name, _ in ready.values()]))
    units = tuple(unit for _, unit in ready.values())
    order = replace(_standing(ready, orders), sources=tuple(dict.fromkeys(u.source for u in units)), continues=last)
    return OpenWork(order=order, units=units, summary=f"a second pass over {len(units)} units of {last}{left}")


# -- what changes a target -----------------------------------------------------------------------------------------


@cache
def _actions() -> frozenset[str]:
    return frozenset(load_actions())


def _parted(pending: _Pending) -> tuple[_Pending, str]:
    """Return what may be taken up again, and how to say what is left: nothing is changed twice on one approval."""
    left = sorted({unit.source for _, unit in pending.values() if unit.source in _actions()})
    kept = {name: one for name, one in pending.items() if one[1].source not in left}
    named = ", ".join(f"`{name}`" for name in left)
    return kept, f"; what is open of {named} is left to its playbook" if left else ""


def _require_no_action(acquisition: str, order: Order) -> None:
    if not _actions().isdisjoint(order.sources):
        raise UsageError(
            f"{acquisition}, which was never sealed, belongs to a playbook",
            hint="`evidence-kit playbook resume CASE` goes on with it",
        )


# -- what the case says --------------------------------------------------------------------------------------------


def _settle(
    vault: LocalVault,
    known: log.Acquisition,
    pending: dict[str, tuple[str, Unit]],
    is_wanted: Callable[[ledger.Entry], bool],
) -> None:
    """Let a later acquisition answer for the units that it tried again."""
    planned, still_open = unit_ends(vault, known.bag, is_wanted)
    for tried in planned:
        pending.pop(tried, None)
    for unit in still_open:
        pending[unit.id] = (known.id, unit)


def _is_open(ended: ledger.Entry) -> bool:
    return read_status(ended.fields).is_open


def _is_unsettled(ended: ledger.Entry) -> bool:
    """Say whether a unit ended before its window had settled, whatever else limits it."""
    if read_status(ended.fields) is UnitStatus.COMPLETE_UNSETTLED:
        return True
    findings = strict.field(ended.fields, "findings", list)
    return any(isinstance(one, dict) and one.get("kind") == UNSETTLED for one in findings)


def read_log(vault: LocalVault) -> tuple[State, dict[str, Order]]:
    """Return where the log stands, and what each acquisition was asked to do."""
    orders: dict[str, Order] = {}

    def stop(error: EvidenceKitError, _: str) -> None:
        if not error.message.startswith("the last line is torn"):
            raise error

    def seen(event: Event) -> None:
        if event.type in {log.STARTED, log.RESUMED}:
            said = strict.field(event.said.predicate, "acquisition", dict)
            orders[strict.field(said, "id", str)] = Order.from_json(strict.field(said, "order", dict))

    with vault.open(log.LOG) as stream:
        return log.scan(stream, report=stop, seen=seen), orders
