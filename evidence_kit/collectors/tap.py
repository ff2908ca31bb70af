"""What one attempt saw go by: request, answer, exact bytes; and what of it may go on record."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.model.exchange import Exchange, Recorded, Request
from evidence_kit.model.time import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What of a provider's answers and questions may go on record: nothing that authenticates anybody."""

    headers: frozenset[str]  # of the answer, in lower case
    request_ids: tuple[str, ...]  # headers that may hold the provider's id of a request, the first that is there
    tokens: frozenset[str]  # parameters that are page tokens, in lower case: they go on record as digests


class BadBody(Exception):  # noqa: N818 - raised within foreign code at times, translated at once
    """A response that cannot be whole, or not what was asked for, although its status says success."""


@dataclass(slots=True)
class Tap:
    """What one attempt saw go by."""

    now: Callable[[], datetime]
    rule: Rule
    request: Request
    attempt: int
    recorded: Recorded | None = None
    sent_at: datetime | None = None
    received_at: datetime | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    peer: str = ""  # SHA-256 of the certificate that the server showed

    def exchange(self, error: str = "") -> Exchange:
        """Return the attempt as it goes on record."""
        now = self.now()
        return Exchange(
            request=self.request,
            sent_at=self.sent_at or now,
            received_at=self.received_at or now,
            attempt=self.attempt,
            status=self.status,
            headers={name: value for name, value in self.headers.items() if name in self.rule.headers},
            request_id=next((self.headers[name] for name in self.rule.request_ids if name in self.headers), ""),
            sha256=hashlib.sha256(self.body).hexdigest() if self.body is not None else "",
            bytes=len(self.body or b""),
            error=error,
            coding=self.headers.get("content-encoding", "identity"),
            peer=self.peer,
            replayed=self.recorded is not None,
        )

    def kept(self) -> Exchange:
        """Return the exchange of a success; a replayed one is what the earlier run recorded."""
        return self.recorded.exchange if self.recorded else self.exchange()


class StoredBody(io.BytesIO):
    """A stored body in the shape of a urllib3 response."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Yield the body."""
        yield self.read()


def plain(value: object) -> str:
    """Return a parameter that JSON does not know, times above all, as text."""
    return rfc3339(value) if isinstance(value, datetime) else str(value)


def shown(rule: Rule, name: str, value: object) -> object:
    """Return a parameter as it may go on record: page tokens only as digests."""
    if name.lower() in rule.tokens and isinstance(value, str):
        return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(inner): shown(rule, str(inner), part) for inner, part in value.items()}
    return json.loads(json.dumps(value, default=plain))
