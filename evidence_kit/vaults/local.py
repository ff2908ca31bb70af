"""A case in a local directory: written once, durable when said so, links and devices never followed."""

import ctypes
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from evidence_kit.errors import VaultError
from evidence_kit.model.ports import Stored
from evidence_kit.vaults.folder import LocalFolder

WORK = ".work"  # staging on the same file system, so that putting in place is a rename
RESERVE = 8 << 20  # kept free so that a full disk can still take the tail of the ledger, manifests and seal
RESERVED_FILES = 32  # as many names: small objects use up the inodes of a disk before its blocks
_FEW = 8  # up to this many files, one fsync each is cheaper than syncing the whole file system
_EARLY = 8 << 20  # bytes of a file after which the disk begins to take them
_HINTS = {
    errno.ENOSPC: "the disk is full; free space or choose another, then `evidence-kit resume`",
    errno.EDQUOT: "the disk quota is used up; raise it, then `evidence-kit resume`",
    errno.EROFS: "the file system is read-only; choose another place with `--case`",
    errno.EACCES: "check who owns the folder",
}

_Touched = dict[Path, set[Path]]  # folders to sync, and which new ones each holds


class Busy(VaultError):  # noqa: N818 - a state that passes
    """Another process is writing to the case."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn an OSError into a VaultError that says what was tried and what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise VaultError(f"cannot {what}: {reason.lower()}", hint=_HINTS.get(error.errno or 0)) from error


class LocalVault(LocalFolder):
    """The files below `root`. One writer at a time holds `lock`; readers need none."""

    def __init__(self, root: Path, *, reserve: int = RESERVE) -> None:
        super().__init__(root)
        self._reserve = reserve
        # Staged files of two processes never share a name, even where each process has the same number.
        self._mark, self._count = secrets.token_hex(6), count()
        self._placed: set[str] = set()  # renamed by a commit that has not ended yet
        self._journals: dict[str, int] = {}
        self._folders: set[Path] = {root}

    def create(self) -> None:
        """Make the folder, durable in the folder that holds it; likewise those above it that are not there yet."""
        root = self.root.absolute()
        with translated(f"create `{self.root}`"):
            new = [folder for folder in root.parents if not folder.exists()]
            root.mkdir(parents=True, exist_ok=True)
            for folder in (root, *new):
                _sync(folder.parent)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the case against other writers; VaultError if one is there."""
        with translated("lock the case"):
            handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Busy(
                    f"another evidence-kit is writing to {self.root.name}", hint="wait until it has finished"
                ) from error
            yield
        finally:
            os.close(handle)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Keep a staging area and a reserve of disk space for the length of a run."""
        work = self.root / WORK
        with translated("prepare the case for writing"):
            work.mkdir(exist_ok=True)
            self._take_reserve(work / "reserve")
        try:
            yield
        finally:
            self.close()
            self.release_reserve()
            with suppress(OSError):
                if not any(entry.is_file() for entry in work.iterdir()):
                    shutil.rmtree(work)

    def _take_reserve(self, reserve: Path) -> None:
        reserve.mkdir(exist_ok=True)
        if not self._reserve:
            return
        for n in range(RESERVED_FILES):
            with (reserve / str(n)).open("wb") as blocks, suppress(OSError):
                os.posix_fallocate(blocks.fileno(), 0, self._reserve if n == 0 else 1)

    def release_reserve(self) -> None:
        """Give the reserved space back, so that what was collected can still be sealed."""
        shutil.rmtree(self.root / WORK / "reserve", ignore_errors=True)

    def close(self) -> None:
        """Close the journals."""
        for handle in self._journals.values():
            os.close(handle)
        self._journals.clear()

    def stage(self, chunks: Iterable[bytes]) -> Stored:
        """Write and hash in one pass under a temporary name. An error of `chunks` leaves nothing behind."""
        handle = f"{WORK}/{self._mark}-{next(self._count)}"
        where = f"{self.root}/{handle}"
        digest, size, begun = hashlib.sha256(), 0, 0
        with translated("store evidence"):
            out = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            for chunk in chunks:
                digest.update(chunk)
                with translated("store evidence"):
                    _write_all(out, chunk)
                size += len(chunk)
                if size - begun >= _EARLY:
                    _begin_writing(out, begun, size)
                    begun = size
            with translated("store evidence"):
                os.fchmod(out, 0o444)
        except BaseException:
            Path(where).unlink(missing_ok=True)
            raise
        finally:
            os.close(out)
        return Stored(handle, digest.hexdigest(), size)

    def commit(self, batch: Sequence[tuple[Stored, str]]) -> None:
        """Sync the staged bytes, rename each into place once, sync the folders.

        May be called again after it failed half way: what is in place already is left there.
        """
        with translated("make evidence durable"):
            pending = [item for item in batch if item[0].handle not in self._placed]
            if len(pending) <= _FEW:
                for stored, _ in pending:
                    _sync(self.root / stored.handle)
            else:
                _sync_file_system(self.root)
            touched: _Touched = {}
            # What is in place already too: its folders may not have been synced.
            for folder in dict.fromkeys(path.rpartition("/")[0] for _, path in batch):
                self._make_folder(self.root / folder, touched)
                touched.setdefault(self.root / folder, set())
            for stored, path in pending:
                where = f"{self.root}/{path}"  # a Path for each file would cost as much as its hash
                if os.path.lexists(where):
                    raise VaultError(f"`{path}` is there already; evidence is never overwritten")
                os.rename(f"{self.root}/{stored.handle}", where)  # noqa: PTH104 - likewise
                self._placed.add(stored.handle)
            self._sync_folders(touched)
            self._placed.clear()

    def _make_folder(self, folder: Path, touched: _Touched) -> None:
        if folder in self._folders or folder in touched.get(folder.parent, ()):
            return
        self._make_folder(folder.parent, touched)
        folder.mkdir(exist_ok=True)
        touched.setdefault(folder.parent, set()).add(folder)

    def _sync_folders(self, touched: _Touched) -> None:
        for folder in touched:
            _sync(folder)
        self._folders.update(*touched.values())  # only now: after a failure they are to be synced again

    def discard(self, stored: Stored) -> None:
        """Drop staged bytes that turned out not to be what was asked for."""
        with translated("drop staged bytes"):
            (self.root / stored.handle).unlink(missing_ok=True)

    def append(self, path: str, data: bytes) -> None:
        """Add `data` to a journal, durable on return; a failed write leaves the journal as it was."""
        with translated(f"write `{path}`"):
            handle = self._journals.get(path)
            if handle is None:
                where = self.root / path
                touched: _Touched = {}
                self._make_folder(where.parent, touched)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
                handle = self._journals[path] = os.open(where, flags, 0o644)
                try:
                    self._sync_folders({**touched, where.parent: touched.get(where.parent, set())})
                except OSError:
                    os.close(self._journals.pop(path))  # the next append syncs them again
                    raise
            before = os.fstat(handle).st_size
            try:
                _write_all(handle, data)
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, before)
                raise

    def publish(self, path: str, data: Iterable[bytes]) -> tuple[str, int]:
        """Write a rebuildable index file beside its place and rename it over the old one."""
        if "/data/" in f"/{path}":
            raise VaultError(f"`{path}` is evidence and cannot be replaced")
        where = self.root / path
        digest, size = hashlib.sha256(), 0
        with translated(f"write `{path}`"):
            touched: _Touched = {}
            self._make_folder(where.parent, touched)
            partial = where.with_name(f".{where.name}.partial")
            try:
                with partial.open("wb") as out:
                    for chunk in data:
                        digest.update(chunk)
                        out.write(chunk)
                        size += len(chunk)
                    out.flush()
                    os.fsync(out.fileno())
                partial.rename(where)
            except OSError:
                partial.unlink(missing_ok=True)
                raise
            self._sync_folders({**touched, where.parent: touched.get(where.parent, set())})
        return digest.hexdigest(), size

    def put(self, path: str, data: bytes) -> None:
        """Store a small file once, durably."""
        stored = self.stage([data])
        self.commit([(stored, path)])

    def settle(self, path: str) -> None:
        """Make a file durable that is in place already: whoever put it there may have been killed before it was."""
        with translated(f"make `{path}` durable"):
            where = self.root / path
            touched: _Touched = {}
            self._make_folder(where.parent, touched)
            _sync(where)
            self._sync_folders({**touched, where.parent: touched.get(where.parent, set())})

    def cut(self, path: str, size: int) -> bytes:
        """Shorten a journal to `size`; return the tail."""
        with translated(f"repair `{path}`"), (self.root / path).open("r+b") as journal:
            journal.seek(size)
            tail = journal.read()
            journal.truncate(size)
            os.fsync(journal.fileno())
            return tail

    def set_aside(self, path: str, destination: str) -> None:
        """Move a left-over file to a new name, durably: what is left of it may be about to be sealed."""
        with translated(f"set `{path}` aside"):
            here, where = self.root / path, self.root / destination
            touched: _Touched = {}
            self._make_folder(where.parent, touched)
            if os.path.lexists(where):
                raise VaultError(f"`{destination}` is there already")
            if (journal := self._journals.pop(path, None)) is not None:
                os.close(journal)  # what is appended from here on is another file
            if stat.S_ISREG(here.lstat().st_mode):
                _sync(here)
            here.rename(where)
            # Where it came from too, or a power cut could bring it back into a bag that is sealed by then.
            both = {folder: touched.get(folder, set()) for folder in (where.parent, here.parent)}
            self._sync_folders({**touched, **both})

    def forget(self, path: str) -> None:
        """Remove a working file; nothing outside the working folder can be removed."""
        if not path.startswith(f"{WORK}/"):
            raise VaultError(f"`{path}` is not a working file")
        with translated(f"remove `{path}`"):
            (self.root / path).unlink(missing_ok=True)

    def leftovers(self) -> list[str]:
        """Return staged files that an interrupted run left, sorted."""
        work = self.root / WORK
        if not work.is_dir():
            return []
        return sorted(f"{WORK}/{item.name}" for item in work.iterdir() if item.name != "reserve")


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _begin_writing(handle: int, begin: int, end: int) -> None:
    """Have the disk take what was written while more arrives, so that nobody waits for all of it at the end."""
    if hasattr(os, "posix_fadvise"):
        with suppress(OSError):  # it is only advice; `commit` syncs
            os.posix_fadvise(handle, begin, end - begin, os.POSIX_FADV_DONTNEED)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_file_system(root: Path) -> None:
    """Call syncfs(2), or sync(2) where the C library has none: both wait for all bytes written so far."""
    handle = os.open(root, os.O_RDONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:
            os.sync()
        elif syncfs(handle) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(handle)
