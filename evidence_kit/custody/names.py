"""File names inside a bag: an alphabet that `sha256sum -c`, rhash and bagit.py all read alike."""

import hashlib
import re

from evidence_kit.errors import SignatureError

MAX_COMPONENT = 200  # bytes; file systems allow 255, temporary suffixes need room
MAX_PATH = 4000  # bytes; PATH_MAX is 4096 and the case's own folder needs room
_COMPONENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._=@+,-]{1,200}"  # neither `.` nor `..`
_SAFE_PATH = re.compile(f"{_COMPONENT}(?:/{_COMPONENT})*")
_UNSAFE_BYTE = re.compile(rb"[^A-Za-z0-9._@+,-]")
_KEPT = 120  # what stays readable of a component that is too long


def is_safe(path: str) -> bool:
    """Say whether `path` is relative, stays inside its root and uses the safe alphabet only."""
    return len(path) <= MAX_PATH and _SAFE_PATH.fullmatch(path) is not None


def require_safe(path: str) -> str:
    """Return `path`, or raise SignatureError: a name outside the alphabet cannot be ours."""
    if not is_safe(path):
        raise SignatureError(f"`{path[:200]!a}` is not a name that a bag may hold")
    return path


def safe_component(original: str) -> str:
    """Map one name to the alphabet, one to one: other bytes become `=XX`, long names end in `=-` and a hash."""
    raw = _bytes(original)
    text = _UNSAFE_BYTE.sub(lambda m: b"=%02X" % m[0][0], raw).decode("ascii")
    if text in {".", ".."}:
        text = text.replace(".", "=2E")
    if not text:
        return "=-"
    if len(text) > MAX_COMPONENT:
        # `=-` never comes out of the escape above, so no short name can collide with a long one.
        return f"{text[:_KEPT]}=-{hashlib.sha256(raw).hexdigest()[:40]}"
    return text


def safe_path(original: str) -> str:
    """Map a `/`-separated name component by component; a path that gets too long becomes its hash."""
    path = "/".join(safe_component(part) for part in original.split("/"))
    if len(path) <= MAX_PATH // 2:
        return path
    return f"=-{hashlib.sha256(_bytes(original)).hexdigest()}"


def _bytes(original: str) -> bytes:
    """Return bytes that no other text has: a lone surrogate, as in the name of a file that is not UTF-8, included."""
    return original.encode("utf-8", "surrogatepass")
