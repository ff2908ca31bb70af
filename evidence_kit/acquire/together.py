"""Downloads of one unit that may be fetched beside each other: small ones in bulk, the others in a few threads.

Whatever bulk does not bring is asked for once more, each on its own, within the same count of attempts.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from evidence_kit.acquire.context import Interrupted, UnitContext
from evidence_kit.model.exchange import Bulk, Download, Fetched, Retryable, Stream

GROUP = 1000  # downloads that wait for each other: as many as a listing's page names
LANES = 4  # threads: large objects are received, hashed and written side by side
_ENOUGH = 16  # that failed in bulk: they are looked into one by one before more are asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A download, where it goes, and what was tried in bulk."""

    download: Download
    path: str
    made: int = 0
    error: Retryable | None = None


class Together:
    """Gathers downloads, and fetches them when there are enough or when the worker has to go on."""

    def __init__(
        self,
        context: UnitContext,
        quota: tuple[str, ...],
        *,
        store: Callable[[Wanted, Stream], None],
        alone: Callable[[Wanted], None],
    ) -> None:
        """`store` keeps a stream or raises Retryable; `alone` gets one download, as often as it takes."""
        self._context = context
        self._quota = quota
        self._store = store
        self._alone = alone
        self._waiting: deque[Wanted] = deque()

    def add(self, wanted: Wanted) -> None:
        """Fetch a download soon."""
        self._waiting.append(wanted)
        if len(self._waiting) >= GROUP:
            self.fetch()

    def fetch(self) -> None:
        """Fetch all that waits."""
        while self._waiting and not self._context.stopped:
            small, large = self._parted()
            if not small:
                # The first of a bucket goes alone: it shows how the others can be asked for, if they can.
                self._alone(self._waiting.popleft())
                small, large = self._parted()
            self._waiting.clear()
            failed = self._in_bulk(small)
            self._in_lanes([*large, *failed])
            self._waiting.extend(small)
        if self._context.stopped and self._waiting:
            raise Interrupted

    def _parted(self) -> tuple[deque[Wanted], list[Wanted]]:
        small: deque[Wanted] = deque()
        large: list[Wanted] = []
        for wanted in self._waiting:
            beside = wanted.download.beside
            (small if beside and beside.by.takes(wanted.download) else large).append(wanted)
        return small, large

    def _in_bulk(self, small: deque[Wanted]) -> list[Wanted]:
        """Take from `small` until enough has failed; return what has."""
        if not small:
            return []
        known = {wanted.download.name: wanted for wanted in small}
        failed: list[Wanted] = []
        for fetched in _bulk_of(small[0]).fetch(self._departing(small, failed)):
            wanted = known[fetched.download.name]
            if again := self._failure(wanted, fetched):
                failed.append(again)
        return failed

    def _departing(self, small: deque[Wanted], failed: Sequence[Wanted]) -> Iterator[Download | float]:
        while small and len(failed) < _ENOUGH and not self._context.stopped:
            beside = small[0].download.beside
            if beside is not None:
                yield from self._context.leaving(self._quota, beside.budget)
            if self._context.stopped:
                return
            yield small.popleft().download

    def _failure(self, wanted: Wanted, fetched: Fetched) -> Wanted | None:
        """Keep what came; return what to ask for again."""
        error = fetched.error
        if fetched.stream is not None:
            try:
                self._store(wanted, fetched.stream)
            except Retryable as found:
                error = found
            else:
                return None
        return Wanted(download=wanted.download, path=wanted.path, made=int(fetched.asked), error=error)

    def _in_lanes(self, wanted: Sequence[Wanted]) -> None:
        """Get each on its own, a few side by side; raises what the first of them raised."""
        if len(wanted) < 2:
            for one in wanted:
                self._alone(one)
            return
        with ThreadPoolExecutor(min(LANES, len(wanted)), thread_name_prefix="download") as lanes:
            running = [lanes.submit(self._unless_stopped, one) for one in wanted]
            try:
                for future in running:
                    future.result()
            except BaseException:
                lanes.shutdown(wait=False, cancel_futures=True)
                raise

    def _unless_stopped(self, wanted: Wanted) -> None:
        if self._context.stopped:
            raise Interrupted
        self._alone(wanted)


def _bulk_of(wanted: Wanted) -> Bulk:
    assert wanted.download.beside is not None  # noqa: S101 - `_parted` has looked
    return wanted.download.beside.by
