"""A folder that is handed out whole or not at all: written beside its place, listed, then renamed."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from evidence_kit.custody.bag import Listed
from evidence_kit.custody.extsort import LineSorter
from evidence_kit.errors import UsageError
from evidence_kit.report.transport.parcel import Scale
from evidence_kit.vaults.local import LocalVault, translated

_CHUNK = 1 << 20


class Package:
    """Files below one folder, each hashed as it is written; the manifest lists them all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed = LineSorter()

    def write(self, path: str, chunks: Iterable[bytes]) -> str:
        """Write one file, once, be it empty; return its SHA-256."""
        with self.writing(path) as out:
            out.write(b"")
            for chunk in chunks:
                out.write(chunk)
        return out.sha256

    @contextmanager
    def writing(self, path: str) -> Iterator["Listing"]:
        """Give a file to be written piece by piece; it is there and listed if anything was written."""
        out = Listing(self.root, path)
        try:
            yield out
        finally:
            out.close()
        if out.is_there:
            self._listed.add(f"{path}  {out.sha256}\n".encode())

    def close(self, path: str) -> str:
        """Write the manifest over everything so far, in the order of paths; return its SHA-256."""
        digest = hashlib.sha256()
        with translated(f"write `{path}`"), (self.root / path).open("xb") as out:
            for line in self._listed:
                name, _, sha256 = line[:-1].decode().partition("  ")
                entry = Listed(name, sha256).line()
                digest.update(entry)
                out.write(entry)
        return digest.hexdigest()


class Listing:
    """A file that is made by the first thing written to it, and what it weighs so far."""

    def __init__(self, root: Path, path: str) -> None:
        self._root, self._path = root, path
        self._stream: BinaryIO | None = None
        self._scale = Scale()

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        with translated(f"write `{self._path}`"):
            if self._stream is None:
                where = self._root / self._path
                where.parent.mkdir(parents=True, exist_ok=True)
                self._stream = where.open("xb")
            self._stream.write(self._scale.add(chunk))

    def close(self) -> None:
        """Hand what is buffered to the system."""
        if self._stream is not None:
            with translated(f"write `{self._path}`"):
                self._stream.close()

    @property
    def is_there(self) -> bool:
        """Say whether anything was written."""
        return self._stream is not None

    @property
    def sha256(self) -> str:
        """Return the digest of all bytes so far."""
        return self._scale.weighed.sha256


@contextmanager
def building(out: Path, *, outside: LocalVault) -> Iterator[Package]:
    """Give a package that `hand_out` puts in place; whatever goes wrong before leaves nothing behind.

    `out` must not exist, or be empty, and must not lie in the case, where nothing would account for it.
    """
    place = out.absolute()
    if place.resolve().is_relative_to(outside.root.resolve()):
        raise UsageError(f"`{out}` lies within the case", hint="choose a folder elsewhere")
    if os.path.lexists(place) and (place.is_symlink() or not place.is_dir() or any(place.iterdir())):
        raise UsageError(f"`{out}` exists and is not an empty folder", hint="choose another; nothing is overwritten")
    with translated(f"create `{out}`"):
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        yield Package(partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def hand_out(package: Package, out: Path) -> None:
    """Put a finished package in its place."""
    with translated(f"create `{out}`"):
        package.root.chmod(0o755)
        package.root.rename(out.absolute())


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what is left of a stream."""
    while chunk := stream.read(_CHUNK):
        yield chunk
