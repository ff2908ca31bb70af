"""What there is beside the playbook. Whatever is not known is not judged."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.analysis.pivots.loading import Pivot
from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.policy import Policy
from evidence_kit.model.source import SourceSpec
from evidence_kit.playbook.model import Playbook


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What exists. None, and for actions an empty mapping, means that nobody said: nothing is held against it."""

    sources: Mapping[str, SourceSpec] | None = None
    groups: Mapping[str, Collection[str]] = field(default_factory=dict)  # names of groups with those of their sources
    providers: Collection[str] | None = None
    saved: Mapping[str, Pivot] | None = None
    sigma: Collection[str] | None = None  # ids, titles and names of files, with and without their endings
    actions: Mapping[str, SourceSpec] | None = None
    clocks: Mapping[str, str] | None = None  # by id: what there is to be said against it, or nothing
    playbooks: Mapping[str, Playbook] | None = None  # by `id@major`
    channels: Collection[str] | None = None
    entries: tuple[Entry, ...] | None = None  # of the inventory
    policy: Policy | None = None  # the organisation's own
    at: datetime | None = None  # the moment on which agreements have to be in force


def groups_of(sources: Mapping[str, SourceSpec]) -> dict[str, list[str]]:
    """Return the groups of some sources with the names in each."""
    found: dict[str, list[str]] = {}
    for name, spec in sources.items():
        for group in spec.groups:
            found.setdefault(group, []).append(name)
    return found
