"""A disk as a power cut finds it: what was synced is there, the rest may be there, in part, or not at all.

The model is harsher than any file system. Each name of each folder stands at any version it had since its folder was
synced, on its own: of a rename between folders one half may survive, or neither. A file's bytes since its last sync
are kept, cut short, or replaced by zeros under the new size. Only fsync of a file settles its bytes, only fsync of a
folder its names, and syncfs both; nothing is settled that began after the sync did.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

Parts = tuple[str, ...]
AT_END = -1  # where an append writes


@dataclass(frozen=True)
class Act:
    """One call that changed the disk, or made a part durable. `began`: how many calls had ended when it began."""

    name: str
    path: Parts = ()
    to: Parts = ()
    data: bytes = b""
    at: int = 0
    began: int = 0


@dataclass(frozen=True)
class Change:
    """What happened to the bytes of a file: written at a place, or cut or stretched to a size."""

    when: int
    at: int
    data: bytes | None = None  # None: the size became `at`

    def onto(self, body: bytearray, *, length: int | None = None, zeros: bool = False) -> None:
        """Apply it; up to `length` only, with or without zeros for the rest."""
        if self.data is None:
            if len(body) > self.at:
                del body[self.at :]
            body.extend(bytes(self.at - len(body)))
            return
        body.extend(bytes(max(0, self.at - len(body))))
        kept = self.data if length is None else self.data[:length]
        if zeros:
            kept += bytes(len(self.data) - len(kept))
        body[self.at : self.at + len(kept)] = kept


@dataclass
class File:
    """Durable bytes, and what has been done to them since."""

    safe: bytes = b""
    since: list[Change] = field(default_factory=list)
    size: int = 0

    def now(self) -> bytes:
        """Return what a reader sees."""
        body = bytearray(self.safe)
        for change in self.since:
            change.onto(body)
        return bytes(body)

    def settle(self, before: int) -> None:
        """Make durable what was done before a moment."""
        body = bytearray(self.safe)
        for change in self.since:
            if change.when < before:
                change.onto(body)
        self.safe, self.since = bytes(body), [change for change in self.since if change.when >= before]


@dataclass
class Folder:
    """For each name the versions since the folder was synced, the durable one first."""

    names: dict[str, list[tuple[int, "File | Folder | None"]]] = field(default_factory=dict)

    def now(self, name: str) -> "File | Folder | None":
        """Return what stands under a name for a reader."""
        return self.names[name][-1][1] if name in self.names else None

    def put(self, name: str, thing: "File | Folder | None", when: int) -> None:
        """Let a name stand for something else; nothing of that is durable."""
        self.names.setdefault(name, [(-1, None)]).append((when, thing))

    def settle(self, before: int) -> None:
        """Make the names durable as they stood at a moment."""
        for name, versions in self.names.items():
            old = [one for one in versions if one[0] < before]
            self.names[name] = [(-1, old[-1][1]), *versions[len(old) :]]


Way = str
WAYS: tuple[Way, ...] = ("least", "most", "names only", "zeros", "bytes only")


class Disk:
    """What lies below one folder, from the acts upon it."""

    def __init__(self) -> None:
        self.top = Folder()
        self.count = 0

    @classmethod
    def of(cls, root: Path) -> "Disk":
        """Return a disk on which all of `root` is durable."""
        disk = cls()
        for path in sorted(root.rglob("*")):
            parts = path.relative_to(root).parts
            disk._folder(parts[:-1]).put(parts[-1], _thing(path), -1)
        disk.sync(0)
        return disk

    def do(self, act: Act) -> None:
        """Take in one act."""
        getattr(self, f"_{act.name}")(act)
        self.count += 1

    def read(self, path: str) -> bytes | None:
        """Return what a reader sees of a file."""
        found = self._find(PurePosixPath(path).parts)
        return found.now() if isinstance(found, File) else None

    def files(self, folder: str = "") -> Iterator[str]:
        """Yield the paths of all files that a reader sees below a folder."""
        start = self._find(PurePosixPath(folder).parts)
        if isinstance(start, Folder):
            yield from self._seen(start, folder)

    def below(self, path: str) -> "Disk":
        """Return one folder as a disk of its own, which is there whatever becomes of those above it."""
        disk = Disk()
        disk.top, disk.count = self._folder(PurePosixPath(path).parts), self.count
        return disk

    def sync(self, before: int) -> None:
        """Make everything durable that was done before a moment."""
        waiting: list[File | Folder] = [self.top]
        known: set[int] = set()
        while waiting:
            thing = waiting.pop()
            if id(thing) in known:
                continue
            known.add(id(thing))
            if isinstance(thing, Folder):
                waiting += [one for versions in thing.names.values() for _, one in versions if one is not None]
            thing.settle(before)

    def left(self, way: Way, draw: random.Random) -> dict[str, bytes | None]:
        """Return what a power cut may leave: bytes by path, None for a folder."""
        found: dict[str, bytes | None] = {}
        waiting: list[tuple[str, Folder]] = [("", self.top)]
        while waiting:
            here, folder = waiting.pop()
            for name, versions in folder.names.items():
                _, thing = versions[_which(len(versions), way, draw)]
                path = f"{here}/{name}" if here else name
                if isinstance(thing, Folder):
                    found[path] = None
                    waiting.append((path, thing))
                elif thing is not None:
                    found[path] = _bytes(thing, way, draw)
        return found

    def _seen(self, folder: Folder, here: str) -> Iterator[str]:
        for name in folder.names:
            thing = folder.now(name)
            path = f"{here}/{name}" if here else name
            if isinstance(thing, Folder):
                yield from self._seen(thing, path)
            elif thing is not None:
                yield path

    def _find(self, path: Parts) -> "File | Folder | None":
        thing: File | Folder | None = self.top
        for name in path:
            thing = thing.now(name) if isinstance(thing, Folder) else None
        return thing

    def _folder(self, path: Parts) -> Folder:
        found = self._find(path)
        assert isinstance(found, Folder), path
        return found

    def _file(self, path: Parts) -> File:
        found = self._find(path)
        assert isinstance(found, File), path
        return found

    # -- the acts ----------------------------------------------------------------------------------------------

    def _make(self, act: Act) -> None:
        self._folder(act.path[:-1]).put(act.path[-1], File(), self.count)

    def _mkdir(self, act: Act) -> None:
        self._folder(act.path[:-1]).put(act.path[-1], Folder(), self.count)

    def _write(self, act: Act) -> None:
        file = self._file(act.path)
        at = file.size if act.at == AT_END else act.at
        file.since.append(Change(self.count, at, act.data))
        file.size = max(file.size, at + len(act.data))

    def _size(self, act: Act) -> None:
        file = self._file(act.path)
        file.since.append(Change(self.count, act.at))
        file.size = act.at

    def _rename(self, act: Act) -> None:
        thing = self._find(act.path)
        assert thing is not None, act
        self._folder(act.to[:-1]).put(act.to[-1], thing, self.count)
        self._folder(act.path[:-1]).put(act.path[-1], None, self.count)

    def _link(self, act: Act) -> None:
        self._folder(act.to[:-1]).put(act.to[-1], self._file(act.path), self.count)

    def _remove(self, act: Act) -> None:
        self._folder(act.path[:-1]).put(act.path[-1], None, self.count)

    def _fsync(self, act: Act) -> None:
        thing = self._find(act.path)
        assert thing is not None, act
        thing.settle(act.began)

    def _sync(self, act: Act) -> None:
        self.sync(act.began)


def _thing(path: Path) -> File | Folder:
    return Folder() if path.is_dir() else File(body := path.read_bytes(), size=len(body))


def _which(count: int, way: Way, draw: random.Random) -> int:
    if way in {"least", "bytes only"}:
        return 0
    return draw.randrange(count) if way == "random" else count - 1


def _bytes(file: File, way: Way, draw: random.Random) -> bytes:
    if way in {"least", "names only"}:
        return file.safe
    if way in {"most", "bytes only"}:
        return file.now()
    body = bytearray(file.safe)
    if way == "zeros":
        for change in file.since:
            change.onto(body, length=0, zeros=True)
        return bytes(body)
    return _torn(file, body, draw)


def _torn(file: File, body: bytearray, draw: random.Random) -> bytes:
    """Return the bytes with each change kept, lost, cut short, or with zeros in place of some of it."""
    for change in file.since:
        size = len(change.data or b"")
        fate = draw.choice(("kept", "lost", "cut", "zeros", "hole"))
        if fate == "kept":
            change.onto(body)
        elif fate == "cut":
            change.onto(body, length=draw.randint(0, size))
            break
        elif fate == "zeros":
            change.onto(body, length=draw.randint(0, size), zeros=True)
        elif fate == "hole" and change.data:
            start = draw.randrange(size)
            end = draw.randint(start, size)
            Change(0, change.at, change.data[:start] + bytes(end - start) + change.data[end:]).onto(body)
        elif fate == "lost":
            break
    return bytes(body)


def lay(found: dict[str, bytes | None], root: Path) -> Path:
    """Write what is left into an empty folder, and return it."""
    root.mkdir(parents=True)
    for path in sorted(found):
        body = found[path]
        if body is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(body)
    return root
