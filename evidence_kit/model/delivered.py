"""Files that somebody else has left for us, and the place where they lie."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Left:
    """One thing that lies there. `plain` tells files from links and devices; `modified` is RFC 3339, or empty."""

    name: str
    size: int
    modified: str
    plain: bool


class Place(Protocol):
    """A folder, one file, a bucket's prefix. `host` is empty on this machine."""

    name: str
    host: str
    is_folder: bool

    def walk(self) -> Iterator[Left]:
        """Yield everything that is no folder, in no order."""
        ...

    def open(self, inner: str) -> BinaryIO:
        """Open one plain file."""
        ...

    def holds(self, path: str) -> str | None:
        """Return how a path of this machine is called in here, or None where it lies elsewhere."""
        ...


class Places(Protocol):
    """What finds a place by what a person calls it."""

    def open(self, said: str) -> Place:
        """Return the place; EmptyError where nothing is."""
        ...
