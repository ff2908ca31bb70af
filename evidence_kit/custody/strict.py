"""JSON and base64 read strictly: what two decoders could read differently is an error here."""

import binascii
import json
import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TypeVar, cast

from evidence_kit.errors import SignatureError

T = TypeVar("T")
# A seal, an event or an attestation is a few kilobytes; a hundred times that is already not ours.
MAX_DOCUMENT = 1 << 20
# Made once: `json.dumps` makes one a call where a separator is not the usual.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False)
_LENIENT = json.JSONDecoder()
MAX_DEPTH = 64  # ours nest six deep; far below what makes a decoder, or whoever prints the value, run out of stack


def encode(value: object) -> bytes:
    """Write compact ASCII JSON on one line: no NaN, no control or bidirectional characters can hide in it."""
    return _ENCODER.encode(value).encode()


def decode(data: bytes, *, limit: int = MAX_DOCUMENT) -> dict[str, object]:
    """Read one JSON object; duplicate keys, NaN, infinities, trailing bytes and oversize are SignatureErrors."""
    if len(data) > limit:
        raise SignatureError(f"a document of {len(data):,} bytes is larger than the {limit:,} allowed")
    if (found := _swiftly(data)) is not None:
        return found
    try:
        value = _STRICT.decode(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise SignatureError(f"not strict JSON: {error}") from error
    if not isinstance(value, dict):
        raise SignatureError(f"expected a JSON object, found {type(value).__name__}")
    if not _is_flat(data):
        _require_flat(value)
    return cast("dict[str, object]", value)


def decode_line(line: bytes, *, limit: int = MAX_DOCUMENT) -> dict[str, object]:
    """Read an object that must stand in the compact form of `encode`, so that no byte of it is idle."""
    if (found := _as_encoded(line, limit)) is not None:
        return found
    value = decode(line, limit=limit)
    if encode(value) != line:
        raise SignatureError("not in compact form; some byte was added or changed")
    return value


def _as_encoded(line: bytes, limit: int) -> dict[str, object] | None:
    """Return the object whose encoding `line` is; None where it is not so plain, and `decode` says what it is.

    A second key of a name, NaN and any other spelling need not be looked for: none comes out again when encoded.
    """
    if len(line) > limit:
        return None
    if (found := _swiftly(line)) is not None and _has_short_numbers(found.values()):
        return found
    if not _is_flat(line):
        return None
    try:
        value, _ = _LENIENT.raw_decode(line.decode("ascii"))
        is_plain = type(value) is dict and encode(value) == line
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", value) if is_plain else None


def _swiftly(line: bytes) -> dict[str, object] | None:
    """Return the object that orjson writes as `line`; None without it, and where texts may be spelled otherwise."""
    codec = _swift_codec()
    if codec is None or not _is_spelled_alike(line) or not _is_flat(line):
        return None
    loads, dumps = codec
    try:
        value = loads(line)
    except ValueError:
        return None
    is_plain = type(value) is dict and dumps(value) == line
    return cast("dict[str, object]", value) if is_plain else None


def _is_spelled_alike(line: bytes) -> bool:
    r"""Say whether all texts are of printable ASCII, and nothing but `"` is escaped, which every ETag has."""
    if not line.isascii() or b"\x7f" in line:
        return False
    return b"\\" not in line or b"\\" not in line.replace(b'\\"', b"")


@cache
def _swift_codec() -> tuple[Callable[[bytes], object], Callable[[object], bytes]] | None:
    try:
        import orjson
    except ImportError:
        return None
    return orjson.loads, orjson.dumps


def _has_short_numbers(values: Iterable[object]) -> bool:
    """Say whether all floats are zero or of a size that `encode`, as orjson, writes without exponent."""
    for value in values:
        kind = type(value)
        if kind is str:  # nearly all are
            continue
        if kind is float and value and not 1e-4 <= abs(cast("float", value)) < 1e15:
            return False
        if kind is dict and value and not _has_short_numbers(cast("dict[str, object]", value).values()):
            return False
        if kind is list and not _has_short_numbers(cast("list[object]", value)):
            return False
    return True


def _is_flat(line: bytes) -> bool:
    """Say whether a text cannot be nested too deep: it has few enough brackets, be they open or in strings."""
    return line.count(b"{") + line.count(b"[") <= MAX_DEPTH


def _require_flat(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise SignatureError(f"nested more than {MAX_DEPTH} deep")


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("duplicate key")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is out of range")
    return value


def field(value: Mapping[str, object], name: str, kind: type[T]) -> T:
    """Return `value[name]` if it is exactly of type `kind` (a bool is not an int)."""
    found = value.get(name)
    if type(found) is not kind:
        said = "is missing" if name not in value else f"is {type(found).__name__}, not {kind.__name__}"
        raise SignatureError(f"field `{name}` {said}")
    return found


def to_base64(data: bytes) -> str:
    """Write standard base64 with padding."""
    return b64encode(data).decode()


def from_base64(text: str) -> bytes:
    """Read base64 that stands in its one canonical spelling; spare bits must be zero."""
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureError(f"not base64: {error}") from error
    if b64encode(data).decode() != text:
        raise SignatureError("not canonical base64")
    return data


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
