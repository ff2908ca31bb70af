"""Places in which others leave files: a folder, one file, a bucket. No link is followed, nothing written."""

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from evidence_kit.errors import AccessError, EmptyError, MissingError, ProviderError, UnexpectedError
from evidence_kit.model.delivered import Left, Place
from evidence_kit.model.time import rfc3339
from evidence_kit.vaults.objects import SCHEMES, ObjectVault, split

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECTORY


class Deliveries:
    """Opens what a person names: a path of this machine, or `s3://`, `gs://`, `az://` by the environment's access."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ

    def open(self, said: str) -> Place:
        """Return the place called `said`; EmptyError where nothing is."""
        if said.partition("://")[0] in SCHEMES and "://" in said:
            return Bucket(said, self._environ)
        path = Path(said)
        try:
            mode = path.lstat().st_mode
        except (OSError, ValueError) as error:
            raise EmptyError(f"`{said}` is not there", hint="name what the partner delivered") from error
        if stat.S_ISDIR(mode):
            return Folder(path)
        if stat.S_ISREG(mode):
            return Folder(path.parent, only=path.name)
        raise UnexpectedError(f"`{said}` is not a plain file and not a folder", hint="name what a link points to")


class Folder:
    """The files below a folder, or the one called `only` in it."""

    def __init__(self, root: Path, *, only: str = "") -> None:
        self._root, self._only = root, only
        self.name = only or root.absolute().name
        self.is_folder = not only
        self.host = ""

    def walk(self) -> Iterator[Left]:
        """Yield everything that is no folder, links and devices too, which `open` refuses."""
        waiting = [""]
        while waiting:
            here = waiting.pop()
            with _translated(here or self.name), os.scandir(self._root / here) as found:
                for item in found:
                    inner = f"{here}/{item.name}" if here else item.name
                    if self._only and inner != self._only:
                        continue
                    if item.is_dir(follow_symlinks=False):
                        waiting.append(inner)
                        continue
                    said = item.stat(follow_symlinks=False)
                    yield Left(inner, said.st_size, _time(said.st_mtime), plain=stat.S_ISREG(said.st_mode))

    def open(self, inner: str) -> BinaryIO:
        """Open one plain file. No link is followed on the way: the folder may be one that the partner writes to."""
        *above, name = inner.split("/")
        with _translated(inner):
            handle = _descend(self._root, above, name)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise UnexpectedError(f"`{inner}` is not a plain file")
        return os.fdopen(handle, "rb")

    def holds(self, path: str) -> str | None:
        """Return how a path of this machine is called in here, or None where it lies elsewhere."""
        try:
            inner = Path(path).resolve().relative_to(self._root.resolve()).as_posix()
        except (OSError, ValueError):
            return None
        return None if self._only and inner != self._only else inner


class Bucket:
    """The objects below a prefix; keys may be any text."""

    is_folder = True

    def __init__(self, said: str, environ: Mapping[str, str]) -> None:
        bucket, prefix = split(said)
        self._vault = ObjectVault.at(bucket, prefix, environ)
        self.name = prefix.rpartition("/")[2] or bucket.partition("://")[2]
        self.host = bucket

    def walk(self) -> Iterator[Left]:
        """Yield every object."""
        for entry in self._vault.walk(""):
            yield Left(entry.path, entry.size, "", plain=True)

    def open(self, inner: str) -> BinaryIO:
        """Open an object of whatever name; it is mapped to a safe one where it is stored."""
        return self._vault.fetch(inner)

    def holds(self, path: str) -> None:
        """Return None: no path of this machine lies in a bucket."""


def _descend(root: Path, above: Sequence[str], name: str) -> int:
    here = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        for part in above:
            below = os.open(part, _FOLDER, dir_fd=here)
            os.close(here)
            here = below
        return os.open(name, _READ, dir_fd=here)
    finally:
        os.close(here)


def _time(seconds: float) -> str:
    try:
        return rfc3339(datetime.fromtimestamp(seconds, UTC).replace(microsecond=0))
    except (OverflowError, ValueError, OSError):
        return ""


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise MissingError(f"`{what}` is not there any more") from error
    except PermissionError as error:
        raise AccessError(f"`{what}` cannot be read: permission denied", hint="ask who owns the folder") from error
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO, errno.ENOTDIR}:
            raise UnexpectedError(f"`{what}` is not a plain file") from error
        raise ProviderError(f"cannot read `{what}`: {(error.strerror or '').lower()}") from error
