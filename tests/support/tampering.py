"""Ways to damage a case and to undo it."""

import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self


class Snapshot(AbstractContextManager["Snapshot"]):
    """Puts a folder back as it was, file by file, when the block is left."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._kept = {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._root)
        for path, content in self._kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def overwrite(path: Path, content: bytes) -> None:
    """Replace what a read-only file holds."""
    path.chmod(0o644)
    path.write_bytes(content)


def flip(path: Path, position: int, mask: int = 0x01) -> None:
    """Change bits of one byte; the same call puts them back."""
    handle = os.open(path, os.O_RDWR)
    try:
        byte = os.pread(handle, 1, position)[0]
        os.pwrite(handle, bytes([byte ^ mask]), position)
    finally:
        os.close(handle)


def swap_lines(path: Path, first: int, second: int) -> None:
    """Exchange two lines of a journal."""
    lines = path.read_bytes().splitlines(keepends=True)
    lines[first], lines[second] = lines[second], lines[first]
    overwrite(path, b"".join(lines))
