"""One unit acquired elsewhere: leased to a worker, fetched whole, and only then recorded, as if it were ours.

Nothing of a lease is taken before all of it is here and is what the worker hashed. A lease whose worker is lost is
void as a whole: the unit is leased anew, so that none is lost and none is there twice.
"""

import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from evidence_kit.acquire.afar import site
from evidence_kit.acquire.afar.crew import Crew, Hand, Lost
from evidence_kit.acquire.afar.frames import frame, frames
from evidence_kit.acquire.context import Memory, World
from evidence_kit.acquire.placing import folder_of
from evidence_kit.acquire.recorder import Artifact, Attempt, Recorder
from evidence_kit.acquire.scope import planned_json
from evidence_kit.custody import names
from evidence_kit.errors import EvidenceKitError, OperatorStop, VaultError
from evidence_kit.model.ports import Stored
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Finding, Outcome, Unit
from evidence_kit.vaults.local import LocalVault

PIECE = 4 << 20  # what one answer of a worker holds of its spool, so that neither side holds much
FILES = 256  # small files an answer
# As often as Dask trusts a task: a unit whose workers die each time is what kills them.
MAX_LEASES = 3
_POLL = 1.0
JOURNAL = "journal"


@dataclass(slots=True, kw_only=True)
class Lease:
    """One try at one unit by one worker."""

    unit: Unit
    hand: Hand
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    inline: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Fetched:
    """A lease that is here whole: its journal, and where its files are staged."""

    journal: Stored
    staged: dict[str, Stored] = field(default_factory=dict)
    outcome: Outcome | None = None


class Elsewhere:
    """Acquires units by a crew, on behalf of an engine."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._abandoned = threading.Event()

    def abandon(self) -> None:
        """Wait for no worker any more."""
        self._abandoned.set()

    def acquire(
        self, unit: Unit, *, vault: LocalVault, recorder: Recorder, world: World, memory: Memory | None
    ) -> Outcome:
        """Acquire `unit` and queue its end. Only a vault that fails is raised; all else is a status."""
        self._crew.stop_with(world.stop)
        void: list[Finding] = []
        while True:
            if world.stop.is_set() or len(void) == MAX_LEASES:
                return self._unfinished(unit, recorder, void, stopped=world.stop.is_set())
            try:
                lease = Lease(unit=unit, hand=self._crew.take(self._crew.lane(unit)))
            except Lost as lost:
                void.append(Finding(kind="lease_void", message=str(lost)))
                return self._unfinished(unit, recorder, void, stopped=world.stop.is_set())
            try:
                fetched = self._fetch(lease, self._work(lease, world, memory), vault)
            except Lost as lost:
                self._crew.write_off(lease.hand, str(lost))
                void.append(_void(lease.hand, lost))
                continue
            finally:
                self._crew.give_back(lease.hand, lease.token)
            return self._record(lease, fetched, vault, recorder, void)

    def _unfinished(self, unit: Unit, recorder: Recorder, void: Sequence[Finding], *, stopped: bool) -> Outcome:
        status, reason = UnitStatus.SKIPPED_BY_OPERATOR, "stopped before a worker had finished it"
        if not stopped:
            status = UnitStatus.PARTIAL_ERROR
            reason = f"no worker finished it; the last: {void[-1].message}"
        outcome = Outcome(unit=unit.id, status=status, reason=reason, findings=tuple(void))
        recorder.close_unit(unit, outcome)
        return outcome

    # -- a lease -------------------------------------------------------------------------------------------

    def _work(self, lease: Lease, world: World, memory: Memory | None) -> tuple[str, int]:
        """Let the worker acquire the unit; return digest and size of its journal."""
        crew, hand = self._crew, lease.hand
        self._remind(lease, memory)
        known = (memory.downloads, memory.pages) if memory else ({}, 0)
        arguments = (crew.session, lease.token, planned_json(lease.unit), dict(known[0]), known[1])
        running = crew.cluster.start(hand.address, lease.token, site.run_lease, *arguments)
        stopped_at: float | None = None
        try:
            while (said := running.wait(_POLL)) is None:
                if self._abandoned.is_set():
                    raise OperatorStop("stopped while a worker was at it")
                if hand.lost:
                    raise Lost(hand.lost)
                if world.stop.is_set():
                    stopped_at = stopped_at or time.monotonic()
                    if time.monotonic() - stopped_at > crew.patience.stop:
                        raise Lost("it did not stop when asked")
        finally:
            running.cancel()
        return self._believed(lease, said)

    def _believed(self, lease: Lease, said: Mapping[str, object]) -> tuple[str, int]:
        """Take the word of the very process that the unit was leased to, for this lease; Lost otherwise."""
        if (said.get("process"), said.get("token")) != (lease.hand.process, lease.token) or lease.hand.lost:
            raise Lost("another process answered for it")
        if "error" in said:
            raise Lost(f"its spool failed: {said['error']}")
        inline, journal = said.get("inline"), said.get("journal")
        if not isinstance(inline, dict) or not isinstance(journal, Sequence) or len(journal) != 2:
            raise Lost("it answered what cannot be read")
        lease.inline = inline
        return str(journal[0]), int(journal[1])

    def _remind(self, lease: Lease, memory: Memory | None) -> None:
        """Hand over what a torn run of the unit stored, so that it is not asked for again."""
        for answer in chain.from_iterable(memory.answers.values()) if memory else ():
            self._ask(lease, site.keep, frame(answer()))

    def _ask(self, lease: Lease, call: object, *args: object) -> object:
        if lease.hand.lost:
            raise Lost(lease.hand.lost)
        crew = self._crew
        return crew.cluster.ask(
            lease.hand.address,
            call,  # type: ignore[arg-type]
            crew.session,
            lease.token,
            *args,
            seconds=crew.patience.call,
        )

    # -- what it brought -----------------------------------------------------------------------------------

    def _fetch(self, lease: Lease, journal: tuple[str, int], vault: LocalVault) -> _Fetched:
        """Bring a whole spool into the vault's staging area, checked against what the worker hashed."""
        sha256, size = journal
        stored = vault.stage(self._chunks(lease, [Stored(JOURNAL, sha256, size)]))
        fetched = _Fetched(journal=stored)
        try:
            _require((stored.sha256, stored.size) == journal, "its journal did not arrive as it was written")
            self._stage(lease, fetched, vault)
            _require(fetched.outcome is not None, "its journal has no end")
        except BaseException:
            for left in (fetched.journal, *fetched.staged.values()):
                vault.discard(left)
            raise
        return fetched

    def _stage(self, lease: Lease, fetched: _Fetched, vault: LocalVault) -> None:
        chunks = self._chunks(lease, _artifacts(vault, lease.unit, fetched))
        for said in _artifacts(vault, lease.unit, fetched):
            _require(said.handle not in fetched.staged, "its journal names one file twice")
            here = fetched.staged[said.handle] = vault.stage(_first(chunks, said.size))
            _require((here.sha256, here.size) == (said.sha256, said.size), "a file did not arrive as it was written")

    def _chunks(self, lease: Lease, files: Sequence[Stored] | Iterator[Stored]) -> Iterator[bytes]:
        """Yield the bytes of `files`, one after the other, no piece longer than `PIECE` and none of two files."""
        batch: list[tuple[str, int, int]] = []
        room = PIECE
        for one in files:
            offset = 0
            while offset < one.size:
                length = min(room, one.size - offset)
                batch.append((one.handle, offset, length))
                offset, room = offset + length, room - length
                if room == 0 or len(batch) == FILES:
                    yield from self._pieces(lease, batch)
                    batch, room = [], PIECE
        if batch:
            yield from self._pieces(lease, batch)

    def _pieces(self, lease: Lease, batch: Sequence[tuple[str, int, int]]) -> Iterator[bytes]:
        if all(handle in lease.inline for handle, _, _ in batch):
            found: object = [lease.inline[handle][at : at + length] for handle, at, length in batch]
        else:
            found = self._ask(lease, site.read, batch)
        if not isinstance(found, list) or [len(one) for one in found] != [length for _, _, length in batch]:
            raise Lost("its spool is not what it said")
        yield from found

    def _record(
        self, lease: Lease, fetched: _Fetched, vault: LocalVault, recorder: Recorder, void: Sequence[Finding]
    ) -> Outcome:
        """Hand a whole lease to the recorder, in the worker's order."""
        unit = lease.unit
        with vault.open(fetched.journal.handle) as stream:
            for one in frames(stream):
                if isinstance(one, Artifact):
                    recorder.submit(replace(one, unit=unit, stored=fetched.staged[one.stored.handle]))
                elif isinstance(one, Attempt):
                    recorder.submit(Attempt(unit.id, one.exchange))
        vault.discard(fetched.journal)
        if fetched.outcome is None:  # pragma: no cover - `_fetch` sees to it
            raise VaultError("a unit without an end was fetched")
        outcome = replace(fetched.outcome, findings=(*fetched.outcome.findings, *void, _acquired_by(lease.hand)))
        recorder.close_unit(unit, outcome)
        return outcome


