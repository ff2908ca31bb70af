"""The register of assessments: JSON Lines, only ever added to, each line sealing the one before it.

A chain shows that nothing within it was changed. That its end was not cut off shows only to whoever kept a head.
"""

import fcntl
import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evidence_kit.custody import strict
from evidence_kit.errors import ChainError, SignatureError, UsageError, VaultError
from evidence_kit.governance.assessment import Assessment, Earlier
from evidence_kit.model.time import parse_instant

KIND = "evidence-kit/register.v1"
NOTHING = "0" * 64  # what the first line follows
MAX_REGISTER = 256 << 20  # a hundred partners, every week, for a decade


@dataclass(frozen=True, slots=True)
class Register:
    """A register that was read, its chain whole: earlier scores by partner, and the digest of its last line."""

    earlier: Mapping[tuple[str, str], tuple[Earlier, ...]]
    head: str = NOTHING
    size: int = 0


def read_register(text: bytes, *, name: str) -> Register:
    """Read a register; ChainError for a line that was changed, taken out, put in or torn."""
    if text and not text.endswith(b"\n"):
        raise ChainError(
            f"{name}: the last line is torn", hint="a crash while writing: restore it from a copy, or cut that line"
        )
    earlier: defaultdict[tuple[str, str], list[Earlier]] = defaultdict(list)
    head, last = NOTHING, None
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        at, partner, score = _read(line.rstrip(b"\n"), number, head, name)
        if last is not None and at < last:
            raise ChainError(f"{name}:{number + 1}: dated before the line that it follows")
        earlier[partner].append(Earlier(at, score))
        head, last = hashlib.sha256(line).hexdigest(), at
    return Register({key: tuple(found) for key, found in earlier.items()}, head, len(lines))


def _read(line: bytes, number: int, head: str, name: str) -> tuple[datetime, tuple[str, str], int]:
    try:
        said = strict.decode_line(line)
        kind, previous = strict.field(said, "kind", str), strict.field(said, "previous", str)
        seq = strict.field(said, "seq", int)
        entry = strict.field(said, "assessment", dict)
        partner = strict.field(entry, "provider", str), strict.field(entry, "id", str)
        at, score = parse_instant(strict.field(entry, "at", str)), strict.field(entry, "score", int)
    except (SignatureError, UsageError) as error:
        raise ChainError(f"{name}:{number + 1}: {error.message}") from error
    if (kind, seq) != (KIND, number):
        raise ChainError(f"{name}:{number + 1}: no line {number} of a register")
    if previous != head:
        raise ChainError(f"{name}:{number + 1}: does not follow the line before it: one of the two was changed")
    return at, partner, score


def lines_of(assessments: Sequence[Assessment], register: Register) -> Iterator[bytes]:
    """Yield the lines that add some assessments to a register."""
    head, seq = register.head, register.size
    for one in assessments:
        said: dict[str, Any] = {"kind": KIND, "seq": seq, "previous": head, "assessment": one.to_json()}
        line = strict.encode(said) + b"\n"
        yield line
        head, seq = hashlib.sha256(line).hexdigest(), seq + 1


@contextmanager
def opened(path: Path) -> Iterator["Book"]:
    """Open a register for adding to it, alone; it is made if it is not there."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise VaultError(f"cannot open the register `{path}`: {(error.strerror or '').lower()}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise VaultError(f"somebody else is writing to `{path}`", hint="wait until they have finished") from error
        with os.fdopen(handle, "rb", closefd=False) as stream:
            text = stream.read(MAX_REGISTER + 1)
            if len(text) > MAX_REGISTER:
                raise VaultError(f"`{path}` is larger than {MAX_REGISTER:,} bytes", hint="begin another register")
            yield Book(handle, read_register(text, name=str(path)))
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True)
class Book:
    """A register that is open, and locked."""

    handle: int
    register: Register

    def add(self, assessments: Sequence[Assessment]) -> str:
        """Add assessments, durably; return the digest of the last line, to be kept elsewhere."""
        made = list(lines_of(assessments, self.register))
        data = memoryview(b"".join(made))
        try:
            while data:
                data = data[os.write(self.handle, data) :]
            os.fsync(self.handle)
        except OSError as error:
            raise VaultError(f"cannot write the register: {(error.strerror or '').lower()}") from error
        return hashlib.sha256(made[-1]).hexdigest() if made else self.register.head
