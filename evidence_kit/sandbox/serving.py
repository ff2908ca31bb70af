"""HTTP servers on loopback that leave neither thread nor socket behind. They listen nowhere but on 127.0.0.1."""

import random
import socket
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 32_000)  # below the ephemeral range, where a busy machine has already taken some
ATTEMPTS = 200


def free_port() -> int:
    """Return a port of `PORTS` on which nobody listens; raise OSError if there is none."""
    # Which port is free is a property of the machine and not of the seed, hence a generator of its own.
    draw = random.SystemRandom()
    for _ in range(ATTEMPTS):
        port = draw.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return port
    raise OSError(f"no free port among {ATTEMPTS} tries between {PORTS.start} and {PORTS.stop}")


class LoopbackServer(ThreadingHTTPServer):
    """A threading server that knows its open connections, so that closing it ends them."""

    daemon_threads = True
    request_queue_size = 128  # a collector opens as many connections at once as it has units

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__((LOOPBACK, free_port()), handler)
        self.failures: list[BaseException] = []
        self._open: dict[threading.Thread, socket.socket] = {}
        self._guard = threading.Lock()

    @property
    def url(self) -> str:
        """Return `http://127.0.0.1:PORT`."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Serve one connection, and be known while doing so."""
        assert isinstance(request, socket.socket)  # noqa: S101  the type of socketserver is wider than TCP
        thread = threading.current_thread()
        with self._guard:
            self._open[thread] = request
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                del self._open[thread]

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep what went wrong here; a client that hung up is not wrong."""
        del request, client_address
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.failures.append(error)

    def hang_up(self) -> None:
        """End every open connection and wait for its thread."""
        with self._guard:
            connections = dict(self._open)
        for connection in connections.values():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections:
            thread.join()


class TlsServer(LoopbackServer):
    """A loopback server behind TLS, for visitors that are `TlsVisit`."""

    def __init__(self, handler: type["TlsVisit"], context: ssl.SSLContext) -> None:
        super().__init__(handler)
        # The handshake belongs to the visitor's thread: in the accepting one, a silent client would stop them all.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        """Return `https://127.0.0.1:PORT`."""
        return f"https://{LOOPBACK}:{self.server_port}"


class TlsVisit(BaseHTTPRequestHandler):
    """One client connection, which says nothing: what a server has sent is its log."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
        """Say nothing."""

    def setup(self) -> None:
        """Shake hands here, in the connection's thread."""
        self.request.do_handshake()
        super().setup()

    def reply(self, status: int, body: bytes, headers: Mapping[str, str], declared: int | None = None) -> None:
        """Send an answer; one whose `declared` length is not the truth ends the connection."""
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if declared is None else declared))
        self.end_headers()
        self.wfile.write(body)
        if declared is not None:
            self.close_connection = True


@contextmanager
def running(server: LoopbackServer) -> Iterator[LoopbackServer]:
    """Serve in the background; stop, hang up and close on leaving."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()
