"""Collectors with one fault each, around a sound one: a suite, or a fake provider, that lets one pass is no test."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from evidence_kit.model.exchange import Closed, Item, Page, Recorded, Stop
from evidence_kit.model.onward import Onward
from evidence_kit.model.ports import Collector, Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Scope, Unit

T = TypeVar("T")


class Mutant:
    """Does what `inner` does, until a subclass spoils it."""

    def __init__(self, inner: Collector) -> None:
        self.spec = inner.spec
        self.inner = inner

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        """Plan."""
        return self.inner.units(scope, ctx)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Acquire, and spoil each page."""
        for item in self.inner.acquire(unit, ctx):
            yield self.spoiled(item) if isinstance(item, Page) else item

    def spoiled(self, page: Page) -> Page:
        """Return the page as it is."""
        return page


class Reserialises(Mutant):
    """Stores what it parsed and not what it received."""

    def spoiled(self, page: Page) -> Page:
        """Return the page in other bytes."""
        body = json.dumps(json.loads(page.body), indent=1).encode()
        exchange = replace(page.exchange, sha256=hashlib.sha256(body).hexdigest(), bytes=len(body))
        return replace(page, body=body, exchange=exchange)


class StopsEarly(Mutant):
    """Takes the first page for all of them."""

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Acquire one page of each unit."""
        for item in self.inner.acquire(unit, ctx):
            yield replace(item, next_cursor=None) if isinstance(item, Page) else item
            return


class Eager(Mutant):
    """Asks for everything before it yields anything: memory, and all is lost when it dies."""

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Acquire all, then yield."""
        yield from list(self.inner.acquire(unit, ctx))


class Hasty(Mutant):
    """Asks when it is made."""

    def __init__(self, inner: Collector, ask: Callable[[], object]) -> None:
        super().__init__(inner)
        ask()


class IgnoresCursor(Mutant):
    """Does not say that a page names another one, so that nobody could notice if that never came."""

    def spoiled(self, page: Page) -> Page:
        """Return the page as if it were the last."""
        return replace(page, next_cursor=None)


class LeaksSecret(Mutant):
    """Puts what it was trusted with on record."""

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Acquire, with the secret among the parameters."""
        told = _Told(ctx)
        for item in self.inner.acquire(unit, told):
            yield self._telling(item, told.secrets) if isinstance(item, Page) else item

    @staticmethod
    def _telling(page: Page, secrets: list[str]) -> Page:
        request = replace(page.exchange.request, params={"key": ",".join(secrets)})
        return replace(page, exchange=replace(page.exchange, request=request))


class SwallowsError(Mutant):
    """Takes an error for the end."""

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Acquire, and call it complete."""
        try:
            yield from self.inner.acquire(unit, ctx)
        except Exception:  # noqa: BLE001 - this is the fault
            yield Closed(status=UnitStatus.COMPLETE, reason="")


class NaiveTimes(Mutant):
    """Forgets the zone of times."""

    def spoiled(self, page: Page) -> Page:
        """Return the page with times that nobody can place."""
        return replace(page, exchange=replace(page.exchange, sent_at=page.exchange.sent_at.replace(tzinfo=None)))


class ReadsClock(Mutant):
    """Looks at the machine's clock and not at the engine's."""

    def spoiled(self, page: Page) -> Page:
        """Return the page with a time of its own."""
        return replace(page, exchange=replace(page.exchange, received_at=datetime.now(UTC)))


class LoopsForever(Mutant):
    """Begins again where the sound one says that it turns in circles."""

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Acquire, again and again."""
        while True:
            try:
                yield from self.inner.acquire(unit, ctx)
            except Stop:
                continue
            return


class RepeatsOnResume(Mutant):
    """Does not ask what an earlier run stored."""

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Acquire as if for the first time."""
        yield from self.inner.acquire(unit, _Forgetful(ctx))


class _Told(Onward):
    """Keeps every secret that is asked for."""

    def __init__(self, inner: Context) -> None:
        super().__init__(inner)
        self.secrets: list[str] = []

    def secret(self, name: str) -> str:
        told = self.inner.secret(name)
        self.secrets.append(told)
        return told


class _Forgetful(Onward):
    """Remembers no answer."""

    def replay(self, request_digest: str) -> Recorded | None:  # noqa: ARG002 - the port's
        return None
