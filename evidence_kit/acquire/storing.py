"""Putting a sealed case into a bucket, once: evidence first, then the event that says which versions it became.

The log comes last of all but its checkpoint, so what an interrupted run leaves does not verify. Storing again goes on
where that run stood: what is there already is compared, never written again.
"""

import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import IO

from evidence_kit.acquire.case import require_sound_log
from evidence_kit.custody import log, statement
from evidence_kit.custody.log import Keeper, State
from evidence_kit.custody.verify import files
from evidence_kit.errors import UnexpectedError, UsageError, VaultError
from evidence_kit.model.ports import Stored
from evidence_kit.model.time import rfc3339
from evidence_kit.vaults import held
from evidence_kit.vaults.deposit import BucketVault, Lock, Mark
from evidence_kit.vaults.local import LocalVault

_HANDS = 16  # objects under way at once
_AT_ONCE = 1000
_LAST = (log.LOG, log.CHECKPOINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a case is put, and what is to keep it there."""

    vault: BucketVault
    at: str  # `s3://BUCKET/PREFIX`
    lock: Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What was stored, and the event that says so."""

    fields: Mapping[str, object]
    objects: int
    bytes: int
    event: int


def store(vault: LocalVault, keeper: Keeper, place: Place, *, purpose: str, at: datetime) -> Placed:
    """Put every file of the case into the bucket and write it down; the copy's own log says it too."""
    with vault.lock(), vault.working():
        state = require_sound_log(keeper, at=at)
        _require_sealed(state)
        paths = sorted(_paths(vault))
        there = _already(place.vault, paths)
        with tempfile.TemporaryFile() as receipt:
            octets = _deposit_all(vault, place.vault, paths, there, receipt)
            receipt.seek(0)
            fields = _fields(place, objects=len(paths), octets=octets, purpose=purpose)
            seq = _write_down(vault, keeper, place, receipt, fields, at=at)
        for path in (f"{held.RECEIPTS}/{seq}.jsonl", *_LAST):
            _deposit(vault, place.vault, path, is_there=path in there)
    return Placed(fields=fields, objects=len(paths), bytes=octets, event=seq)


def _require_sealed(state: State) -> None:
    if not state.acquisitions:
        raise UsageError("nothing was collected yet", hint="what is stored cannot be added to")
    if unsealed := [known.id for known in state.acquisitions.values() if known.seal_sha256 is None]:
        raise UsageError(
            f"acquisition {unsealed[0]} is not sealed", hint="`evidence-kit resume` seals it; then store the case"
        )


def _paths(vault: LocalVault) -> Iterator[str]:
    """Yield all that proves something, but what is stored last; what is derived stays here."""
    yield log.CASE
    for folder in ("bags", "custody"):
        for entry in vault.walk(folder):
            if entry.kind != "file":
                raise UnexpectedError(
                    f"{entry.path[:200]!a} is not a plain file", hint="`evidence-kit verify` lists all defects"
                )
            if entry.path not in _LAST:
                yield entry.path


def _already(bucket: BucketVault, paths: list[str]) -> frozenset[str]:
    """Return what an interrupted run has left; VaultError where something else lives below the prefix."""
    known = frozenset((*paths, *_LAST))
    found = set()
    for entry in bucket.walk(""):
        if entry.path not in known and not entry.path.startswith(f"{held.RECEIPTS}/"):
            raise VaultError(
                f"{entry.path[:200]!a} is there already, and is none of this case", hint="choose an empty prefix"
            )
        found.add(entry.path)
    return frozenset(found)


def _deposit_all(
    vault: LocalVault, bucket: BucketVault, paths: list[str], there: frozenset[str], receipt: IO[bytes]
) -> int:
    """Store everything, many at once, and write the receipt in order; return the bytes."""

    def one(path: str) -> tuple[Stored, Mark]:
        return _deposit(vault, bucket, path, is_there=path in there)

    octets, rest = 0, iter(paths)
    with ThreadPoolExecutor(_HANDS) as hands:
        while some := list(islice(rest, _AT_ONCE)):
            futures = [hands.submit(one, path) for path in some]
            try:
                for path, future in zip(some, futures, strict=True):
                    said, mark = future.result()
                    receipt.write(held.line(path, said.sha256, said.size, mark))
                    octets += said.size
            except BaseException:
                for future in futures:
                    future.cancel()
                raise
    return octets


def _deposit(vault: LocalVault, bucket: BucketVault, path: str, *, is_there: bool) -> tuple[Stored, Mark]:
    sha256, size = files.digest(vault, path)
    said = Stored(path, sha256, size)
    if is_there:
        return said, bucket.recall(path, said)
    with vault.open(path) as body:
        return said, bucket.deposit(path, body, said)


def _fields(place: Place, *, objects: int, octets: int, purpose: str) -> Mapping[str, object]:
    return {
        "to": "store",
        "scope": "case",
        "recipients": [],
        "purpose": purpose,
        "medium": place.at,
        "store": {
            "at": place.at,
            "objects": objects,
            "bytes": octets,
            "mode": place.lock.mode,
            "retainUntil": rfc3339(place.lock.until) if place.lock.until else None,
            "legalHold": place.lock.hold,
        },
    }


def _write_down(
    vault: LocalVault,
    keeper: Keeper,
    place: Place,
    receipt: IO[bytes],
    fields: Mapping[str, object],
    *,
    at: datetime,
) -> int:
    """Keep the receipt and add the event, unless the log ends with that event; return its place."""
    size, last = keeper.state().tree.size, held.last_copy(vault)
    is_said = last is not None and last.seq == size - 1 and (last.at, last.lock) == (place.at, place.lock)
    seq = size - 1 if is_said else size
    path = f"{held.RECEIPTS}/{seq}.jsonl"
    sha256, _ = vault.publish(path, iter(lambda: receipt.read(1 << 20), b""))
    if is_said and last and last.receipt_sha256 == sha256:
        return seq
    if is_said:
        raise VaultError(f"the copy at `{place.at}` is not what event {seq} says", hint="choose an empty prefix")
    subject = statement.Subject(path, sha256)
    keeper.append(log.EXPORTED, at=at, subjects=[subject], fields={"export": fields})
    return seq
