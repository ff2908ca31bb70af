"""What is left to do in a case: an acquisition without a seal first, else the open units of the sealed ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

from evidence_kit.acquire.plan import Plan, make_plan
from evidence_kit.acquire.run import Engine, Result, unit_ends
from evidence_kit.acquire.scope import Order, read_status
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
            return engine.resume(self.acquisition, self.order, again)
        return engine.collect(self.order, _plan_again(engine, self.order, self.units))


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
    return Plan(units=tuple({unit.id: unit for unit in ready}.values()), exchanges=tuple(exchanges))


def find_work(vault: LocalVault) -> OpenWork:
    """Return it; EmptyError if everything is sealed and complete."""
    state, orders = _read(vault)
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
    order = replace(orders[last], sources=sources, continues=last)
    return OpenWork(order=order, units=units, summary=f"taking up {len(units)} open units of {last}{left}")


def find_unsettled(vault: LocalVault, is_settled: Callable[[Unit], bool]) -> OpenWork:
    """Return the units to which the provider may have delivered more since, where `is_settled` by now."""
    state, orders = _read(vault)
    if any(known.seal_sha256 is None for known in state.acquisitions.values()):
        raise UsageError("an acquisition is not sealed", hint="`evidence-kit resume` seals it; reconcile then")
    pending: dict[str, tuple[str, Unit]] = {}
    for known in state.acquisitions.values():
        _settle(vault, known, pending, _is_unsettled)
    collecting, left = _parted(pending)
    ready = {name: unit for name, unit in collecting.values() if is_settled(unit)}
    units = tuple(unit for _, unit in collecting.values() if is_settled(unit))
    if not ready:
        waiting = f"; {len(collecting)} are not settled yet" if collecting else ""
        raise EmptyError(f"nothing is left to reconcile{waiting}{left}", hint=_OF_PLAYBOOKS if left else None)
    last = next(reversed(ready))
    order = replace(orders[last], sources=tuple(dict.fromkeys(u.source for u in units)), continues=last)
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


def _read(vault: LocalVault) -> tuple[State, dict[str, Order]]:
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
