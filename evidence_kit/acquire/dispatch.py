"""The units of one run, each taken by a thread or by a worker elsewhere; a vault that fails stops the others."""

import resource
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NoReturn, Protocol

from evidence_kit.acquire.authority import lapsed
from evidence_kit.acquire.context import Memory, World
from evidence_kit.acquire.recorder import Recorder
from evidence_kit.acquire.scope import Order
from evidence_kit.acquire.worker import Worker
from evidence_kit.errors import EvidenceKitError, OperatorStop
from evidence_kit.model.ports import Collector
from evidence_kit.model.unit import Outcome, Unit
from evidence_kit.vaults.local import LocalVault

# An organisation has some hundred thousand units; what waits for a thread need not all be waiting at once.
_AHEAD = 4
_FILES = 4  # that a unit may have open: its connection, what it writes, and one of each to spare
_OURS = 128  # that the rest of the process may have open


class Away(Protocol):
    """Acquires units elsewhere and records them here: `evidence_kit.acquire.afar`."""

    def acquire(
        self, unit: Unit, *, vault: LocalVault, recorder: Recorder, world: World, memory: Memory | None
    ) -> Outcome:
        """Acquire one unit and queue its end; a vault that fails is raised, all else is a status."""
        ...

    def abandon(self) -> None:
        """Wait for nobody any more: the operator has asked twice."""
        ...


def room(workers: int) -> int:
    """Let this process open files for `workers` units if the system allows it; return for how many it does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = workers * _FILES + _OURS
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return workers
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with suppress(OSError, ValueError):  # macOS has a limit of its own, below the hard one
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    return max(1, (soft - _OURS) // _FILES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Gives out the units of one run and gathers their ends."""

    vault: LocalVault
    collectors: Mapping[str, Collector]
    recorder: Recorder
    world: World
    order: Order
    executor: Callable[[int], Executor]
    workers: int
    away: Away | None

    def run(
        self, units: Sequence[Unit], memory: Mapping[str, Memory]
    ) -> tuple[tuple[Outcome, ...], EvidenceKitError | None]:
        """Return how the units ended, and what failed of the vault; OperatorStop if asked twice to stop."""
        outcomes: list[Outcome] = []
        failure: EvidenceKitError | None = None
        with self.executor(max(1, min(self.workers, len(units), room(self.workers)))) as pool:
            ended: SimpleQueue[Future[Outcome]] = SimpleQueue()
            under_way = 0
            try:
                for unit in units:
                    if under_way == self.workers * _AHEAD:
                        error = self._gather(ended.get(), outcomes)
                        failure, under_way = failure or error, under_way - 1
                    pool.submit(self._unit, unit, memory.get(unit.id)).add_done_callback(ended.put)
                    under_way += 1
                for _ in range(under_way):
                    error = self._gather(ended.get(), outcomes)
                    failure = failure or error
            except KeyboardInterrupt:
                self._abandon(pool)
        # Only now, when no worker is left that would fill it with more evidence.
        self.vault.release_reserve()
        try:
            self.recorder.flush()
        except EvidenceKitError as error:
            failure = failure or error
        return tuple(outcomes), failure

    def _abandon(self, pool: Executor) -> NoReturn:
        """After a second Ctrl-C: no unit is finished, the bag stays unsealed for `resume`."""
        self.world.stop.set()
        if self.away:
            self.away.abandon()
        pool.shutdown(wait=True, cancel_futures=True)
        with suppress(EvidenceKitError):
            self.recorder.stop()
        raise OperatorStop(
            "stopped; what had arrived is signed, but not sealed", hint="`evidence-kit resume` continues"
        ) from None

    def _gather(self, done: "Future[Outcome]", outcomes: list[Outcome]) -> EvidenceKitError | None:
        """Take one unit's end; a vault that fails stops the others."""
        try:
            outcomes.append(done.result())
        except EvidenceKitError as error:
            self.recorder.refuse(error)
            self.world.stop.set()
            return error
        return None

    def _unit(self, unit: Unit, memory: Memory | None) -> Outcome:
        if settled := unit.settled or lapsed(self.order, unit.target, self.world.now()):
            status, reason = settled
            outcome = Outcome(unit=unit.id, status=status, reason=reason)
            self.recorder.close_unit(unit, outcome)
            return outcome
        if self.away:
            return self.away.acquire(unit, vault=self.vault, recorder=self.recorder, world=self.world, memory=memory)
        worker = Worker(
            unit=unit,
            collector=self.collectors[unit.source],
            vault=self.vault,
            recorder=self.recorder,
            world=self.world,
            memory=memory,
        )
        return worker.run()
