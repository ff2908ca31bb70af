"""BagIt 1.0 (RFC 8493) with the safe alphabet: manifests that `sha256sum -c` and bagit.py read unchanged."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from evidence_kit.custody import names
from evidence_kit.custody.extsort import sorted_lines
from evidence_kit.custody.ledger import raw_lines
from evidence_kit.errors import ChainError, DigestError, SignatureError

BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAGMANIFEST = "tagmanifest-sha256.txt"
ACQUISITION = "record/acquisition.json"
ATTESTATIONS = "record/artifacts.intoto.jsonl"
LEDGER = "record/exchanges.jsonl"
SEAL = "seal/seal.sigstore.json"
ACQUISITION_KEYS = "seal/acquisition.pub"
SEAL_FOLDER = "seal"
TIMESTAMPS = "seal/timestamps"
# The seal signs these; with the acquisition's public keys they stay below ten.
SEALED = (TAGMANIFEST, MANIFEST, ACQUISITION, ATTESTATIONS, LEDGER, ACQUISITION_KEYS)
_DIGEST = re.compile("[0-9a-f]{64}")
MAX_LINE = 64 + 2 + names.MAX_PATH + 1


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """One manifest line."""

    path: str
    sha256: str

    def line(self) -> bytes:
        """Return the line as `sha256sum` writes it."""
        return f"{self.sha256}  {self.path}\n".encode()


def manifest_lines(listed: Iterable[Listed]) -> Iterator[bytes]:
    """Yield manifest lines in the order of their paths, holding only a part of them in memory."""
    for line in sorted_lines(f"{item.path}  {item.sha256}\n".encode() for item in listed):
        path, _, digest = line[:-1].decode().partition("  ")
        yield Listed(path, digest).line()


def read_manifest(stream: BinaryIO, *, before: str = "", number: int = 1) -> Iterator[Listed]:
    """Yield the lines of a manifest; DigestError unless each is well formed and paths strictly ascend.

    Order makes duplicates visible without a set. A part of a manifest begins at line `number`, after path `before`.
    """
    try:
        for line, whole in raw_lines(stream, limit=MAX_LINE):
            listed = _listed(line, whole=whole)
            if listed.path <= before:
                said = "repeats the line before it" if listed.path == before else "is out of order"
                raise DigestError(f"manifest line {number} {said}: {listed.path}")
            yield listed
            before, number = listed.path, number + 1
    except (SignatureError, ChainError, UnicodeDecodeError) as error:
        raise DigestError(f"manifest line {number} is malformed: {error}") from error


def _listed(line: bytes, *, whole: bool) -> Listed:
    digest, separator, path = line.decode("ascii").partition("  ")
    if not whole or not separator or not _DIGEST.fullmatch(digest):
        raise SignatureError("not a digest, two spaces, a path and a line feed")
    return Listed(names.require_safe(path), digest)


def bag_info(fields: Mapping[str, str]) -> bytes:
    """Return `bag-info.txt`; values lose line breaks, which would start a new field."""
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in fields.items()).encode()
