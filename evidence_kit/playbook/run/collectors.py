"""Collectors that are made when they are first asked for: a playbook names few of the catalogue's sources."""

from collections.abc import Iterator, Mapping, MutableMapping

from evidence_kit.collectors.registry import build
from evidence_kit.model.ports import Collector
from evidence_kit.model.source import SourceSpec


class Collectors(Mapping[str, Collector]):
    """A collector for every source of `specs`; those of one provider share its access in `shared`."""

    def __init__(self, specs: Mapping[str, SourceSpec], shared: MutableMapping[str, object] | None = None) -> None:
        self._specs = specs
        self._shared: MutableMapping[str, object] = {} if shared is None else shared
        self._made: dict[str, Collector] = {}

    def __getitem__(self, name: str) -> Collector:
        """Return the collector of a source."""
        if name not in self._made:
            self._made |= build({name: self._specs[name]}, self._shared)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all sources."""
        return iter(self._specs)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._specs)

    def add(self, more: Mapping[str, Collector]) -> None:
        """Add collectors that are of no source, such as actions that keep something."""
        self._made |= more
