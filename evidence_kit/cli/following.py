"""`collect --follow`: what the loop is given, and how it is ended."""

import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from evidence_kit.cli import output, settings
from evidence_kit.errors import UsageError
from evidence_kit.model.time import parse_age, rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from evidence_kit.acquire.context import World
    from evidence_kit.acquire.following.planning import Taken
    from evidence_kit.acquire.plan import Plan
    from evidence_kit.acquire.run import Engine, Result
    from evidence_kit.acquire.scope import Order
    from evidence_kit.cli.ordering import Ordered
    from evidence_kit.custody.log import Keeper
    from evidence_kit.model.exchange import Exchange
    from evidence_kit.model.ports import Collector
    from evidence_kit.vaults.local import LocalVault

_LEAST = timedelta(seconds=10)  # below, the questions of the plan alone would use up the provider's patience
_STEP = 1.0  # seconds after which a wait looks whether somebody wants to end it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the options of `collect --follow` say."""

    ordered: "Ordered"
    case: str | None
    until: "datetime | None"
    every: str
    preflight: bool
    workers: int
    executor: str | None
    tsas: Sequence[str]
    as_json: bool
    override: str | None

    @property
    def period(self) -> timedelta:
        """Return how long it is from one pass to the next."""
        found = parse_age(self.every)
        if found < _LEAST:
            raise UsageError(f"`--every {self.every}` asks almost without pause", hint="wait ten seconds at least")
        return found


@dataclass(slots=True)
class Ending:
    """How often somebody asked to end it: after this pass, with what has arrived, at once."""

    stop: threading.Event = field(default_factory=threading.Event)
    asked: bool = False
    at_work: bool = False

    def wait(self, seconds: float) -> bool:
        """Wait, and say whether to end instead. A flag will do: a handler must not wait for a lock it interrupted."""
        due = steady() + seconds
        while not self.asked and (left := due - steady()) > 0:
            time.sleep(min(_STEP, left))
        return self.asked

    def hear(self, _signal: int, _frame: FrameType | None) -> None:
        """Take one Ctrl-C."""
        if self.stop.is_set():
            raise KeyboardInterrupt
        if self.asked:
            output.note("stopping: what has arrived is being sealed (Ctrl-C again to stop without the seal)")
            self.stop.set()
        elif self.at_work:
            output.note("ending after this pass (Ctrl-C again to seal what has arrived and stop)")
        self.asked = True

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Let Ctrl-C and a polite kill end it as `hear` says."""
        before = {number: signal.signal(number, self.hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def steady() -> float:
    """Return seconds that nobody sets and that go on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Follower:
    """One command that follows: opens the case for each pass, and tells of it."""

    def __init__(self, wanted: Wanted) -> None:
        from evidence_kit.acquire.following.planning import require_followable, settled_order

        require_followable(wanted.ordered.specs)
        if wanted.override is not None:
            raise UsageError(
                "a refusal is set aside for one acquisition, and `--follow` makes many",
                hint="collect what is refused by itself, without `--follow`",
            )
        self._wanted, self._specs = wanted, wanted.ordered.specs
        self._period = wanted.period
        self._at = settings.now()
        now = {spec.provider: self._at for spec in self._specs.values()}
        self.order: Order = settled_order(wanted.ordered.order, self._specs, now, wanted.until)
        self._shared: dict[str, object] = {}
        self._ending = Ending()

    def planned(self, collectors: "Mapping[str, Collector]", world: "World") -> "Plan":
        """Return what the first pass would take."""
        from evidence_kit.acquire.following.had import Had
        from evidence_kit.acquire.following.planning import cut, enumerate_units
        from evidence_kit.vaults.local import LocalVault

        had, case = Had(specs=self._specs, order=self.order), settings.setting("case", self._wanted.case)
        if case is not None and Path(case).is_dir():
            had.read(LocalVault(Path(case)))
        return cut(self.order, enumerate_units(self.order, collectors, world), had).plan

    def second(self) -> str:
        """Return when the second pass would come."""
        return rfc3339((self._at + self._period).replace(microsecond=0))

    def run(self, key: str | None) -> None:
        """Follow until it is over, and exit with what is had."""
        from evidence_kit.acquire.case import keeper_of, read_description
        from evidence_kit.acquire.following.passes import Follow, no_look
        from evidence_kit.cli import timestamp
        from evidence_kit.cli.passing import Teller
        from evidence_kit.vaults.local import LocalVault

        wanted = self._wanted
        case = settings.required_case(wanted.case)
        vault = LocalVault(case)
        described = read_description(vault)
        keeper = keeper_of(vault, settings.key_ring(), key)
        output.note(f"case      {described.get('id')}  {described.get('title')}  examiner {keeper.actor}")
        authorities = timestamp.named(wanted.tsas)
        teller = Teller(case, as_json=wanted.as_json, is_ending=lambda: self._ending.asked)

        def stamp(engine: "Engine", result: "Result") -> None:
            del engine, result
            timestamp.after_seal(vault, keeper, authorities, case)

        follow = Follow(
            vault=vault,
            order=wanted.ordered.order,
            specs=self._specs,
            opened=lambda: self._opened(vault, keeper),
            now=settings.now,
            steady=steady,
            wait=self._ending.wait,
            tell=teller.tell,
            every=self._period,
            until=wanted.until,
            look=self._look if wanted.preflight else no_look,
            sealed=stamp,
        )
        with self._ending.heard():
            follow.run()
            teller.end(follow)

    @contextmanager
    def _opened(self, vault: "LocalVault", keeper: "Keeper") -> "Iterator[Engine]":
        """Lock the case for one pass. Everything that holds credentials is made anew."""
        from evidence_kit.acquire.case import require_sound_log
        from evidence_kit.acquire.observer import Silent
        from evidence_kit.acquire.run import Engine
        from evidence_kit.cli import elsewhere, progress
        from evidence_kit.collectors.registry import build

        with vault.lock(), vault.working():
            require_sound_log(keeper, at=settings.now())
            self._shared = {}
            watch = progress.watch() if output.is_terminal() else None
            engine = Engine(
                vault=vault,
                keeper=keeper,
                collectors=build(self._specs, self._shared),
                now=settings.now,
                secret=settings.secret,
                arguments=sys.argv[1:],
                observer=watch or Silent(),
                stop=self._ending.stop,
                workers=self._wanted.workers,
            )
            self._ending.at_work = True
            try:
                with elsewhere.away(self._wanted.executor, self._specs) as engine.away, watch or nullcontext():
                    yield engine
            finally:
                self._ending.at_work = False

    def _look(self, engine: "Engine", taken: "Taken") -> "tuple[Exchange, ...]":
        from evidence_kit.cli import check

        flight = check.fly(taken.plan, self._specs, self._shared, engine.world())
        check.tell(flight)
        return flight.exchanges
