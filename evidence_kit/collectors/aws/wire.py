"""One AWS call: tapped for its exact bytes, every attempt on record, foreign errors translated here.

botocore reads a body that is too short, empty or of another language as an empty page without an error. Here each
of these is a transport failure, and is tried again.
"""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.httpchecksum import StreamingChecksumBody
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from evidence_kit.collectors import peer
from evidence_kit.collectors.aws.answering import Repeats
from evidence_kit.collectors.aws.bulk import S3Bulk
from evidence_kit.collectors.aws.dialect import RULE, require_dialect, token_members
from evidence_kit.collectors.aws.etags import held, promised
from evidence_kit.collectors.aws.verdicts import verdict
from evidence_kit.collectors.aws.ways import Ways
from evidence_kit.collectors.tap import BadBody, StoredBody, Tap, plain, shown
from evidence_kit.errors import AccessError, UsageError
from evidence_kit.model.exchange import Exchange, Recorded, Request, Retryable, Stop, Stream
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus

if TYPE_CHECKING:
    from botocore.client import BaseClient

_CHUNK = 1 << 20
_EXACT = json.JSONEncoder(sort_keys=True, default=plain)  # made once, not for every request
# What botocore's parsers raise, beside their own errors, over members that are not of the model's types.
_FOREIGN = (KeyError, TypeError, AttributeError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Answer:
    """A parsed answer with the bytes it was parsed from."""

    parsed: Mapping[str, Any]
    body: bytes
    exchange: Exchange


class _Absent(Exception):  # noqa: N818 - a signal within this module
    """The service says that there is nothing."""


class AwsWire:
    """One tapped client: a service, a region, a target."""

    def __init__(
        self, client: "BaseClient", *, target: str, region: str, paginators: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._client: Any = client
        self._target = target
        self._region = region
        self.paginators = paginators
        self._here = threading.local()
        self._repeats = Repeats()
        self._methods = {name: method for method, name in client.meta.method_to_api_mapping.items()}
        self._protocol = str(client.meta.service_model.resolved_protocol)
        client.meta.events.register("before-send", self._before_send)  # type: ignore[arg-type]
        client.meta.events.register("before-parse", self._before_parse)
        self._ways = Ways(client, self._request)
        _watch(client)

    @property
    def service(self) -> str:
        """Return the service's name."""
        return str(self._client.meta.service_model.service_name)

    # -- calls -----------------------------------------------------------------------------------------------

    def paging(self, operation: str) -> Mapping[str, Any]:
        """Return how an operation pages: by the SDK's rules, or else by its own token members, if it has any."""
        return self.paginators.get(operation) or token_members(self._client.meta.service_model, operation)

    def call(
        self,
        ctx: Context,
        operation: str,
        params: Mapping[str, object],
        *,
        result: str = "",
        absent: frozenset[str] = frozenset(),
    ) -> Answer:
        """Return the answer to one call, after as many attempts as the engine allows.

        An answer without its `result` is no answer: services say "none" with an empty list, or with one of the
        error codes in `absent`; such an answer is empty and its body is the refusal.
        """
        request = self._request(operation, params)

        def send(attempt: int, recorded: Recorded | None = None) -> Answer:
            tap = Tap(ctx.now, RULE, request, attempt, recorded)
            try:
                parsed = self._invoke(ctx, tap, operation, params, absent)
            except _Absent:
                return Answer({}, tap.body or b"", tap.kept())
            if result and result not in parsed:
                ctx.record(tap.exchange(error=f"no `{result}` in the answer"))
                raise Retryable(f"{operation} answered without `{result}`")
            answer = Answer(parsed, tap.body or b"", tap.kept())
            if self._repeats.is_again(request.digest, answer.exchange):
                ctx.record(tap.exchange(error="an answer that came before"))
                raise Retryable(f"{operation} was answered with the answer to another question, id and all")
            return answer

        if recorded := ctx.replay(request.digest):
            return send(1, recorded)
        return ctx.retrying(self._quota(operation), send)

    def fetch(self, ctx: Context, params: Mapping[str, object], *, etag: str, size: int) -> Answer:
        """Return one small S3 object whole, as `GetObject` sent it; `etag` and `size` are what the listing said."""
        request = self._request("GetObject", params)

        def send(attempt: int, recorded: Recorded | None = None) -> Answer:
            tap = Tap(ctx.now, RULE, request, attempt, recorded)
            parsed = self._open(ctx, tap, params, etag)
            with _body_errors(ctx, tap):
                tap.body = b"".join(_chunks(tap, parsed["Body"], params, etag))
            tap.received_at = ctx.now()
            _require_length(ctx, tap, size)
            return Answer(parsed, tap.body or b"", tap.kept())

        if recorded := ctx.replay(request.digest):
            return send(1, recorded)
        return ctx.retrying(self._quota("GetObject"), send)

    def bulk(self, ctx: Context) -> S3Bulk:
        """Return what fetches small S3 objects many at a time, as soon as `stream` has shown how."""
        return S3Bulk(self._ways, ctx)

    @contextmanager
    def stream(self, ctx: Context, params: Mapping[str, object], *, etag: str, size: int) -> Iterator[Stream]:
        """Open one S3 object as a stream. One attempt: the engine repeats a download as a whole.

        What counts as whole is what the listing says of it, not what the answer announces.
        """
        tap = Tap(ctx.now, RULE, self._request("GetObject", params), 1)
        body = self._open(ctx, tap, params, etag)["Body"]
        if peer.sent() and (sent := self._here.sent):
            self._ways.learn(params, *sent)

        def chunks() -> Iterator[bytes]:
            with _body_errors(ctx, tap):
                yield from _chunks(tap, body, params, etag)

        claimed = {
            name.removeprefix("x-amz-checksum-"): value
            for name, value in tap.headers.items()
            if name.startswith("x-amz-checksum-") or name == "etag"
        }
        try:
            yield Stream(
                exchange=tap.exchange(),
                chunks=chunks(),
                size=size,
                claimed=claimed,
            )
        finally:
            body.close()

    def _open(self, ctx: Context, tap: Tap, params: Mapping[str, object], etag: str) -> Mapping[str, Any]:
        """Ask for an object; Retryable unless what answers is the very object that was listed."""
        parsed = self._invoke(ctx, tap, "GetObject", params)
        if (found := str(parsed.get("ETag", ""))) != etag:
            parsed["Body"].close()
            ctx.record(tap.exchange(error="other ETag"))
            raise Retryable(f"listed with ETag {etag}, answered with {found or 'none'}")
        return parsed

    def _invoke(
        self,
        ctx: Context,
        tap: Tap,
        operation: str,
        params: Mapping[str, object],
        absent: frozenset[str] = frozenset(),
    ) -> Mapping[str, Any]:
        """Send once; whatever botocore raises is put on record and translated here, nowhere else."""
        method = getattr(self._client, self._method(operation))
        self._here.tap, self._here.sent = tap, None
        peer.forget()
        try:
            parsed: Mapping[str, Any] = method(**params)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "Unknown"))
            message = str(error.response.get("Error", {}).get("Message", ""))
            if code in absent:
                raise _Absent from error
            ctx.record(tap.exchange(error=code))
            raise verdict(code, message, tap.status or 0, tap.headers.get("retry-after", "")) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise AccessError("no AWS credentials found", hint="set AWS_PROFILE or AWS_ACCESS_KEY_ID") from error
        except ParamValidationError as error:
            raise Stop(UnitStatus.PARTIAL_ERROR, f"{operation} was asked wrongly: {error}"[:500]) from error
        except (BotoCoreError, HTTPError, BadBody, OSError, ResponseParserError, *_FOREIGN) as error:
            ctx.record(tap.exchange(error=type(error).__name__))
            raise Retryable(f"{type(error).__name__}: {error}"[:300]) from error
        finally:
            self._here.tap = None
        return parsed

    def _method(self, operation: str) -> str:
        try:
            return self._methods[operation]
        except KeyError as error:
            raise UsageError(f"{self.service} has no operation `{operation}`") from error

    # -- botocore's events -------------------------------------------------------------------------------------

    def _before_send(self, request: Any, **_: object) -> AWSResponse | None:  # noqa: ANN401 - botocore's type
        tap: Tap | None = getattr(self._here, "tap", None)
        if tap is None:
            return None
        where = urlsplit(request.url)
        tap.request = Request(
            method=request.method,
            host=where.netloc,
            path=where.path,
            operation=tap.request.operation,
            params=tap.request.params,
            digest=tap.request.digest,
        )
        tap.sent_at = tap.now()
        if tap.recorded is None:
            self._here.sent = (request.url, dict(request.headers.items()))
            return None
        stored = tap.recorded
        return AWSResponse(request.url, stored.status, dict(stored.headers), StoredBody(stored.body))  # type: ignore[arg-type]

    def _before_parse(self, response_dict: Mapping[str, Any], **_: object) -> None:
        tap: Tap | None = getattr(self._here, "tap", None)
        if tap is None:
            return
        tap.received_at = tap.now()
        tap.peer = peer.seen()
        tap.status = int(response_dict["status_code"])
        tap.headers = {str(name).lower(): str(value) for name, value in response_dict["headers"].items()}
        body = response_dict["body"]
        if not isinstance(body, bytes):
            return
        tap.body = body
        length = tap.headers.get("content-length", "")
        if length.isdigit() and int(length) != len(body) and "content-encoding" not in tap.headers:
            raise BadBody(f"{len(body):,} of {int(length):,} bytes arrived")
        if tap.status == HTTPStatus.OK:
            operation = self._client.meta.service_model.operation_model(tap.request.operation)
            require_dialect(body, self._protocol, operation)

    # -- what goes on record -----------------------------------------------------------------------------------

    def _request(self, operation: str, params: Mapping[str, object]) -> Request:
        place = [self.service, self._target, self._region, operation]
        exact = _EXACT.encode([*place, params]).encode()
        endpoint = urlsplit(str(self._client.meta.endpoint_url))
        return Request(
            method="POST",
            host=endpoint.netloc,
            path="/",
            operation=operation,
            params={name: shown(RULE, name, value) for name, value in params.items()},
            digest=hashlib.sha256(exact).hexdigest(),
        )

    def _quota(self, operation: str) -> tuple[str, ...]:
        return ("aws", self._target, self._region, f"{self.service} {operation}")


