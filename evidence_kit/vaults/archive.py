"""A case or a bag inside a tar archive, read without unpacking it."""

import io
import tempfile
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from evidence_kit.errors import EmptyError, MissingError, UnexpectedError, VaultError
from evidence_kit.model.ports import Entry
from evidence_kit.vaults import tape
from evidence_kit.vaults.inflate import STEP, Cursor, Source
from evidence_kit.vaults.readonly import ReadOnly
from evidence_kit.vaults.tape import Member

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_ENTRIES = 2_000_000
MAX_NAMES = 256 << 20  # bytes of names: a few of the longest must not cost what many short ones do
_SMALL = 8 << 20  # members up to this size are held whole while they are open
_PINNED = 32 << 20  # records and manifests, kept from the first pass: they are read several times
_PASSED = 64 << 20  # evidence passed on the way to a later member: archives of another order are read back and forth
_PASSED_MEMBER = 1 << 20
_CURSORS = 3
# Without frames to begin from and in no order at all, reading back and forth would never end: from here on, a copy
# without compression is read, in a temporary file that has no name.
_PASSES = 16


class ArchiveVault(ReadOnly):
    """The members of `path`. One folder around everything is taken off, unless it is a bag's: that is its name."""

    def __init__(self, path: Path) -> None:
        self._source = Source.open(path)
        self._size = 0
        self._members: list[Member] = []  # in the order of the archive
        self._by_path: dict[str, Member] = {}
        self._pinned: dict[int, bytes] = {}
        self._passed: OrderedDict[int, bytes] = OrderedDict()
        self._passed_size = 0
        self._idle: list[Cursor] = []
        try:
            self._index()
        except BaseException:
            self.close()
            raise
        top = self._only_folder()
        names = self._by_path.keys()
        bare = {"bagit.txt", "case.json"} & names == {"bagit.txt"}
        foldered = {f"{top}/bagit.txt", f"{top}/case.json"} & names == {f"{top}/bagit.txt"}
        self.bag = top if foldered else _stem(path.name) if bare else None
        self._taken_off = f"{top}/" if top and not foldered else ""
        self._put_on = f"{self.bag}/" if bare else ""

    @property
    def inflated(self) -> int:
        """How many bytes were unpacked so far, the index included."""
        return self._source.inflated

    def close(self) -> None:
        """Let the archive go."""
        self._source.close()

    # -- the index ---------------------------------------------------------------------------------------

    def _index(self) -> None:
        cursor = Cursor(self._source, self._source.nearest(0))
        pinned = octets = 0
        for entries, member in enumerate(tape.members(cursor), start=1):
            if member is not None:
                octets += len(member.path)
                self._add(member)
            if entries > MAX_ENTRIES or octets > MAX_NAMES:
                raise VaultError(
                    f"`{self._source.name}` holds more than {MAX_ENTRIES:,} files, or names too long to hold",
                    hint="unpack it and verify the folder",
                )
            if member and "/data/" not in f"/{member.path}" and pinned + member.size <= _PINNED:
                pinned += member.size
                self._pinned[member.offset] = cursor.exactly(member.size)
        self._size = cursor.offset
        if not self._members:
            raise EmptyError(f"`{self._source.name}` holds no file")

    def _add(self, member: Member) -> None:
        if self._by_path.setdefault(member.path, member) is not member:
            raise UnexpectedError(f"the archive holds {member.path[:200]!a} twice", hint="ask how it was made")
        self._members.append(member)

    def _only_folder(self) -> str:
        tops = {member.path.partition("/")[0] if "/" in member.path else "" for member in self._members}
        return tops.pop() if len(tops) == 1 else ""

    # -- the vault ---------------------------------------------------------------------------------------

    def stat(self, path: str) -> Entry | None:
        """Return what stands at `path`; folders do not stand anywhere."""
        member = self._find(path)
        return Entry(path, member.kind, member.size) if member else None

    def walk(self, path: str) -> Iterator[Entry]:
        """Yield every member below `path`."""
        for member in self._members:
            outer = self._put_on + member.path.removeprefix(self._taken_off)
            if not path or outer.startswith(f"{path}/"):
                yield Entry(outer, member.kind, member.size)

    def open(self, path: str) -> BinaryIO:
        """Open a member that is a plain file."""
        member = self._find(path)
        if member is None:
            raise MissingError(f"`{path}` is missing")
        if member.kind != "file":
            raise UnexpectedError(f"`{path}` is not a plain file")
        if member.size <= _SMALL or member.offset in self._pinned:
            return io.BytesIO(self._bytes(member))
        return io.BufferedReader(_Large(self, member), STEP)

    def _find(self, path: str) -> Member | None:
        if not path.startswith(self._put_on):
            return None
        return self._by_path.get(self._taken_off + path.removeprefix(self._put_on))

    # -- cursors -----------------------------------------------------------------------------------------

    def _bytes(self, member: Member) -> bytes:
        held = self._pinned.get(member.offset)
        if held is None and (held := self._passed.get(member.offset)) is not None:
            self._passed.move_to_end(member.offset)
        if held is not None:
            return held
        cursor = self.borrow(member.offset)
        body = cursor.exactly(member.size)
        self.give_back(cursor)
        return body

    def borrow(self, offset: int) -> Cursor:
        """Return a cursor at `offset`: the nearest idle one before it, or one from the start of its frame."""
        if not self._source.is_stored and self._source.inflated > _PASSES * self._size:
            self._source, self._idle = self._source.unpacked(), []
        frame = self._source.nearest(offset)
        near = [cursor for cursor in self._idle if frame.out <= cursor.offset <= offset]
        if near:
            cursor = max(near, key=lambda cursor: cursor.offset)
            self._idle.remove(cursor)
        else:
            cursor = Cursor(self._source, frame)
        self._advance(cursor, offset)
        return cursor

    def give_back(self, cursor: Cursor) -> None:
        """Keep a cursor for the next member."""
        if cursor.source is self._source:
            self._idle.append(cursor)
            del self._idle[:-_CURSORS]

    def _advance(self, cursor: Cursor, offset: int) -> None:
        """Move a cursor on, keeping the small members it passes."""
        first = bisect_left(self._members, cursor.offset, key=lambda member: member.offset)
        for number in range(first, len(self._members)):
            member = self._members[number]
            if member.offset >= offset or self._source.is_stored:
                break
            if member.size <= _PASSED_MEMBER and member.offset not in self._passed:
                cursor.skip_to(member.offset)
                self._pass(member, cursor.exactly(member.size))
        cursor.skip_to(offset)

    def _pass(self, member: Member, body: bytes) -> None:
        self._passed[member.offset] = body
        self._passed_size += len(body)
        while self._passed_size > _PASSED:
            self._passed_size -= len(self._passed.popitem(last=False)[1])


