"""What can go wrong between a client and Microsoft, as data."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal[
    "throttle", "throttle_in_body", "status", "short", "html", "expired_token", "duplicate", "loop", "expired_page",
    "elsewhere", "not_object",
]  # fmt: skip
HTML = b"<html><head><title>Sign in</title></head><body>Please accept the terms of this network.</body></html>"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, body, headers. `declared` is a length that is not the body's."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    declared: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing to go wrong. `path` is searched in path and query; the first `skip` that fit pass unharmed."""

    kind: Kind
    path: str = ""
    skip: int = 0
    times: int | None = 1  # None is for ever
    status: int = 503
    code: str = "ServiceUnavailable"
    message: str = "the sandbox says so"
    after: str = "0"


class Faults:
    """What is still to go wrong, counted down under a lock."""

    def __init__(self) -> None:
        self._due: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Let `faults` happen."""
        with self._lock:
            self._due.extend(faults)

    def take(self, target: str) -> Fault | None:
        """Return the fault that is to happen to a request, and count it down."""
        with self._lock:
            for at, fault in enumerate(self._due):
                if not re.search(fault.path, target):
                    continue
                if fault.skip:
                    self._due[at] = replace(fault, skip=fault.skip - 1)
                    return None
                if fault.times is not None:
                    self._due[at] = replace(fault, times=fault.times - 1)
                    if fault.times == 1:
                        del self._due[at]
                return fault
        return None


def error(status: int, code: str, message: str = "the sandbox says so", **headers: str) -> Reply:
    """Return an error as Graph and Resource Manager write it."""
    said = json.dumps({"error": {"code": code, "message": message}}).encode()
    return Reply(status, said, {name.replace("_", "-"): value for name, value in headers.items()})


def befall(fault: Fault, answer: Callable[[], Reply], url: str) -> Reply:
    """Return what a request gets instead of its answer, or what is left of that. `url` is the request's own."""
    instead = _instead(fault)
    return instead if instead is not None else _afterwards(fault, answer(), url)


def _instead(fault: Fault) -> Reply | None:
    match fault.kind:
        case "throttle":
            return error(429, "TooManyRequests", Retry_After=fault.after)
        case "throttle_in_body":
            return error(429, "RateLimiting", f"Too many requests. Please retry after {fault.after} seconds.")
        case "status":
            return error(fault.status, fault.code, fault.message)
        case "expired_token":
            return error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
        case "expired_page":
            return error(400, "Directory_ExpiredPageToken", "The specified page token value has expired.")
        case "html":
            return Reply(200, HTML, {"Content-Type": "text/html"})
        case "not_object":
            return Reply(200, b'"an answer"')
        case _:
            return None


def _afterwards(fault: Fault, reply: Reply, url: str) -> Reply:
    match fault.kind:
        case "short":
            return replace(reply, body=reply.body[: len(reply.body) // 2], declared=len(reply.body))
        case "loop":
            return _linked(reply, url)
        case "duplicate":
            return _linked(reply, f"{url}&again=1")
        case _:
            return _linked(reply, "https://graph.example.com/v1.0/stolen")


def _linked(reply: Reply, link: str) -> Reply:
    if "NextPageUri" in reply.headers or reply.body.startswith(b"["):
        return replace(reply, headers={**reply.headers, "NextPageUri": link})
    parsed = json.loads(reply.body)
    name = "nextLink" if "nextLink" in parsed else "@odata.nextLink"
    return replace(reply, body=json.dumps({**parsed, name: link}).encode())
