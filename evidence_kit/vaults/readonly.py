"""A vault that is only read: an archive or a bucket that somebody handed over."""

from collections.abc import Iterable, Sequence
from typing import NoReturn

from evidence_kit.errors import VaultError
from evidence_kit.model.ports import Stored


class ReadOnly:
    """Refuses everything that would write."""

    def stage(self, chunks: Iterable[bytes]) -> Stored:
        """Refuse."""
        del chunks
        _refuse()

    def commit(self, batch: Sequence[tuple[Stored, str]]) -> None:
        """Refuse."""
        del batch
        _refuse()

    def append(self, path: str, data: bytes) -> None:
        """Refuse."""
        del path, data
        _refuse()

    def publish(self, path: str, data: Iterable[bytes]) -> tuple[str, int]:
        """Refuse."""
        del path, data
        _refuse()

    def cut(self, path: str, size: int) -> bytes:
        """Refuse."""
        del path, size
        _refuse()

    def set_aside(self, path: str, destination: str) -> None:
        """Refuse."""
        del path, destination
        _refuse()


def _refuse() -> NoReturn:
    raise VaultError("this can be read, not written to", hint="work on a case in a folder")
