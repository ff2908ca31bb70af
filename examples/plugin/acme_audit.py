# ruff: noqa: INP001 - one module, not a package
"""A plug-in mechanism, whole: the audit API of an imaginary partner, `GET /v1/events?since=…&until=…&after=TOKEN`.

Installed, it is found through the entry point in `pyproject.toml` beside this file. It yields; storing, signing,
waiting and counting retries are the engine's.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener
from urllib.request import Request as HttpRequest

from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Exchange, Item, Page, Request, Retryable, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Scope, Unit

KEPT = ("date", "content-type", "content-length", "x-request-id")  # a header may carry a secret: keep by allow-list
_DENIED, _THROTTLED, _SERVER = {401, 403}, 429, 500


class _Stay(HTTPRedirectHandler):
    """Follows nobody: the key is for this host, and goes with a request wherever that is sent."""

    def redirect_request(self, *_: object) -> None:
        """Make an answer that leads elsewhere an error of its status."""


_OPENER = build_opener(_Stay)


class AcmeAudit:
    """Acquires any source whose mechanism is `acme.audit`."""

    def __init__(self, spec: SourceSpec, access: object) -> None:  # noqa: ARG002 - what AWS's mechanisms share
        self.spec = spec
        self._url = str(spec.settings["url"])

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:  # noqa: ARG002 - nothing has to be asked
        """Yield one unit a tenant; the engine cuts the window into the source's steps."""
        yield Unit(source=self.spec.name, target=scope.target, window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield page after page until the partner gives no token."""
        token, seen = "", set()
        while token not in seen:
            seen.add(token)
            body, exchange = self._ask(unit, ctx, token)
            answer = json.loads(body)
            token = str(answer.get("next") or "")
            yield Page(
                name="events",
                body=body,  # as received: what was parsed is only read, never written
                exchange=exchange,
                next_cursor=token or None,
                records=len(answer["events"]),
            )
            if not token:
                return
        raise Stop(UnitStatus.PARTIAL_ERROR, "the partner's page tokens run in a loop")

    def _ask(self, unit: Unit, ctx: Context, token: str) -> tuple[bytes, Exchange]:
        if unit.window is None:
            raise UsageError("the audit API needs a window")
        start, end = rfc3339(unit.window.start), rfc3339(unit.window.end)
        url = f"{self._url}/v1/events?since={start}&until={end}&after={quote(token, safe='')}"
        digest = hashlib.sha256(f"{unit.target.id} {url}".encode()).hexdigest()
        if stored := ctx.replay(digest):  # an earlier, torn run of this unit has the answer already
            return stored.body, stored.exchange
        key = ctx.secret("acme")

        def send(attempt: int) -> tuple[bytes, Exchange]:
            sent = ctx.now()

            def told(status: int | None, headers: dict[str, str], body: bytes, error: str = "") -> Exchange:
                return Exchange(
                    # The token may be a credential: the record names the request by its digest alone.
                    request=Request(
                        method="GET", host=urlsplit(url).netloc, path="/v1/events", operation="events", digest=digest
                    ),
                    sent_at=sent,
                    received_at=ctx.now(),
                    attempt=attempt,
                    status=status,
                    headers={name: value for name, value in headers.items() if name in KEPT},
                    request_id=headers.get("x-request-id", ""),
                    sha256=hashlib.sha256(body).hexdigest(),
                    bytes=len(body),
                    error=error,
                )

            try:
                asked = HttpRequest(url, headers={"authorization": f"Bearer {key}"})  # noqa: S310 - of our settings
                with _OPENER.open(asked, timeout=60) as answer:
                    body, headers = answer.read(), {k.lower(): v for k, v in answer.headers.items()}
                if not _is_answer(body):  # the page of a proxy, say
                    ctx.record(told(answer.status, headers, body, "not an answer of the API"))
                    raise Retryable("not an answer of the API")
                return body, told(answer.status, headers, body)
            except HTTPError as error:
                ctx.record(
                    told(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read(), error.reason)
                )
                raise _verdict(error) from error
            except (URLError, OSError, HTTPException) as error:
                ctx.record(told(None, {}, b"", type(error).__name__))
                raise Retryable(str(error)) from error

        return ctx.retrying(("acme", unit.target.id, "events"), send)


def _is_answer(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and isinstance(answer.get("events"), list)


def _verdict(error: HTTPError) -> Retryable | Stop:
    if error.code == _THROTTLED:
        after = error.headers.get("retry-after", "")
        return Retryable("throttled", throttled=True, after=float(after) if after.isdigit() else None)
    if error.code >= _SERVER:
        return Retryable(f"HTTP {error.code}")
    return Stop(UnitStatus.DENIED if error.code in _DENIED else UnitStatus.PARTIAL_ERROR, f"HTTP {error.code}")
