"""Whether a bucket holds what was stored there: the same versions, nothing beside, locked as the log says."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from typing import BinaryIO

from evidence_kit.custody import log, strict
from evidence_kit.custody.log import Event
from evidence_kit.custody.verify import files
from evidence_kit.custody.verify.tally import Tally
from evidence_kit.errors import (
    AccessError,
    DigestError,
    EvidenceKitError,
    MissingError,
    ProviderError,
    ProviderProofError,
    SignatureError,
    UnexpectedError,
    UsageError,
)
from evidence_kit.model.check import Check
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import parse_instant
from evidence_kit.vaults.deposit import Door, Lock, Mark, Seen

RECEIPTS = "derived/stored"  # what was stored, by the event that vouches for it
_DERIVED = "derived/"
_OPEN = frozenset({log.LOG, log.CHECKPOINT})  # stored after the event, so that no receipt can name them
_HANDS, _AT_ONCE = 16, 1000
_MAX_LINE = 16 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What an event says of a copy in a bucket."""

    seq: int
    at: str  # `s3://BUCKET/PREFIX`
    lock: Lock
    receipt: str
    receipt_sha256: str


def line(path: str, sha256: str, size: int, mark: Mark) -> bytes:
    """Return what a receipt says of one object."""
    said = {"path": path, "sha256": sha256, "bytes": size, "version": mark.version, "etag": mark.etag}
    return strict.encode(said) + b"\n"


def last_copy(vault: Vault) -> Copy | None:
    """Return what the log's last event about a copy in a bucket says; `verify` judges the log itself."""
    found: list[Copy] = []

    def keep(event: Event) -> None:
        if event.type == log.EXPORTED and (stored := _copy(event)):
            found[:] = [stored]

    with vault.open(log.LOG) as stream:
        log.scan(stream, report=lambda _error, _where: None, seen=keep)
    return found[0] if found else None


def _copy(event: Event) -> Copy | None:
    said = event.said.predicate.get("export")
    if not isinstance(said, dict) or not isinstance(said.get("store"), dict):
        return None
    store = said["store"]
    until = strict.field(store, "retainUntil", str) if store.get("retainUntil") else None
    subject = event.said.subjects[0]
    return Copy(
        seq=event.seq,
        at=strict.field(store, "at", str),
        lock=Lock(
            mode=strict.field(store, "mode", str),
            until=parse_instant(until) if until else None,
            hold=strict.field(store, "legalHold", bool),
        ),
        receipt=subject.name,
        receipt_sha256=subject.sha256,
    )


def check(vault: Vault, open_door: Callable[[], Door], said: str) -> Check:
    """Hold the bucket called `said` against the receipt that the log vouches for; every defect is in the result."""
    tally = Tally("store")
    try:
        stored = last_copy(vault)
        if stored is None:
            tally.unasked.append("no event says how the case came into this bucket")
        elif stored.at != said:
            tally.unasked.append(f"event {stored.seq} tells of another place: {files.printable(stored.at)}")
        else:
            with closing(open_door()) as door:
                _check(vault, door, stored, tally)
    except (AccessError, UsageError, ProviderError) as error:
        tally.passed = 0
        tally.unasked.append(f"versions and locks could not be read: {error.message}")
    except EvidenceKitError as error:
        tally.fail(error, RECEIPTS)
    return tally.check()


def _check(vault: Vault, door: Door, stored: Copy, tally: Tally) -> None:
    found, _ = files.digest(vault, stored.receipt)
    if found != stored.receipt_sha256:
        tally.fail(DigestError(f"differs from what event {stored.seq} names"), files.printable(stored.receipt))
        return
    with vault.open(stored.receipt) as stream:
        sound = _sound(_receipt(stream), door.listing(), stored, tally)
        counted = _locked(door, sound, stored.lock, tally) if stored.lock.wanted else sum(1 for _ in sound)
    tally.passed = counted
    locked = f", each {_described(stored.lock)}" if stored.lock.wanted else ""
    tally.notes.append(f"{counted:,} objects stand as event {stored.seq} says{locked}")


