"""One HTTP call: its exact bytes, every attempt on record, foreign errors translated here.

Bodies are kept as they came over the wire: unless the provider insists, nothing is compressed, and what is stays so.
Redirects are never followed, and no link leads to another host.
"""

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import requests
from urllib3.exceptions import HTTPError

from evidence_kit.collectors import peer
from evidence_kit.collectors.tap import BadBody, Rule, Tap, plain, shown
from evidence_kit.model.exchange import Exchange, Recorded, Request, Retryable, Stop, Stream
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus

MAX_PAGE = 128 << 20  # Log Analytics and hunting answer with up to 64 and 124 MB
MAX_DECODED = 512 << 20
_CHUNK = 1 << 20
_TIMEOUT = (15.0, 620.0)  # connect; read: a query may be answered after ten minutes
_NOTHING: Mapping[str, Any] = MappingProxyType({})
Reader = Callable[[bytes, Mapping[str, str]], Mapping[str, Any]]  # a body as it came and its headers to what it says


class Dialect(Protocol):
    """How a provider speaks: what goes on record, and what its errors mean for a unit."""

    @property
    def rule(self) -> Rule:
        """Return what may go on record."""
        ...

    def verdict(self, status: int, body: bytes, headers: Mapping[str, str]) -> Retryable | Stop:
        """Return what to raise for an answer that is not a success."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question: where, what, and under which name it goes on record."""

    operation: str
    url: str
    method: str = "GET"
    params: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    body: Mapping[str, Any] | None = None  # sent as JSON
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    listed: bool = False  # the answer is a JSON list; it is read as if it stood under `value`
    read: Reader | None = None  # reads a body that is no JSON object; BadBody or Retryable for what is no answer


@dataclass(frozen=True, slots=True)
class Answer:
    """A parsed answer with the bytes it was parsed from."""

    parsed: Mapping[str, Any]
    body: bytes
    exchange: Exchange


