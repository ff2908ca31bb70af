"""C2SP signed notes and tlog-checkpoints: the size and root of a log, signed by its Ed25519 key.

People cosign with `cosignature/v1` lines (C2SP tlog-cosignature), which carry the time of their signing.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from evidence_kit.custody import strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import ChainError, SignatureError
from evidence_kit.model.ports import Signer

_ED25519 = b"\x01"  # C2SP signed-note signature type
_COSIGNATURE = b"\x04"  # C2SP tlog-cosignature: Ed25519, time-stamped by the witness
_TIME = 8  # bytes of POSIX seconds, big-endian, before a cosignature
_HASH = 32
_KEY_HASH = 4
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")  # tlog-checkpoint: decimal, no leading zeroes; a 64-bit number
MAX_CHECKPOINT = 64 << 10  # C2SP caps notes at a megabyte and sixteen signatures; ours are far smaller


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: whose log, how long, which root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """Return the signed part: three lines."""
        return f"{self.origin}\n{self.size}\n{strict.to_base64(self.root)}\n".encode()


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody whose cosignature a log's own events announce."""

    name: str
    key: PublicKey


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: by whom, and when by their clock."""

    witness: Witness
    at: datetime


@dataclass(frozen=True, slots=True)
class Verified:
    """A checkpoint that its log has signed, and whoever cosigned it."""

    head: Checkpoint
    cosignatures: tuple[Cosignature, ...] = ()


def key_hash(name: str, key: PublicKey, kind: bytes = _ED25519) -> bytes:
    """Return the four bytes by which a signature line names its key."""
    return hashlib.sha256(name.encode() + b"\n" + kind + key.raw_ed25519()).digest()[:_KEY_HASH]


def vkey(name: str, key: PublicKey) -> str:
    """Return the verifier key of a log in the note format, as Go's sumdb/note reads it."""
    encoded = strict.to_base64(_ED25519 + key.raw_ed25519())
    return f"{name}+{key_hash(name, key).hex()}+{encoded}"


def sign(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """Return the signed note of `checkpoint`."""
    text = checkpoint.text()
    key = PublicKey.from_pem(signer.public_key_pem)
    blob = strict.to_base64(key_hash(checkpoint.origin, key) + signer.sign(text))
    return text + f"\n\u2014 {checkpoint.origin} {blob}\n".encode()


def cosign(note: bytes, *, name: str, signer: Signer, at: datetime) -> bytes:
    """Return `note` with one more line, by which `name` says to have seen this checkpoint at `at`."""
    text = parse(note)[0].text()
    when = int(at.timestamp())
    signature = signer.sign(_cosigned(text, when))
    key = PublicKey.from_pem(signer.public_key_pem)
    blob = key_hash(name, key, _COSIGNATURE) + when.to_bytes(_TIME, "big") + signature
    return note + f"\u2014 {name} {strict.to_base64(blob)}\n".encode()


def _cosigned(text: bytes, when: int) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (when, text)


def parse(note: bytes) -> tuple[Checkpoint, tuple[tuple[str, bytes], ...]]:
    """Read a note without trusting it: the checkpoint, and `(name, blob)` of each signature line."""
    if len(note) > MAX_CHECKPOINT:
        raise ChainError(f"a checkpoint of {len(note):,} bytes is not one")
    text, separator, tail = note.partition(b"\n\n")
    try:
        lines = text.decode().split("\n")
        signatures = tail.decode().split("\n")
    except UnicodeDecodeError as error:
        raise ChainError("the checkpoint is not UTF-8") from error
    if not separator or len(lines) != 3 or len(signatures) < 2 or signatures[-1]:
        raise ChainError("the checkpoint is not a signed note of three lines")
    origin, size, root = lines
    if not _SIZE.fullmatch(size):
        raise ChainError("the checkpoint's size is not a number")
    try:
        head = Checkpoint(origin, int(size), strict.from_base64(root))
        signed = tuple(_signature(line) for line in signatures[:-1])
    except SignatureError as error:
        raise ChainError(f"the checkpoint cannot be read: {error.message}") from error
    if len(head.root) != _HASH:
        raise ChainError("the checkpoint's root is not a SHA-256")
    return head, signed


def _signature(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014" or not parts[1]:
        raise SignatureError("malformed signature line")
    return parts[1], strict.from_base64(parts[2])


def verify(note: bytes, *, origin: str, key: PublicKey, witnesses: Sequence[Witness] = ()) -> Verified:
    """Return the checkpoint if it belongs to `origin` and `key` signed it; every other line must verify too."""
    head, signatures = parse(note)
    if head.origin != origin:
        raise ChainError(f"the checkpoint belongs to {head.origin!a}, not to {origin!a}")
    expected = key_hash(origin, key)
    by_log = [blob for name, blob in signatures if name == origin and blob[:_KEY_HASH] == expected]
    if not by_log:
        raise SignatureError("the log's own key has not signed this checkpoint, and nobody vouches for it")
    for blob in by_log:
        key.verify(head.text(), blob[_KEY_HASH:])
    others = [(name, blob) for name, blob in signatures if not (name == origin and blob[:_KEY_HASH] == expected)]
    return Verified(head, tuple(_cosignature(name, blob, head, witnesses) for name, blob in others))


def _cosignature(name: str, blob: bytes, head: Checkpoint, witnesses: Sequence[Witness]) -> Cosignature:
    """Return the cosignature in a line; four bytes do not name a key for sure, so each that fits is tried."""
    fitting = [w for w in witnesses if w.name == name and blob[:_KEY_HASH] == key_hash(name, w.key, _COSIGNATURE)]
    when = int.from_bytes(blob[_KEY_HASH : _KEY_HASH + _TIME], "big")
    for witness in fitting:
        try:
            witness.key.verify(_cosigned(head.text(), when), blob[_KEY_HASH + _TIME :])
            return Cosignature(witness, datetime.fromtimestamp(when, UTC))
        except (SignatureError, ValueError, OverflowError, OSError):
            continue
    if fitting:
        raise SignatureError(f"the cosignature of {name!a} does not verify")
    raise SignatureError(f"the checkpoint carries a signature of {name!a} that nobody vouches for")
