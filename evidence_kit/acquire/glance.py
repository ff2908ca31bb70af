"""A look at a provider: what a collector is given where nothing is kept and nobody waits."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from evidence_kit.model.exchange import Exchange, Recorded, Retryable, Stop
from evidence_kit.model.status import UnitStatus

T = TypeVar("T")
ATTEMPTS = 2  # a token that has run out, or a connection that was closed, deserves a second; an outage is an answer


class Glance:
    """The `Context` of a check. What it was shown is in `exchanges`; none of it is evidence."""

    def __init__(self, now: Callable[[], datetime], secret: Callable[[str], str]) -> None:
        self._now, self._secret = now, secret
        self.exchanges: list[Exchange] = []

    def now(self) -> datetime:
        """Return aware UTC."""
        return self._now()

    def secret(self, name: str) -> str:
        """Return a secret by name."""
        return self._secret(name)

    def record(self, exchange: Exchange) -> None:
        """Remember a failed attempt; that a token was given says nothing of the API."""
        if exchange.error:
            self.exchanges.append(exchange)

    def retrying(self, quota: tuple[str, ...], send: Callable[[int], T]) -> T:  # noqa: ARG002 - the port's
        """Call `send` once, and once more if it failed; a provider that asks to wait is not asked again."""
        attempt = 1
        while True:
            try:
                return send(attempt)
            except Retryable as error:
                if error.throttled:
                    raise Stop(UnitStatus.PARTIAL_THROTTLED, str(error)) from error
                if attempt == ATTEMPTS:
                    raise Stop(UnitStatus.PARTIAL_ERROR, str(error)) from error
                attempt += 1

    def pause(self, seconds: float, reason: str) -> None:
        """Wait for nothing: what comes next is another partner's."""

    def replay(self, request_digest: str) -> Recorded | None:  # noqa: ARG002 - the port's
        """Return nothing, for nothing is kept."""
        return None
