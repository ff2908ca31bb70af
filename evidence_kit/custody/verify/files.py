"""Files against manifests: every listed one is there and unchanged, and no other is."""

import hashlib
from typing import Self

from evidence_kit.custody import bag, names
from evidence_kit.custody.verify.tally import Tally
from evidence_kit.errors import DigestError, EvidenceKitError, UnexpectedError
from evidence_kit.model.ports import Vault

_CHUNK = 1 << 20


def digest(vault: Vault, path: str) -> tuple[str, int]:
    """Return the SHA-256 and size of a plain file, read once as a stream."""
    whole, size = hashlib.sha256(), 0
    with vault.open(path) as stream:
        while chunk := stream.read(_CHUNK):
            whole.update(chunk)
            size += len(chunk)
    return whole.hexdigest(), size


def check_listed(vault: Vault, root: str, manifest: str, tally: Tally) -> tuple[int, int]:
    """Hash every file that `manifest` lists; return how many are there and their bytes."""
    present = octets = 0
    with vault.open(f"{root}/{manifest}") as stream:
        for listed in bag.read_manifest(stream):
            path = f"{root}/{listed.path}"
            try:
                found, size = digest(vault, path)
            except EvidenceKitError as error:
                tally.fail(error, path)
                continue
            present, octets = present + 1, octets + size
            if found == listed.sha256:
                tally.passed += 1
            else:
                tally.fail(
                    DigestError("differs from what was sealed"),
                    path,
                    sealed=listed.sha256,
                    found=found,
                    bytes=f"{size:,}",
                )
    return present, octets


def check_unlisted(vault: Vault, root: str, folder: str, manifest: str, present: int, tally: Tally) -> None:
    """Report every file below `folder` that `manifest` does not list.

    As paths in a manifest are unique, equal counts of sound files mean equal sets, and nothing has to be held or
    looked up. Else each is looked up, by bisecting the sorted manifest where it lies.
    """
    found = 0
    for entry in vault.walk(f"{root}/{folder}"):
        found += 1
        if entry.kind != "file":
            tally.fail(UnexpectedError("is not a plain file"), printable(entry.path))
    if found <= present and not tally.defects:
        return
    with Lookup(vault, f"{root}/{manifest}") as lookup:
        for entry in vault.walk(f"{root}/{folder}"):
            inner = entry.path.removeprefix(f"{root}/")
            if entry.kind == "file" and lookup.find(inner) is None:
                tally.fail(UnexpectedError("is listed nowhere"), printable(entry.path))


def printable(path: str) -> str:
    """Return a path that a terminal shows as it is: names on disk are not ours to trust."""
    return path if names.is_safe(path) else ascii(path)


class Lookup:
    """Finds one path in a sorted manifest on disk with a handful of seeks."""

    def __init__(self, vault: Vault, path: str) -> None:
        self._stream = vault.open(path)
        self._size = self._stream.seek(0, 2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def find(self, path: str) -> str | None:
        """Return the digest listed for `path`, or None."""
        try:
            wanted = path.encode("ascii")
        except UnicodeEncodeError:
            return None
        low, high = 0, self._size
        while low < high:
            middle = (low + high) // 2
            self._stream.seek(middle)
            if middle:
                # Step back one byte, so that a line starting exactly at `middle` is not skipped.
                self._stream.seek(middle - 1)
                self._line()
            start = self._stream.tell()
            line = self._line()
            if not line or start >= high:
                high = middle
                continue
            found, _, name = line[:-1].partition(b"  ")
            if name == wanted:
                return found.decode("ascii", "replace")
            if name < wanted:
                low = start + len(line)
            else:
                high = middle
        return None

    def _line(self) -> bytes:
        return self._stream.readline(bag.MAX_LINE)
