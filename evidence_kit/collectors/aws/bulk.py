"""Small S3 objects, many at once: asked for as botocore asked for the first of their bucket, without botocore.

What is answered by anything but the whole object that was listed is put on record, and `open` asks for it again
through botocore, whose word counts.
"""

import io
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError
from botocore.httpchecksum import handle_checksum_body
from botocore.parsers import ResponseParserError

from evidence_kit.collectors.aws.dialect import RULE
from evidence_kit.collectors.aws.etags import held, promised
from evidence_kit.collectors.aws.verdicts import verdict
from evidence_kit.collectors.aws.ways import MOST, Way, Ways, credentials_of
from evidence_kit.collectors.tap import BadBody, StoredBody, Tap
from evidence_kit.model.exchange import Beside, Download, Fetched, Retryable, Stop, Stream
from evidence_kit.model.ports import Context
from evidence_kit.model.source import Limit

if TYPE_CHECKING:
    from evidence_kit.collectors.lines import Ask, Lines, Reply
    from evidence_kit.collectors.trust import Trust

SMALL = 8 << 20  # bytes: a body up to here is held until it is whole, a larger one is a stream of botocore's
# S3 serves at least 5,500 reads a second below a prefix and says `SlowDown` beyond; others read there, too.
STORE = Limit(rps=3500, burst=256)
_FIRST = 16  # requests under way before it is known that the store takes its time
_HELD = 64 << 20  # bytes that may be under way
_SLACK = 1 << 16  # bytes beyond what was listed: enough to tell that a body is longer, and to keep its digest
_TICK = 0.2  # seconds between two looks at whether somebody wants to stop
_IDLE = 0.001  # seconds without an answer, after which there is room for more requests
# The bucket is elsewhere, or the request was not understood: botocore knows what to do, for all that follow.
_ASTRAY = frozenset({HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.BAD_REQUEST})
_UNREADABLE = (ResponseParserError, KeyError, TypeError, AttributeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a listing said of one object: how to ask for it, and what has to come."""

    params: Mapping[str, object]
    etag: str
    size: int


class S3Bulk:
    """Fetches what one unit listed."""

    def __init__(self, ways: Ways, ctx: Context) -> None:
        self._ways = ways
        self._ctx = ctx

    def beside(self, listed: Listed) -> Beside:
        """Return what a download needs to be fetched here."""
        return Beside(by=self, what=listed, budget=STORE)

    def takes(self, download: Download) -> bool:
        """Say whether botocore is not needed for this one."""
        listed = _listed(download)
        way = self._ways.way(listed.params["Bucket"])
        return way is not None and listed.size <= SMALL and way.url(listed.params) != ""

    def fetch(self, downloads: Iterator[Download | float]) -> Iterator[Fetched]:
        """Yield what came of each; those that a way leads to no more were not asked for."""
        first = next(downloads, None)
        while isinstance(first, float):
            self._ctx.pause(first, "the budget of the store")
            first = next(downloads, None)
        if first is None:
            return
        way = self._ways.way(_listed(first).params["Bucket"])
        if way is None:
            yield Fetched(download=first, asked=False)
            return
        with self._ways.lines(way.trust, self._ctx) as lines:
            yield from _Flight(self._ways, self._ctx, lines, way.trust).run(first, downloads)


class _Flight:
    """The requests of one unit that are under way."""

    def __init__(self, ways: Ways, ctx: Context, lines: "Lines", trust: "Trust") -> None:
        self._ways = ways
        self._ctx = ctx
        self._lines = lines
        self._trust = trust
        self._width = _FIRST
        self._held = 0

    def run(self, first: Download, more: Iterator[Download | float]) -> Iterator[Fetched]:
        """Keep as many under way as may be; yield each as it ends."""
        waiting: Download | float | None = first
        while waiting is not None or self._lines.busy:
            while isinstance(waiting, Download) and self._has_room():
                if not self._start(waiting):
                    yield Fetched(download=waiting, asked=False)
                waiting = next(more, None)
            pause = min(_TICK, waiting) if isinstance(waiting, float) else _TICK
            yield from self._ended(pause)
            if isinstance(waiting, float):
                waiting = next(more, None)

    def _has_room(self) -> bool:
        return self._lines.busy < min(self._width, self._ways.most()) and (self._held < _HELD or not self._lines.busy)

    def _ended(self, pause: float) -> Iterator[Fetched]:
        """Yield what has ended; where nothing has for a moment, more may be under way."""
        began, found = time.monotonic(), 0
        for reply in self._lines.replies(pause):
            found += 1
            self._held -= _listed(_download(reply)).size
            yield self._judged(reply)
        if time.monotonic() - began > _IDLE and not found:
            self._width = min(MOST, self._width * 2)

    def _start(self, download: Download) -> bool:
        listed = _listed(download)
        way = self._ways.way(listed.params["Bucket"])
        try:
            credentials = credentials_of(self._ways.client)
        except Exception:  # noqa: BLE001 - whatever a provider of credentials raises, botocore meets it, too, and says so
            return False
        if way is None or way.trust != self._trust or credentials is None or not (url := way.url(listed.params)):
            return False
        self._lines.start(_ask(way, listed, credentials, url, download))
        self._held += listed.size
        return True

    def _judged(self, reply: "Reply") -> Fetched:
        download = _download(reply)
        listed = _listed(download)
        tap = self._tap(reply, listed)
        for died, again in pairwise(reply.sent):
            # A kept connection turned out to be closed; libcurl sent once more, over a new one.
            lost = Tap(self._ctx.now, RULE, tap.request, 1, None, died, again)
            self._ctx.record(lost.exchange(error="ConnectionDied"))
        try:
            stream = self._read(tap, reply, listed)
        except Retryable as error:
            return Fetched(download=download, error=error)
        return Fetched(download=download, stream=stream)

    def _tap(self, reply: "Reply", listed: Listed) -> Tap:
        host, _, path = reply.ask.url.partition("://")[2].partition("/")  # as `urlsplit` has it, which takes longer
        request = self._ways.request("GetObject", listed.params)
        sent = replace(request, method="GET", host=host, path=f"/{path.partition('?')[0]}")
        tap = Tap(self._ctx.now, RULE, sent, 1, None, reply.sent[-1] if reply.sent else None, reply.received_at)
        tap.status, tap.headers, tap.peer = reply.status, reply.headers, reply.peer
        return tap

    def _read(self, tap: Tap, reply: "Reply", listed: Listed) -> Stream | None:
        """Return the object; None for a refusal, Retryable for what passes, both of them on record."""
        if reply.error:
            self._ctx.record(tap.exchange(error=reply.error))
            raise Retryable(f"{reply.error}: {reply.reason}"[:300])
        if reply.status != HTTPStatus.OK:
            self._refuse(tap, reply, listed)
            return None
        if (found := reply.headers.get("etag", "")) != listed.etag:
            self._ctx.record(tap.exchange(error="other ETag"))
            raise Retryable(f"listed with ETag {listed.etag}, answered with {found or 'none'}")
        self._verify(tap, reply, listed)
        claimed = {
            name.removeprefix("x-amz-checksum-"): value
            for name, value in reply.headers.items()
            if name.startswith("x-amz-checksum-") or name == "etag"
        }
        return Stream(exchange=tap.exchange(), chunks=iter((reply.body,)), size=listed.size, claimed=claimed)

    def _refuse(self, tap: Tap, reply: "Reply", listed: Listed) -> None:
        tap.body = reply.body
        if reply.status in _ASTRAY:
            self._ways.forget(listed.params["Bucket"])
        told = {"status_code": reply.status, "headers": reply.headers, "body": reply.body}
        try:
            error = self._ways.client._response_parser.parse(told, self._ways.model.output_shape)["Error"]  # noqa: SLF001
            code, message = str(error["Code"]), str(error.get("Message", ""))
        except _UNREADABLE:
            code, message = f"HTTP {reply.status}", ""
        self._ctx.record(tap.exchange(error=code))
        found = verdict(code, message, reply.status or 0, reply.headers.get("retry-after", ""))
        if not isinstance(found, Stop):
            raise found

    def _verify(self, tap: Tap, reply: "Reply", listed: Listed) -> None:
        """Check a body against the checksum that came with it, as botocore does and by its own code; or the ETag."""
        told: dict[str, Any] = {"headers": reply.headers, "context": {}, "body": None}
        raw: Any = _Raw(StoredBody(reply.body))
        handle_checksum_body(raw, told, self._ways.checks, self._ways.model)
        try:
            if told["body"] is None:
                md5 = promised(str(listed.params["Bucket"]), listed.etag, reply.headers)
                deque(held(md5, (reply.body,)), maxlen=0)
            else:
                told["body"].read()
        except (BadBody, BotoCoreError, ValueError) as error:
            self._ctx.record(tap.exchange(error=type(error).__name__))
            raise Retryable(f"the body broke off: {type(error).__name__}: {error}"[:300]) from error


@dataclass(frozen=True, slots=True)
class _Raw:
    """An answer in the shape in which botocore's checksums want it."""

    raw: io.BytesIO


def _ask(way: Way, listed: Listed, credentials: Any, url: str, download: Download) -> "Ask":  # noqa: ANN401 - botocore's
    from evidence_kit.collectors.lines import Ask

    return Ask(
        url=url,
        headers=way.headers(listed.params, credentials.token),
        agent=way.agent,
        scope=way.scope,
        user=credentials.access_key,
        secret=credentials.secret_key,
        most=listed.size + _SLACK,
        of=download,
    )


def _download(reply: "Reply") -> Download:
    found = reply.ask.of
    assert isinstance(found, Download)  # noqa: S101 - what `_ask` put there
    return found


def _listed(download: Download) -> Listed:
    found = download.beside.what if download.beside else None
    assert isinstance(found, Listed)  # noqa: S101 - what `beside` put there
    return found
