"""The ports: what a collector, a signer and a vault must do, and what a collector is given."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Literal, Protocol, TypeVar, runtime_checkable

from evidence_kit.model.exchange import Exchange, Item, Recorded
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Scope, Unit

T = TypeVar("T")


class Context(Protocol):
    """Everything a collector may use of the world. Nothing is read from globals."""

    def now(self) -> datetime:
        """Return aware UTC."""
        ...

    def secret(self, name: str) -> str:
        """Return a secret by name; it stays in a local variable."""
        ...

    def record(self, exchange: Exchange) -> None:
        """Put an attempt into the ledger that yields no page: throttled, failed, or asked while planning."""
        ...

    def retrying(self, quota: tuple[str, ...], send: Callable[[int], T]) -> T:
        """Call `send(attempt)` within the pacing budget `quota` until it raises something but `Retryable`."""
        ...

    def pause(self, seconds: float, reason: str) -> None:
        """Wait on the engine's clock, interruptibly."""
        ...

    def replay(self, request_digest: str) -> Recorded | None:
        """Return the stored answer to this request if an earlier run of the unit has one."""
        ...


class Collector(Protocol):
    """The code that acquires a source. It yields; the engine writes, hashes, signs, waits and retries."""

    spec: SourceSpec

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        """Enumerate all work before any evidence is asked for."""
        ...

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield lazily. The last `Page` of every call has `next_cursor` None; ending earlier is truncation."""
        ...


class Signer(Protocol):
    """A private key that can be used but not seen."""

    keyid: str
    public_key_pem: bytes

    def sign(self, payload: bytes) -> bytes:
        """Return a signature over `payload`."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a vault. `kind` tells links and devices apart from evidence."""

    path: str
    kind: Literal["file", "other"]
    size: int


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that are written and hashed but not yet in place."""

    handle: str
    sha256: str
    size: int


class Vault(Protocol):
    """Where a case lives. Evidence goes in once; nothing overwrites or deletes it."""

    def open(self, path: str) -> BinaryIO:
        """Open a plain file; links and devices are refused with UnexpectedError, absence with MissingError."""
        ...

    def stat(self, path: str) -> Entry | None:
        """Return what stands at `path` without following links, or None."""
        ...

    def walk(self, path: str) -> Iterator[Entry]:
        """Yield everything below `path` that is not a folder, in no order, holding one folder at a time."""
        ...

    def stage(self, chunks: Iterable[bytes]) -> Stored:
        """Write and hash in one pass, out of sight."""
        ...

    def commit(self, batch: Sequence[tuple[Stored, str]]) -> None:
        """Make staged bytes durable, then put each in place, once; all durable on return."""
        ...

    def append(self, path: str, data: bytes) -> None:
        """Add to a journal, durable on return."""
        ...

    def publish(self, path: str, data: Iterable[bytes]) -> tuple[str, int]:
        """Replace a rebuildable index file atomically and durably; return its SHA-256 and size."""
        ...

    def cut(self, path: str, size: int) -> bytes:
        """Shorten a journal to `size` and return what was behind it: a torn tail, kept elsewhere by the caller."""
        ...

    def set_aside(self, path: str, destination: str) -> None:
        """Move what an interrupted run left over, within an unsealed bag."""
        ...


@runtime_checkable
class Nearby(Protocol):
    """What a vault may do beside, when it lies where other processes can read it as well; verification is faster."""

    def digest(self, path: str) -> tuple[str, int]:
        """Return the SHA-256 and the size of a plain file, each byte of it read once; errors as of `open`."""
        ...

    def kinds(self, path: str, without: Collection[str] = ()) -> Iterator[tuple[str, bool]]:
        """Yield the paths that `walk` yields and whether each is a plain file; folders `without` are not entered."""
        ...

    def worker(self) -> tuple[str, ...]:
        """Return the module, and its arguments, that `python -m` runs to check what lies here."""
        ...


Environment = Mapping[str, str]
