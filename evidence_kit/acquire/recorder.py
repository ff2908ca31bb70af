"""The write path: staged bytes become durable, then signed, then acknowledged in the ledger; in batches.

One thread does all of it, so the order `bytes -> attestation -> ledger line` holds across all workers. A batch is
what arrives within a tenth of a second, 500 pieces of work or 256 MB at most. A crash loses at most the batch
under way and what waits behind it, none of which anything has acknowledged yet.
"""

import queue
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from evidence_kit.acquire.observer import Observer
from evidence_kit.custody import attest, bag, ledger
from evidence_kit.custody.attest import Reading
from evidence_kit.custody.ledger import Chain
from evidence_kit.errors import EvidenceKitError, VaultError
from evidence_kit.model.exchange import Exchange
from evidence_kit.model.ports import Signer, Stored
from evidence_kit.model.unit import Finding, Outcome, Unit
from evidence_kit.vaults.local import LocalVault

BATCH = 500  # files; measured: about 70 µs a file in batches against 280 µs one by one
BATCH_BYTES = 256 << 20  # large objects: not more than a disk takes in about a second
LINGER = 0.1  # seconds: batches of whatever lay in the queue were of two files, and each pays for five syncs
QUEUE = 1000  # how far workers may run ahead of what is durable


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Staged bytes and everything that will be said about them."""

    unit: Unit
    stored: Stored
    path: str
    exchange: Exchange
    reading: Reading


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that brought no evidence."""

    unit: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Line:
    """A ledger line of another kind."""

    kind: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Ended:
    unit: Unit
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Flush:
    done: "Future[None]"


_Work = Artifact | Attempt | Line | _Ended | _Flush


@dataclass(slots=True)
class _Batch:
    """Work that is recorded together, and how far that has come: a batch that failed goes on where it stood."""

    work: list[_Work]
    committed: bool = False
    attested: bool = False


class Receiver(Protocol):
    """Takes what a unit brings, in its order: the recorder here, a journal where a worker elsewhere acquires."""

    def submit(self, work: Artifact | Attempt | Line) -> None:
        """Take one piece of work."""
        ...

    def close_unit(self, unit: Unit, outcome: Outcome) -> None:
        """Take the end of a unit, behind everything that it brought."""
        ...


