"""What a program does to the files below a folder, from the log that strace writes of its system calls."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support.disk import AT_END, Act, Parts

# Whatever can change a file or make it durable. `mmap` is not seen: no writer here maps a file.
_CALLS = (
    "open", "openat", "creat", "write", "pwrite64", "writev", "pwritev", "ftruncate", "truncate", "fallocate",
    "fsync", "fdatasync", "sync", "syncfs", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir",
    "mkdir", "mkdirat", "link", "linkat", "symlink", "symlinkat", "copy_file_range", "sendfile", "splice", "lseek",
)  # fmt: skip
_LINE = re.compile(r"(?P<pid>\d+) +(?P<rest>.*)")
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<said>.*)\) += (?P<result>-?\d+)(?:<(?P<where>(?:\\x..)*)>)?.*")
_TEXT = re.compile(r'"((?:\\x..)*)"')
_HANDLE = re.compile(r"(AT_FDCWD|\d+)<((?:\\x..)*)>")


def command(log: Path, program: list[str]) -> list[str]:
    """Return how to run a program so that `parse` can read what it did."""
    traced = ["strace", "-f", "-y", "-xx", "-s", "10000000", "--seccomp-bpf", "-e", "signal=none", "-o", str(log)]
    return [*traced, "-e", f"trace={','.join(f'?{name}' for name in _CALLS)}", *program]


def reason_not_to() -> str:
    """Return why nothing can be traced here; nothing if it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-f", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return f"tracing is not permitted here: {tried.stderr.strip()[:100]}" if tried.returncode else ""


@dataclass(frozen=True)
class Said:
    """The program said something to whoever runs it: everything before that counts as acknowledged."""

    text: str


@dataclass
class _Open:
    path: Parts
    at: int = 0
    appends: bool = False


@dataclass
class Reader:
    """Reads the log of one process with many threads."""

    root: Path  # what lies below it matters
    voice: Path  # a file outside; what is written there is said
    there: set[Parts] = field(default_factory=set)  # files and folders that are there
    opened: dict[str, _Open] = field(default_factory=dict)
    done: int = 0

    def read(self, log: Path) -> Iterator[Act | Said]:
        """Yield acts and words in the order in which they ended."""
        begun: dict[str, tuple[str, int]] = {}
        with log.open(encoding="ascii") as lines:
            for line in lines:
                told = _LINE.fullmatch(line.rstrip("\n"))
                if told is None or told["rest"].startswith(("+++", "---")):
                    continue
                pid, rest, began = told["pid"], told["rest"], self.done
                if rest.endswith("<unfinished ...>"):
                    begun[pid] = (rest.removesuffix("<unfinished ...>"), self.done)
                    continue
                if resumed := _RESUMED.fullmatch(rest):
                    head, began = begun.pop(pid)
                    rest = f"{head.rstrip()}{resumed['rest'].lstrip()}"
                call = _CALL.fullmatch(rest)
                if call is None or int(call["result"]) < 0:
                    continue
                for act in self._acts(call, began):
                    self.done += isinstance(act, Act)
                    yield act

    def _acts(self, call: re.Match[str], began: int) -> Iterator[Act | Said]:
        name, said = call["name"], call["said"]
        handle = _HANDLE.match(said)
        where = _decoded(handle[2]) if handle and handle[1] != "AT_FDCWD" else ""
        if name in {"open", "openat", "creat"}:
            yield from self._open(said, call)
        elif name in {"write", "pwrite64", "writev", "pwritev"} and handle:
            if where == str(self.voice):
                yield Said(_text(said).decode())
            elif opened := self._known(handle[1], where):
                assert name == "write", f"`{name}` into {where} is not understood"
                yield self._write(opened, _text(said))
        elif name in {"ftruncate", "fallocate"} and handle and (opened := self._known(handle[1], where)):
            numbers = [int(one) for one in re.findall(r", (\d+)", said)]
            yield Act("size", opened.path, at=numbers[-1] if name == "ftruncate" else numbers[-2] + numbers[-1])
        elif name == "lseek" and handle and (opened := self._known(handle[1], where)):
            opened.at = int(call["result"])
        elif name in {"fsync", "fdatasync"} and (path := self._inside(where)) is not None:
            yield Act("fsync", path, began=began)
        elif name in {"sync", "syncfs"}:
            yield Act("sync", began=began)
        elif name in {"sendfile", "copy_file_range", "splice"}:
            assert not any(self._inside(_decoded(one[1])) for one in _HANDLE.findall(said)), (
                f"`{name}` is not understood"
            )
        else:
            yield from self._name(name, said)

    def _open(self, said: str, call: re.Match[str]) -> Iterator[Act]:
        path = self._inside(_decoded(call["where"] or ""))
        if path is None or "O_DIRECTORY" in said or not re.search(r"O_WRONLY|O_RDWR", said):
            return
        opened = self.opened[call["result"]] = _Open(path, appends="O_APPEND" in said)
        if path not in self.there:
            self.there.add(path)
            yield Act("make", path)
        elif "O_TRUNC" in said:
            yield Act("size", opened.path, at=0)

    def _known(self, number: str, where: str) -> _Open | None:
        path = self._inside(where)
        if path is None or (opened := self.opened.get(number)) is None:
            return None
        opened.path = path
        return opened

    def _write(self, opened: _Open, data: bytes) -> Act:
        act = Act("write", opened.path, data=data, at=AT_END if opened.appends else opened.at)
        opened.at += len(data)
        return act

    def _name(self, name: str, said: str) -> Iterator[Act]:
        paths = list(self._paths(said))
        inside = [self._inside(path) for path in paths]
        if not any(path is not None for path in inside):
            return
        assert all(path is not None for path in inside), f"`{name}` leads out of the folder"
        path = inside[0] or ()
        if name in {"mkdir", "mkdirat"}:
            self.there.add(path)
            yield Act("mkdir", path)
        elif name in {"unlink", "unlinkat", "rmdir"}:
            self.there.discard(path)
            yield Act("remove", path)
        elif name in {"link", "linkat"}:
            self.there.add(inside[1] or ())
            yield Act("link", path, inside[1] or ())
        elif name.startswith("rename"):
            to = inside[1] or ()
            self.there.discard(path)
            self.there.add(to)
            yield Act("rename", path, to)
        else:
            raise AssertionError(f"`{name}` below the folder is not understood")

    def _paths(self, said: str) -> Iterator[str]:
        base = ""
        for one in re.finditer(rf"{_HANDLE.pattern}|{_TEXT.pattern}", said):
            if one[2] is not None:
                base = _decoded(one[2])
            elif one[3] is not None:
                path = _decoded(one[3])
                yield path if path.startswith("/") or not base else f"{base}/{path}"

    def _inside(self, path: str) -> Parts | None:
        try:
            return Path(path).relative_to(self.root).parts
        except ValueError:
            return None


def _decoded(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode("utf-8", "surrogateescape")


def _text(said: str) -> bytes:
    return b"".join(bytes.fromhex(one.replace("\\x", "")) for one in _TEXT.findall(said))
