"""What a provider says that our credentials may do, before anything is asked in earnest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """The answer for one target. `missing` maps a permission to why; those in `unknown` the provider cannot judge.

    It is a forecast: conditions, resource policies and endpoint policies decide only when the call is made.
    """

    caller: str = ""
    missing: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    unknown: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def untold(cls, permissions: Sequence[str], why: str, *, caller: str = "") -> "Grants":
        """Return the answer where nothing could be found out."""
        return cls(caller=caller, unknown=dict.fromkeys(permissions, why))


# Asks a provider: its shared access, the target, the permissions, and what the engine allows.
Grantor = Callable[[object, Target, Sequence[str], Context], Grants]
