"""One query through the SDK's own client: its exact bytes, every attempt on record, nothing parsed by the SDK.

The SDK would hold half a million rows as objects; it is asked to stream instead, and the bytes are read here.
"""

import hashlib
import json
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import requests
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import HeadersPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.monitor.query import LogsQueryClient
from urllib3.exceptions import HTTPError

from evidence_kit import __version__
from evidence_kit.collectors import peer
from evidence_kit.collectors.azure.access import AzureAccess
from evidence_kit.collectors.azure.kusto import SECOND, Limits, limits
from evidence_kit.collectors.azure.query_answer import Reading, read
from evidence_kit.collectors.azure.query_verdicts import query_verdict
from evidence_kit.collectors.azure.speaker import Speaker
from evidence_kit.collectors.azure.verdicts import RULE
from evidence_kit.collectors.tap import BadBody, Tap
from evidence_kit.model.exchange import MAX_PAGE, Exchange, Recorded, Request, Retryable
from evidence_kit.model.ports import Context
from evidence_kit.model.time import Window, parse_instant, rfc3339
from evidence_kit.model.unit import Target

API = "loganalytics"
AT_ONCE = 5  # queries that the service runs for one caller; more stand in its queue or are refused
SERVER_TIMEOUT = 600  # seconds, the longest that the service works on a query
_READ_TIMEOUT = SERVER_TIMEOUT + 20
_MAX_REFUSAL = 1 << 20
_MAX_DECODED = 256 << 20  # of a body that was compressed although nobody asked for that
_BLOCK = 1 << 20
_PATIENCE = 0.5  # seconds between two looks at whether the operator wants to stop

_seats: WeakKeyDictionary[AzureAccess, threading.BoundedSemaphore] = WeakKeyDictionary()
_making = threading.Lock()

Kind = Literal["count", "query", "recount"]


class TooLarge(Exception):  # noqa: N818 - a signal, not an error that people see
    """An answer of more bytes than a page holds: it was not read to its end."""


class _Refusal(Exception):  # noqa: N818 - likewise
    """Anything but a success, read.

    Raised before the SDK raises its own, which keep response and connection in a circle with their traceback.
    """


