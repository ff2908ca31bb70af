"""Many plain requests at once, in one thread, through libcurl, which signs those for AWS by itself.

It repeats nothing, follows nothing, decodes nothing and reads no environment: what it is not told it does not do.
"""

import hashlib
import selectors
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pycurl  # type: ignore[import-untyped]

from evidence_kit.collectors.trust import Trust

_WAITS = {
    pycurl.POLL_IN: selectors.EVENT_READ,
    pycurl.POLL_OUT: selectors.EVENT_WRITE,
    pycurl.POLL_INOUT: selectors.EVENT_READ | selectors.EVENT_WRITE,
}
_BUFFER = 1 << 18  # bytes that libcurl hands over at once, at most
_PEERS = 4096  # connections whose servers' certificates are remembered
# What went wrong, for the record, by libcurl's numbers; others stand for themselves.
_NAMES = {
    1: "NotHttp",
    6: "CouldNotResolve",
    7: "CouldNotConnect",
    8: "NotHttp",
    18: "PartialBody",
    23: "LongBody",
    28: "TimedOut",
    35: "TlsFailed",
    52: "GotNothing",
    55: "SendFailed",
    56: "ReceiveFailed",
    60: "UntrustedServer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One GET request, and how much of an answer is taken at most."""

    url: str
    headers: tuple[str, ...]  # all of them are signed
    agent: str
    scope: str  # as libcurl's `AWS_SIGV4` wants it
    user: str = field(repr=False)
    secret: str = field(repr=False)
    most: int
    of: object = None  # whatever the caller knows it by


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a request; `error` is empty where an answer is whole."""

    ask: Ask
    sent: tuple[datetime, ...]  # each time that it went over the wire
    received_at: datetime
    status: int | None
    headers: dict[str, str]
    body: bytes
    peer: str
    error: str = ""
    reason: str = ""


class Lines:
    """Connections that one thread uses at a time; they are kept between its requests."""

    def __init__(self, trust: Trust, now: Callable[[], datetime]) -> None:
        self._trust = trust
        self._now = now
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._alarm)
        self._ready = selectors.DefaultSelector()
        self._watched: set[int] = set()  # asking the selector is dear
        self._due: float | None = None
        self._idle: list[_Line] = []
        self._busy: dict[Any, _Line] = {}
        self._peers: dict[int, str] = {}

    @property
    def busy(self) -> int:
        """Return how many requests are under way."""
        return len(self._busy)

    def start(self, ask: Ask) -> None:
        """Send a request as soon as there is a connection for it."""
        line = self._idle.pop() if self._idle else _Line(self._trust, self._now)
        line.begin(ask)
        self._busy[line.curl] = line
        self._multi.add_handle(line.curl)

    def replies(self, wait: float) -> Iterator[Reply]:
        """Yield what has ended, after `wait` seconds at most."""
        if self._due is not None:
            wait = min(wait, max(0.0, self._due - time.monotonic()))
        for key, mask in self._ready.select(wait):
            flags = pycurl.CSELECT_IN * bool(mask & selectors.EVENT_READ)
            flags |= pycurl.CSELECT_OUT * bool(mask & selectors.EVENT_WRITE)
            self._multi.socket_action(key.fd, flags)
        if self._due is not None and self._due <= time.monotonic():
            self._due = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        more = 1
        while more:
            more, done, failed = self._multi.info_read()
            for curl in done:
                yield self._end(curl, "", "")
            for curl, number, reason in failed:
                yield self._end(curl, _NAMES.get(number, f"Curl{number}"), reason)

    def close(self) -> None:
        """Drop every connection, and what is under way on it."""
        for line in self._busy.values():
            self._multi.remove_handle(line.curl)
            line.curl.close()
        for line in self._idle:
            line.curl.close()
        self._busy.clear()
        self._idle.clear()
        self._multi.close()
        self._ready.close()

    def _end(self, curl: Any, error: str, reason: str) -> Reply:  # noqa: ANN401 - pycurl has no types
        line = self._busy.pop(curl)
        self._multi.remove_handle(curl)
        reply = line.reply(self._peer(curl) if line.is_tls else "", error, reason)
        self._idle.append(line)
        return reply

    def _peer(self, curl: Any) -> str:  # noqa: ANN401 - likewise
        """Return whose certificate this connection showed: only whoever opened a connection is told."""
        connection = curl.getinfo(pycurl.CONN_ID)
        if shown := curl.getinfo(pycurl.INFO_CERTINFO):
            pem = next((value for name, value in shown[0] if name == "Cert"), "")
            found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() if pem else ""
            if len(self._peers) >= _PEERS:
                self._peers.clear()
            self._peers[connection] = found
            return found
        return self._peers.get(connection, "")

    # -- libcurl tells what it waits for -----------------------------------------------------------------------

    def _watch(self, what: int, fd: int, *_: object) -> None:
        if what == pycurl.POLL_REMOVE:
            if fd in self._watched:
                self._watched.remove(fd)
                self._ready.unregister(fd)
        elif fd in self._watched:
            self._ready.modify(fd, _WAITS[what])
        else:
            self._watched.add(fd)
            self._ready.register(fd, _WAITS[what])

    def _alarm(self, milliseconds: int) -> None:
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000


class _Line:
    """One handle of libcurl and what it has brought so far."""

    def __init__(self, trust: Trust, now: Callable[[], datetime]) -> None:
        self._now = now
        self._ask: Ask | None = None
        self._sent: list[datetime] = []
        self._head: list[bytes] = []
        self._chunks: list[bytes] = []
        self._left = 0
        self.curl: Any = pycurl.Curl()
        set_ = self.curl.setopt
        set_(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        set_(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        set_(pycurl.SSL_ENABLE_ALPN, 0)
        set_(pycurl.FOLLOWLOCATION, 0)
        set_(pycurl.PROXY, "")
        set_(pycurl.NOPROXY, "*")
        set_(pycurl.NETRC, pycurl.NETRC_IGNORED)
        set_(pycurl.ACCEPT_ENCODING, "identity")
        set_(pycurl.HTTP_CONTENT_DECODING, 0)
        set_(pycurl.NOSIGNAL, 1)
        set_(pycurl.BUFFERSIZE, _BUFFER)
        # These authorities only, and up to a root, as Python's TLS has it.
        set_(pycurl.CAINFO, trust.authorities)
        self.curl.unsetopt(pycurl.CAPATH)
        set_(pycurl.SSL_OPTIONS, pycurl.SSLOPT_NO_PARTIALCHAIN)
        set_(pycurl.SSL_SESSIONID_CACHE, 0)  # a session that is resumed comes without the server's certificate
        set_(pycurl.OPT_CERTINFO, 1)
        if trust.connect is not None:
            set_(pycurl.CONNECTTIMEOUT_MS, round(trust.connect * 1000))
        if trust.read is not None:
            set_(pycurl.LOW_SPEED_LIMIT, 1)
            set_(pycurl.LOW_SPEED_TIME, max(1, round(trust.read)))
        set_(pycurl.PREREQFUNCTION, self._leaving)
        set_(pycurl.HEADERFUNCTION, self._said)
        set_(pycurl.WRITEFUNCTION, self._came)

    def begin(self, ask: Ask) -> None:
        """Take up a request."""
        old, self._ask = self._ask, ask
        self._sent, self._head, self._chunks, self._left = [], [], [], ask.most
        set_ = self.curl.setopt
        set_(pycurl.URL, ask.url)
        if old is None or old.headers != ask.headers:
            set_(pycurl.HTTPHEADER, ["Accept:", *ask.headers])
        if old is None or (old.scope, old.agent) != (ask.scope, ask.agent):
            set_(pycurl.AWS_SIGV4, ask.scope)
            set_(pycurl.USERAGENT, ask.agent)
        if old is None or (old.user, old.secret) != (ask.user, ask.secret):
            set_(pycurl.USERNAME, ask.user)
            set_(pycurl.PASSWORD, ask.secret)

    @property
    def is_tls(self) -> bool:
        """Say whether the server has a certificate to show."""
        return self._ask is not None and self._ask.url.startswith("https:")

    def reply(self, peer: str, error: str, reason: str) -> Reply:
        """Return what came."""
        assert self._ask is not None  # noqa: S101 - whatever ends has begun
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        return Reply(
            ask=self._ask,
            sent=tuple(self._sent),
            received_at=self._now(),
            status=status or None,
            headers=_headers(self._head),
            body=b"".join(self._chunks),
            peer=peer,
            error=error,
            reason=reason,
        )

    def _leaving(self, *_: object) -> int:
        self._sent.append(self._now())
        self._head, self._chunks = [], []
        return int(pycurl.PREREQFUNC_OK)

    def _said(self, line: bytes) -> None:
        if self._chunks:
            return  # a trailer, behind a body in parts
        if line.startswith(b"HTTP/"):
            self._head = []  # of the last answer, if there were some before it
        self._head.append(line)

    def _came(self, data: bytes) -> int | None:
        self._left -= len(data)
        if self._left < 0:
            return 0
        self._chunks.append(data)
        return None


def _headers(lines: list[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in b"".join(lines[1:]).decode("latin-1").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            key, said = name.strip().lower(), value.strip()
            found[key] = f"{found[key]}, {said}" if key in found else said
    return found
