"""Scopes and units as plain data, there and back: the custody log and the ledger keep them, resume reads them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from sys import intern

from evidence_kit.custody import strict
from evidence_kit.custody.attest import unit_json
from evidence_kit.errors import ChainError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_instant, rfc3339
from evidence_kit.model.unit import Scope, Target, Unit

# A plan names few targets and windows a great many times; what is read back shares them as what was planned does.
_SHARED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one acquisition was asked to do. `continues` names an acquisition whose open units it takes up.

    A pass of a followed incident says up to where each source had `settled`; it takes what the case lacks so far.
    """

    sources: tuple[str, ...]
    targets: tuple[Target, ...]
    window: Window
    params: Mapping[str, str]
    continues: str = ""
    governance: Mapping[str, object] = field(default_factory=dict)  # agreements and policy, for the record
    settled: Mapping[str, datetime] = field(default_factory=dict)

    def scopes(self) -> tuple[Scope, ...]:
        """Return one scope a target."""
        return tuple(Scope(window=self.window, target=target, params=self.params) for target in self.targets)

    def to_json(self) -> dict[str, object]:
        """Return plain data; access holds names of roles and profiles, never secrets."""
        return {
            "sources": list(self.sources),
            "targets": [target_json(target) for target in self.targets],
            "window": self.window.to_json(),
            "params": dict(self.params),
            "continues": self.continues,
            **({"governance": dict(self.governance)} if self.governance else {}),
            **({"settled": {name: rfc3339(at) for name, at in self.settled.items()}} if self.settled else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Order":
        """Read what `to_json` wrote."""
        return cls(
            sources=tuple(str(name) for name in strict.field(value, "sources", list)),
            targets=tuple(_target(item) for item in strict.field(value, "targets", list)),
            window=_window(strict.field(value, "window", dict)),
            params={str(k): str(v) for k, v in strict.field(value, "params", dict).items()},
            continues=strict.field(value, "continues", str),
            governance=strict.field(value, "governance", dict) if "governance" in value else {},
            settled=_settled_moments(strict.field(value, "settled", dict)) if "settled" in value else {},
        )


def joint(orders: Iterable[Order]) -> dict[str, object]:
    """Return what the governance of several orders says, each target once, as the last of them has it."""
    targets: dict[str, object] = {}
    rest: dict[str, object] = {}
    for order in orders:
        rest |= {name: value for name, value in order.governance.items() if name != "targets"}
        for one in strict.field(order.governance, "targets", list) if "targets" in order.governance else ():
            targets[strict.field(one, "name", str)] = one
    return {**rest, **({"targets": list(targets.values())} if targets else {})}


def target_json(target: Target) -> dict[str, object]:
    """Return a target as plain data."""
    return {
        "provider": target.provider,
        "id": target.id,
        "name": target.name,
        "regions": list(target.regions),
        "access": dict(target.access),
    }


def _target(value: object) -> Target:
    if not isinstance(value, dict):
        raise ChainError("a recorded target is not an object")
    return _one_target(
        strict.field(value, "provider", str),
        strict.field(value, "id", str),
        strict.field(value, "name", str),
        tuple(map(str, strict.field(value, "regions", list))),
        tuple((str(k), str(v)) for k, v in strict.field(value, "access", dict).items()),
    )


@lru_cache(_SHARED)
def _one_target(
    provider: str, name: str, label: str, regions: tuple[str, ...], access: tuple[tuple[str, str], ...]
) -> Target:
    return Target(provider=provider, id=name, name=label, regions=regions, access=dict(access))


def _settled_moments(value: Mapping[str, object]) -> dict[str, datetime]:
    return {name: parse_instant(strict.field(value, name, str)) for name in value}


def _window(value: Mapping[str, object]) -> Window:
    return _one_window(strict.field(value, "start", str), strict.field(value, "end", str))


@lru_cache(_SHARED)
def _one_window(start: str, end: str) -> Window:
    return Window(parse_instant(start), parse_instant(end))


def planned_json(unit: Unit) -> dict[str, object]:
    """Return a planned unit as the ledger holds it."""
    settled = {"status": unit.settled[0].value, "reason": unit.settled[1]} if unit.settled else None
    return {
        **unit_json(unit),
        "access": target_json(unit.target),
        "settings": dict(unit.settings),
        "settled": settled,
    }


def planned_unit(fields: Mapping[str, object]) -> Unit:
    """Read a planned unit back."""
    window, settled = fields.get("window"), fields.get("settled")
    unit = Unit(
        source=intern(strict.field(fields, "source", str)),
        target=_target(strict.field(fields, "access", dict)),
        region=intern(strict.field(fields, "region", str)),
        stream=strict.field(fields, "stream", str),
        window=_window(window) if isinstance(window, dict) else None,
        settings={str(k): str(v) for k, v in strict.field(fields, "settings", dict).items()},
        settled=_settled(settled) if isinstance(settled, dict) else None,
    )
    if unit.id != strict.field(fields, "unit", str):
        raise ChainError(f"planned unit {fields['unit']!a} does not match its own fields")
    return unit


def read_status(value: Mapping[str, object]) -> UnitStatus:
    """Return how a unit ended; ChainError for a status that there is not."""
    said = strict.field(value, "status", str)
    try:
        return UnitStatus(said)
    except ValueError as error:
        raise ChainError(f"{said[:80]!a} is no status in which a unit can end") from error


def _settled(value: Mapping[str, object]) -> tuple[UnitStatus, str]:
    return read_status(value), strict.field(value, "reason", str)
