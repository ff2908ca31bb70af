"""A file that appears whole under its name or not at all, hashed as it is written, never over another."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from evidence_kit.errors import UsageError, VaultError


@dataclass(frozen=True, slots=True)
class Weighed:
    """The digest and the size of a stream."""

    sha256: str
    bytes: int

    @property
    def fields(self) -> dict[str, object]:
        """Return both as a document holds them."""
        return {"sha256": self.sha256, "bytes": self.bytes}


class Scale:
    """Hashes and counts what passes."""

    def __init__(self) -> None:
        self._digest, self._size = hashlib.sha256(), 0

    def add(self, data: bytes) -> bytes:
        """Take a part; return it."""
        self._digest.update(data)
        self._size += len(data)
        return data

    @property
    def weighed(self) -> Weighed:
        """Return what has passed so far."""
        return Weighed(self._digest.hexdigest(), self._size)


class Parcel:
    """Write, `close_up`, `deliver`; whatever ends before leaves nothing behind."""

    def __init__(self, destination: Path) -> None:
        self._where = destination
        self._partial = destination.with_name(f".{destination.name}.partial")
        self._scale = Scale()
        self._reserved = self._delivered = False

    def __enter__(self) -> Self:
        if os.path.lexists(self._where):
            raise UsageError(f"`{self._where}` exists", hint="choose another name; nothing is overwritten")
        with self._translated():
            self._handle = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        return self

    def write(self, data: bytes) -> int:
        """Write all of `data`."""
        view = memoryview(self._scale.add(data))
        with self._translated():
            while view:
                view = view[os.write(self._handle, view) :]
        return len(data)

    def close_up(self) -> Weighed:
        """Make the bytes durable and claim the name; return what was written."""
        with self._translated():
            os.fsync(self._handle)
            # Claimed by creating it, for renaming would replace what somebody else put there meanwhile.
            os.close(os.open(self._where, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            self._reserved = True
        return self._scale.weighed

    def deliver(self) -> None:
        """Put the file in its place."""
        with self._translated():
            self._partial.replace(self._where)
            self._delivered = True
            folder = os.open(self._where.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)
        if not self._delivered:
            self._partial.unlink(missing_ok=True)
            if self._reserved:
                self._where.unlink(missing_ok=True)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError as error:
            raise UsageError(
                f"`{Path(error.filename).name}` exists", hint="another export makes it, or one was cut off; remove it"
            ) from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise VaultError(f"cannot write `{self._where}`: {reason}", hint="choose another place") from error
