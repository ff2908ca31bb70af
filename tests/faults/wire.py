"""A fault between any SDK and any server of the sandbox: whole answers, altered on their way out of the socket.

The server neither knows nor notes it. An answer is evidence where a mark of the provider's truth stands in it.
"""

import re
import socket
import socketserver
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

import pytest

from evidence_kit.sandbox.serving import LoopbackServer

Bent = Literal["drip", "longer", "hung_up", "garbage", "repeated", "again", "stale", "swapped", "skewed"]
WHAT: dict[Bent, str] = {
    "drip": "the answer arrives in small pieces",
    "longer": "once, the announced length is half of the body's; the connection ends behind it",
    "hung_up": "once, the connection ends where an answer was due",
    "garbage": "once, as many bytes as announced, of no language",
    "repeated": "from one address, the first answer comes once more in place of the second, its head included",
    "again": "likewise, but the body only: the head is the second's own",
    "stale": "from one address, the first answer comes once more in place of the third",
    "swapped": "from one address, the first two answers change places; neither is the last of a list",
    "skewed": "every `Date` is thirty days late",
}
_WHICH = {"repeated": 2, "again": 2, "stale": 3}  # which of an address's answers that hold evidence is another one
_LATE = b"Mon, 21 Dec 2026 09:00:00 GMT"  # thirty days after the end of every window here
_PIECES = 64
_GZIP, _INFLATE = b"\x1f\x8b", 31


@dataclass(slots=True)
class Wire:
    """One fault; `struck` counts how often it happened."""

    kind: Bent
    marks: Sequence[bytes] = ()
    struck: int = 0
    noted: dict[str, list[bytes]] = field(default_factory=dict)  # the evidence of a run before, by its address
    _kept: dict[str, list[tuple[bytes, bytes]]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def sent(self, address: str, head: bytes, body: bytes) -> list[bytes]:
        """Return what goes out for one answer, in the pieces in which it does; `address` is without its query."""
        with self._guard:
            if self.kind == "skewed":
                self.struck += 1
                return [_dated(head) + body]
            if not self._is_evidence(body):
                return [head + body]
            if self.kind == "swapped":
                return [self._swapped(address, head, body)]
            kept = self._kept.setdefault(address, [])
            kept.append((head, body))
            return self._bent(kept, head, body)

    def swapping(self, *, lists: bool) -> "Wire":
        """Return the fault of a second run, after one that altered nothing; of lists the last page stays the last."""
        most = 3 if lists else 2
        noted = {
            address: [b"".join(one) for one in kept] for address, kept in self._kept.items() if len(kept) >= most
        }
        return Wire(self.kind, self.marks, noted=noted)

    def _swapped(self, address: str, head: bytes, body: bytes) -> bytes:
        kept = self._kept.setdefault(address, [])
        kept.append((head, body))
        noted = self.noted.get(address)
        if noted is None or len(kept) > 2:
            return head + body
        self.struck += 1
        return noted[2 - len(kept)]

    def _bent(self, kept: list[tuple[bytes, bytes]], head: bytes, body: bytes) -> list[bytes]:
        if self.kind == "drip":
            self.struck += 1
            size = max(1, len(body) // _PIECES)
            return [head, *(body[start : start + size] for start in range(0, len(body), size))]
        if self.kind == "longer" and not self.struck:
            self.struck += 1
            return [_announced(head, len(body) // 2) + body]
        if self.kind in {"hung_up", "garbage"} and not self.struck:
            self.struck += 1
            return [] if self.kind == "hung_up" else [head + b"\xf5" * len(body)]
        if len(kept) == _WHICH.get(self.kind) and not self.struck:
            self.struck += 1
            (first, again), own = kept[0], self.kind == "again"
            return [(_sized(head, len(again)) if own else first) + again]
        return [head + body]

    def _is_evidence(self, body: bytes) -> bool:
        if body.startswith(_GZIP):
            with suppress(zlib.error):
                body = zlib.decompress(body, _INFLATE)
        return any(mark in body for mark in self.marks)


class _Tap:
    """A file to write to that holds an answer back until it is whole."""

    def __init__(self, file: object, wire: Wire, handler: object) -> None:
        self._file, self._wire, self._handler, self._held = file, wire, handler, b""
        self._over = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        self._held += b"" if self._over else data
        while (split := self._held.find(b"\r\n\r\n")) >= 0:
            head, rest = self._held[: split + 4], self._held[split + 4 :]
            found = re.search(rb"(?im)^content-length: *([0-9]+)", head)
            size = int(found[1]) if found else 0
            if len(rest) < size:
                break
            self._held = rest[size:]
            pieces = self._wire.sent(self._handler.path.partition("?")[0], head, rest[:size])
            for piece in pieces:
                self._file.write(piece)
                self._file.flush()
            if not pieces:
                self._hang_up()
        return len(data)

    def _hang_up(self) -> None:
        self._over, self._held, self._handler.close_connection = True, b"", True
        with suppress(OSError):
            self._handler.connection.shutdown(socket.SHUT_RDWR)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        with suppress(OSError, ValueError):
            self._file.write(self._held)  # what was never whole goes out as it is
        self._file.close()


@contextmanager
def between(wire: Wire) -> Iterator[Wire]:
    """Put `wire` into every connection to a server of the sandbox that opens within the block."""
    real = socketserver.StreamRequestHandler.setup

    def setup(handler: socketserver.StreamRequestHandler) -> None:
        real(handler)
        if isinstance(handler.server, LoopbackServer):
            handler.wfile = _Tap(handler.wfile, wire, handler)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socketserver.StreamRequestHandler, "setup", setup)
        yield wire


def _dated(head: bytes) -> bytes:
    bare = re.sub(rb"(?im)^date:[^\r]*\r\n", b"", head)
    return bare[:-2] + b"Date: " + _LATE + b"\r\n\r\n"


def _sized(head: bytes, size: int) -> bytes:
    return re.sub(rb"(?im)^content-length:[^\r]*", b"Content-Length: %d" % size, head)


def _announced(head: bytes, size: int) -> bytes:
    closing = _sized(re.sub(rb"(?im)^connection:[^\r]*\r\n", b"", head), size)
    return closing[:-2] + b"Connection: close\r\n\r\n"
