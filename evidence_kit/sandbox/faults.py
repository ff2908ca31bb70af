"""What can go wrong between a client and AWS, as data, and each refusal in the dialect of its service."""

import json
import threading
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from evidence_kit.sandbox.naming import service_model

Kind = Literal[
    "throttle",
    "status",
    "delay",
    "short",
    "html",
    "empty_json",
    "reset",
    "token_loop",
    "expired",
    "denied",
    "drip",
]
Dialect = Literal["json", "s3", "query", "ec2"]

HTML = b"<html><head><title>Sign in</title></head><body>Please accept the terms of this network.</body></html>"
TOKENS = ("NextToken", "nextToken")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing to go wrong, and for whom.

    Empty `service` and `operation`, and None for `region` and `account`, mean any. The first `skip` requests that
    fit pass unharmed, the next `times` do not; None is for ever. `status`, `body` and `content_type` belong to
    kind `status`; `seconds` to `delay` and, as pause between pieces, to `drip`; `keep` is how much `short` sends.
    """

    kind: Kind
    service: str = ""
    operation: str = ""
    region: str | None = None
    account: str | None = None
    skip: int = 0
    times: int | None = 1
    status: int = 500
    body: bytes = b"{}"
    content_type: str = "application/x-amz-json-1.1"
    seconds: float = 0.2
    keep: int | None = None

    def concerns(self, *, account: str, region: str, service: str, operation: str) -> bool:
        """Say whether a request is one that this fault is for."""
        return (
            self.service in {"", service}
            and self.operation in {"", operation}
            and self.region in {None, region}
            and self.account in {None, account}
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes out. `declared` is the Content-Length to claim when it is not the body's."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    declared: int | None = None


@dataclass(slots=True)
class _Pending:
    fault: Fault
    seen: int = 0
    token: str | None = None


@dataclass(slots=True)
class Faults:
    """The faults that are still to happen; safe to use from many threads."""

    _pending: list[_Pending] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Let `fault` happen from now on."""
        with self._guard:
            self._pending.append(_Pending(fault))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._guard:
            self._pending.clear()

    @property
    def unspent(self) -> tuple[Fault, ...]:
        """Return the faults that have not happened as often as asked; a test that leaves any tested nothing."""
        with self._guard:
            return tuple(p.fault for p in self._pending if p.seen < p.fault.skip + (p.fault.times or 1))

    def take(self, *, account: str, region: str, service: str, operation: str) -> Fault | None:
        """Return the fault that befalls this request, counting it as happened."""
        with self._guard:
            for pending in self._pending:
                fault = pending.fault
                if not fault.concerns(account=account, region=region, service=service, operation=operation):
                    continue
                if fault.times is not None and pending.seen >= fault.skip + fault.times:
                    continue
                pending.seen += 1
                if pending.seen > fault.skip:
                    return fault
        return None

    def loop_token(self, fault: Fault, reply: Reply) -> Reply:
        """Replace the reply's next token by the one first seen, so that a client turns in circles."""
        page = json.loads(reply.body)
        name = next((name for name in TOKENS if name in page), TOKENS[0])
        with self._guard:
            pending = next(p for p in self._pending if p.fault is fault)
            pending.token = pending.token or page.get(name)
            if pending.token is None:
                return reply
            page[name] = pending.token
        return Reply(reply.status, reply.headers, json.dumps(page).encode())


def dialect_of(service: str) -> Dialect:
    """Return how `service` words its errors."""
    model = service_model(service)
    protocol = model.metadata["protocol"] if model else "json"
    dialects: dict[str, Dialect] = {"rest-xml": "s3", "query": "query", "ec2": "ec2"}
    return dialects.get(protocol, "json")


# code, message and HTTP status by kind and dialect
_REFUSALS: dict[tuple[str, Dialect], tuple[str, str, int]] = {
    ("throttle", "json"): ("ThrottlingException", "Rate exceeded", 400),
    ("throttle", "s3"): ("SlowDown", "Please reduce your request rate.", 503),
    ("throttle", "query"): ("Throttling", "Rate exceeded", 400),
    ("throttle", "ec2"): ("RequestLimitExceeded", "Request limit exceeded.", 503),
    ("expired", "json"): ("ExpiredTokenException", "The security token included in the request is expired", 400),
    ("expired", "s3"): ("ExpiredToken", "The provided token has expired.", 400),
    ("expired", "query"): ("ExpiredToken", "The security token included in the request is expired", 400),
    ("expired", "ec2"): ("RequestExpired", "Request has expired.", 400),
    ("denied", "json"): ("AccessDeniedException", "not authorized to perform this operation", 400),
    ("denied", "s3"): ("AccessDenied", "Access Denied", 403),
    ("denied", "query"): ("AccessDenied", "not authorized to perform this operation", 403),
    ("denied", "ec2"): ("UnauthorizedOperation", "You are not authorized to perform this operation.", 403),
}
_XML: dict[Dialect, str] = {
    "s3": "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>",
    "query": (
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>{id}</RequestId></ErrorResponse>"
    ),
    "ec2": (
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        "<RequestID>{id}</RequestID></Response>"
    ),
}


def refusal(kind: Literal["throttle", "expired", "denied"], service: str, request_id: str) -> Reply:
    """Return how `service` says no, for the reason that `kind` names."""
    dialect = dialect_of(service)
    return error_reply(dialect, *_REFUSALS[kind, dialect], request_id)


def error_reply(dialect: Dialect, code: str, message: str, status: int, request_id: str) -> Reply:
    """Return an error as `dialect` words it."""
    if dialect == "json":
        return json_error(code, message, status, request_id)
    body = '<?xml version="1.0" encoding="UTF-8"?>\n' + _XML[dialect].format(
        code=code, message=escape(message), id=request_id
    )
    id_name = "x-amz-request-id" if dialect == "s3" else "x-amzn-RequestId"
    return Reply(status, (("Content-Type", "application/xml"), (id_name, request_id)), body.encode())


def json_error(code: str, message: str, status: int, request_id: str) -> Reply:
    """Return an error as the JSON protocols word it."""
    headers = (
        ("Content-Type", "application/x-amz-json-1.1"),
        ("x-amzn-RequestId", request_id),
        ("x-amzn-ErrorType", code),
    )
    return Reply(status, headers, json.dumps({"__type": code, "message": message}).encode())


def instead(fault: Fault, service: str, request_id: str) -> Reply | None:
    """Return the reply that stands in for the service's own; None when the fault needs the real one."""
    named = ("x-amzn-RequestId", request_id)
    match fault.kind:
        case "throttle" | "expired" | "denied":
            return refusal(fault.kind, service, request_id)
        case "status":
            return Reply(fault.status, (("Content-Type", fault.content_type), named), fault.body)
        case "html":
            return Reply(200, (("Content-Type", "text/html; charset=utf-8"),), HTML)
        case "empty_json":
            return Reply(200, (("Content-Type", "application/x-amz-json-1.1"), named), b"{}")
        case _:
            return None


def afterwards(fault: Fault, reply: Reply, faults: Faults) -> Reply:
    """Return what becomes of the service's own reply under `short` and `token_loop`."""
    if fault.kind == "short":
        keep = len(reply.body) // 2 if fault.keep is None else fault.keep
        return Reply(reply.status, reply.headers, reply.body[:keep], declared=len(reply.body))
    if fault.kind == "token_loop":
        return faults.loop_token(fault, reply)
    return reply
