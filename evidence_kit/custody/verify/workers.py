"""Other processes that confirm blocks of a large bag. What they do not confirm, whoever asked looks at itself.

They are started anew and not forked, hold nothing that has to be saved, and end with the pipe that they read from.
One that goes away before its answer ends the whole verification: that is no verdict on the evidence.
"""

import contextlib
import marshal
import os
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Self, cast

from evidence_kit.custody import bag
from evidence_kit.errors import EvidenceKitError, VaultError
from evidence_kit.model.ports import Nearby, Vault

WORTH = 24 << 20  # bytes of manifest and records from which on starting processes pays; some 7,000 artifacts
MOST = 8  # one process reads the lists and hands them out, and has no more to give
_AHEAD = 2  # requests a worker has at once, so that it need not wait for the next
_LENGTH = struct.Struct(">Q")
Frame = tuple[object, ...]


def send(stream: BinaryIO, frame: Frame) -> None:
    """Write plain data and its length."""
    data = marshal.dumps(frame)  # type: ignore[arg-type]
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: BinaryIO) -> Frame | None:
    """Return what a process of our own sent; None where that ends, be it in the middle."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return cast("Frame", marshal.loads(data)) if len(data) == length else None  # noqa: S302 - our own module wrote it


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Gone(Exception):  # noqa: N818 - not ours to tell: the crew does, when it ends
    """A worker went away. No net that gathers defects may catch this, so it is none of our errors."""


class Crew:
    """Some workers, asked in turns; without any, nothing is ever confirmed."""

    def __init__(self, command: Sequence[str], size: int) -> None:
        self._command, self._size = command, size
        self._all: list[subprocess.Popen[bytes]] = []
        self._is_ready = False
        self._asked: deque[tuple[subprocess.Popen[bytes], bytes]] = deque()

    def __enter__(self) -> Self:
        """Start them; they need a moment until they listen."""
        with contextlib.suppress(OSError):  # no more processes to be had: all is done here
            for _ in range(self._size):
                self._all.append(_started(self._command))
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """End them; they keep nothing. VaultError if one had gone away."""
        self._end()
        if isinstance(error, Gone):
            hint = "verify again; perhaps memory ran short"
            raise VaultError(
                f"a process that helped to verify has gone away, with code {error}", hint=hint
            ) from error

    def _end(self) -> None:
        self._asked.clear()
        for worker in self._all:
            _end(worker)
        self._all = []

    def __bool__(self) -> bool:
        """Say whether anybody is there to be asked: not who could not start, nor who was left with questions."""
        if self._asked:
            self._end()
        if not self._is_ready:
            self._is_ready = True
            for worker in [worker for worker in self._all if not _is_listening(worker)]:
                self._all.remove(worker)
                _end(worker)
        return bool(self._all)

    def run(self, requests: Iterable[tuple[Frame, bytes]]) -> Iterator[tuple[bytes, Frame | None]]:
        """Ask for each request and its block; yield, in that order, the block and the answer, None if unconfirmed.

        Not more is under way than `_AHEAD` blocks a worker. When not all is read, there is no crew any more, so that
        no answer is ever taken for another.
        """
        crew, asked = self._all, self._asked
        for number, (request, block) in enumerate(requests):
            if len(asked) >= _AHEAD * len(crew):
                yield _answer(*asked[0])
                asked.popleft()
            worker = crew[number % len(crew)]
            asked.append((worker, block))
            _ask(worker, (*request, block))
        while asked:
            yield _answer(*asked[0])
            asked.popleft()


NOBODY = Crew((), 0)


def crew_for(vault: Vault, root: str, size: int | None) -> Crew:
    """Return a crew for a bag: `size` workers, or as many as there are processors if the bag is large enough.

    A vault that is not nearby has none.
    """
    if not isinstance(vault, Nearby):
        return NOBODY
    if size is None:
        size = min(processors(), MOST) if _size(vault, root) >= WORTH else 0
    return Crew(vault.worker(), size if size > 1 else 0)


def _size(vault: Vault, root: str) -> int:
    try:
        lists = [vault.stat(f"{root}/{name}") for name in (bag.MANIFEST, bag.LEDGER, bag.ATTESTATIONS)]
    except EvidenceKitError:  # whoever reads them says so
        return 0
    return sum(entry.size for entry in lists if entry)


def _started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
        [sys.executable, "-I", "-m", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C.UTF-8"},
        start_new_session=True,  # an interrupt at the terminal is for whoever started it, who then ends them
    )


def _end(worker: "subprocess.Popen[bytes]") -> None:
    worker.kill()
    worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        with contextlib.suppress(BrokenPipeError):  # it went away before it had heard the last request
            cast("BinaryIO", pipe).close()


def _is_listening(worker: "subprocess.Popen[bytes]") -> bool:
    return receive(cast("BinaryIO", worker.stdout)) is not None


def _ask(worker: "subprocess.Popen[bytes]", request: Frame) -> None:
    try:
        send(cast("BinaryIO", worker.stdin), request)
    except BrokenPipeError as error:
        raise Gone(worker.wait()) from error


def _answer(worker: "subprocess.Popen[bytes]", block: bytes) -> tuple[bytes, Frame | None]:
    answer = receive(cast("BinaryIO", worker.stdout))
    if answer is None:
        raise Gone(worker.wait())
    return block, cast("Frame | None", answer[0])
