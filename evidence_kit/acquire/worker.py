"""Runs one unit: pulls items from its collector, stages their bytes, and decides honestly how it ended."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from evidence_kit.acquire.context import Interrupted, Memory, UnitContext, World
from evidence_kit.acquire.placing import Places
from evidence_kit.acquire.recorder import Artifact, Attempt, Receiver
from evidence_kit.acquire.together import Together, Wanted
from evidence_kit.custody.attest import Reading
from evidence_kit.errors import AccessError, EvidenceKitError, ProviderError, VaultError
from evidence_kit.model.exchange import (
    MAX_PAGE,
    Closed,
    Download,
    Exchange,
    Item,
    Page,
    Remark,
    Retryable,
    Stop,
    Stream,
)
from evidence_kit.model.ports import Collector, Stored
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Finding, Outcome, Unit
from evidence_kit.vaults.local import LocalVault

_MAX_FAILED_OBJECTS = 25  # after this many, the rest of the unit would fail alike
_BREAKS = frozenset(
    {UnitStatus.DENIED, UnitStatus.DENIED_BY_POLICY, UnitStatus.PARTIAL_ERROR, UnitStatus.PARTIAL_THROTTLED}
)
UNSETTLED = "unsettled"  # the finding of a unit that ended as limited before its window had settled


@dataclass(slots=True)
class _Progress:
    """Counts of one unit while it runs."""

    pages: int = 0
    fresh: int = 0  # pages that no earlier run had stored
    records: int = 0
    artifacts: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)  # calls whose last page promised another
    seen: set[str] = field(default_factory=set)
    closed: Closed | None = None
    failed: list[Stop] = field(default_factory=list)  # objects that could not be had while others could


class Worker:
    """Acquires one unit into a bag."""

    def __init__(
        self,
        *,
        unit: Unit,
        collector: Collector,
        vault: LocalVault,
        recorder: Receiver,
        world: World,
        memory: Memory | None = None,
    ) -> None:
        self.unit = unit
        self._collector = collector
        self._vault = vault
        self._recorder = recorder
        self._world = world
        self._memory = memory or Memory()
        self._places = Places(unit)
        self._progress = _Progress()
        self.context = UnitContext(
            world=world, limit=collector.spec.limit, unit=unit, record=self._attempt, memory=self._memory
        )
        self._counting = threading.Lock()  # some downloads run in threads of their own
        self._store_quota = ("object", unit.source, unit.target.id, unit.region, "object store")
        self._together = Together(self.context, self._store_quota, store=self._take_first, alone=self._download)

    def run(self) -> Outcome:
        """Acquire the unit and queue its end. Only a vault that fails is raised; all else is a status."""
        status, reason = self._acquire()
        done = self._progress
        outcome = Outcome(
            unit=self.unit.id,
            status=status,
            reason=reason,
            pages=done.pages,
            records=done.records,
            artifacts=done.artifacts,
            bytes=done.bytes,
            findings=tuple(done.findings),
        )
        self._recorder.close_unit(self.unit, outcome)
        return outcome

    def _acquire(self) -> tuple[UnitStatus, str]:
        if self._world.stop.is_set():
            return UnitStatus.SKIPPED_BY_OPERATOR, "stopped before it began"
        try:
            self._pull()
        except Interrupted:
            if self._progress.artifacts:
                return UnitStatus.PARTIAL_TRUNCATED, "interrupted by the operator"
            return UnitStatus.SKIPPED_BY_OPERATOR, "stopped before anything arrived"
        except Stop as stop:
            return stop.status, stop.reason
        except VaultError:
            raise
        except AccessError as error:
            return UnitStatus.DENIED, error.message
        except EvidenceKitError as error:
            return UnitStatus.PARTIAL_ERROR, error.message
        except Exception as error:  # noqa: BLE001 - one collector's bug must not take the other units down
            return UnitStatus.PARTIAL_ERROR, f"the collector failed: {type(error).__name__}: {error}"[:500]
        return self._ending()

    def _pull(self) -> None:
        for item in self._items():
            if isinstance(item, Page | Closed):
                self._together.fetch()  # so that the ledger has pages and what they list in their order
            self._take(item)
            if self._world.stop.is_set():
                raise Interrupted
        self._together.fetch()

    def _items(self) -> Iterator[Item]:
        """Yield what the collector yields; what it listed before it failed is fetched all the same."""
        try:
            yield from self._collector.acquire(self.unit, self.context)
        except GeneratorExit:
            raise
        except Exception:
            self._together.fetch()
            raise

    def _ending(self) -> tuple[UnitStatus, str]:
        done = self._progress
        # A list that broke off is told by the refusal that broke it, where the collector knows of one.
        if done.pending and not (done.closed and done.closed.status in _BREAKS):
            call = next(iter(done.pending))
            return UnitStatus.PARTIAL_TRUNCATED, f"`{call}` ended although its last page promised another"
        if done.failed:
            first = done.failed[0]
            return first.status, f"{len(done.failed)} objects could not be had; the first: {first.reason}"
        if done.closed:
            return self._limited(done.closed)
        if not done.pages and not done.artifacts:
            return UnitStatus.PARTIAL_TRUNCATED, "nothing was answered; silence is not an empty result"
        if self._settles_at():
            return UnitStatus.COMPLETE_UNSETTLED, "the provider may still deliver events of this window"
        return UnitStatus.COMPLETE, ""

    def _limited(self, closed: Closed) -> tuple[UnitStatus, str]:
        """Return the collector's word; a limit that a later pass can lessen says until when more may come."""
        settles_at = self._settles_at()
        if settles_at is None or closed.status.is_open or closed.status.is_whole:
            return closed.status, closed.reason
        more = f"the provider may still deliver events of this window until {rfc3339(settles_at)}"
        self._progress.findings.append(Finding(kind=UNSETTLED, message=more))
        return closed.status, f"{closed.reason}; {more}"

    def _settles_at(self) -> datetime | None:
        """Return when the provider will have delivered all of the window, if that is still to come."""
        if self.unit.window is None:
            return None
        settles_at = self.unit.window.end + self._collector.spec.settle
        return settles_at if settles_at > self._world.now() else None

    def _take(self, item: Page | Download | Remark | Closed) -> None:
        if isinstance(item, Page):
            self._take_page(item)
        elif isinstance(item, Download):
            self._take_download(item)
        elif isinstance(item, Remark):
            self._progress.findings.append(item.finding)
        else:
            self._progress.closed = item

    def _take_page(self, page: Page) -> None:
        done = self._progress
        if len(page.body) > MAX_PAGE:
            raise ProviderError(f"a page of {len(page.body):,} bytes is larger than any provider sends")
        number = self._memory.pages + done.fresh
        path = self._places.page(page.name, number, page.suffix)
        if not page.exchange.replayed:
            reading = Reading(
                kind="page",
                object=page.object,
                name=f"{page.name}/{number}",
                page=number,
                records=page.records,
                first_event=page.first_event,
                last_event=page.last_event,
                cursor=page.next_cursor,
            )
            self._keep([page.body], path, page.exchange, reading)
        done.pages += 1
        done.fresh += not page.exchange.replayed
        done.artifacts += 1
        done.bytes += len(page.body)
        done.records += page.records or 0
        if page.next_cursor is None:
            done.pending.pop(page.name, None)
        else:
            done.pending[page.name] = page.next_cursor

    def _take_download(self, download: Download) -> None:
        done = self._progress
        if download.name in done.seen:
            raise ProviderError(f"object `{download.name}` was listed twice")
        done.seen.add(download.name)
        path = self._places.object(download.name)
        if (known := self._memory.downloads.get(download.name)) is not None:
            done.artifacts, done.bytes = done.artifacts + 1, done.bytes + known[0]
            return
        wanted = Wanted(download=download, path=path)
        if download.beside is None:
            self._download(wanted)
        else:
            self._together.add(wanted)

    def _download(self, wanted: Wanted) -> None:
        """Get one download, as often as it takes."""
        download, beside = wanted.download, wanted.download.beside
        try:
            self.context.retrying(
                self._store_quota,
                lambda attempt: self._fetch(wanted, attempt),
                limit=beside.budget if beside else None,
                made=wanted.made,
                error=wanted.error,
            )
        except Stop as stop:
            self._fail_object(download, stop)

    def _fail_object(self, download: Download, stop: Stop) -> None:
        """Go on without one object, but say so; too many in a row end the unit."""
        message = f"`{download.name}`: {stop.reason}"
        facts = {"status": stop.status.value, **download.object}
        with self._counting:
            self._progress.findings.append(Finding(kind="object_not_obtained", message=message, facts=facts))
            self._progress.failed.append(stop)
            too_many = len(self._progress.failed) >= _MAX_FAILED_OBJECTS
        if too_many:
            raise stop

    def _take_first(self, wanted: Wanted, stream: Stream) -> None:
        """Keep what a first attempt brought in bulk."""
        stored = self._stage(wanted.download, stream, 1)
        self._keep_object(wanted, stream, stored, 1)

    def _fetch(self, wanted: Wanted, attempt: int) -> None:
        with wanted.download.open() as stream:
            stored = self._stage(wanted.download, stream, attempt)
        self._keep_object(wanted, stream, stored, attempt)

    def _stage(self, download: Download, stream: Stream, attempt: int) -> Stored:
        """Stream one object into the vault; fewer bytes than announced are worth another attempt."""
        stored = self._vault.stage(stream.chunks)
        if stream.size is not None and stored.size != stream.size:
            self._vault.discard(stored)
            short = replace(stream.exchange, error="short body", sha256=stored.sha256, bytes=stored.size)
            self._attempt(_timed(short, attempt, self._world))
            raise Retryable(f"{stored.size:,} of {stream.size:,} bytes of `{download.name}` arrived")
        return stored

    def _keep_object(self, wanted: Wanted, stream: Stream, stored: Stored, attempt: int) -> None:
        download = wanted.download
        thing = {**download.object, **{f"claimed.{name}": value for name, value in stream.claimed.items()}}
        artifact = Artifact(
            unit=self.unit,
            stored=stored,
            path=wanted.path,
            exchange=_timed(stream.exchange, attempt, self._world),
            reading=Reading(kind="object", name=download.name, page=0, object=thing),
        )
        self._recorder.submit(artifact)
        with self._counting:
            self._progress.bytes += stored.size
            self._progress.artifacts += 1

    def _keep(self, chunks: list[bytes], path: str, exchange: Exchange, reading: Reading) -> None:
        stored = self._vault.stage(chunks)
        if exchange.sha256 and exchange.sha256 != stored.sha256:
            self._vault.discard(stored)
            raise ProviderError("the collector handed over other bytes than the tap saw arrive")
        self._recorder.submit(Artifact(unit=self.unit, stored=stored, path=path, exchange=exchange, reading=reading))

    def _attempt(self, exchange: Exchange) -> None:
        self._recorder.submit(Attempt(self.unit.id, exchange))


def _timed(exchange: Exchange, attempt: int, world: World) -> Exchange:
    """Return the exchange of a stream with the time at which its last byte had arrived."""
    return replace(exchange, attempt=attempt, received_at=world.now())
