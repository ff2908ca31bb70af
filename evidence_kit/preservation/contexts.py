"""What an action is given of the world: as a collector is, but never an answer of an earlier run.

How a target stood before a crash says nothing of how it stands now, and what a run did before it died has to be
found at the target, not in its own files.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from evidence_kit.model.exchange import Exchange, Recorded
from evidence_kit.model.ports import Context

T = TypeVar("T")


class Anew:
    """A context in which every question is asked anew."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def now(self) -> datetime:
        """Return aware UTC."""
        return self._ctx.now()

    def secret(self, name: str) -> str:
        """Return a secret by name."""
        return self._ctx.secret(name)

    def record(self, exchange: Exchange) -> None:
        """Put an attempt into the ledger that yields no page."""
        self._ctx.record(exchange)

    def retrying(self, quota: tuple[str, ...], send: Callable[[int], T]) -> T:
        """Call `send` as often as the engine allows: asking changes nothing."""
        return self._ctx.retrying(quota, send)

    def pause(self, seconds: float, reason: str) -> None:
        """Wait, interruptibly."""
        self._ctx.pause(seconds, reason)

    def replay(self, request_digest: str) -> Recorded | None:  # noqa: ARG002 - the port's
        """Return nothing: what was stored is of the past."""
        return None


class Once(Anew):
    """A context in which a request is sent once: whether it goes out again is decided after a look."""

    def __init__(self, ctx: Context, attempt: int) -> None:
        super().__init__(ctx)
        self._attempt = attempt

    def retrying(self, quota: tuple[str, ...], send: Callable[[int], T]) -> T:  # noqa: ARG002 - paced outside
        """Call `send` once; a failure is the caller's."""
        return send(self._attempt)
