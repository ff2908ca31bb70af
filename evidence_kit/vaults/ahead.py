"""Fetching what will be read next: a bucket answers late, and evidence is read in the order in which it is listed."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.ports import Entry

_HANDS = 16  # requests under way at once
_MOST, _MOST_BYTES = 32, 32 << 20  # fetched and not yet asked for
_MOST_IDLE = 64  # fetched for nothing, where the bucket holds what nobody asks for
_DATA = "/data/"


class Ahead:
    """Begins with the second artifact of a bag that is asked for in order; whoever jumps about gets nothing ahead."""

    def __init__(
        self, listing: Callable[[str, str], Iterator[Entry]], fetch: Callable[[str], BinaryIO], *, largest: int
    ) -> None:
        self._listing, self._fetch, self._largest = listing, fetch, largest
        self._guard = threading.Lock()
        self._hands: ThreadPoolExecutor | None = None
        self._folder = self._last = ""
        self._rest: Iterator[Entry] | None = None
        self._waiting: deque[tuple[Entry, Future[BinaryIO] | None]] = deque()
        self._bytes = self._idle = 0

    def take(self, path: str) -> BinaryIO | None:
        """Return `path` as it was fetched, or raise what its fetching raised; None where it was not."""
        folder, found, _ = path.partition(_DATA)
        if not found:
            return None
        with self._guard:
            if folder != self._folder or path <= self._last:
                self._begin(folder)
            elif self._rest is None:
                self._rest = self._listing(f"{folder}/data", path)
            future = self._reached(path)
            self._last = path
            self._fill()
        return future.result() if future else None

    def _begin(self, folder: str) -> None:
        self._folder, self._rest, self._idle = folder, None, 0
        while self._waiting:
            self._drop()

    def _drop(self) -> tuple[Entry, Future[BinaryIO] | None]:
        entry, future = self._waiting.popleft()
        self._bytes -= entry.size if future else 0
        return entry, future

    def _reached(self, path: str) -> Future[BinaryIO] | None:
        while self._waiting and self._waiting[0][0].path <= path:
            entry, future = self._drop()
            if entry.path == path:
                return future
            if future:
                future.cancel()
            self._idle += 1
        if self._idle > _MOST_IDLE:
            self._rest = iter(())
        return None

    def _fill(self) -> None:
        while self._rest is not None and len(self._waiting) < _MOST and self._bytes < _MOST_BYTES:
            try:
                entry = next(self._rest, None)
            except EvidenceKitError:  # whoever lists for itself is told; nothing is fetched ahead any more
                entry = None
            if entry is None:
                self._rest = iter(())
                return
            if entry.size > self._largest:  # read by ranges, when it is asked for
                self._waiting.append((entry, None))
                continue
            if self._hands is None:
                self._hands = ThreadPoolExecutor(_HANDS, thread_name_prefix="ahead")
            self._waiting.append((entry, self._hands.submit(self._fetch, entry.path)))
            self._bytes += entry.size
