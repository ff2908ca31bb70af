"""A provider for authors who have none: answers on loopback, as exact bytes, with every fault of the suite."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Self

from evidence_kit.sandbox.serving import LoopbackServer, running
from evidence_kit.testing.provider import Answer, Fault

HTML = b"<html><head><title>Sign in</title></head><body>Please accept the terms of this network.</body></html>"
_REFUSALS = {
    "throttled": HTTPStatus.TOO_MANY_REQUESTS,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "expired": HTTPStatus.UNAUTHORIZED,
    "denied": HTTPStatus.FORBIDDEN,
}
_LINGER_NOT = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close sends RST and not FIN


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived; names of headers are in lower case."""

    method: str
    path: str  # with its query
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. What is no evidence (a token, an identity) meets no fault."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    evidence: bool = True
    declared: int | None = None  # a length that is not the body's


@dataclass(slots=True)
class _Due:
    fault: Fault
    seen: int = 0


class Loopback:
    """Serves what `answer` says. `empty` is the body that says that there is nothing."""

    def __init__(self, answer: Callable[[Asked], Reply], *, empty: bytes) -> None:
        self._answer, self._empty = answer, empty
        self._due: list[_Due] = []
        self._sent: list[Answer] = []
        self._first: Reply | None = None
        self._guard = threading.Lock()
        self._server = LoopbackServer(_Visit)
        self._server.loopback = self  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        """Return `http://127.0.0.1:PORT`."""
        return self._server.url

    @contextmanager
    def serving(self) -> Iterator[Self]:
        """Answer until the block ends; an error in `answer` is raised there."""
        with running(self._server):
            yield self
        if self._server.failures:
            raise self._server.failures[0]

    def answers(self) -> tuple[Answer, ...]:
        """Return what has left, oldest first."""
        with self._guard:
            return tuple(self._sent)

    def strike(self, fault: Fault) -> None:
        """Let `fault` happen."""
        with self._guard:
            self._due.append(_Due(fault))

    def reply(self, asked: Asked) -> Reply | None:
        """Return what goes out, and note it; None: the connection is to be dropped."""
        said = self._answer(asked)
        with self._guard:
            fault = self._befallen() if said.evidence else None
            spoiled = said if fault is None else self._spoiled(fault, said)
            if spoiled is not None:
                is_evidence = (
                    spoiled.evidence and spoiled.status < HTTPStatus.BAD_REQUEST and spoiled.declared is None
                )
                self._sent.append(Answer(spoiled.body, is_evidence))
        return spoiled

    def _befallen(self) -> Fault | None:
        for due in self._due:
            if due.fault.times is None or due.seen < due.fault.skip + due.fault.times:
                due.seen += 1
                return due.fault if due.seen > due.fault.skip else None
        return None

    def _spoiled(self, fault: Fault, reply: Reply) -> Reply | None:
        if status := _REFUSALS.get(fault.kind):
            headers = {"Retry-After": str(fault.after)} if fault.kind == "throttled" else {}
            return Reply(status=status, body=b'{"error":"the sandbox says so"}', headers=headers)
        match fault.kind:
            case "dropped":
                return None
            case "html":
                return Reply(body=HTML, headers={"Content-Type": "text/html"}, evidence=False)
            case "short":
                return replace(reply, body=reply.body[: len(reply.body) // 2], declared=len(reply.body))
            case "empty":
                return replace(reply, body=self._empty)
            case _:
                self._first = self._first or reply
                return self._first


class _Visit(BaseHTTPRequestHandler):
    """One client connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing: `Loopback.answers` is the log."""

    def visit(self) -> None:
        """Read a request and answer it."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length") or 0))
        loopback: Loopback = self.server.loopback  # type: ignore[attr-defined]
        reply = loopback.reply(Asked(self.command, self.path, headers, body))
        if reply is None:
            self._drop()
            return
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) if reply.declared is None else reply.declared))
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = self.close_connection or reply.declared is not None

    do_GET = do_POST = visit  # noqa: N815 - the names are http.server's

    def _drop(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.close_connection = True
        self.rfile.close()
        self.connection.close()
