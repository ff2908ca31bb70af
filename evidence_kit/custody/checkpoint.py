"""C2SP signed notes and tlog-checkpoints: the size and root of a log, signed by its Ed25519 key."""

import hashlib
import re
from dataclasses import dataclass

from evidence_kit.custody import strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import ChainError, SignatureError
from evidence_kit.model.ports import Signer

_ED25519 = b"\x01"  # C2SP signed-note signature type
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


def key_hash(name: str, key: PublicKey) -> bytes:
    """Return the four bytes by which a signature line names its key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.raw_ed25519()).digest()[:_KEY_HASH]


def vkey(name: str, key: PublicKey) -> str:
    """Return the verifier key in the note format, as Go's sumdb/note reads it."""
    encoded = strict.to_base64(_ED25519 + key.raw_ed25519())
    return f"{name}+{key_hash(name, key).hex()}+{encoded}"


def sign(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """Return the signed note of `checkpoint`."""
    text = checkpoint.text()
    key = PublicKey.from_pem(signer.public_key_pem)
    blob = strict.to_base64(key_hash(checkpoint.origin, key) + signer.sign(text))
    return text + f"\n\u2014 {checkpoint.origin} {blob}\n".encode()


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


def verify(note: bytes, *, origin: str, key: PublicKey) -> Checkpoint:
    """Return the checkpoint if it belongs to `origin` and `key` signed it; every other line must be known too."""
    head, signatures = parse(note)
    if head.origin != origin:
        raise ChainError(f"the checkpoint belongs to {head.origin!a}, not to {origin!a}")
    expected = key_hash(origin, key)
    for name, blob in signatures:
        if name != origin or blob[:_KEY_HASH] != expected:
            raise SignatureError(f"the checkpoint carries a signature of {name!a} that nobody vouches for")
        key.verify(head.text(), blob[_KEY_HASH:])
    return head
