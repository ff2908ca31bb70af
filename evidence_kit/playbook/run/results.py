"""How steps ended, as data: what expressions see of them, and what the journal keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evidence_kit.errors import ChainError, UsageError
from evidence_kit.playbook.model import Outcome

MAX_OUTPUTS = 256 << 10  # bytes of one step's outputs: they go into one line of the journal
MAX_GAPS = 200  # of one step that are told apart; all are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that a step did not get, or left out: `kind` is a unit's status or a word of the engine's."""

    kind: str
    reason: str
    unit: str = ""

    def to_json(self) -> dict[str, str]:
        """Return plain data."""
        return {"kind": self.kind, "reason": self.reason[:500], "unit": self.unit}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one step ended."""

    outcome: Outcome
    reason: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    gaps: tuple[Gap, ...] = ()
    gap_count: int = 0  # of all, also of those that are not told apart
    acquisitions: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """Return how many gaps there are."""
        return max(self.gap_count, len(self.gaps))

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "outcome": self.outcome.value,
            "reason": self.reason[:2_000],
            "outputs": dict(self.outputs),
            "gaps": [gap.to_json() for gap in self.gaps[:MAX_GAPS]],
            "gapCount": self.missing,
            "acquisitions": list(self.acquisitions),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Result":
        """Read what `to_json` wrote; ChainError where it is something else."""
        try:
            return cls(
                outcome=Outcome(value["outcome"]),
                reason=str(value["reason"]),
                outputs=dict(value["outputs"]),
                gaps=tuple(Gap(**gap) for gap in value["gaps"]),
                gap_count=int(value["gapCount"]),
                acquisitions=tuple(map(str, value["acquisitions"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ChainError("the journal holds the end of a step that cannot be read") from error

    def names(self) -> dict[str, Any]:
        """Return what expressions see as `steps.<id>`."""
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "gaps": self.missing,
            "outputs": dict(self.outputs),
        }


def failed(reason: str, outcome: Outcome = Outcome.FAILED) -> Result:
    """Return the end of a step that did not do what it is for."""
    gap = Gap(kind=outcome.value, reason=reason)
    return Result(outcome=outcome, reason=reason, gaps=(gap,))


class NotAllowedError(UsageError):
    """A step that its own playbook does not allow."""


class Waiting(Exception):  # noqa: N818 - a state, not an error
    """A step that waits for people: `left` says for whom and for what."""

    def __init__(self, left: str) -> None:
        super().__init__(left)
        self.left = left
