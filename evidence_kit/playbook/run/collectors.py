"""Collectors that are made when they are first asked for: a playbook names few of the catalogue's sources.

Actions that keep something at a target are found here too, by their own names, so that the engine can finish one that
a crash cut short. A step that collects cannot name them: it chooses among the sources alone.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import cast

from evidence_kit.collectors.registry import build
from evidence_kit.model.ports import Collector
from evidence_kit.model.source import SourceSpec
from evidence_kit.preservation import book


class Collectors(Mapping[str, Collector]):
    """A collector for every source of `specs`; those of one provider share its access in `shared`."""

    def __init__(self, specs: Mapping[str, SourceSpec], shared: MutableMapping[str, object] | None = None) -> None:
        self._specs = specs
        self._shared: MutableMapping[str, object] = {} if shared is None else shared
        self._made: dict[str, Collector] = {}

    def __getitem__(self, name: str) -> Collector:
        """Return the collector of a source, or what carries out an action."""
        if name not in self._made:
            self._made |= self._build(name)
        return self._made[name]

    def _build(self, name: str) -> Mapping[str, Collector]:
        if name in self._specs:
            return build({name: self._specs[name]}, self._shared)
        action = book.load_actions()[name]
        return cast("Mapping[str, Collector]", book.build({name: action}, self._shared))

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all sources."""
        return iter(self._specs)

    def __contains__(self, name: object) -> bool:
        """Say whether there is a collector of that name."""
        return name in self._specs or name in self._made or name in book.load_actions()

    def __len__(self) -> int:
        """Return how many sources there are."""
        return len(self._specs)

    def put(self, more: Mapping[str, Collector]) -> None:
        """Take these instead of what would be made."""
        self._made |= more