class _Large(io.RawIOBase):
    """A member too large to hold: streamed forwards; whoever goes back reads from an unnamed temporary file.

    Only manifests are ever read backwards, when bisected after a defect; decompressing anew for each step would never
    end.
    """

    def __init__(self, vault: ArchiveVault, member: Member) -> None:
        self._vault, self._member = vault, member
        self._at = 0
        self._cursor: Cursor | None = None
        self._copy: IO[bytes] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._member.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._member.size - self._at)
        if wanted <= 0:
            return 0
        data = self._read(self._member.offset + self._at, wanted)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _read(self, offset: int, size: int) -> bytes:
        if self._copy is None:
            cursor = self._cursor = self._cursor or self._vault.borrow(offset)
            if cursor.offset <= offset:
                cursor.skip_to(offset)
                return cursor.exactly(min(size, STEP))
            self._copy = self._spool()
        self._copy.seek(self._at)
        return self._copy.read(size)

    def _spool(self) -> IO[bytes]:
        self._release()
        cursor = self._vault.borrow(self._member.offset)
        end = self._member.offset + self._member.size
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this stream
        try:
            while cursor.offset < end:
                copy.write(cursor.exactly(min(STEP, end - cursor.offset)))
        except OSError as error:
            raise VaultError(f"cannot hold a copy of a manifest: {(error.strerror or '').lower()}") from error
        self._vault.give_back(cursor)
        return copy

    def _release(self) -> None:
        if self._cursor:
            self._vault.give_back(self._cursor)
            self._cursor = None

    def close(self) -> None:
        self._release()
        if self._copy:
            self._copy.close()
        super().close()


def _stem(name: str) -> str:
    """Return the name of the folder that a bag without one would be unpacked into."""
    for ending in (".zst", ".gz", ".tgz", ".tar"):
        name = name.removesuffix(ending)
    return name
