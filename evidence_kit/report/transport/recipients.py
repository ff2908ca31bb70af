"""Whom an export is encrypted to, and the encrypting: age, so that any of its tools opens it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evidence_kit.errors import UsageError, VaultError

MAX_RECIPIENTS = 64
_MAX_FILE = 1 << 20
_KINDS = "an `age1…`, `ssh-ed25519 …` or `ssh-rsa …` public key"
_PUBLIC = re.compile(r"age1[a-z0-9]+|ssh-(?:ed25519|rsa) [A-Za-z0-9+/=]+")


@dataclass(frozen=True, slots=True)
class Recipient:
    """A public key as it was given, without its comment, and as the library takes it."""

    text: str
    key: object = field(repr=False, compare=False)


def listed(path: Path | None) -> list[str]:
    """Return the keys in a recipients file: one a line, `#` starts a comment."""
    if path is None:
        return []
    try:
        with path.open("rb") as stream:
            lines = stream.read(_MAX_FILE).decode().splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the recipients in `{path}`") from error
    found = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not found:
        raise UsageError(f"`{path}` names no recipient", hint=f"each line is {_KINDS}")
    return found


def parse(texts: Sequence[str]) -> tuple[Recipient, ...]:
    """Return each recipient once; UsageError names the first that is none, but repeats no secret."""
    if len(texts) > MAX_RECIPIENTS:
        raise UsageError(f"{len(texts)} recipients are more than {MAX_RECIPIENTS}")
    if not texts:
        return ()
    return tuple(dict.fromkeys(_recipient(number, text) for number, text in enumerate(texts, start=1)))


def _recipient(number: int, text: str) -> Recipient:
    from pyrage import RecipientError, ssh, x25519

    words = " ".join(text.split()[:2])
    if not _PUBLIC.fullmatch(words):
        # What it is instead may be a private key: it must not reach a terminal's or a job's log.
        raise UsageError(f"recipient {number} is not a public key", hint=f"a recipient is {_KINDS}")
    try:
        key = (x25519 if words.startswith("age1") else ssh).Recipient.from_str(words)
    except RecipientError as error:
        raise UsageError(
            f"recipient {number}, `{words[:80]}`, is not a public key", hint="check for typos"
        ) from error
    return Recipient(words, key)


def encrypt(chunks: Iterator[bytes], write: Callable[[bytes], int], to: Sequence[Recipient]) -> None:
    """Encrypt `chunks` as a stream, pulled by the library itself: no pipe that could fill, no thread to end."""
    from pyrage import EncryptError, encrypt_io

    pull, push = _Pull(chunks), _Push(write)
    try:
        encrypt_io(pull, push, [recipient.key for recipient in to])
    except EncryptError as error:
        failed = pull.failed or push.failed
        if failed:
            raise failed from None  # the library turns what we raised into text
        raise VaultError("cannot encrypt the archive") from error


class _Pull:
    """Chunks as a file to read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._held = chunks, memoryview(b"")
        self.failed: BaseException | None = None

    def read(self, size: int) -> bytes:
        try:
            while not self._held:
                chunk = next(self._chunks, None)
                if chunk is None:
                    return b""
                self._held = memoryview(chunk)
        except BaseException as error:
            self.failed = error
            raise
        data, self._held = self._held[:size], self._held[size:]
        return bytes(data)


class _Push:
    """A function as a file to write."""

    def __init__(self, write: Callable[[bytes], int]) -> None:
        self._write = write
        self.failed: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._write(data)
        except BaseException as error:
            self.failed = error
            raise

    def flush(self) -> None:
        """Do nothing: what is written is on its way."""
