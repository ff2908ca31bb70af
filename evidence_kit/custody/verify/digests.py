"""The digests of files as they lie in a vault, large ones side by side."""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from evidence_kit.custody.verify.workers import processors
from evidence_kit.errors import EvidenceKitError, VaultError
from evidence_kit.model.ports import Nearby, Vault

_CHUNK = 1 << 20
LARGE = 8 << 20  # bytes from which on a file is worth a thread; small ones only hand the interpreter to and fro
_MOST = 8  # threads, each with a buffer of its own
_AHEAD = 64  # small files that are looked at while a large one before them is read
Found = tuple[str, int] | EvidenceKitError


def digest(vault: Vault, path: str) -> tuple[str, int]:
    """Return the SHA-256 and size of a plain file, each byte read once."""
    return _way(vault)(path)


def _way(vault: Vault) -> Callable[[str], tuple[str, int]]:
    return vault.digest if isinstance(vault, Nearby) else lambda path: _streamed(vault, path)


def _streamed(vault: Vault, path: str) -> tuple[str, int]:
    whole, size = hashlib.sha256(), 0
    with vault.open(path) as stream:
        while chunk := stream.read(_CHUNK):
            whole.update(chunk)
            size += len(chunk)
    return whole.hexdigest(), size


def digests(vault: Vault, root: str, paths: Iterable[str], known: Mapping[str, Found]) -> Iterator[tuple[str, Found]]:
    """Yield each path below `root`, in order, with its digest, `known` or taken, or why there is none.

    An error of `paths` is raised once everything before it was yielded.
    """
    way = _way(vault)
    if not isinstance(vault, Nearby):
        yield from ((path, known.get(path) or _of(way, f"{root}/{path}")) for path in paths)
        return
    asked, most = _Asked(paths), min(processors(), _MOST)
    waiting: deque[tuple[str, Found | _Apart]] = deque()
    running = 0
    for path in asked:
        is_large = path not in known and _size(vault, f"{root}/{path}") >= LARGE
        found = known.get(path) or (_Apart if is_large else _of)(way, f"{root}/{path}")
        waiting.append((path, found))
        running += is_large
        while waiting and (not isinstance(waiting[0][1], _Apart) or running >= most or len(waiting) > _AHEAD):
            running -= isinstance(waiting[0][1], _Apart)
            yield _awaited(*waiting.popleft())
    yield from (_awaited(path, found) for path, found in waiting)
    if asked.error is not None:
        raise asked.error


def _size(vault: Vault, path: str) -> int:
    try:
        here = vault.stat(path)
    except EvidenceKitError:  # so will be its digest, which says why
        return 0
    return 0 if here is None else here.size


class _Asked:
    """Paths up to the first error, which is kept."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = paths
        self.error: EvidenceKitError | None = None

    def __iter__(self) -> Iterator[str]:
        try:
            yield from self._paths
        except EvidenceKitError as error:
            self.error = error


class _Apart(threading.Thread):
    """Takes the digest of a large file beside others. It writes nothing, so an interrupt need not wait for it."""

    def __init__(self, way: Callable[[str], tuple[str, int]], path: str) -> None:
        super().__init__(name="digest", daemon=True)
        self._way, self._path = way, path
        self._found: Found = VaultError("nothing was read")
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._found = _of(self._way, self._path)
        except BaseException as error:  # noqa: BLE001 - raised again where the digest is awaited
            self._error = error

    def awaited(self) -> Found:
        self.join()
        if self._error is not None:
            raise self._error
        return self._found


def _of(way: Callable[[str], tuple[str, int]], path: str) -> Found:
    try:
        return way(path)
    except EvidenceKitError as error:
        return error


def _awaited(path: str, found: "Found | _Apart") -> tuple[str, Found]:
    return path, found.awaited() if isinstance(found, _Apart) else found
