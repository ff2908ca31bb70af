"""The catalogue of sources, read as far as it is needed: names by a glance at each file, the rest on demand.

A playbook names a few of some hundred sources, and an editor lints while somebody types.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from evidence_kit.errors import UsageError
from evidence_kit.model.document import MAX_DOCUMENT
from evidence_kit.model.source import SourceSpec
from evidence_kit.sources.catalogue import parse_source

_LINE = re.compile(rb"^(name|provider|groups): *(.*?) *$", re.MULTILINE)
_WORD = re.compile(r"[\w.-]+")


class _Glance(NamedTuple):
    """What a glance at a file shows."""

    file: str
    text: bytes
    provider: str
    groups: tuple[str, ...]


class Catalogue(Mapping[str, SourceSpec]):
    """Every source that comes with the kit, by name, and those of some files or folders."""

    def __init__(self, extra: Sequence[Path] = ()) -> None:
        self._extra = extra
        self._read: dict[str, SourceSpec] = {}

    def __getitem__(self, name: str) -> SourceSpec:
        if name not in self._read:
            seen = self._seen[name]
            self._read[name] = parse_source(seen.text, name=seen.file)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    def __contains__(self, name: object) -> bool:
        return name in self._seen

    @cached_property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Return the names of the sources in each group."""
        found: dict[str, list[str]] = {}
        for name, seen in self._seen.items():
            for group in seen.groups:
                found.setdefault(group, []).append(name)
        return found

    @property
    def providers(self) -> frozenset[str]:
        """Return every provider."""
        return frozenset(seen.provider for seen in self._seen.values())

    @cached_property
    def _seen(self) -> Mapping[str, _Glance]:
        shipped = (_glance(item.name, item.read_bytes()) for item in _shipped())
        return dict(sorted((*shipped, *(_glance(str(path), _bytes(path)) for path in self._brought()))))

    def _brought(self) -> Iterator[Path]:
        for path in self._extra:
            yield from sorted(path.glob("*.yaml")) if path.is_dir() else [path]


def _shipped() -> Iterator[Traversable]:
    for folder in files("evidence_kit.sources").iterdir():
        if folder.is_dir():
            yield from (item for item in folder.iterdir() if item.name.endswith(".yaml"))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_DOCUMENT + 1)
    except OSError as error:
        raise UsageError(f"cannot read the connector `{path}`: {(error.strerror or '').lower()}") from error


def _glance(file: str, text: bytes) -> tuple[str, _Glance]:
    """Return the name of a source and what a glance shows; a file that is not written plainly is read as a whole."""
    said = {found[1].decode(): found[2].decode("utf-8", "replace") for found in _LINE.finditer(text)}
    name, provider = (_WORD.fullmatch(said.get(key, "")) for key in ("name", "provider"))
    if name is None or provider is None:
        spec = parse_source(text, name=file)
        return spec.name, _Glance(file, text, spec.provider, spec.groups)
    return name[0], _Glance(file, text, provider[0], tuple(_WORD.findall(said.get("groups", ""))))
