"""Files against manifests: every listed one is there and unchanged, and no other is."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Self, cast

from evidence_kit.custody import bag, names
from evidence_kit.custody.bag import Listed
from evidence_kit.custody.verify import blocks
from evidence_kit.custody.verify.digests import Found, digest, digests
from evidence_kit.custody.verify.tally import Tally
from evidence_kit.custody.verify.workers import NOBODY, Crew
from evidence_kit.errors import DigestError, EvidenceKitError, UnexpectedError
from evidence_kit.model.ports import Nearby, Vault

__all__ = ["Lookup", "check_listed", "check_unlisted", "digest", "kinds", "printable"]
_NONE: Mapping[str, Found] = MappingProxyType({})


def check_listed(
    vault: Vault,
    root: str,
    manifest: str,
    tally: Tally,
    *,
    crew: Crew = NOBODY,
    known: Mapping[str, Found] = _NONE,
) -> tuple[int, int]:
    """Hash every file that `manifest` lists; return how many are there and their bytes.

    What a `crew` confirms is not looked at again; nor are files whose digests are `known` from a moment ago.
    """
    listing = _Listing(vault, root, tally, known)
    with vault.open(f"{root}/{manifest}") as stream:
        if not crew:
            listing.check(bag.read_manifest(stream))
            return listing.present, listing.octets
        requests = (((blocks.FILES, root), block) for block in blocks.blocks(stream, bag.MAX_LINE))
        for block, answer in crew.run(requests):
            if not listing.take(cast("blocks.Files | None", answer)):
                listing.check(bag.read_manifest(BytesIO(block), before=listing.last, number=listing.lines + 1))
    return listing.present, listing.octets


@dataclass(slots=True)
class _Listing:
    """One pass over a manifest."""

    vault: Vault
    root: str
    tally: Tally
    known: Mapping[str, Found]
    present: int = 0
    octets: int = 0
    lines: int = 0
    last: str = ""

    def take(self, answer: "blocks.Files | None") -> bool:
        """Count a block whose files are all as listed, if it follows what came before; else say that it was not."""
        if answer is None or answer[0] <= self.last:
            return False
        _, self.last, count, octets = answer
        self.lines, self.present, self.octets = self.lines + count, self.present + count, self.octets + octets
        self.tally.passed += count
        return True

    def check(self, manifest: Iterator[Listed]) -> None:
        """Look at each file, and keep what is wrong with it."""
        listed: dict[str, str] = {}  # those under way
        for path, found in self._found(manifest, listed):
            where, sealed = f"{self.root}/{path}", listed.pop(path)
            if isinstance(found, EvidenceKitError):
                self.tally.fail(found, where)
                continue
            sha256, size = found
            self.present, self.octets = self.present + 1, self.octets + size
            if sha256 == sealed:
                self.tally.passed += 1
            else:
                error = DigestError("differs from what was sealed")
                self.tally.fail(error, where, sealed=sealed, found=sha256, bytes=f"{size:,}")

    def _found(self, manifest: Iterator[Listed], under_way: dict[str, str]) -> Iterator[tuple[str, Found]]:
        def paths() -> Iterator[str]:
            for listed in manifest:
                self.lines, self.last = self.lines + 1, listed.path
                under_way[listed.path] = listed.sha256
                yield listed.path

        return digests(self.vault, self.root, paths(), self.known)


def kinds(vault: Vault, path: str, without: Collection[str] = ()) -> Iterator[tuple[str, bool]]:
    """Yield everything below `path`, but not below the folders `without`, and whether it is a plain file."""
    if isinstance(vault, Nearby):
        yield from vault.kinds(path, without)
        return
    beneath = tuple(f"{folder}/" for folder in without)
    for entry in vault.walk(path):
        if not entry.path.startswith(beneath):
            yield entry.path, entry.kind == "file"


def check_unlisted(vault: Vault, root: str, folder: str, manifest: str, present: int, tally: Tally) -> None:
    """Report every file below `folder` that `manifest` does not list.

    As paths in a manifest are unique, equal counts of sound files mean equal sets, and nothing has to be held or
    looked up. Else each is looked up, by bisecting the sorted manifest where it lies.
    """
    found = 0
    for path, is_plain in kinds(vault, f"{root}/{folder}"):
        found += 1
        if not is_plain:
            tally.fail(UnexpectedError("is not a plain file"), printable(path))
    if found <= present and not tally.defects:
        return
    with Lookup(vault, f"{root}/{manifest}") as lookup:
        for path, is_plain in kinds(vault, f"{root}/{folder}"):
            if is_plain and lookup.find(path.removeprefix(f"{root}/")) is None:
                tally.fail(UnexpectedError("is listed nowhere"), printable(path))


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
