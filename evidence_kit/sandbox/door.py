"""The front door: every AWS service of the sandbox behind one URL, each answer recorded, faults on demand.

It never alters what a service answers, unless a fault asks for that.
"""

import hashlib
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

from evidence_kit.sandbox.faults import Fault, Faults, Reply, afterwards, instead
from evidence_kit.sandbox.naming import Request, operation_of
from evidence_kit.sandbox.serving import LOOPBACK, LoopbackServer
from evidence_kit.sandbox.wire import Call, Wire

KEPT_BODY = 64 << 20  # bodies up to here are kept whole for comparison; larger ones by digest alone
UPSTREAM_TIMEOUT = 120.0  # seconds; the services are in this process, so only a bug takes longer
DRIP = 64  # bytes between two pauses of a `drip`
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "x-moto-account-id"})
_LINGER_NOT = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close sends RST and not FIN
_BODYLESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One answer as it left the door. `status` 0: the connection was reset. `body` is what was really sent."""

    at: datetime
    account: str
    region: str
    service: str
    operation: str
    method: str
    path: str
    status: int
    sha256: str
    size: int
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and everything known about it."""

    request: Request
    account: str
    region: str
    service: str
    operation: str


class Record(list[Sent]):
    """Every answer sent, oldest first; appended to by many threads, which list.append makes safe."""

    def of(self, operation: str, *, account: str | None = None, region: str | None = None) -> tuple[Sent, ...]:
        """Return the answers to `operation`, optionally of one account and region."""
        return tuple(
            sent
            for sent in list(self)
            if sent.operation == operation and account in {None, sent.account} and region in {None, sent.region}
        )


class Door(LoopbackServer):
    """The server. `account_of` maps an access key to an account; `moto_port` is where moto listens."""

    def __init__(
        self,
        *,
        wire: Wire,
        moto_port: int,
        account_of: Callable[[str], str],
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(_Visit)
        self.wire = wire
        self.moto_port = moto_port
        self.account_of = account_of
        self.clock = clock
        self.faults = Faults()
        self.sent = Record()
        self._count = 0
        self._counting = threading.Lock()

    def request_id(self) -> str:
        """Return the next request id, shaped like AWS's."""
        with self._counting:
            self._count += 1
            return f"0d00f00d-0000-4000-8000-{self._count:012d}"

    def ask(self, request: Request) -> Asked:
        """Find out who asks what of whom."""
        credential = request.credential
        return Asked(
            request=request,
            account=self.account_of(credential.access_key),
            region=credential.region,
            service=credential.service,
            operation=operation_of(request, credential.service),
        )

    def befall(self, asked: Asked) -> Fault | None:
        """Return the fault that is to happen to this request."""
        return self.faults.take(
            account=asked.account, region=asked.region, service=asked.service, operation=asked.operation
        )

    def answer(self, asked: Asked) -> Reply:
        """Let the wire-level fake or moto answer."""
        if self.wire.serves(asked.service, asked.operation):
            call = Call(asked.account, asked.region, asked.service, asked.operation)
            return self.wire.answer(call, asked.request, self.request_id())
        return self._forward(asked)

    def _forward(self, asked: Asked) -> Reply:
        request = asked.request
        headers = {name: value for name, value in request.headers.items() if name not in _HOP}
        headers |= {"x-moto-account-id": asked.account, "Content-Length": str(len(request.body))}
        upstream = http.client.HTTPConnection(LOOPBACK, self.moto_port, timeout=UPSTREAM_TIMEOUT)
        try:
            upstream.request(request.method, request.target, body=request.body, headers=headers)
            with upstream.getresponse() as response:
                body = response.read()
                passed = tuple((k, v) for k, v in response.getheaders() if k.lower() not in _HOP)
                length = response.getheader("Content-Length")
        finally:
            upstream.close()
        bodyless = request.method == "HEAD" and length is not None
        return Reply(response.status, passed, body, declared=int(length) if bodyless and length else None)

    def note(self, asked: Asked, status: int, body: bytes) -> None:
        """Record an answer, before the client can have seen it."""
        self.sent.append(
            Sent(
                at=self.clock(),
                account=asked.account,
                region=asked.region,
                service=asked.service,
                operation=asked.operation,
                method=asked.request.method,
                path=asked.request.target,
                status=status,
                sha256=hashlib.sha256(body).hexdigest(),
                size=len(body),
                body=body if len(body) <= KEPT_BODY else None,
            )
        )


class _Visit(BaseHTTPRequestHandler):
    """One client connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment where they fit
    server: Door

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
        """Say nothing: `Door.sent` is the log."""

    def handle_one_request(self) -> None:
        """Serve the next request of a kept-alive connection."""
        with suppress(ConnectionError):
            super().handle_one_request()
            return
        self.close_connection = True

    def handle_expect_100(self) -> bool:
        """Say `100 Continue` at once: a client that waits for it in vain loses a second."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def visit(self) -> None:
        """Read a request, answer it, with whatever fault is due."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        door = self.server
        asked = door.ask(Request(self.command, self.path, headers, self._body(headers)))
        fault = door.befall(asked)
        if fault is None:
            self._send(asked, door.answer(asked))
        elif fault.kind == "reset":
            self._reset(asked)
        else:
            self._suffer(asked, fault)

    do_GET = do_HEAD = do_POST = do_PUT = visit  # noqa: N815  the names are http.server's
    do_DELETE = do_PATCH = do_OPTIONS = visit  # noqa: N815

    def _suffer(self, asked: Asked, fault: Fault) -> None:
        door = self.server
        if fault.kind == "delay":
            time.sleep(fault.seconds)
        reply = instead(fault, asked.service, door.request_id())
        if reply is None:
            reply = afterwards(fault, door.answer(asked), door.faults)
        self._send(asked, reply, pause=fault.seconds if fault.kind == "drip" else 0.0)

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            return self.rfile.read(int(headers.get("content-length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue  # trailers
        return b"".join(pieces)

    def _send(self, asked: Asked, reply: Reply, pause: float = 0.0) -> None:
        body = b"" if self.command == "HEAD" or reply.status in _BODYLESS else reply.body
        self.server.note(asked, reply.status, body)
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if "date" not in {name.lower() for name, _ in reply.headers}:
            self.send_header("Date", format_datetime(self.server.clock(), usegmt=True))
        declared = len(body) if reply.declared is None else reply.declared
        if reply.status not in _BODYLESS:
            self.send_header("Content-Length", str(declared))
        self.end_headers()
        self._write(body, pause)
        if declared != len(body) and self.command != "HEAD":
            self.close_connection = True

    def _write(self, body: bytes, pause: float) -> None:
        if not pause:
            self.wfile.write(body)
            return
        for start in range(0, len(body), DRIP):
            self.wfile.write(body[start : start + DRIP])
            self.wfile.flush()
            time.sleep(pause)

    def _reset(self, asked: Asked) -> None:
        self.server.note(asked, 0, b"")
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        # Reader and writer hold the socket open; RST goes out only when the last of them lets go.
        self.rfile.close()
        self.connection.close()
        self.close_connection = True