def _artifacts(vault: LocalVault, unit: Unit, fetched: _Fetched) -> Iterator[Stored]:
    """Yield what a journal says was stored, and take the unit's end from it; Lost where it speaks of another unit."""
    folder = f"{folder_of(unit)}/"
    outcome: Outcome | None = None
    try:
        with vault.open(fetched.journal.handle) as stream:
            for one in frames(stream):
                if outcome is not None:
                    raise Lost("its journal goes on behind its end")
                if isinstance(one, Artifact):
                    if one.unit.id != unit.id or not names.require_safe(one.path).startswith(folder):
                        raise Lost("its journal speaks of another unit")
                    yield one.stored
                elif isinstance(one, Outcome) and one.unit == unit.id:
                    outcome = one
                elif not (isinstance(one, Attempt) and one.unit == unit.id):
                    raise Lost("its journal holds what is none of a unit's")
    except EvidenceKitError as error:
        raise Lost(error.message) from error
    fetched.outcome = outcome


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not holds:
        raise Lost(otherwise)


def _first(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Yield from `chunks` as many as make `size` bytes; none reaches beyond."""
    while size > 0:
        chunk = next(chunks, b"")
        if not chunk:
            return
        size -= len(chunk)
        yield chunk


def _acquired_by(hand: Hand) -> Finding:
    """Say on record who asked, and how that clock stood to the coordinator's: the unit's times are that clock's."""
    return Finding(
        kind="acquired_by_worker",
        message=f"asked for by a worker on `{hand.host}`; the times of its exchanges are that machine's",
        facts={
            "host": hand.host,
            "worker": hand.address,
            "process": hand.process,
            "clockOffsetSeconds": f"{hand.offset:.3f}",
            "clockOffsetWithin": f"{hand.within:.3f}",
            "clockSynchronized": "unknown" if hand.synchronized is None else "yes" if hand.synchronized else "no",
        },
    )


def _void(hand: Hand, lost: Lost) -> Finding:
    """Say on record that the provider may have been asked more often than the ledger tells."""
    return Finding(
        kind="lease_void",
        message=f"a worker on `{hand.host}` began this and was lost: {lost}; nothing it brought was taken",
        facts={"host": hand.host, "worker": hand.address, "process": hand.process},
    )
