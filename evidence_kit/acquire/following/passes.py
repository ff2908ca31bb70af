"""The loop of `--follow`: pass after pass, each an acquisition of its own, until it is over or somebody ends it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from evidence_kit.acquire.following.had import Had
from evidence_kit.acquire.following.planning import Clocks, Taken, cut, enumerate_units, settled_order
from evidence_kit.acquire.open_work import find_work, read_log
from evidence_kit.acquire.plan import Plan
from evidence_kit.acquire.run import Engine, Result
from evidence_kit.acquire.scope import Order
from evidence_kit.errors import AccessError, EvidenceKitError, PluginError, ProviderError, UsageError
from evidence_kit.model.exchange import Exchange
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window
from evidence_kit.vaults.local import Busy, LocalVault

Look = Callable[[Engine, Taken], tuple[Exchange, ...]]


def no_look(engine: Engine, taken: Taken) -> tuple[Exchange, ...]:  # noqa: ARG001 - what `Follow.look` is called with
    """Ask nobody what will be missing."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One turn of the loop, for whoever watches."""

    number: int
    began_at: datetime
    settled: Mapping[str, datetime]  # by source, up to when this pass asked
    new: Window | None = None  # from the first to the last moment of what it took for the first time
    result: Result | None = None  # None: nothing new had settled, or `error` came first
    error: EvidenceKitError | None = None
    open: int = 0  # units that the next pass takes up again
    ahead: timedelta = timedelta(0)  # how far the clock here runs ahead of a provider's
    next_at: datetime | None = None  # None: this was the last one


@dataclass(slots=True, kw_only=True)
class Follow:
    """Everything that the loop needs of the world; waiting and both clocks are arguments.

    `opened` locks the case and yields an engine with fresh collectors, so that renewed credentials are found.
    """

    vault: LocalVault
    order: Order  # `window.start` is where it begins; its end counts only where there is an `until`
    specs: Mapping[str, SourceSpec]
    opened: Callable[[], AbstractContextManager[Engine]]
    now: Callable[[], datetime]
    steady: Callable[[], float]  # seconds that nobody sets, counted while the machine sleeps as well
    wait: Callable[[float], bool]  # True: somebody wants it to end
    tell: Callable[[Pass], None]
    every: timedelta
    until: datetime | None = None
    look: Look = no_look
    sealed: Callable[[Engine, Result], None] = lambda _engine, _result: None
    had: Had = field(init=False)
    clocks: Clocks = field(default_factory=Clocks)
    last: Pass | None = None
    artifacts: int = 0

    def __post_init__(self) -> None:
        self.had = Had(specs=self.specs, order=self.order)

    def run(self) -> None:
        """Run passes until `until` has settled, somebody ends it, or the case can no longer be written to."""
        number, seconds = 0, 0.0
        while not self.wait(seconds):
            number += 1
            began, at = self.steady(), self.now()
            done, is_over, again = self._turn(number, at, began)
            seconds = 0.0 if again else max(0.0, self.every.total_seconds() - (self.steady() - began))
            next_at = None if is_over else self.now() + timedelta(seconds=seconds)
            self.last = replace(done, next_at=next_at, open=len(self.had.open))
            self.tell(self.last)
            if done.result and done.result.failure:
                raise done.result.failure
            if is_over:
                return

    def _turn(self, number: int, at: datetime, began: float) -> tuple[Pass, bool, bool]:
        """Return what one pass did, whether it was the last, and whether the next follows at once.

        What keeps the first from opening is raised: a case in use, no cluster, workers that do not fit, no access.
        """
        order = self._order_at(at, began)
        done = Pass(number=number, began_at=at, settled=order.settled)
        try:
            with self.opened() as engine:
                self.had.read(self.vault)
                return self._take(engine, done, at, began)
        except (Busy, AccessError, PluginError, ProviderError) as error:
            if number == 1:  # somebody is still there to read it, and the command itself may be wrong
                raise
            is_over = not isinstance(error, Busy) and self._is_past(done.settled)
            return replace(done, error=error), is_over, False

    def _take(self, engine: Engine, done: Pass, at: datetime, began: float) -> tuple[Pass, bool, bool]:
        try:
            if (finished := self._finish_unsealed(engine)) is not None:
                self._sealed(engine, finished, None)
                return replace(done, result=finished), False, True
            taken = self.plan(engine, at, began)
            done = replace(done, settled=taken.order.settled, ahead=self._ahead(at, began), new=taken.new)
            if not taken.plan.units:
                return done, self._is_over(taken), False
            plan = replace(taken.plan, exchanges=(*taken.plan.exchanges, *self.look(engine, taken)))
            self.look = no_look
            result = engine.collect(taken.order, plan)
        except (AccessError, ProviderError) as error:
            return replace(done, error=error), self._is_past(done.settled), False
        self._sealed(engine, result, began)
        return replace(done, result=result), self._is_over(taken), False

    def plan(self, engine: Engine, at: datetime, began: float) -> Taken:
        """Return what a pass at `at` takes; where the providers' clocks say less than ours, by theirs."""
        order = self._order_at(at, began)
        found = enumerate_units(order, engine.collectors, engine.world())
        for name, exchanges in found.heard.items():
            self.clocks.listen(self.specs[name].provider, exchanges, self.steady())
        heard = self._order_at(at, self.steady()).settled
        settled = {name: min(moment, heard[name]) for name, moment in order.settled.items()}
        return cut(replace(order, settled=settled), found, self.had)

    def _order_at(self, at: datetime, steady: float) -> Order:
        providers = {spec.provider for spec in self.specs.values()}
        believed = {name: self.clocks.believed(name, at, steady) for name in providers}
        return settled_order(self.order, self.specs, believed, self.until)

    def _ahead(self, at: datetime, steady: float) -> timedelta:
        providers = {spec.provider for spec in self.specs.values()}
        return max(at - self.clocks.believed(name, at, steady) for name in providers)

    def _is_over(self, taken: Taken) -> bool:
        return self._is_past(taken.order.settled) and not taken.rest

    def _is_past(self, settled: Mapping[str, datetime]) -> bool:
        return self.until is not None and min(settled.values()) >= self.until

    def _finish_unsealed(self, engine: Engine) -> Result | None:
        """Seal what an earlier run left without a seal, before anything new is taken."""
        state, orders = read_log(self.vault)
        unsealed = [known.id for known in state.acquisitions.values() if known.seal_sha256 is None]
        if not unsealed:
            return None
        order = orders[unsealed[0]]
        if not set(order.sources) <= set(engine.collectors):
            raise UsageError(
                f"{unsealed[0]}, which was never sealed, is of other sources", hint="`evidence-kit resume` seals it"
            )
        if not order.settled:
            return find_work(self.vault).run(engine)
        return engine.resume(unsealed[0], order, lambda: self._plan_as(order, engine))

    def _plan_as(self, order: Order, engine: Engine) -> Plan:
        """Return the plan that a killed pass had no time to write down."""
        return cut(order, enumerate_units(order, engine.collectors, engine.world()), self.had).plan

    def _sealed(self, engine: Engine, result: Result, began: float | None) -> None:
        """Take the new acquisition into what the case has; `began` is None where its clocks were another run's."""
        self.artifacts += result.sealed.totals.artifacts
        if result.failure is None:
            self.sealed(engine, result)
        before = dict(self.had.said)
        self.had.read(self.vault)
        for provider, said in self.had.said.items():
            if began is not None and said != before.get(provider):
                self.clocks.hear(provider, said, began)
