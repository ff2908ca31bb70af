"""Counts that cost reading a whole artifact: made once, kept outside the case by its digest, rebuilt at will."""

import json
from pathlib import Path

from evidence_kit import __version__
from evidence_kit.analysis.tables.parts import replacing


class Counts:
    """How often something stands in an artifact, by its SHA-256; what another version counted is counted anew."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known = {} if path is None else _read(path)
        self._is_new = False

    def get(self, sha256: str) -> int | None:
        """Return a count that was kept."""
        return self._known.get(sha256)

    def put(self, sha256: str, count: int) -> None:
        """Keep a count."""
        self._known[sha256] = count
        self._is_new = True

    def save(self) -> None:
        """Write what is new; VaultError where nothing can be written."""
        if self._path is None or not self._is_new:
            return
        with replacing(self._path) as new:
            new.write_text(json.dumps({"madeBy": __version__, "counts": self._known}))


def _read(path: Path) -> dict[str, int]:
    """Return what a file holds; one that is not there, torn or of another version holds nothing."""
    try:
        said = json.loads(path.read_bytes())
        known = said["counts"] if said["madeBy"] == __version__ else {}
        return {str(sha256): int(count) for sha256, count in known.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
