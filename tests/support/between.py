"""Stands between a client and a server: passes everything on, and may lose an answer, or end the client before it."""

import http.client
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from evidence_kit.sandbox.serving import LoopbackServer, running

HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


class Between(LoopbackServer):
    """`lose` says of a request, by its text, whether its answer is to be lost; `seen` are the requests."""

    def __init__(self, upstream: str) -> None:
        super().__init__(_Visit)
        self.upstream = urlsplit(upstream)
        self.seen: list[str] = []
        self.lose: Callable[[str], bool] = lambda _: False
        self.kill = 0  # the process that dies when an answer is lost
        self.lost = 0
        self.alter: Callable[[str, bytes], bytes] = lambda _, content: content  # what the client gets to see
        self.refuse: Callable[[str], bytes] = lambda _: b""  # the body of a 403, for a request that does not get on

    def count(self, word: str) -> int:
        """Return how many requests say `word`."""
        return sum(word in one for one in self.seen)


class _Visit(BaseHTTPRequestHandler):
    server: Between
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def visit(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = f"{self.command} {self.path} {self.headers.get('X-Amz-Target', '')} {body.decode('latin-1')}"
        self.server.seen.append(said)
        if refusal := self.server.refuse(said):
            self._send(403, {"Content-Type": "application/xml"}, refusal)
            return
        up = self.server.upstream
        connection = http.client.HTTPConnection(up.hostname, up.port, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if self.server.lose(said):
            self.server.lost += 1
            if self.server.kill:
                os.kill(self.server.kill, signal.SIGKILL)
            self.close_connection = True
            return
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in HOP}
        self._send(answer.status, headers, self.server.alter(said, content))

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = visit  # noqa: N815


def first(word: str) -> Callable[[str], bool]:
    """Return what loses the answer to the first request that says `word`."""
    left = [1]

    def lose(said: str) -> bool:
        if word in said and left[0]:
            left[0] -= 1
            return True
        return False

    return lose


@contextmanager
def between(upstream: str) -> Iterator[Between]:
    """Stand there until the block is left."""
    with running(Between(upstream)) as server:
        yield server
        assert not server.failures, server.failures
