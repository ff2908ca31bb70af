"""Time-stamps of seals, checkpoints and renewals: by when enough trusted authorities prove that they existed."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.custody import bag, checkpoint, log, strict, timestamp
from evidence_kit.custody.log import Event, State
from evidence_kit.custody.timestamp import MAX_REPLY, Data, Stamp
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify import files
from evidence_kit.custody.verify.tally import Tallies
from evidence_kit.errors import (
    DigestError,
    EvidenceKitError,
    SignatureError,
    UnexpectedError,
    UntrustedError,
)
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import rfc3339

MAX_TOKENS = 64  # a place: some authorities, asked a few times each over the years
_STAMPED = re.compile(rf"{log.TIMESTAMPS}/([1-9][0-9]{{0,8}})/[^/]+")
_TOKEN = re.compile(r"[A-Za-z0-9._=@+,-]{1,190}\.(tsr|reply)")
# What a custody event may call time-stamped, or a part of it: nothing else in the case is ours to look for.
_ANNOUNCED = re.compile(rf"(?:{log.TIMESTAMPS}|{log.CHECKPOINTS}|{log.RENEWALS}|bags/[^/]+/{bag.SEAL_FOLDER})/.+")
_COVERED = frozenset({log.SEALED, log.OFFERED, log.ACCEPTED, log.REJECTED, log.WITHDRAWN})


@dataclass(slots=True)
class CaseStamps:
    """By when each part of the log is proven to have existed, and what the log says of time-stamps."""

    announced: dict[str, str] = field(default_factory=dict)  # path → SHA-256, from the events
    seals: dict[str, datetime] = field(default_factory=dict)  # acquisition → when its seal's event is proven
    _sizes: Sequence[int] = ()
    _times: Sequence[datetime] = ()
    _uncovered: list[tuple[int, str]] = field(default_factory=list)

    def proven(self, seq: int) -> datetime | None:
        """Return the time by which a quorum of authorities proves that event `seq` existed."""
        place = bisect_right(self._sizes, seq)
        return self._times[place] if place < len(self._sizes) else None

    def seen(self, event: Event) -> None:
        """Take in an event of the log: what it says was stamped, and whether it should be."""
        if event.type == log.TIMESTAMPED:
            for subject in event.said.subjects:
                if not _ANNOUNCED.fullmatch(subject.name):
                    raise SignatureError(f"event {event.seq} calls {subject.name[:80]!a} a time-stamp")
                self.announced[subject.name] = subject.sha256
        if event.type not in _COVERED:
            return
        proven = self.proven(event.seq)
        if proven is None:
            self._uncovered.append((event.seq, event.type))
        elif event.type == log.SEALED:
            said = strict.field(event.said.predicate, "acquisition", dict)
            self.seals[strict.field(said, "id", str)] = proven

    def check_said(self, vault: Vault, state: State, trust: Trust, tallies: Tallies) -> None:
        """Once the log is read: every file that it announced is there, and what has to be stamped is."""
        for path, sha256 in self.announced.items():
            if is_disposed(path, state) and vault.stat(path) is None:
                continue
            with tallies["timestamp"].asking(files.printable(path)):
                found, _ = files.digest(vault, path)
                if found != sha256:
                    raise DigestError("differs from what the custody log recorded")
        if trust.timestamps_required:
            for seq, kind in self._uncovered:
                said = f"`{kind}` is not covered by a checkpoint that {_agreement(trust)} stamped"
                tallies["timestamp"].fail(UntrustedError(said), f"{log.LOG}:{seq + 1}")


def is_disposed(path: str, state: State) -> bool:
    """Say whether `path` lies in something that was disposed of."""
    gone = state.custody.disposed
    return log.WHOLE_CASE in gone or any(path.startswith(f"{scope}/") for scope in gone)


def _agreement(trust: Trust) -> str:
    return "one authority" if trust.quorum == 1 else f"{trust.quorum} authorities"


def case_stamps(vault: Vault, trust: Trust, tallies: Tallies) -> CaseStamps:
    """Read and verify what is stamped of the log, before the log is: its events are judged by these times."""
    places: dict[int, list[str]] = {}
    for entry in vault.walk(log.TIMESTAMPS):
        named = _STAMPED.fullmatch(entry.path)
        if entry.kind != "file" or named is None:
            said = "is no time-stamp" if entry.kind == "file" else "is not a plain file"
            tallies["layout"].fail(UnexpectedError(said), files.printable(entry.path))
        else:
            _note_name(places.setdefault(int(named[1]), []), entry.path)
    earliest: dict[str, Stamp] = {}
    proven: list[tuple[int, datetime]] = []
    for size in sorted(places, reverse=True):
        # A later checkpoint extends an earlier one, so whoever stamped it has vouched for what both cover.
        for stamp in _checkpoint_stamps(vault, size, places[size], trust, tallies):
            _keep_earliest(earliest, stamp)
        agreed = quorum(earliest.values(), trust)
        if agreed:
            proven.append((size, agreed[-1].latest))
    proven.reverse()
    if proven:
        last, by = proven[-1]
        tallies["timestamp"].notes.append(f"{last} events of the log {_said(by, len(earliest))}")
    return CaseStamps(_sizes=[size for size, _ in proven], _times=[by for _, by in proven])


def _checkpoint_stamps(
    vault: Vault, size: int, paths: Sequence[str], trust: Trust, tallies: Tallies
) -> tuple[Stamp, ...]:
    path = f"{log.CHECKPOINTS}/{size}"
    try:
        with vault.open(path) as stream:
            note = stream.read(checkpoint.MAX_CHECKPOINT + 1)
    except EvidenceKitError as error:
        tallies["timestamp"].fail(error, path)
        return ()
    return tuple(_verified(vault, paths, note, trust, tallies))


def _note_name(found: list[str], path: str) -> None:
    """Keep a bounded number of names: one more than is allowed shows that there are more."""
    if len(found) <= MAX_TOKENS:
        found.append(path)


def seal_stamps(vault: Vault, root: str, signature: bytes, trust: Trust, tallies: Tallies) -> datetime | None:
    """Return the time by which a quorum proves that a bag's seal existed; tokens are over its `signature`."""
    tally = tallies["timestamp"]
    stamps = place_stamps(vault, f"{root}/{bag.TIMESTAMPS}", signature, trust, tallies)
    count = len({stamp.authority for stamp in stamps})
    agreed = quorum(stamps, trust)
    if agreed:
        tally.notes.append(f"{root.rpartition('/')[2]} {_said(agreed[-1].latest, count)}")
        return agreed[-1].latest
    if trust.timestamps_required:
        said = f"the seal is time-stamped by {count or 'none'} of your authorities, the policy wants {trust.quorum}"
        tally.fail(UntrustedError(said), f"{root}/{bag.SEAL}")
    elif count:
        tally.unasked.append(f"the seal is time-stamped by {count} authorities, the policy wants {trust.quorum}")
    else:
        bare = next(iter(vault.walk(f"{root}/{bag.TIMESTAMPS}")), None) is None
        said = "no time-stamp" if bare else "no time-stamp that counts"
        tally.unasked.append(f"the seal carries {said}; its time is the signer's claim")
    return None