def _receipt(stream: BinaryIO) -> Iterator[tuple[str, Mark]]:
    before = ""
    while text := stream.readline(_MAX_LINE):
        said = strict.decode(text.removesuffix(b"\n"), limit=_MAX_LINE)
        path = strict.field(said, "path", str)
        if path <= before:
            raise SignatureError("the receipt is not in order")
        before = path
        yield path, Mark(version=_text(said, "version"), etag=_text(said, "etag"))


def _text(said: Mapping[str, object], name: str) -> str | None:
    return None if said.get(name) is None else strict.field(said, name, str)


def _sound(
    receipt: Iterator[tuple[str, Mark]], listing: Iterator[Seen], stored: Copy, tally: Tally
) -> Iterator[tuple[str, str | None]]:
    """Yield path and version of each object that is as it was stored; both sides come sorted, and are read once."""
    listed, last = next(receipt, None), {*_OPEN, stored.receipt}
    for path, group in groupby(listing, key=attrgetter("path")):
        while listed and listed[0] < path:
            tally.fail(MissingError("was stored, and is not there"), files.printable(listed[0]))
            listed = next(receipt, None)
        mark = None
        if listed and listed[0] == path:
            mark, listed = listed[1], next(receipt, None)
        elif path in last:
            last.remove(path)
        else:
            if not path.startswith(_DERIVED):
                tally.fail(UnexpectedError("no receipt names it"), files.printable(path))
            continue
        try:
            version = _standing(list(group), mark)
        except UnexpectedError as error:
            tally.fail(error, files.printable(path))
        else:
            yield path, version
    while listed:
        tally.fail(MissingError("was stored, and is not there"), files.printable(listed[0]))
        listed = next(receipt, None)
    for path in sorted(last):
        tally.fail(
            MissingError("is not there: storing was interrupted, or somebody removed it"), files.printable(path)
        )


def _standing(seen: list[Seen], mark: Mark | None) -> str | None:
    """Return the one version of an object; raise where there was ever another, or a deletion."""
    if any(one.is_deletion for one in seen) or not any(one.is_latest for one in seen):
        raise UnexpectedError("somebody has deleted it; an older version is left")
    if len(seen) > 1:
        raise UnexpectedError(f"it was written {len(seen)} times")
    there = seen[0].mark
    if mark and mark.version and there.version:
        # A version is its content; Google's ETag changes with a hold as well.
        if there.version != mark.version:
            raise UnexpectedError(f"it is version {there.version[:80]!a}, not {mark.version[:80]!a}")
    elif mark and there.etag != mark.etag:
        raise UnexpectedError("it was written anew since it was stored, or its metadata was")
    return there.version


def _locked(door: Door, sound: Iterable[tuple[str, str | None]], lock: Lock, tally: Tally) -> int:
    """Ask for the lock of every version; no listing tells it."""
    counted, rest = 0, iter(sound)
    with ThreadPoolExecutor(_HANDS) as hands:
        while some := list(islice(rest, _AT_ONCE)):
            faults = hands.map(partial(_fault, door, lock), some)
            for (path, _), fault in zip(some, faults, strict=True):
                if fault:
                    tally.fail(
                        ProviderProofError(f"it is not locked as the log says: {fault}"), files.printable(path)
                    )
                else:
                    counted += 1
    return counted


def _fault(door: Door, lock: Lock, one: tuple[str, str | None]) -> str:
    return door.fault(one[0], one[1], lock)


def _described(lock: Lock) -> str:
    said = []
    if lock.mode and lock.until:
        said.append(f"locked in {lock.mode} mode until {lock.until:%Y-%m-%d}")
    if lock.hold:
        said.append("under legal hold")
    return " and ".join(said)