@dataclass(frozen=True, slots=True)
class Answered:
    """What came: the bytes as received and what reading them told. `heavy`: no whole answer can be had at once."""

    body: bytes
    exchange: Exchange
    reading: Reading
    heavy: str = ""
    is_kept: bool = True  # False: on record as a failed attempt already, with nothing to store


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query: what it is for, its text, and the window that bounds it a second time."""

    kind: Kind
    text: str
    window: Window

    @property
    def timespan(self) -> tuple[Any, Any]:
        """Return whole seconds around the window: the text holds the exact bounds."""
        start, end = self.window.start.replace(microsecond=0), self.window.end
        return start, end.replace(microsecond=0) + SECOND if end.microsecond else end


class Desk(Protocol):
    """Where the queries to one service are asked."""

    limits: Limits

    def ask(self, ctx: Context, query: Query) -> Answered:
        """Return the answer, whole or not, after as many attempts as the engine allows."""
        ...


class QueryDesk:
    """Where the queries to one workspace are asked."""

    def __init__(self, access: AzureAccess, target: Target, workspace: str) -> None:
        self._access = access
        self._target = target
        self._workspace = workspace
        self._root = access.root(target, API)
        self.limits = limits()
        with _making:
            self._free = _seats.setdefault(access, threading.BoundedSemaphore(AT_ONCE))
        self._client = LogsQueryClient(
            access.credential(target),
            endpoint=self._root,
            transport=RequestsTransport(
                session=access.session(target),
                session_owner=False,
                read_timeout=_READ_TIMEOUT,
                connection_data_block_size=_BLOCK,
            ),
            authentication_policy=HeadersPolicy(),  # every attempt brings its own token
            retry_total=0,  # waiting is the engine's
            permit_redirects=False,
            user_agent=f"evidence-kit/{__version__}",
        )

    def ask(self, ctx: Context, query: Query) -> Answered:
        """Return the answer, whole or not, after as many attempts as the engine allows."""
        request = self._request(query)
        if recorded := ctx.replay(request.digest):
            return self._again(ctx, recorded, request, query)
        speaker = Speaker(
            token=lambda: self._access.token(self._target, API, ctx),
            renew=lambda refused: self._access.renew(self._target, refused),
        )

        def send(attempt: int) -> Answered:
            tap = Tap(ctx.now, RULE, request, attempt)
            with self._seat(ctx):
                return self._send(ctx, tap, query, speaker)

        return ctx.retrying(("azure", self._target.id, f"{API} query"), send)

    @contextmanager
    def _seat(self, ctx: Context) -> Iterator[None]:
        """Wait for one of the few places at the service; the operator can end the wait."""
        while not self._free.acquire(timeout=_PATIENCE):
            ctx.pause(0, "five queries are running")
        try:
            yield
        finally:
            self._free.release()

    # -- one attempt -----------------------------------------------------------------------------------------

    def _send(self, ctx: Context, tap: Tap, query: Query, speaker: Speaker) -> Answered:
        headers = {"Accept-Encoding": "identity", **speaker.authorize()}
        tap.sent_at = ctx.now()
        peer.forget()

        def see(response: Any) -> None:  # noqa: ANN401 - azure-core's generic type
            http = response.http_response
            tap.received_at, tap.status, tap.peer = ctx.now(), int(http.status_code), peer.seen()
            tap.headers = {str(name).lower(): str(value) for name, value in http.headers.items()}
            if tap.status != HTTPStatus.OK:
                with suppress(TooLarge):  # its status says enough
                    tap.body = _bounded(http, _MAX_REFUSAL)
                raise _Refusal

        def keep(response: Any, *_: object) -> Mapping[str, object]:  # noqa: ANN401 - likewise
            tap.body = _bounded(response.http_response, MAX_PAGE)
            tap.received_at = ctx.now()
            return {}

        try:
            self._client.query_workspace(
                self._workspace,
                query.text,
                timespan=query.timespan,
                server_timeout=SERVER_TIMEOUT,
                headers=headers,
                raw_response_hook=see,
                stream=True,
                cls=keep,
            )
        except TooLarge:
            ctx.record(tap.exchange(error="larger than a page"))
            return Answered(b"", tap.exchange(), Reading(), heavy=f"more than {MAX_PAGE:,} bytes")
        except _Refusal:
            return self._refused(ctx, tap, speaker)
        except (AzureError, requests.RequestException, HTTPError, OSError, ValueError) as error:
            ctx.record(tap.exchange(error=type(error).__name__))
            raise Retryable(f"{type(error).__name__}: {error}"[:300]) from error
        return self._read(ctx, tap, query)

    def _refused(self, ctx: Context, tap: Tap, speaker: Speaker) -> Answered:
        """Return a query's own timeout as an answer, which is kept: it decides how the window is cut."""
        body, status = tap.body or b"", tap.status or 0
        if status == HTTPStatus.GATEWAY_TIMEOUT:
            return Answered(body, tap.exchange(error="HTTP 504"), Reading(), heavy="the query ran out of time")
        ctx.record(tap.exchange(error=f"HTTP {status}"))
        if status == HTTPStatus.UNAUTHORIZED:
            raise speaker.verdict(status, body, tap.headers)
        raise query_verdict(status, body, tap.headers)

    def _read(self, ctx: Context, tap: Tap, query: Query) -> Answered:
        body = tap.body or b""
        length = tap.headers.get("content-length", "")
        try:
            if tap.recorded is None and length.isdigit() and int(length) != len(body):
                raise BadBody(f"{len(body):,} of {int(length):,} bytes arrived")  # noqa: TRY301 - told like the others
            reading = read(_decoded(tap), keep=query.kind != "query")
            if query.kind == "query":
                require_within(reading, query.window)
        except BadBody as error:
            ctx.record(tap.exchange(error="BadBody"))
            raise Retryable(str(error)) from error
        coding = tap.headers.get("content-encoding", "identity")
        return Answered(body, replace(tap.kept(), coding=coding), reading)

    def _again(self, ctx: Context, recorded: Recorded, request: Request, query: Query) -> Answered:
        """Return what an earlier run of the unit was answered."""
        tap = Tap(ctx.now, RULE, request, 1, recorded)
        tap.status, tap.body = recorded.status, recorded.body
        tap.headers = {name.lower(): value for name, value in recorded.headers.items()}
        if tap.status == HTTPStatus.GATEWAY_TIMEOUT:
            return Answered(recorded.body, tap.kept(), Reading(), heavy="the query ran out of time")
        return self._read(ctx, tap, query)

    def _request(self, query: Query) -> Request:
        start, end = query.timespan
        asked = {"query": query.text, "timespan": f"{rfc3339(start)}/{rfc3339(end)}"}
        exact = json.dumps([self._target.id, self._workspace, asked], sort_keys=True)
        return Request(
            method="POST",
            host=urlsplit(self._root).netloc,
            path=f"/v1/workspaces/{self._workspace}/query",
            operation=f"Query {query.kind}",
            params=asked,
            digest=hashlib.sha256(exact.encode()).hexdigest(),
        )


def _bounded(http: Any, most: int) -> bytes:  # noqa: ANN401 - azure-core's streamed response
    """Read a body as it came over the wire; TooLarge beyond `most` bytes."""
    parts: list[bytes] = []
    size = 0
    for part in http.iter_raw():
        size += len(part)
        if size > most:
            http.close()
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


def _decoded(tap: Tap) -> bytes:
    """Return the body without a content coding that nobody asked for, to read it; what is stored keeps it."""
    body, coding = tap.body or b"", tap.headers.get("content-encoding", "identity")
    if coding == "identity":
        return body
    if coding != "gzip":
        raise BadBody(f"an answer in `{coding[:20]!a}`")
    try:
        plain = zlib.decompressobj(wbits=31)
        found = plain.decompress(body, _MAX_DECODED)
    except zlib.error as error:
        raise BadBody("a compressed answer that cannot be read") from error
    if not plain.eof:
        raise BadBody("a compressed answer that does not end")
    return found


def require_within(reading: Reading, window: Window) -> None:
    """Refuse the answer to another question: a proxy's copy, or an answer delivered twice."""
    for moment in (reading.first, reading.last):
        if moment and parse_instant(moment) not in window:
            raise BadBody(f"rows of {moment}, outside the window that was asked for")
