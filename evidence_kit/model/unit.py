"""Targets, scopes and units: who is asked, for what, and the one piece of work that ends in one status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window

_NOTHING: Mapping[str, str] = MappingProxyType({})
ORGANIZATION = "organization"  # among a unit's settings: the one that a unit of that scope is about


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where evidence is taken from: one AWS account, GCP project, subscription or partner tenant."""

    provider: str
    id: str
    name: str = ""
    regions: tuple[str, ...] = ()  # empty: all that the provider lists
    access: Mapping[str, str] = field(
        default_factory=lambda: _NOTHING
    )  # how to get in: role, profile, external id name; never a secret

    @property
    def label(self) -> str:
        """Return how people call it."""
        return f"{self.name} ({self.id})" if self.name and self.name != self.id else self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was asked for: window, targets and parameters, before it is cut into units."""

    window: Window
    target: Target
    params: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Source x target x region/stream x window: ends in exactly one `UnitStatus`.

    `settled` closes a unit at planning time: nothing needs to be asked, and the reason says why.
    """

    source: str
    target: Target
    region: str = ""
    stream: str = ""
    window: Window | None = None
    settings: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    settled: tuple[UnitStatus, str] | None = None

    @property
    def id(self) -> str:
        """Return a readable identity, equal for equal work across acquisitions."""
        window = "/".join(self.window.to_json().values()) if self.window else "-"
        return "|".join((self.source, self.target.id, self.region or "-", self.stream or "-", window))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something the provider's own records say about coverage: a stopped trail, a deleted object, a gap."""

    kind: str
    message: str
    window: Window | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a unit ended, with its counts."""

    unit: str
    status: UnitStatus
    reason: str = ""
    pages: int = 0
    records: int = 0
    artifacts: int = 0
    bytes: int = 0
    findings: tuple[Finding, ...] = ()
