"""Where the artifacts of a unit go in their bag, so that each finds a place and none takes another's."""

import hashlib

from evidence_kit.custody import names
from evidence_kit.model.time import compact
from evidence_kit.model.unit import Unit

_SHARD = 1000  # pages a folder, so that listing one never costs much


def folder_of(unit: Unit) -> str:
    """Return where a unit's artifacts go: `data/<source>/<target>/<region>/[<stream>/]<window>`."""
    parts = ["data", unit.source, unit.target.id, unit.region or "global"]
    if unit.stream:
        parts.append(unit.stream)
    if unit.window:
        parts.append(f"{compact(unit.window.start)}_{compact(unit.window.end)}")
    return "/".join([parts[0], *(names.safe_component(part) for part in parts[1:])])


class Places:
    """The places of one unit that are taken."""

    def __init__(self, unit: Unit) -> None:
        self._folder = folder_of(unit)
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def page(self, name: str, number: int, suffix: str) -> str:
        """Return the path of page `number` of a call."""
        folder = names.safe_component(name)
        self._folders.add(folder)
        shard = f"{number // _SHARD:03d}/" if number >= _SHARD else ""
        return names.require_safe(f"{self._folder}/{folder}/{shard}{number:06d}.{suffix}")

    def object(self, name: str) -> str:
        """Return where an object goes. Object stores know no folders: `x` and `x/y` can both be there.

        Where a file and a folder would meet, or a path gets too long, the object is stored under its hash.
        """
        inner = names.safe_path(name)
        above = [inner[:at] for at, char in enumerate(inner) if char == "/"]
        if inner in self._folders or inner in self._files or any(folder in self._files for folder in above):
            inner = f"=-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()}"
        else:
            self._folders.update(above)
        self._files.add(inner)
        return names.require_safe(f"{self._folder}/{inner}")
