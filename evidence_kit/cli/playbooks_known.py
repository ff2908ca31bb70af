"""What lint is told of the world: whatever is at hand, and each thing read when a playbook speaks of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from evidence_kit.cli import settings
from evidence_kit.cli.files import read_file
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.analysis.pivots.loading import Pivot
    from evidence_kit.governance.inventory import Entry
    from evidence_kit.model.source import SourceSpec
    from evidence_kit.playbook.library import Library
    from evidence_kit.playbook.lint.known import Known
    from evidence_kit.playbook.model import Playbook

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the operator gives beside the playbook."""

    inventory: str | None = None
    policy: str | None = None
    connectors: Sequence[str] = ()
    channels: Path | None = None
    clocks: Sequence[Path] = ()
    folders: Sequence[Path] = ()


def known(beside: Beside, library: "Library | None" = None) -> "Known":
    """Return what exists; UsageError where something that was given cannot be read."""
    from evidence_kit.governance.policy import parse_policy
    from evidence_kit.playbook.library import Library
    from evidence_kit.playbook.lint.catalogue import Catalogue
    from evidence_kit.playbook.lint.known import Known

    inventory = settings.setting("inventory", beside.inventory)
    limits = settings.setting("policy", beside.policy)
    sources = Catalogue([Path(one) for one in settings.listed("connectors", beside.connectors)])
    return Known(
        sources=sources,
        groups=sources.groups,
        providers=sources.providers,
        saved=_Later(_saved),
        sigma=_Later(_rules),
        actions=_Later(_actions),
        clocks=_Later(lambda: _clocks(beside.clocks)),
        playbooks=_Shelf(library or Library(beside.folders)),
        channels=_channels(beside.channels),
        entries=_entries(inventory) if inventory else None,
        policy=parse_policy(read_file(limits), name=limits) if limits else None,
        at=settings.now(),
    )


class _Later(Mapping[str, T]):
    """A mapping that is made when somebody looks into it."""

    def __init__(self, make: Callable[[], Mapping[str, T]]) -> None:
        self._make = make
        self._made: Mapping[str, T] | None = None

    def _all(self) -> Mapping[str, T]:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __getitem__(self, name: str) -> T:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


class _Shelf(Mapping[str, "Playbook"]):
    """The playbooks of a library by `id@major`; one that cannot be read is not there."""

    def __init__(self, library: "Library") -> None:
        self._library = library

    def __getitem__(self, name: str) -> "Playbook":
        if "@" not in name:
            raise KeyError(name)
        try:
            return self._library.find(name)
        except UsageError as error:
            raise KeyError(name) from error

    def __iter__(self) -> Iterator[str]:
        for name in self._library.files:
            try:
                yield self._library.find(name).major
            except UsageError:
                continue

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _saved() -> "Mapping[str, Pivot]":
    from evidence_kit.analysis.pivots.loading import load_pivots

    return load_pivots()


def _rules() -> Mapping[str, str]:
    """Return every name by which a Sigma rule of the kit can be called."""
    from evidence_kit.analysis.sigma.book import own_rules, read_rules

    read, _ = read_rules(own_rules())
    names = (name for rule in read for name in (rule.id, rule.title, Path(rule.file).name, Path(rule.file).stem))
    return dict.fromkeys(names, "")


def _actions() -> "Mapping[str, SourceSpec]":
    from evidence_kit.preservation.book import load_actions

    return {name: action.source for name, action in load_actions().items()}


def _clocks(paths: Sequence[Path]) -> Mapping[str, str]:
    """Return every clock, with what there is to be said against relying on it."""
    from evidence_kit.governance.clocks.sets import extended, standard

    found = standard()
    for path in paths:
        found = extended(found, read_file(path), name=str(path))
    now = settings.now()
    against: dict[str, str] = {}
    for name, clock in found.clocks.items():
        said = [] if clock.is_verified else [f"nobody has read its source ({clock.status})"]
        if clock.is_stale(now):
            said.append(f"nobody has reviewed it since {clock.reviewed}")
        against[name] = " and ".join(said)
    return against


def _channels(path: Path | None) -> tuple[str, ...] | None:
    if path is None:
        return None
    from evidence_kit.notices.channels import parse_channels

    return tuple(one.name for one in parse_channels(read_file(path), name=str(path)))


def _entries(path: str) -> "tuple[Entry, ...]":
    from evidence_kit.governance.inventory import parse_inventory

    return parse_inventory(read_file(path), name=path).entries
