"""Sort more lines than memory holds: sorted runs in temporary files, merged as a stream."""

import heapq
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO

# About 15 MB of Python objects a run at 120 bytes a line.
RUN = 50_000


class LineSorter:
    """Takes lines (each ending in one line feed and holding no other) and gives them back in bytewise order."""

    def __init__(self, *, run: int = RUN) -> None:
        self._run = run
        self._held: list[bytes] = []
        self._runs: list[IO[bytes]] = []
        self._files = ExitStack()
        weakref.finalize(self, self._files.close)  # lines may turn out not to be needed

    def add(self, line: bytes) -> None:
        """Take one line."""
        self._held.append(line)
        if len(self._held) >= self._run:
            spill = self._files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - closed by the stack
            spill.writelines(sorted(self._held))
            self._runs.append(spill)
            self._held = []

    def __iter__(self) -> Iterator[bytes]:
        """Yield all lines in order, once; the temporary files go with it."""
        with self._files:
            for spill in self._runs:
                spill.seek(0)
            yield from heapq.merge(sorted(self._held), *self._runs)


def sorted_lines(lines: Iterable[bytes], *, run: int = RUN) -> Iterator[bytes]:
    """Yield `lines` in bytewise order."""
    sorter = LineSorter(run=run)
    for line in lines:
        sorter.add(line)
    yield from sorter
