"""Inflate what CloudTrail delivers, a piece at a time and within bounds; it never skips a byte."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator

from evidence_kit.errors import ProviderProofError

# CloudTrail starts a new log file long before this; inflating it takes seconds, so a bomb costs no more.
MAX_LOG = 1 << 30
PIECE = 64 << 10  # inflated at a time: memory stays flat whatever the ratio
_GZIP = 16 + zlib.MAX_WBITS  # zlib: a gzip header is required
_MAGIC = b"\x1f\x8b"  # RFC 1952; no JSON text begins so


def inflated_sha256(chunks: Iterable[bytes], *, limit: int = MAX_LOG) -> str:
    """Hash a log file as CloudTrail does: inflated. Memory stays flat; ProviderProofError if it cannot be.

    A body that is not gzip is hashed as it is. CloudTrail stores its logs with `Content-Encoding: gzip`, so a
    client that honours the header saves them inflated under the same name; what AWS signed is the inflated
    file, so the claim's hash decides either way and accepting both weakens nothing.
    """
    pieces = iter(chunks)
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= len(_MAGIC):
            break
    if not head:
        raise ProviderProofError("the log file is empty", hint="CloudTrail delivers none without a record")
    whole = _chained(head, pieces)
    sha256 = hashlib.sha256()
    for piece in inflated(whole, limit) if head.startswith(_MAGIC) else _bounded(whole, limit):
        sha256.update(piece)
    return sha256.hexdigest()


def _chained(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _bounded(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield `chunks` until they exceed `limit` bytes, which no honest file does."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limit:
            raise ProviderProofError(f"larger than the {limit:,} bytes allowed when inflated")
        yield chunk


def inflated(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield the content of exactly one whole gzip member of at most `limit` bytes, a PIECE at a time."""
    inflater = zlib.decompressobj(_GZIP)
    try:
        yield from _bounded((piece for chunk in chunks for piece in _pieces(inflater, chunk)), limit)
    except zlib.error as error:
        raise ProviderProofError(f"damaged gzip: {error}") from error
    if not inflater.eof:
        raise ProviderProofError("the gzip stream is cut short")


def _pieces(inflater: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    """Yield what `chunk` inflates to; one call of zlib could return a thousand times its input."""
    piece = inflater.decompress(chunk, PIECE)
    while piece:
        yield piece
        piece = inflater.decompress(inflater.unconsumed_tail, PIECE)
    if inflater.unused_data:
        # AWS's own validator refuses these too: bytes that no hash covers.
        raise ProviderProofError("bytes follow the end of the gzip stream")