class WebWire:
    """One target over HTTP. `authorize` returns the headers that say who we are, renewed as needed."""

    def __init__(
        self,
        session: requests.Session,
        dialect: Dialect,
        *,
        target: str,
        quota: tuple[str, ...],
        authorize: Callable[[], Mapping[str, str]],
        hide: Callable[[str], str] = str,
        largest: int = MAX_PAGE,
    ) -> None:
        self._session = session
        self._dialect = dialect
        self._target = target
        self._quota = quota
        self._authorize = authorize
        self._hide = hide  # what of a text may be said: errors of the transport quote addresses
        self._largest = largest

    def call(self, ctx: Context, ask: Ask, *, result: str = "") -> Answer:
        """Return the JSON answer to one call, after as many attempts as the engine allows.

        An answer without its `result` is no answer.
        """
        request = self._request(ask)

        def send(attempt: int) -> Answer:
            tap = Tap(ctx.now, self._dialect.rule, request, attempt)
            with self._open(ctx, tap, ask) as response:
                tap.body = self._read(ctx, tap, response)
            return self._answer(ctx, tap, ask, result)

        if recorded := ctx.replay(request.digest):
            return self._again(ctx, recorded, request, ask, result)
        return ctx.retrying(self._quota, send)

    @contextmanager
    def stream(self, ctx: Context, ask: Ask, *, etag: str = "") -> Iterator[Stream]:
        """Open one object as a stream. One attempt: the engine repeats a download as a whole."""
        tap = Tap(ctx.now, self._dialect.rule, self._request(ask), 1)
        with self._open(ctx, tap, ask) as response:
            found = tap.headers.get("etag", "")
            if etag and found.strip('"') != etag.strip('"'):
                ctx.record(tap.exchange(error="other ETag"))
                raise Retryable(f"listed with ETag {etag}, answered with {found or 'none'}")
            length = tap.headers.get("content-length", "")
            yield Stream(
                exchange=tap.exchange(),
                chunks=self._chunks(ctx, tap, response),
                size=int(length) if length.isdigit() else None,
                claimed=_claims(tap.headers),
            )

    # -- one attempt -----------------------------------------------------------------------------------------

    @contextmanager
    def _open(self, ctx: Context, tap: Tap, ask: Ask) -> Iterator[requests.Response]:
        """Send once and yield a success; whatever else comes is put on record and translated here."""
        headers = {"Accept-Encoding": "identity", **ask.headers, **self._authorize()}
        tap.sent_at = ctx.now()
        peer.forget()
        try:
            response = self._session.request(
                ask.method,
                ask.url,
                params=ask.params or None,
                json=ask.body,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=_TIMEOUT,
            )
        except (requests.RequestException, HTTPError, OSError) as error:
            ctx.record(tap.exchange(error=type(error).__name__))
            raise Retryable(self._hide(f"{type(error).__name__}: {error}")[:300]) from error
        with response:
            tap.received_at, tap.status, tap.peer = ctx.now(), response.status_code, peer.seen()
            tap.headers = {name.lower(): value for name, value in response.headers.items()}
            if response.status_code not in {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED}:
                tap.body = self._read(ctx, tap, response)
                ctx.record(tap.exchange(error=f"HTTP {response.status_code}"))
                raise self._dialect.verdict(response.status_code, _decoded(tap), tap.headers)
            yield response

    def _read(self, ctx: Context, tap: Tap, response: requests.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        for chunk in self._chunks(ctx, tap, response):
            parts.append(chunk)
            size += len(chunk)
            if size > self._largest:
                ctx.record(tap.exchange(error="too large"))
                reason = f"{tap.request.operation} answers with more than {self._largest:,} bytes"
                raise Stop(UnitStatus.PARTIAL_ERROR, reason)
        tap.received_at = ctx.now()
        return b"".join(parts)

    def _chunks(self, ctx: Context, tap: Tap, response: requests.Response) -> Iterator[bytes]:
        """Yield the body as it came over the wire; one that ends early is no body."""
        expected, size = tap.headers.get("content-length", ""), 0
        try:
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                size += len(chunk)
                yield chunk
        except (requests.RequestException, HTTPError, OSError) as error:
            ctx.record(tap.exchange(error=type(error).__name__))
            raise Retryable(self._hide(f"the body broke off: {type(error).__name__}: {error}")[:300]) from error
        if expected.isdigit() and int(expected) != size:
            ctx.record(tap.exchange(error="short body"))
            raise Retryable(f"{size:,} of {int(expected):,} bytes arrived")

    def _answer(self, ctx: Context, tap: Tap, ask: Ask, result: str) -> Answer:
        try:
            parsed = ask.read(tap.body or b"", tap.headers) if ask.read else _parsed(_decoded(tap), ask)
        except Retryable as error:  # a success by its status alone
            ctx.record(tap.exchange(error="asks to wait" if error.throttled else "no answer"))
            raise
        except BadBody as error:
            ctx.record(tap.exchange(error="BadBody"))
            raise Retryable(str(error)) from error
        if result and result not in parsed:
            ctx.record(tap.exchange(error=f"no `{result}` in the answer"))
            raise Retryable(f"{ask.operation} answered without `{result}`")
        return Answer(parsed, tap.body or b"", tap.exchange())

    def _again(self, ctx: Context, recorded: Recorded, request: Request, ask: Ask, result: str) -> Answer:
        """Return what an earlier run of the unit was answered."""
        tap = Tap(ctx.now, self._dialect.rule, request, 1, recorded)
        tap.status, tap.body = recorded.status, recorded.body
        tap.headers = {name.lower(): value for name, value in recorded.headers.items()}
        answer = self._answer(ctx, tap, ask, result)
        return Answer(answer.parsed, answer.body, tap.kept())

    # -- what goes on record -----------------------------------------------------------------------------------

    def _request(self, ask: Ask) -> Request:
        where = urlsplit(ask.url)
        asked = {**dict(parse_qsl(where.query)), **ask.params, **(ask.body or {})}
        parts = [self._target, ask.method, ask.url, ask.params, ask.body, *([ask.headers] if ask.read else [])]
        exact = json.dumps(parts, sort_keys=True, default=_plain)
        return Request(
            method=ask.method,
            host=where.netloc,
            path=self._hide(where.path),
            operation=ask.operation,
            params={name: shown(self._dialect.rule, name, value) for name, value in asked.items()},
            digest=hashlib.sha256(exact.encode()).hexdigest(),
        )


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else plain(value)


def _parsed(body: bytes, ask: Ask) -> Mapping[str, Any]:
    """Read a JSON object, or the list that was asked for; a portal's page with status 200 is no answer."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadBody(f"HTTP 200 with a body that is not an answer to {ask.operation}") from error
    if ask.listed and isinstance(value, list):
        return {"value": value}
    if ask.listed or not isinstance(value, dict):
        raise BadBody(f"HTTP 200 with a body that is not an answer to {ask.operation}")
    return value


def _decoded(tap: Tap) -> bytes:
    """Return the body without its content coding, for reading; what is stored keeps it."""
    body = tap.body or b""
    if tap.headers.get("content-encoding", "identity") != "gzip":
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
            return stream.read(MAX_DECODED)
    except (OSError, EOFError, zlib.error):
        return b""


def _claims(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the provider's own checksums of an object, by algorithm."""
    claimed = {"etag": headers["etag"]} if "etag" in headers else {}
    if "content-md5" in headers:
        claimed["md5"] = headers["content-md5"]
    for part in headers.get("x-goog-hash", "").split(","):
        name, _, value = part.strip().partition("=")
        if value:
            claimed[name] = value
    return claimed


def same_host(link: str, url: str) -> str:
    """Return `link` if it leads to the host of `url` over the same scheme; Stop for any other."""
    try:
        ours, theirs = _place(url), _place(link)
    except ValueError as error:
        raise Stop(UnitStatus.PARTIAL_ERROR, "a page link that cannot be read") from error
    if ours != theirs:
        raise Stop(UnitStatus.PARTIAL_ERROR, f"a page link leads to {theirs[2][:80]!a}, another host")
    return link


def _place(url: str) -> tuple[str, str, str, int | None]:
    """Return what must not change: scheme, user, host, port. Providers do write `:443` now and then."""
    parts = urlsplit(url)
    user, _, _ = parts.netloc.rpartition("@")
    return parts.scheme, user, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)
