"""What a collector is given of the world: a clock, a pace, retries, and answers that an earlier run stored."""

import random
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from evidence_kit.acquire.observer import Observer
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.model.exchange import Exchange, Recorded, Retryable, Stop
from evidence_kit.model.source import Limit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Unit

T = TypeVar("T")
# Ten doublings from half a second, capped at a minute, wait about five minutes in all: longer than any
# throttling burst seen, short enough to tell the operator that this unit will stay open.
MAX_THROTTLED = 10
MAX_FAILED = 5
FIRST_BACKOFF = 0.5
MAX_BACKOFF = 60.0
_WORTH_TELLING = 0.1  # seconds of waiting
MAX_RETRY_AFTER = 900.0  # a quarter of an hour; a unit that has to wait longer is better taken up again later


class Interrupted(Exception):  # noqa: N818 - the operator's wish, not an error
    """The operator asked to stop; the unit ends as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What all units of a run share."""

    now: Callable[[], datetime]
    secret: Callable[[str], str]
    pacer: Pacer
    observer: Observer
    stop: threading.Event = field(default_factory=threading.Event)
    backoff: float = FIRST_BACKOFF


Answer = Callable[[], Recorded]


@dataclass(slots=True, kw_only=True)
class Memory:
    """What an earlier, torn run of a unit stored: answers by request, and the names of finished downloads."""

    answers: dict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    downloads: dict[str, tuple[int, str]] = field(default_factory=dict)
    pages: int = 0  # how many are stored; what comes anew is numbered after them


class UnitContext:
    """The `Context` of one unit."""

    def __init__(
        self,
        *,
        world: World,
        limit: Limit,
        unit: Unit,
        record: Callable[[Exchange], None],
        memory: Memory | None = None,
    ) -> None:
        self._world = world
        self._limit = limit
        self._unit = unit
        self.record = record
        self._memory = memory or Memory()

    def now(self) -> datetime:
        """Return aware UTC."""
        return self._world.now()

    def secret(self, name: str) -> str:
        """Return a secret by name."""
        return self._world.secret(name)

    def pause(self, seconds: float, reason: str) -> None:
        """Wait; Interrupted if the operator asks to stop meanwhile."""
        if seconds > 0:
            self._world.observer.waiting(self._unit, seconds, reason)
        if self._world.stop.wait(seconds) if seconds > 0 else self._world.stop.is_set():
            raise Interrupted

    def retrying(
        self,
        quota: tuple[str, ...],
        send: Callable[[int], T],
        *,
        limit: Limit | None = None,
        made: int = 0,
        error: Retryable | None = None,
    ) -> T:
        """Call `send` within the budget of `quota`; give up with the partial status that fits.

        So many attempts were `made` elsewhere already, of which the last may have ended in `error`.
        """
        limit = limit or self._limit
        throttled = failed = 0
        while True:
            if error is None:
                wait = self._world.pacer.reserve(quota, limit)
                self.pause(wait, f"{quota[-1]} allows {limit.rps:g} requests a second")
                made += 1
                try:
                    return send(made)
                except Retryable as found:
                    error = found
            throttled, failed = throttled + error.throttled, failed + (not error.throttled)
            if throttled >= MAX_THROTTLED:
                raise Stop(UnitStatus.PARTIAL_THROTTLED, f"throttled {throttled} times: {error}") from error
            if failed >= MAX_FAILED:
                raise Stop(UnitStatus.PARTIAL_ERROR, f"failed {failed} times: {error}") from error
            if error.after is not None and error.after > MAX_RETRY_AFTER:
                reason = f"the provider asks to wait {error.after:g} seconds: {error}"
                raise Stop(UnitStatus.PARTIAL_THROTTLED, reason) from error
            self._back_off(quota, throttled + failed, error)
            error = None

    def leaving(self, quota: tuple[str, ...], limit: Limit) -> Iterator[float]:
        """Yield how many seconds are left until one request may leave, within the budget; end when it may.

        It ends at once where the operator wants to stop: `stopped` says so.
        """
        wait = self._world.pacer.reserve(quota, limit)
        until = self._world.pacer.clock() + wait
        if wait >= _WORTH_TELLING:
            self._world.observer.waiting(self._unit, wait, f"{quota[-1]} allows {limit.rps:g} requests a second")
        while wait > 0 and not self.stopped:
            yield wait
            wait = until - self._world.pacer.clock()

    @property
    def stopped(self) -> bool:
        """Say whether the operator asked to stop."""
        return self._world.stop.is_set()

    def _back_off(self, quota: tuple[str, ...], attempts: int, error: Retryable) -> None:
        seconds = min(MAX_BACKOFF, self._world.backoff * 2 ** (attempts - 1))
        seconds *= 0.5 + random.random() / 2  # noqa: S311 - jitter, not a secret
        if error.after is not None:
            seconds = max(error.after, seconds)
        if error.throttled:
            self._world.pacer.hold(quota, seconds)
        self.pause(seconds, f"retrying after: {error}")

    def replay(self, request_digest: str) -> Recorded | None:
        """Return the next stored answer to this request, if an earlier run has one."""
        stored = self._memory.answers.get(request_digest)
        return stored.popleft()() if stored else None
