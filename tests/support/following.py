"""A followed incident without a provider: sources that answer by the minute, clocks that a test sets, a loop."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

from support.casemaker import SPEC, TARGET, Crash, exchange
from support.lab import END, Lab

from evidence_kit.acquire.following.passes import Follow, Pass
from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order, planned_unit
from evidence_kit.custody import ledger
from evidence_kit.model.exchange import Item, Page, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.model.unit import Scope, Unit
from evidence_kit.vaults.local import LocalVault

SINCE = END - timedelta(hours=3)
MINUTE = timedelta(minutes=1)
QUICK = replace(SPEC, name="test.quick", settle=timedelta(minutes=5))
SLOW = replace(SPEC, name="test.slow", settle=timedelta(minutes=60), step=timedelta(hours=1))
REGIONS = ("eu-west-1", "us-east-1")


@dataclass
class Feed:
    """One event a minute in each region, for as long as time goes; `broken` ends a unit, `closed` the planning."""

    spec: SourceSpec
    broken: frozenset[str] = frozenset()
    closed: bool = False
    dated: Callable[[], datetime] | None = None  # the provider's own clock, for its `Date`
    asked: list[Window] = field(default_factory=list)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        if self.closed:
            raise Stop(UnitStatus.DENIED, "the token has expired")
        for region in scope.target.regions or REGIONS:
            yield Unit(source=self.spec.name, target=scope.target, region=region, window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        assert unit.window
        self.asked.append(unit.window)
        times = tuple(_minutes(unit.window))
        whole = unit.region not in self.broken
        events = [{"id": f"{unit.region} {rfc3339(at)}", "at": rfc3339(at)} for at in times]
        body = json.dumps({"Events": events if whole else events[:1]}).encode()
        now = ctx.now()
        told = replace(exchange(f"List {unit.id}", body), sent_at=now, received_at=now, headers={})
        if self.dated:
            told = replace(told, headers={"date": format_datetime(self.dated(), usegmt=True)})
        if stored := ctx.replay(told.request.digest):
            body, told = stored.body, stored.exchange
        cursor = None if whole else "more"
        yield Page(name="list", body=body, exchange=told, next_cursor=cursor, records=len(events))


def _minutes(window: Window) -> Iterator[datetime]:
    at = window.start.replace(second=0, microsecond=0)
    while at < window.end:
        if at in window:
            yield at
        at += MINUTE


@dataclass
class Hands:
    """Both clocks, and how often it is waited before somebody ends it."""

    at: datetime = END
    lived: float = 0.0
    moments: Iterator[datetime] = field(default_factory=lambda: iter(()))  # what the wall clock shows after each wait
    passes: list[Pass] = field(default_factory=list)
    moved: bool = False

    def now(self) -> datetime:
        return self.at

    def steady(self) -> float:
        return self.lived

    def wait(self, seconds: float) -> bool:
        if seconds == 0 and self.moved:  # the next pass follows at once: it had to finish another's first
            return False
        self.moved = True
        moment = next(self.moments, None)
        if moment is None:
            return True
        self.lived += max(0.0, (moment - self.at).total_seconds())
        self.at = moment
        return False


class Torn(LocalVault):
    """Is left at its `nth` write to the log, the plan or the seal; those of units are for a real kill."""

    def __init__(self, root: Path, nth: int | None = None) -> None:
        super().__init__(root, reserve=0)
        self.left = nth

    def _write(self) -> None:
        if self.left is not None and threading.current_thread() is threading.main_thread():
            self.left -= 1
            if self.left < 0:
                raise Crash

    def append(self, path: str, data: bytes) -> None:
        self._write()
        super().append(path, data)

    def publish(self, path, data):
        self._write()
        return super().publish(path, data)


@dataclass
class Incident:
    """A case that is followed; `start` makes the command anew, as after a restart."""

    root: Path
    feeds: Sequence[Feed] = field(default_factory=lambda: (Feed(QUICK), Feed(SLOW)))
    hands: Hands = field(default_factory=Hands)
    lab: Lab | None = None  # of a case that is there already
    order: Order = field(init=False)

    def __post_init__(self) -> None:
        self.lab = self.lab or Lab(self.root, Window(SINCE, END), now=self.hands.now).open()
        names = tuple(feed.spec.name for feed in self.feeds)
        self.order = Order(sources=names, targets=(TARGET,), window=Window(SINCE, SINCE + MINUTE), params={})

    @property
    def specs(self) -> Mapping[str, SourceSpec]:
        return {feed.spec.name: feed.spec for feed in self.feeds}

    def start(self, *, vault: LocalVault | None = None, **options: object) -> Follow:
        self.lab.vault = vault or LocalVault(self.root, reserve=0)

        @contextmanager
        def opened() -> Iterator[Engine]:
            with self.lab.vault.lock(), self.lab.vault.working():
                self.lab.keeper.repair(at=self.hands.now())
                yield self.lab.engine({feed.spec.name: feed for feed in self.feeds}, workers=2)

        return Follow(
            vault=self.lab.vault,
            specs=self.specs,
            opened=opened,
            now=self.hands.now,
            steady=self.hands.steady,
            wait=self.hands.wait,
            tell=self.hands.passes.append,
            every=timedelta(minutes=5),
            **{"order": self.order, **options},
        )

    def run(self, *moments: datetime, **options: object) -> Follow:
        """Follow through `moments` of the wall clock."""
        return self.go_on(self.start(**options), *moments)

    def go_on(self, follow: Follow, *moments: datetime) -> Follow:
        """Let a command that runs already live through `moments`."""
        self.hands.moments, self.hands.moved = iter(moments), False
        follow.run()
        return follow

    def complete(self) -> dict[tuple[str, str], list[Window]]:
        """Return by source and region the windows of all units that ended complete, as the ledgers have them."""
        found: dict[tuple[str, str], list[Window]] = {}
        for root in self.lab.bags:
            planned = {}
            for line in self.lab.ledger(root):
                if line["type"] == ledger.PLANNED:
                    unit = planned_unit({name: value for name, value in line.items() if name != "type"})
                    planned[unit.id] = unit
                elif line["type"] == ledger.UNIT and line["status"] == "complete":
                    unit = planned[str(line["unit"])]
                    if unit.window and not unit.settled:
                        found.setdefault((unit.source, unit.region), []).append(unit.window)
        return {lane: sorted(windows, key=lambda one: one.start) for lane, windows in found.items()}

    def events(self, source: str) -> Counter[str]:
        """Return how often each event of a source is in the case."""
        return Counter(
            event["id"] for _, body in self.lab.bodies(source=source) for event in json.loads(body)["Events"]
        )


def joined(windows: Sequence[Window]) -> Window | None:
    """Return what windows cover together; None where they overlap or leave a gap."""
    if any(one.end != two.start for one, two in pairwise(windows)):
        return None
    return Window(windows[0].start, windows[-1].end)
