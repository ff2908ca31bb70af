"""A context for those who change one thing of another: whatever they do not say themselves goes on to it."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from evidence_kit.model.exchange import Exchange, Recorded
from evidence_kit.model.ports import Context

T = TypeVar("T")


class Onward:
    """A context that passes everything on to `inner`."""

    def __init__(self, inner: Context) -> None:
        self.inner = inner

    def now(self) -> datetime:
        """Return aware UTC."""
        return self.inner.now()

    def secret(self, name: str) -> str:
        """Return a secret by name."""
        return self.inner.secret(name)

    def record(self, exchange: Exchange) -> None:
        """Put an attempt into the ledger that yields no page."""
        self.inner.record(exchange)

    def retrying(self, quota: tuple[str, ...], send: Callable[[int], T]) -> T:
        """Call `send` as often as the engine allows."""
        return self.inner.retrying(quota, send)

    def pause(self, seconds: float, reason: str) -> None:
        """Wait, interruptibly."""
        self.inner.pause(seconds, reason)

    def replay(self, request_digest: str) -> Recorded | None:
        """Return the stored answer to a request if an earlier run of the unit has one."""
        return self.inner.replay(request_digest)
