"""Renewal: a case's files listed once more under a younger hash algorithm, as `sha512sum -c` reads it."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from evidence_kit.custody import log, names
from evidence_kit.custody.extsort import sorted_lines
from evidence_kit.custody.ledger import raw_lines
from evidence_kit.errors import ChainError, DigestError, SignatureError
from evidence_kit.model.ports import Vault

ALGORITHM = "sha512"
MAX_LINE = 128 + 2 + names.MAX_PATH + 1
_MANIFEST = re.compile(rf"{log.RENEWALS}/([1-9][0-9]{{0,5}})-manifest-{ALGORITHM}\.txt")
_DIGEST = re.compile(r"[0-9a-f]{128}")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """One line: a file of the case and its SHA-512."""

    path: str
    sha512: str


def manifest(number: int) -> str:
    """Return where the manifest of the `number`th renewal lies."""
    return f"{log.RENEWALS}/{number}-manifest-{ALGORITHM}.txt"


def number_of(path: str) -> int | None:
    """Return which renewal's manifest `path` is, or None."""
    named = _MANIFEST.fullmatch(path)
    return int(named[1]) if named else None


def tokens(path: str) -> str:
    """Return the folder for the time-stamps of a manifest."""
    return f"{log.RENEWALS}/{number_of(path) or 0}"


def protected(path: str) -> bool:
    """Say whether a renewal lists `path`: evidence, and what proves something about it, but nothing that grows."""
    kept = (log.TIMESTAMPS, log.CHECKPOINTS, log.RENEWALS, "bags")
    return path == log.CASE or path.startswith(tuple(f"{folder}/" for folder in kept))


def digester(vault: Vault, path: str) -> Callable[[str], bytes]:
    """Return what hashes a file under the name of an algorithm, as a stream."""

    def digest(algorithm: str) -> bytes:
        whole = hashlib.new(algorithm)
        with vault.open(path) as stream:
            while chunk := stream.read(_CHUNK):
                whole.update(chunk)
        return whole.digest()

    return digest


def lines(listed: Iterable[Listed]) -> Iterator[bytes]:
    """Yield the manifest, sorted by path."""
    for line in sorted_lines(f"{item.path}  {item.sha512}\n".encode() for item in listed):
        path, _, digest = line[:-1].decode().partition("  ")
        yield f"{digest}  {path}\n".encode()


def read(stream: BinaryIO) -> Iterator[Listed]:
    """Yield the lines of a manifest; DigestError unless each is well formed and paths strictly ascend."""
    before, number = "", 1
    try:
        for line, whole in raw_lines(stream, limit=MAX_LINE):
            yield (listed := _listed(line, whole=whole, after=before))
            before, number = listed.path, number + 1
    except (SignatureError, ChainError, UnicodeDecodeError) as error:
        raise DigestError(f"line {number} of the renewal is malformed: {error}") from error


def _listed(line: bytes, *, whole: bool, after: str) -> Listed:
    digest, separator, path = line.decode("ascii").partition("  ")
    if not whole or not separator or not _DIGEST.fullmatch(digest) or path <= after:
        raise SignatureError("not a digest and a path that follows the one before it")
    return Listed(names.require_safe(path), digest)
