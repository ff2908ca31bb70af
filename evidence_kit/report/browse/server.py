"""The server: GET and HEAD of a few fixed pages, for whoever has the address with its key, under its own name alone.

It opens nothing that a request names: cases are numbers of a list, parts are keys of a table. Nothing is written.
"""

import hmac
import ipaddress
import socket
import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from evidence_kit.errors import EvidenceKitError, UsageError
from evidence_kit.report.browse import pages
from evidence_kit.report.browse.shelf import Shelf

MAX_PAGE = 1_000_000
MAX_TEXT = 300  # characters of a search
_TIMEOUT = 30  # seconds in which a request has to be written out; a browser takes none
_METHODS = frozenset({"GET", "HEAD"})
_BODY = frozenset({"content-length", "transfer-encoding"})
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def require_local(host: str, *, anywhere: bool) -> None:
    """Raise UsageError for an address that others can reach, unless that is meant."""
    if anywhere:
        return
    try:
        is_local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost"
    if not is_local:
        raise UsageError(
            f"`{host}` can be reached from elsewhere, and the connection is not encrypted",
            hint="leave it out for 127.0.0.1; or say `--anywhere` and put something that encrypts before it",
        )


class Server(ThreadingHTTPServer):
    """Serves some cases at one address, below a key that only its starter knows."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], shelves: Sequence[Shelf], key: str, *, names: Sequence[str] = ()
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)
        self.shelves, self.key = tuple(shelves), key
        port = self.server_address[1]
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        self.url = f"http://{host}:{port}/{key}/"
        # Whoever puts something before it that encrypts names it without a port, too.
        self.names = frozenset({*(f"{name}:{port}" for name in (*_LOCAL, host)), *(name.lower() for name in names)})

    def handle_error(self, request: object, client_address: object) -> None:
        """Say what went wrong, but for a browser that went away: nothing is lost by that."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = "evidence-kit", ""
    protocol_version = "HTTP/1.1"
    timeout: ClassVar[int] = _TIMEOUT

    def do_GET(self) -> None:
        """Answer with a page."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with its headers."""
        self._answer(with_body=False)

    def parse_request(self) -> bool:
        """Read the head of a request; one that wants anything but to read is refused before it is looked at."""
        if not super().parse_request():
            return False
        if self.command in _METHODS:
            if not _BODY.isdisjoint(name.lower() for name in self.headers):
                self.close_connection = True  # what comes with it is not read, and must not be taken for a request
            return True
        self.close_connection = True  # whatever came with it is not read
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD", with_body=True, more={"Allow": "GET, HEAD"})
        return False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        """Keep quiet: an address holds the key, and a request whatever somebody typed."""

    def _answer(self, *, with_body: bool) -> None:
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.server.names:
            # A page elsewhere that had its name resolve to this machine would ask under its own name.
            self._send(HTTPStatus.MISDIRECTED_REQUEST, "this server has another name", with_body=with_body)
            return
        try:
            found = self._page()
        except EvidenceKitError as error:
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, f"cannot be read: {error.message}", with_body=with_body)
            return
        if found is None:
            self._send(HTTPStatus.NOT_FOUND, "there is no such page", with_body=with_body)
            return
        self._send(HTTPStatus.OK, found, with_body=with_body, is_page=True)

    def _page(self) -> str | None:
        """Return the page that is asked for, or nothing."""
        try:
            asked = urlsplit(self.path)
        except ValueError:
            return None
        _, key, *rest = asked.path.split("/") if asked.path.startswith("/") else ("", "")
        if not hmac.compare_digest(key.encode("utf-8", "surrogatepass"), self.server.key.encode()):
            return None
        if rest == [""]:
            return pages.index(self.server.shelves)
        if len(rest) != 3 or rest[0] != "case" or not rest[1].isascii() or not rest[1].isdigit():
            return None
        number, part = int(rest[1][:9]), pages.PARTS.get(rest[2])
        if part is None or number >= len(self.server.shelves):
            return None
        page, wanted = _asked(asked.query)
        return part(self.server.shelves[number], page, wanted)

    def _send(
        self,
        status: HTTPStatus,
        text: str,
        *,
        with_body: bool,
        is_page: bool = False,
        more: Mapping[str, str] | None = None,
    ) -> None:
        body = text.encode("utf-8", "backslashreplace")
        said = {**_HEADERS, "Content-Security-Policy": pages.policy(), **(more or {})}
        if not is_page:
            said["Content-Type"] = "text/plain; charset=utf-8"
        self.send_response(status)
        for name, value in said.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def _asked(query: str) -> tuple[int, str]:
    """Return the page and the text that a query asks for; what makes no sense is the first page of everything."""
    said = parse_qs(query[:2_000], max_num_fields=8) if query.count("&") < 8 else {}
    page, wanted = said.get("page", ["1"])[0], said.get("q", [""])[0][:MAX_TEXT]
    is_number = page.isascii() and page.isdigit() and len(page) <= 7
    return (min(max(int(page), 1), MAX_PAGE) if is_number else 1), wanted
