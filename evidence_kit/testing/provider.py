"""What the author of a collector gives the suite: a provider whose answers are known, and how to break it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target

Kind = Literal[
    "throttled",  # 429, or the provider's own word for it; with `after` as Retry-After
    "unavailable",  # 503
    "short",  # a body with fewer bytes than announced
    "html",  # a page for people, with status 200
    "dropped",  # the connection ends without an answer
    "expired",  # the credentials were good, and are no longer
    "denied",  # the credentials may not
    "loop",  # a page token comes back
    "empty",  # no fault: there is nothing to find
]
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing to go wrong when evidence is asked for: `skip` requests pass, the next `times` do not; None: ever."""

    kind: Kind
    skip: int = 0
    times: int | None = 1
    after: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it left the provider. Who we are, or how far a query is, is no evidence; an error neither."""

    body: bytes
    evidence: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A running provider, and the order by which a collector is to ask it.

    Each member of `truth` stands in exactly one place of all evidence (an event's id, with the quotes around it);
    gzip is inflated before it is looked for. `strike` lets a fault happen to the provider from now on. `secrets` are
    what `ctx.secret` gives; `canaries` are all other credentials in play, among them tokens given out meanwhile.
    """

    source: SourceSpec
    target: Target
    window: Window
    truth: Sequence[bytes]
    answers: Callable[[], Sequence[Answer]]
    strike: Callable[[Fault], None]
    secrets: Mapping[str, str] = field(default_factory=lambda: _NOTHING, repr=False)
    canaries: Callable[[], Iterable[str]] = tuple
    environ: Mapping[str, str] = field(default_factory=lambda: _NOTHING, repr=False)
    params: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    @property
    def evidence(self) -> list[bytes]:
        """Return the bodies of evidence that have left so far."""
        return [answer.body for answer in self.answers() if answer.evidence]

    @property
    def settled(self) -> datetime:
        """Return a time at which everything has been delivered, also where a mechanism looks beyond the window."""
        return self.window.end + self.source.settle + timedelta(days=1)
