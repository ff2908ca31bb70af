"""The sealed bytes of one artifact as a stream of text: hashed as they pass, inflated, decoded. Memory stays flat."""

import codecs
import hashlib
import itertools
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from evidence_kit.analysis.records import gunzip
from evidence_kit.analysis.records.record import MAX_BODY, Artifact
from evidence_kit.errors import DigestError

CHUNK = 256 << 10
_SMALL = 4 << 10
_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_INFLATE = 16 + zlib.MAX_WBITS  # zlib: a gzip header is required
LOST = 0xDC80, 0xDCFF  # where `surrogateescape` puts bytes that are not UTF-8


class Unreadable(Exception):  # noqa: N818 - says that reading ends here
    """The body cannot be read any further; the reason is for a defect."""


class Body:
    """The bytes of an artifact; whoever has read its text calls `close`, which compares the digest."""

    def __init__(self, stream: BinaryIO, artifact: Artifact) -> None:
        self._stream, self._artifact = stream, artifact
        self._sha256 = hashlib.sha256()
        # A million small files need no large buffer each; one that grew since is still read to its end.
        self._chunk = min(CHUNK, max(artifact.bytes + 1, _SMALL)) if artifact.bytes else CHUNK
        self.head = self._read()
        self._stored: list[bytes] = []  # read already, behind `head`
        self._ahead: list[bytes] = []
        self._pieces = self._inflated()

    def whole(self, most: int) -> bytes | None:
        """Return all bytes, inflated, if they are no more than `most`; `text` still yields them."""
        if (found := self._at_once(most)) is not None:
            self._pieces = iter((found,))
            return found
        size = 0
        try:
            for piece in self._pieces:
                self._ahead.append(piece)
                if (size := size + len(piece)) > most:
                    return None
        except Unreadable as error:  # `text` comes to it once what stands before it was read
            self._pieces = _stopped(error)
            return None
        return b"".join(self._ahead)

    def _at_once(self, most: int) -> bytes | None:
        """Return what one plain gzip member holds; what was read of anything else is kept."""
        if not self.head.startswith(_GZIP):
            return None
        size = len(self.head)
        while size <= most and (data := self._read()):
            self._stored.append(data)
            size += len(data)
        return gunzip.inflated(b"".join((self.head, *self._stored)), most) if size <= most else None

    def text(self) -> Iterator[str]:
        """Yield the text; bytes that are not UTF-8 become lone surrogates. Unreadable where it ends too soon."""
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        total, first = 0, True
        for piece in itertools.chain(self._ahead, self._pieces):
            if (total := total + len(piece)) > MAX_BODY:
                raise Unreadable(f"larger than the {MAX_BODY:,} bytes allowed when inflated")
            text = decoder.decode(piece)
            yield text.removeprefix("\ufeff") if first else text
            first = first and not text
        yield decoder.decode(b"", final=True)

    def close(self) -> None:
        """Read what is left and compare with the manifest; DigestError if these are not the sealed bytes."""
        while self._read():
            pass
        if (found := self._sha256.hexdigest()) != self._artifact.sha256:
            raise DigestError(
                f"`{self._artifact.path}` has SHA-256 {found}, sealed was {self._artifact.sha256}",
                hint="`evidence-kit verify` says what else changed; nothing was derived from it",
            )

    def _read(self) -> bytes:
        data = self._stream.read(self._chunk)
        self._sha256.update(data)
        return data

    def _chunks(self) -> Iterator[bytes]:
        yield from (self.head, *self._stored) if self.head else ()
        while data := self._read():
            yield data

    def _inflated(self) -> Iterator[bytes]:
        if self.head.startswith(_ZSTD):
            raise Unreadable("compressed with Zstandard, which is not read")
        if self.head.startswith(_PARQUET):
            raise Unreadable("a Parquet file, which is not read; DuckDB and pyarrow do")
        if self.head.startswith(_UTF16):
            raise Unreadable("UTF-16, which is not read")
        yield from self._members() if self.head.startswith(_GZIP) else self._chunks()

    def _members(self) -> Iterator[bytes]:
        """Yield the content of every gzip member: RFC 1952 allows several, and delivery streams write them."""
        inflater, between = zlib.decompressobj(_INFLATE), False
        try:
            for chunk in self._chunks():
                data = chunk
                while data:
                    if between and not (data := data.lstrip(b"\0")):
                        break
                    between = False
                    yield inflater.decompress(data, CHUNK)
                    data = inflater.unconsumed_tail
                    if inflater.eof:
                        data, between = inflater.unused_data, True
                        inflater = zlib.decompressobj(_INFLATE)
                    elif not data:
                        yield from _drained(inflater)
        except zlib.error as error:
            raise Unreadable(f"damaged gzip: {error}") from error
        if not between:
            raise Unreadable("the gzip stream is cut short")


def _stopped(error: Unreadable) -> Iterator[bytes]:
    """Yield nothing but the error that reading ahead has met."""
    yield b""
    raise error


def _drained(inflater: "zlib._Decompress") -> Iterator[bytes]:
    """Yield what the inflater still holds although its input is used up."""
    while piece := inflater.decompress(b"", CHUNK):
        yield piece


def has_lost_bytes(text: str) -> bool:
    """Say whether some bytes of `text` were not UTF-8."""
    return not text.isascii() and any(LOST[0] <= ord(char) <= LOST[1] for char in text)
