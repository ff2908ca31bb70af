"""Putting things into a bucket, each once: what every provider's door must do, and the vault behind it."""

import base64
import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol, cast

from evidence_kit.custody import names
from evidence_kit.errors import UnexpectedError, VaultError
from evidence_kit.model.ports import Stored
from evidence_kit.vaults.objects import ObjectVault

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_CHUNK = 1 << 20
_SPOOL = 8 << 20  # staged in memory up to here, then in a file without a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What is to keep an object from being removed: a retention, a legal hold, or both."""

    mode: str = ""  # `COMPLIANCE` or `GOVERNANCE`; empty where there is no retention
    until: datetime | None = None
    hold: bool = False

    @property
    def wanted(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.mode or self.hold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a provider says of one object: which version it is, and by what its content is known."""

    version: str | None
    etag: str | None
    sha256: str | None = None  # only where the provider has computed it itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One line of a listing: an object, one of its older versions, or the marker of a deletion."""

    path: str
    mark: Mark
    is_latest: bool = True
    is_deletion: bool = False


class Door(Protocol):
    """How one provider takes an object in. A put that finds something there changes nothing."""

    most: int  # bytes of one object

    def put(self, path: str, body: BinaryIO, said: Stored) -> Mark | None:
        """Store `body` if nothing is there, under its checksum; None where something is."""
        ...

    def mark(self, path: str) -> Mark:
        """Return what is said of the object that is there."""
        ...

    def listing(self) -> Iterator[Seen]:
        """Yield everything below the prefix, by path, with every version that the provider tells of."""
        ...

    def fault(self, path: str, version: str | None, lock: Lock) -> str:
        """Say in what a version is not locked as `lock` asks; empty where it is."""
        ...

    def close(self) -> None:
        """Let connections go."""
        ...


def md5_of(body: BinaryIO) -> str:
    """Return what Google and Microsoft check against accidents, in base64; evidence has its SHA-256."""
    body.seek(0)
    whole = hashlib.md5(usedforsecurity=False)
    while chunk := body.read(_CHUNK):
        whole.update(chunk)
    return base64.b64encode(whole.digest()).decode()


class BucketVault(ObjectVault):
    """A bucket that takes evidence in, once. Journals cannot live here: a bucket appends nothing."""

    def __init__(self, store: "ObjectStore", door: Door) -> None:
        super().__init__(store)
        self.door = door
        self._staged: dict[str, IO[bytes]] = {}
        self._count = count()

    def stage(self, chunks: Iterable[bytes]) -> Stored:
        """Write and hash in one pass, on this machine; nothing of it is in the bucket yet."""
        digest, size = hashlib.sha256(), 0
        spool = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115 - it lives until it is committed
        try:
            for chunk in chunks:
                digest.update(chunk)
                spool.write(chunk)
                size += len(chunk)
        except BaseException:
            spool.close()
            raise
        stored = Stored(str(next(self._count)), digest.hexdigest(), size)
        self._staged[stored.handle] = cast("IO[bytes]", spool)
        return stored

    def commit(self, batch: Sequence[tuple[Stored, str]]) -> None:
        """Put each into the bucket, once. May be called again after it failed half way."""
        for stored, path in batch:
            self.deposit(path, cast("BinaryIO", self._staged[stored.handle]), stored)
        for stored, _ in batch:
            self._staged.pop(stored.handle).close()

    def close(self) -> None:
        """Drop what is staged and not committed, and let connections go."""
        while self._staged:
            self._staged.popitem()[1].close()
        self.door.close()

    def deposit(self, path: str, body: BinaryIO, said: Stored) -> Mark:
        """Store `body`, whose digest and size are `said`; what is there already must be the same bytes."""
        if not names.is_safe(path):
            raise UnexpectedError(f"{path[:200]!a} is not a name that a case may hold")
        if said.size > self.door.most:
            raise VaultError(
                f"`{path}` has {said.size:,} bytes, more than the {self.door.most:,} that can be stored in one piece",
                hint="`evidence-kit export --to bag` makes an archive, which may be uploaded in parts",
            )
        return self.door.put(path, body, said) or self.recall(path, said)

    def recall(self, path: str, said: Stored) -> Mark:
        """Return the mark of what is there; VaultError unless it is what `said` says."""
        mark = self.door.mark(path)
        found = mark.sha256 or self._digest(path)
        if found != said.sha256:
            raise VaultError(
                f"`{path}` is there already with other bytes; evidence is never overwritten",
                hint="choose another prefix",
            )
        return mark

    def _digest(self, path: str) -> str:
        whole = hashlib.sha256()
        with self.open(path) as stream:
            while chunk := stream.read(_CHUNK):
                whole.update(chunk)
        return whole.hexdigest()