def place_stamps(vault: Vault, folder: str, data: Data, trust: Trust, tallies: Tallies) -> tuple[Stamp, ...]:
    """Return the verified stamps in one folder, all of them over `data`; what is no token there is unexpected."""
    found: list[str] = []
    for entry in vault.walk(folder):
        if entry.kind == "file":
            _note_name(found, entry.path)
        else:
            tallies["layout"].fail(UnexpectedError("is not a plain file"), files.printable(entry.path))
    return tuple(_verified(vault, found, data, trust, tallies))


def _verified(vault: Vault, paths: Sequence[str], data: Data, trust: Trust, tallies: Tallies) -> Iterator[Stamp]:
    if len(paths) > MAX_TOKENS:
        said = f"holds more than {MAX_TOKENS} time-stamps"
        tallies["layout"].fail(UnexpectedError(said), files.printable(paths[0].rpartition("/")[0]))
        return
    for path in sorted(paths):
        named = _TOKEN.fullmatch(path.rpartition("/")[2])
        if named is None:
            tallies["layout"].fail(UnexpectedError("is no time-stamp"), files.printable(path))
        elif named[1] == "reply":
            _check_reply(vault, path, tallies)
        elif stamp := _check_token(vault, path, data, trust, tallies):
            yield stamp


def _check_reply(vault: Vault, path: str, tallies: Tallies) -> None:
    entry = vault.stat(path)
    if entry is not None and entry.size > MAX_REPLY:
        tallies["layout"].fail(UnexpectedError(f"is larger than the {MAX_REPLY:,} bytes of a reply"), path)
    else:
        tallies["timestamp"].unasked.append(f"{path} is a reply that could not be verified when it came")


def _check_token(vault: Vault, path: str, data: Data, trust: Trust, tallies: Tallies) -> Stamp | None:
    """Return what one token proves. One that is intact but by a stranger counts for nothing and harms nothing."""
    tally = tallies["timestamp"]
    try:
        with vault.open(path) as stream:
            raw = stream.read(MAX_REPLY + 1)
        if not trust.time_authorities:
            timestamp.require_answers(timestamp.read_reply(raw), data)
            tally.unasked.append("time-stamps are there, but the policy names no time authority")
            return None
        stamp = timestamp.verify(raw, data, trust.time_authorities)
    except UntrustedError as error:
        tally.unasked.append(f"{path}: {error.message}")
        return None
    except EvidenceKitError as error:
        tally.fail(error, path)
        return None
    tally.passed += 1
    return stamp


def quorum(stamps: Iterable[Stamp], trust: Trust) -> tuple[Stamp, ...]:
    """Return the earliest stamps, one an authority, that suffice for the policy; none if too few agree."""
    earliest: dict[str, Stamp] = {}
    for stamp in stamps:
        _keep_earliest(earliest, stamp)
    ranked = sorted(earliest.values(), key=lambda stamp: stamp.latest)
    return tuple(ranked[: trust.quorum]) if len(ranked) >= trust.quorum else ()


def _keep_earliest(earliest: dict[str, Stamp], stamp: Stamp) -> None:
    known = earliest.get(stamp.authority)
    if known is None or stamp.latest < known.latest:
        earliest[stamp.authority] = stamp


def _said(by: datetime, count: int) -> str:
    return f"time-stamped {rfc3339(by)} by {count} {'authority' if count == 1 else 'authorities'}"