def _watch(client: "BaseClient") -> None:
    """Have the client's connections tell their servers' certificates; botocore has no public way to them."""
    manager = getattr(getattr(getattr(client, "_endpoint", None), "http_session", None), "_manager", None)
    if manager is not None:
        peer.watch(manager)


def _require_length(ctx: Context, tap: Tap, size: int | None = None) -> None:
    """Raise Retryable unless as many bytes came as the listing, or else the answer, says."""
    length = tap.headers.get("content-length", "")
    wanted = size if size is not None else int(length) if length.isdigit() else None
    if tap.recorded is None and wanted is not None and wanted != len(tap.body or b""):
        ctx.record(tap.exchange(error="short body"))
        raise Retryable(f"{len(tap.body or b''):,} of {wanted:,} bytes arrived")


def _chunks(tap: Tap, body: Any, params: Mapping[str, object], etag: str) -> Iterator[bytes]:  # noqa: ANN401
    """Yield an object, held against its ETag unless botocore holds it against a checksum anyway."""
    md5 = "" if isinstance(body, StreamingChecksumBody) else promised(str(params["Bucket"]), etag, tap.headers)
    return held(md5, body.iter_chunks(_CHUNK))


@contextmanager
def _body_errors(ctx: Context, tap: Tap) -> Iterator[None]:
    """Translate what reading a body can raise; boto3 does not retry these, the engine does."""
    try:
        yield
    except (BadBody, BotoCoreError, HTTPError, OSError) as error:
        ctx.record(tap.exchange(error=type(error).__name__))
        raise Retryable(f"the body broke off: {type(error).__name__}: {error}"[:300]) from error
