"""A folder that is only read: plain files alone, links and devices never followed."""

import errno
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from evidence_kit.errors import MissingError, UnexpectedError, VaultError
from evidence_kit.model.ports import Entry
from evidence_kit.vaults import hashing


class LocalFolder:
    """The files below `root`; nothing here writes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._top = str(root)  # a Path for each file costs more than its digest

    def open(self, path: str) -> BinaryIO:
        """Open a plain file without following a link in its last component."""
        return os.fdopen(self._handle(path)[0], "rb", buffering=1 << 16)

    def digest(self, path: str) -> tuple[str, int]:
        """Return SHA-256 and size of a plain file; VaultError if it cannot be read to its end."""
        handle, size = self._handle(path)
        try:
            return hashing.digest(handle, size)
        except OSError as error:
            raise VaultError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
        finally:
            os.close(handle)

    def _handle(self, path: str) -> tuple[int, int]:
        """Return an open plain file and its size."""
        where = f"{self._top}/{path}"
        try:
            # O_NONBLOCK: a FIFO put in place of a file must not make us wait for its writer.
            handle = os.open(where, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise MissingError(f"`{path}` is missing") from error
        except NotADirectoryError as error:
            raise MissingError(f"`{path}` is missing: a folder on its way is not one") from error
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENXIO}:
                raise UnexpectedError(f"`{path}` is not a plain file") from error
            raise VaultError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            os.close(handle)
            raise UnexpectedError(f"`{path}` is not a plain file")
        return handle, found.st_size

    def stat(self, path: str) -> Entry | None:
        """Return what stands at `path`, or None."""
        try:
            found = os.lstat(f"{self._top}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise VaultError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
        return Entry(path, "file" if stat.S_ISREG(found.st_mode) else "other", found.st_size)

    def walk(self, path: str) -> Iterator[Entry]:
        """Yield every non-folder below `path`, streaming; links are named, never followed."""
        for below, plain, size in self._below(path, (), sized=True):
            yield Entry(below, "file" if plain else "other", size)

    def kinds(self, path: str, without: Collection[str] = ()) -> Iterator[tuple[str, bool]]:
        """Yield what `walk` does and whether it is a plain file, not its size; folders `without` are not entered."""
        for below, plain, _ in self._below(path, without, sized=False):
            yield below, plain

    def worker(self) -> tuple[str, ...]:
        """Return the module, and its arguments, that checks what lies here in a process of its own."""
        return "evidence_kit.vaults.beside", str(self.root.absolute())

    def _below(self, path: str, without: Collection[str], *, sized: bool) -> Iterator[tuple[str, bool, int]]:
        """Yield path, whether it is a plain file, and size, which costs a call a file.

        A list of folders still to visit, not recursion: somebody else may have nested them a thousand deep.
        """
        waiting = [path]
        while waiting:
            here = waiting.pop()
            try:
                with os.scandir(f"{self._top}/{here}") as found:
                    for item in found:
                        below = f"{here}/{item.name}" if here else item.name
                        if item.is_dir(follow_symlinks=False):
                            if below not in without:
                                waiting.append(below)
                        else:
                            plain = item.is_file(follow_symlinks=False)
                            yield below, plain, item.stat(follow_symlinks=False).st_size if plain and sized else 0
            except FileNotFoundError:
                continue
            except OSError as error:
                raise VaultError(f"cannot read `{here}`: {(error.strerror or '').lower()}") from error

    def folders(self, path: str) -> list[str]:
        """Return the names of the folders directly below `path`, sorted."""
        try:
            with os.scandir(self.root / path) as found:
                return sorted(item.name for item in found if item.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise VaultError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
