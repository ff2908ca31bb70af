"""Redacted copies: which bytes of an original were replaced by what, and how to do it again."""

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO, Literal, cast

from evidence_kit.custody import names, strict
from evidence_kit.errors import DigestError, SignatureError

BYTES = "bytes"  # the place of a span that is not one JSON value
GZIP = "gzip"
MAX_LINE = 8 << 20  # the spans of one artifact: some 50,000
MAX_DECODED = 64 << 20  # bytes; an artifact is held whole while rules are applied to it
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Bytes `[start, end)` of the original that one or more rules took out, and why."""

    rule: str
    reason: str
    place: str  # `bytes`, or which JSON value
    start: int
    end: int

    @property
    def marker(self) -> bytes:
        """Return what stands there instead: a JSON string for a JSON value."""
        text = f"[redacted: {self.rule}]"
        return text.encode() if self.place == BYTES else f'"{text}"'.encode()

    def to_json(self) -> dict[str, object]:
        """Return the span as `redactions.jsonl` lists it."""
        return {
            "rule": self.rule,
            "reason": self.reason,
            "place": self.place,
            "start": self.start,
            "end": self.end,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Span":
        """Read one span."""
        return cls(
            rule=strict.field(value, "rule", str),
            reason=strict.field(value, "reason", str),
            place=strict.field(value, "place", str),
            start=strict.field(value, "start", int),
            end=strict.field(value, "end", int),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """One redacted copy. No digest of what was taken out: a short value could be guessed from it."""

    artifact: str  # path within the case
    sha256: str  # of the original, as its attestation has it
    size: int
    copy_sha256: str
    copy_size: int
    decoded: Literal["", "gzip"]  # the copy, and all positions, are of the decoded form
    spans: tuple[Span, ...]

    def line(self) -> bytes:
        """Return the entry of `redactions.jsonl`, without line feed."""
        return strict.encode(
            {
                "artifact": self.artifact,
                "original": {"sha256": self.sha256, "bytes": self.size},
                "redacted": {"sha256": self.copy_sha256, "bytes": self.copy_size},
                "decoded": self.decoded or None,
                "spans": [span.to_json() for span in self.spans],
            }
        )

    @classmethod
    def from_line(cls, line: bytes) -> "Redaction":
        """Read an entry; spans must ascend, must not overlap, and there must be one."""
        value = strict.decode_line(line, limit=MAX_LINE)
        original, copy = strict.field(value, "original", dict), strict.field(value, "redacted", dict)
        if value.get("decoded", "") not in {None, GZIP}:
            raise SignatureError(f"decoded in an unknown way: {ascii(value.get('decoded'))[:40]}")
        spans = tuple(_span(item) for item in strict.field(value, "spans", list))
        if not spans or spans[0].start < 0 or any(span.start >= span.end for span in spans):
            raise SignatureError("a redaction replaces at least one byte")
        if any(after.start < before.end for before, after in pairwise(spans)):
            raise SignatureError("two spans of a redaction overlap, or are out of order")
        return cls(
            artifact=names.require_safe(strict.field(value, "artifact", str)),
            sha256=strict.field(original, "sha256", str),
            size=strict.field(original, "bytes", int),
            copy_sha256=strict.field(copy, "sha256", str),
            copy_size=strict.field(copy, "bytes", int),
            decoded="gzip" if value["decoded"] else "",
            spans=spans,
        )


def _span(item: object) -> Span:
    if not isinstance(item, dict):
        raise SignatureError("a span is not an object")
    return Span.from_json(item)


def splice(original: BinaryIO, spans: Iterable[Span]) -> Iterator[bytes]:
    """Yield `original` with every span replaced by its marker; DigestError if it ends before the last one."""
    at = 0
    for span in spans:
        yield from _take(original, span.start - at)
        for _ in _take(original, span.end - span.start):
            pass
        yield span.marker
        at = span.end
    while chunk := original.read(_CHUNK):
        yield chunk


def _take(stream: BinaryIO, count: int) -> Iterator[bytes]:
    while count:
        chunk = stream.read(min(count, _CHUNK))
        if not chunk:
            raise DigestError("the original ends before what is said to be redacted in it")
        count -= len(chunk)
        yield chunk


def require_markers(copy: BinaryIO, spans: Iterable[Span]) -> None:
    """Raise DigestError unless every span's marker stands in the copy where the spans before it leave it."""
    shift = 0
    for span in spans:
        copy.seek(span.start + shift)
        if copy.read(len(span.marker)) != span.marker:
            raise DigestError(f"says nothing of the redaction at byte {span.start:,}")
        shift += len(span.marker) - (span.end - span.start)


def digest_of(original: BinaryIO, redaction: Redaction) -> str:
    """Return the SHA-256 of the copy that `redaction` makes of `original`; a larger one is refused."""
    digest, size = hashlib.sha256(), 0
    with plain(original, redaction.decoded) as stream:
        for chunk in splice(stream, redaction.spans):
            digest.update(chunk)
            size += len(chunk)
            if size > redaction.copy_size:
                raise DigestError(f"the copy would be larger than the {redaction.copy_size:,} bytes that are listed")
    return digest.hexdigest()


@contextmanager
def plain(stream: BinaryIO, decoded: str) -> Iterator[BinaryIO]:
    """Give the form of an artifact that spans refer to; damage in its coding is a DigestError."""
    try:
        if decoded == GZIP:
            with gzip.GzipFile(fileobj=stream, mode="rb") as inflated:
                yield cast("BinaryIO", inflated)
        else:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise DigestError(f"cannot be decompressed: {error}") from error
