"""Bodies to values, for reading only: what is stored is what came. Nothing unpacks beyond a bound, nothing twice."""

import codecs
import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence_kit.collectors.tap import BadBody

MAX_DECODED = 256 << 20  # four times the largest page; real logs shrink to a tenth, and few pages are that large
MAX_MEMBERS = 10_000  # of one archive
_CHUNK = 1 << 20
# Members packed otherwise unpack a chunk as a whole, to thousands of times its size: nothing could bound them.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# Codecs of Python's that are no charsets of HTTP, and whose time grows with the square of a text.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape"})
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_IDENTITY = frozenset({"", "identity"})


@dataclass(slots=True)
class Reading:
    """What a body says. With `trouble` it cannot be read and is kept all the same; `notes` are worth a finding."""

    value: Any = None
    trouble: str = ""
    notes: list[str] = field(default_factory=list)


class _Unreadable(Exception):  # noqa: N818 - caught here, and told as what the body is
    """A body that arrived whole, and yet cannot be read within our bounds."""


def read(body: bytes, headers: Mapping[str, str], *, format_: str, decode: Sequence[str]) -> Reading:
    """Read a body; BadBody for what cannot be what was asked for and is worth another attempt."""
    reading = Reading()
    try:
        parts = [body]
        for step in _steps(headers, decode):
            parts = _undone(step, parts, reading)
        texts = [_text(part, headers, reading) for part in parts]
        values = [_parsed(text, format_, headers) for text in texts]
    except _Unreadable as error:
        reading.trouble = str(error)
        return reading
    whole = len(values) == 1 and "zip" not in decode
    reading.value = values[0] if whole else [row for value in values for row in _rows(value)]
    return reading


def suffix(body: bytes, format_: str) -> str:
    """Return the extension of a stored body: what it is, whatever it was said to be."""
    if body.startswith(_GZIP):
        return f"{format_}.gz"
    return "zip" if body.startswith(_ZIP) else format_


# -- codings -------------------------------------------------------------------------------------------------------


def _steps(headers: Mapping[str, str], decode: Sequence[str]) -> list[str]:
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in _IDENTITY:
        return list(decode)
    if coding in {"gzip", "x-gzip"}:
        return ["gzip", *decode]
    raise _Unreadable(f"the body is coded as `{coding[:40]!a}`, which was not asked for")


def _undone(step: str, parts: list[bytes], reading: Reading) -> list[bytes]:
    if step == "zip":
        return [member for part in parts for member in _members(part)]
    return [_gunzipped(part, reading) for part in parts]


def _gunzipped(body: bytes, reading: Reading) -> bytes:
    if not body.startswith(_GZIP):
        if body:
            reading.notes.append("the body is said to be gzip and is not")
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
            return _bounded(stream)
    except (OSError, EOFError, zlib.error) as error:
        raise BadBody(f"a gzip body that does not unpack: {type(error).__name__}") from error


def _members(body: bytes) -> list[bytes]:
    """Unpack an archive; what its directory claims of sizes is not believed."""
    members: list[bytes] = []
    left = MAX_DECODED
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = [one for one in archive.infolist() if not one.is_dir()]
            if len(names) > MAX_MEMBERS:
                raise _Unreadable(f"an archive of {len(names):,} members")
            for name in names:
                if name.flag_bits & 1:
                    raise _Unreadable("a member of the archive is encrypted")
                if name.compress_type not in _METHODS:
                    raise _Unreadable(f"a member of the archive is packed by method {name.compress_type}")
                with archive.open(name) as stream:
                    members.append(_bounded(stream, left))
                left -= len(members[-1])
    except RuntimeError as error:  # how zipfile refuses what it knows and cannot read: patched data, a later version
        raise _Unreadable("the archive is packed in a way that is not read") from error
    except (zipfile.BadZipFile, EOFError, zlib.error, ValueError, IndexError, OSError) as error:
        raise BadBody(f"an archive that does not unpack: {type(error).__name__}") from error
    return members


def _bounded(stream: Any, most: int = MAX_DECODED) -> bytes:  # noqa: ANN401 - a gzip or a member of an archive
    parts: list[bytes] = []
    size = 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > most:
            raise _Unreadable(f"the body unpacks to more than {MAX_DECODED:,} bytes")
        parts.append(chunk)
    return b"".join(parts)


# -- texts ---------------------------------------------------------------------------------------------------------


def _text(body: bytes, headers: Mapping[str, str], reading: Reading) -> str:
    """Return a body as text; one that is not what it says is read with marks in place of what is wrong."""
    if body.startswith((_GZIP, _ZIP)):
        raise _Unreadable("the body is packed, and the connector does not say so under `decode`")
    charset = _charset(headers)
    for name in dict.fromkeys((charset, "utf-8-sig", json.detect_encoding(body))):
        try:
            if codecs.lookup(name).name.replace("_", "-") not in _NO_CHARSETS:
                return body.decode(name)
        except (ValueError, LookupError):
            continue
    reading.notes.append(f"the body is not {charset[:40]!a}, as it says")
    return body.decode("utf-8", "replace")


def _charset(headers: Mapping[str, str]) -> str:
    said = headers.get("content-type", "").lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    return "utf-8-sig" if said in {"", "utf8", "utf-8"} else said


def _parsed(text: str, format_: str, headers: Mapping[str, str]) -> Any:  # noqa: ANN401 - what a provider sent
    if "text/html" in headers.get("content-type", "") or text.lstrip()[:1] == "<":
        raise BadBody("HTTP 200 with a page for people instead of an answer")
    if format_ == "csv":
        return _csv(text)
    try:
        if format_ == "jsonl":
            return [json.loads(line) for line in text.split("\n") if line.strip()]
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadBody(f"HTTP 200 with a body that is not {format_}") from error


def _csv(text: str) -> list[dict[str, str]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        names = next(rows, [])
        return [dict(zip(names, row, strict=False)) for row in rows if row]
    except csv.Error as error:
        raise _Unreadable(f"the body is no CSV that can be read: {error}") from error


def _rows(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
