"""What a user remembers of logs: the last checkpoint seen of each, so that a log cannot be rolled back unnoticed."""

import errno
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from evidence_kit.custody.checkpoint import MAX_CHECKPOINT
from evidence_kit.errors import UsageError, VaultError


def remember(folder: Path, origin: str, note: bytes) -> None:
    """Keep `note` as the last checkpoint seen of the log `origin`, in place of the one before."""
    if not note or len(note) > MAX_CHECKPOINT:
        raise UsageError(f"a checkpoint of {len(note):,} bytes is not one")
    replace(_place(folder, origin), note)


def remembered(folder: Path, origin: str) -> bytes | None:
    """Return the last checkpoint seen of the log `origin`; None if there was none."""
    path = _place(folder, origin)
    try:
        with path.open("rb") as stream:
            note = stream.read(MAX_CHECKPOINT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VaultError(f"cannot read below {folder}: {(error.strerror or '').lower()}") from error
    if not note or len(note) > MAX_CHECKPOINT:
        raise VaultError(f"the remembered checkpoint `{path}` is damaged", hint="delete it only if you know why")
    return note


def replace(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that there is always either the old or the new file, whole."""
    _write(path, data, lambda draft: draft.replace(path))


def create(path: Path, data: bytes) -> None:
    """Write `data` to `path`, which must not be there: whole, and durable on return, or not at all."""
    _write(path, data, lambda draft: _name(draft, path))


def _write(path: Path, data: bytes, put_in_place: Callable[[Path], object]) -> None:
    # A name of its own: two programs may write at once.
    draft = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        _make_folder(path.parent)
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            put_in_place(draft)
        finally:
            draft.unlink(missing_ok=True)
        _sync(path.parent)
    except OSError as error:
        raise VaultError(f"cannot write {path.name}: {(error.strerror or '').lower()}") from error


def _name(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}:
            raise
        if os.path.lexists(path):  # a file system without hard links
            raise FileExistsError(errno.EEXIST, "file exists") from error
        draft.replace(path)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it; each is durable, for a key in a folder that is lost is lost with it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True, mode=0o700)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _place(folder: Path, origin: str) -> Path:
    # An origin is a line of any text; its hash is a file name everywhere.
    return folder / hashlib.sha256(origin.encode("utf-8", "surrogatepass")).hexdigest()
