"""Requests, responses and what a collector yields: a `Page` of one response, or a `Download` of one object."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from evidence_kit.model.source import Limit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Finding

_NOTHING: Mapping[str, str] = MappingProxyType({})
# Log Analytics caps a response at 64 MB, the largest among the providers; anything bigger is a Download.
MAX_PAGE = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as asked, without anything secret. `digest` covers operation, place and parameters."""

    method: str
    host: str
    path: str
    operation: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its response; every attempt counts, throttled ones too.

    `headers` hold allow-listed names only. `status` is None when no response arrived.
    """

    request: Request
    sent_at: datetime
    received_at: datetime
    attempt: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    request_id: str = ""
    coding: str = "identity"
    sha256: str = ""
    bytes: int = 0
    error: str = ""
    replayed: bool = False
    peer: str = ""  # SHA-256 of the TLS certificate that the server showed
    caller: str = ""  # who the provider says we are, where the response told: an ARN, a user principal name


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One response body exactly as received, with what reading it told.

    `next_cursor` is the provider's token for what follows within this call; None says that nothing does.
    `name` groups the pages of one call into a folder and needs no extension.
    """

    name: str
    body: bytes
    exchange: Exchange
    next_cursor: str | None
    records: int | None = None
    first_event: str = ""
    last_event: str = ""
    suffix: str = "json"
    object: Mapping[str, str] = field(default_factory=lambda: _NOTHING)  # where the body is a whole small object


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An open object: its body in chunks and the exchange that opened it. The engine closes it."""

    exchange: Exchange
    chunks: Iterator[bytes]
    size: int | None
    claimed: Mapping[str, str] = field(default_factory=lambda: _NOTHING)  # the provider's own checksums, by algorithm


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One delivered object, fetched as a stream when the engine is ready for it.

    `name` is the original name; it is unique within its unit and kept in the attestation. What has something `beside`
    it may be fetched together with others, and after the collector went on; what has not is fetched before that.
    """

    name: str
    open: Callable[[], AbstractContextManager[Stream]]
    object: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    beside: "Beside | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """How a download may be fetched beside others: by whom, from what he knows of it, and at whose pace."""

    by: "Bulk"
    what: object
    budget: Limit  # of the store, which is not that of the calls that list it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came of the first attempt at a download beside others.

    Either the whole object, or why another attempt is worth it. With neither, `open` has to say what there is to say.
    """

    download: Download
    stream: Stream | None = None
    error: "Retryable | None" = None
    asked: bool = True  # whether there was an attempt at all


class Bulk(Protocol):
    """Fetches many small objects of one store at once. It makes no second attempt at anything."""

    def takes(self, download: Download) -> bool:
        """Say whether it would fetch this one; `open` always does, and may teach how it is done."""
        ...

    def fetch(self, downloads: Iterator[Download | float]) -> Iterator[Fetched]:
        """Yield what came of each, in no order; a number says how many seconds pass before the next may leave."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A finding that a collector makes while it reads; it stores nothing."""

    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A collector's own word on how its unit ended, where the default `complete` would claim too much."""

    status: UnitStatus
    reason: str


Item = Page | Download | Remark | Closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A response that an earlier, torn run of the same unit already stored."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    exchange: Exchange


class Retryable(Exception):  # noqa: N818 - a signal between collector and engine, not an error that people see
    """A failed attempt that is worth another: throttled, transport trouble, a body that cannot be whole."""

    def __init__(self, message: str, *, throttled: bool = False, after: float | None = None) -> None:
        super().__init__(message)
        self.throttled = throttled
        self.after = after


class Stop(Exception):  # noqa: N818 - a unit's end, not an error that people see
    """Ends a unit with a status other than complete: denied, not enabled, a loop, a page without its records."""

    def __init__(self, status: UnitStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