class Recorder:
    """Owns the ledger and the attestations of one bag while it is being filled."""

    def __init__(
        self,
        *,
        vault: LocalVault,
        root: str,
        signer: Signer,
        chain: Chain,
        context: Mapping[str, object],
        observer: Observer,
    ) -> None:
        self._vault = vault
        self._root = root
        self._signer = signer
        self._chain = chain
        self._context = context
        self._observer = observer
        self._queue: queue.Queue[_Work | None] = queue.Queue(QUEUE)
        self._hurry = threading.Event()  # as much waits as a batch holds, or somebody waits for it
        self.failure: EvidenceKitError | None = None
        self._refusal: EvidenceKitError | None = None
        self._held: list[_Batch] = []  # what could not be recorded yet
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin to take work."""
        self._thread.start()

    def submit(self, work: Artifact | Attempt | Line) -> None:
        """Queue work; blocks while the recorder is behind, raises once it has failed."""
        self._put(work)

    def close_unit(self, unit: Unit, outcome: Outcome) -> None:
        """Queue the end of a unit behind everything that it stored."""
        self._put(_Ended(unit, outcome))

    def flush(self) -> None:
        """Return when all that was queued is durable and acknowledged; what failed before is tried once more."""
        done: Future[None] = Future()
        self._put(_Flush(done))
        done.result()

    def stop(self) -> None:
        """Finish what is queued and end; raises what made the recorder fail."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._hurry.set()
            self._thread.join()
        if self.failure:
            raise self.failure

    def refuse(self, error: EvidenceKitError) -> None:
        """Take nothing more, so that no unit ends for another reason than `error`; what is queued is kept."""
        self._refusal = self._refusal or error

    def _put(self, work: _Work) -> None:
        if error := self.failure or (None if isinstance(work, _Flush) else self._refusal):
            raise error
        self._queue.put(work)
        if isinstance(work, _Flush) or self._queue.qsize() >= BATCH:
            self._hurry.set()

    def _run(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._next_batch()
            self._held.append(_Batch(batch))
            flushes = [work for work in batch if isinstance(work, _Flush)]
            if self.failure is None and (flushes or self._refusal is None):
                self._record_held(last_chance=self._refusal is not None)
            for work in flushes:
                self._answer(work.done)

    def _record_held(self, *, last_chance: bool) -> None:
        """Record what is held. The first failure only stops the intake: a reserve may yet be given back."""
        try:
            while self._held:
                self._record(self._held[0])
                del self._held[0]
        except Exception as error:  # noqa: BLE001 - whatever it is, the workers must learn of it
            self.refuse(error if isinstance(error, EvidenceKitError) else VaultError(f"recording failed: {error!r}"))
            if last_chance:
                self.failure = self._refusal

    def _answer(self, done: "Future[None]") -> None:
        if error := self.failure or (self._refusal if self._held else None):
            done.set_exception(error)
        else:
            done.set_result(None)

    def _next_batch(self) -> tuple[list[_Work], bool]:
        """Gather work for a moment; nobody who waits for a flush or for the end is kept waiting."""
        batch: list[_Work] = []
        work = self._queue.get()
        until, size = time.monotonic() + LINGER, 0
        while work is not None:
            batch.append(work)
            size += work.stored.size if isinstance(work, Artifact) else 0
            if len(batch) >= BATCH or size >= BATCH_BYTES or isinstance(work, _Flush):
                return batch, False
            try:
                work = self._more(until)
            except queue.Empty:
                return batch, False
        return batch, True

    def _more(self, until: float) -> _Work | None:
        """Return what comes next; Empty if nothing does before `until`.

        Workers do not wake this thread for each piece: it would take the interpreter from them every time.
        """
        waits = True
        while True:
            self._hurry.clear()
            try:
                return self._queue.get_nowait()
            except queue.Empty:
                if not waits:
                    raise
            waits = self._hurry.wait(max(0.0, until - time.monotonic()))

    def _record(self, batch: _Batch) -> None:
        artifacts = [work for work in batch.work if isinstance(work, Artifact)]
        if artifacts and not batch.committed:
            self._vault.commit([(work.stored, f"{self._root}/{work.path}") for work in artifacts])
        batch.committed = True
        said = {id(work): attest.exchange_json(work.exchange) for work in artifacts}  # attested, and in the ledger
        if artifacts and not batch.attested:
            attested = (self._attest(work, said[id(work)]) for work in artifacts)
            self._vault.append(f"{self._root}/{bag.ATTESTATIONS}", ledger.lines(attested))
        batch.attested = True
        chain = Chain(self._chain.size, self._chain.head)
        lines = [line for work in batch.work if (line := _ledger_line(chain, work, said)) is not None]
        if lines:
            self._vault.append(f"{self._root}/{bag.LEDGER}", ledger.lines(lines))
        self._chain.size, self._chain.head = chain.size, chain.head
        self._tell(batch.work)

    def _attest(self, work: Artifact, said: Mapping[str, object]) -> bytes:
        return attest.artifact_line(
            path=work.path,
            stored=work.stored,
            unit=work.unit,
            exchange=work.exchange,
            reading=work.reading,
            context=self._context,
            signer=self._signer,
            said=said,
        )

    def _tell(self, batch: list[_Work]) -> None:
        for work in batch:
            if isinstance(work, Artifact):
                self._observer.stored(work.unit, work.stored.size, work.reading.records)
            elif isinstance(work, _Ended):
                self._observer.closed(work.unit, work.outcome)


def _ledger_line(chain: Chain, work: _Work, said: Mapping[int, Mapping[str, object]]) -> bytes | None:
    if isinstance(work, Line):
        return chain.line(work.kind, work.fields)
    if isinstance(work, _Ended):
        return chain.line(ledger.UNIT, outcome_json(work.outcome))
    if isinstance(work, Attempt):
        body = {"sha256": work.exchange.sha256, "bytes": work.exchange.bytes} if work.exchange.sha256 else None
        fields = {"unit": work.unit, **attest.exchange_json(work.exchange), "body": body, "artifact": None}
        return chain.line(ledger.EXCHANGE, fields)
    if isinstance(work, Artifact):
        stored = {"path": work.path, "sha256": work.stored.sha256, "bytes": work.stored.size}
        fields = {
            "unit": work.unit.id,
            **said[id(work)],
            "artifact": {**stored, **attest.reading_json(work.reading)},
        }
        return chain.line(ledger.EXCHANGE, fields)
    return None


def outcome_json(outcome: Outcome) -> dict[str, object]:
    """Return the end of a unit as the ledger and `acquisition.json` name it."""
    return {
        "unit": outcome.unit,
        "status": outcome.status.value,
        "reason": outcome.reason,
        "pages": outcome.pages,
        "records": outcome.records,
        "artifacts": outcome.artifacts,
        "bytes": outcome.bytes,
        "findings": [finding_json(finding) for finding in outcome.findings],
    }


def finding_json(finding: Finding) -> dict[str, object]:
    """Return a finding as plain data."""
    return {
        "kind": finding.kind,
        "message": finding.message,
        "window": finding.window.to_json() if finding.window else None,
        "facts": dict(finding.facts),
    }
