"""What the suite puts around a collector: a clock that it moves, patience, a vault that tears, an eye on all it does.

None of these changes what a collector yields, records or is told.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from evidence_kit.acquire.observer import Silent
from evidence_kit.model.exchange import Download, Exchange, Item, Page
from evidence_kit.model.onward import Onward
from evidence_kit.model.ports import Collector, Context, Stored
from evidence_kit.model.unit import Scope, Unit
from evidence_kit.vaults.local import LocalVault

T = TypeVar("T")
_TICK = timedelta(microseconds=1009)


class Clock:
    """Moves only when it is looked at, and knows every time that it told."""

    def __init__(self, start: datetime) -> None:
        self._next = start + timedelta(microseconds=1)
        self._guard = threading.Lock()
        self.told: set[datetime] = set()

    def __call__(self) -> datetime:
        """Return a time that was never told before."""
        with self._guard:
            told = self._next
            self._next += _TICK
            self.told.add(told)
        return told


class NoWait(threading.Event):
    """The engine's stop, on which it also waits: here no wait takes any time."""

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - the name is threading's
        """Return at once."""
        return self.is_set()


class Waits(Silent):
    """Remembers how long the engine would have waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def waiting(self, unit: Unit, seconds: float, reason: str) -> None:  # noqa: ARG002 - the observer's
        """Take note."""
        self.seconds.append(seconds)


class TearingVault(LocalVault):
    """Is interrupted for good when it is to take an artifact after the first `most`."""

    def __init__(self, root: Path, most: int) -> None:
        super().__init__(root)
        self._left = most

    def stage(self, chunks: Iterable[bytes]) -> Stored:
        """Write, or be interrupted."""
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return super().stage(chunks)


@dataclass(frozen=True, slots=True)
class SeenPage:
    """One page as a collector yielded it."""

    unit: str
    name: str
    cursor: str | None


@dataclass(slots=True)
class Seen:
    """What a collector did."""

    pages: list[SeenPage] = field(default_factory=list)
    items: int = 0
    exchanges: list[Exchange] = field(default_factory=list)
    ahead: int = 0  # answers of evidence that had come before the items that hold them were yielded
    ran_away: bool = False


class Witness:
    """A collector that does what `inner` does, and notes it. Past `most` items it ends: `inner` would not.

    With `cut`, it ends each unit behind the first page that names another one.
    """

    def __init__(self, inner: Collector, evidence: Callable[[], int], *, most: int, cut: bool = False) -> None:
        self.spec = inner.spec
        self.seen = Seen()
        self._inner, self._evidence, self._most, self._cut = inner, evidence, most, cut

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        """Yield what `inner` plans."""
        yield from self._inner.units(scope, Overheard(ctx, self.seen))

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield what `inner` yields."""
        seen = self.seen
        for item in self._inner.acquire(unit, Overheard(ctx, seen)):
            if isinstance(item, (Page, Download)):
                seen.items += 1
                seen.ahead = max(seen.ahead, self._evidence() - seen.items)
            if seen.items > self._most:
                seen.ran_away = True
                return
            if isinstance(item, Page):
                seen.exchanges.append(item.exchange)
                seen.pages.append(SeenPage(unit.id, item.name, item.next_cursor))
            yield item
            if self._cut and isinstance(item, Page) and item.next_cursor is not None:
                return


class Overheard(Onward):
    """A context that notes what a collector puts on record itself."""

    def __init__(self, inner: Context, seen: Seen) -> None:
        super().__init__(inner)
        self._seen = seen

    def record(self, exchange: Exchange) -> None:
        """Note an attempt, and pass it on."""
        self._seen.exchanges.append(exchange)
        super().record(exchange)
