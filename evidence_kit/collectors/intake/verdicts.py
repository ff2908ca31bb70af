"""What checking a delivery can find, and how it ends: the worst of it decides."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from evidence_kit.model.exchange import Closed, Remark
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Finding

MAX_NAMED = 500  # findings of one kind; what follows is counted, for the end of a unit is one line of the ledger
# The worst first. What is not here changes nothing about how the unit ends.
_ENDS: Mapping[str, UnitStatus] = {
    "digest_differs": UnitStatus.INTEGRITY_FAILED,
    "size_differs": UnitStatus.INTEGRITY_FAILED,
    "signature_differs": UnitStatus.INTEGRITY_FAILED,
    "proofs_disagree": UnitStatus.INTEGRITY_FAILED,
    "changed_meanwhile": UnitStatus.PARTIAL_ERROR,
    "proof_unreadable": UnitStatus.PARTIAL_ERROR,
    "signature_not_checked": UnitStatus.PARTIAL_ERROR,
    "not_delivered": UnitStatus.PARTIAL_TRUNCATED,
    "not_taken": UnitStatus.PARTIAL_TRUNCATED,
}
_ORDER = (UnitStatus.INTEGRITY_FAILED, UnitStatus.PARTIAL_ERROR, UnitStatus.PARTIAL_TRUNCATED)


def plain(text: str) -> str:
    """Return text on one line: whoever names files must not write lines into our reports."""
    return "".join(
        char.encode("unicode_escape", "surrogatepass").decode()
        if unicodedata.category(char).startswith("C")
        else char
        for char in text
    )


class Answer(Enum):
    """What came of checking a signature."""

    GOOD = "verified"
    FALSE = "false"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer, and by whose key or why not."""

    answer: Answer
    said: str


@dataclass(slots=True)
class Verdicts:
    """Gathers findings; of one kind, many are counted instead of named."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def remark(self, kind: str, message: str, **facts: str) -> tuple[Remark, ...]:
        """Return a finding, or nothing where there were too many of its kind. Facts keep names as they are."""
        message = plain(message)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.first.setdefault(kind, message)
        if self.counts[kind] > MAX_NAMED:
            return ()
        return (Remark(finding=Finding(kind=kind, message=message, facts=facts)),)

    def rest(self) -> tuple[Remark, ...]:
        """Return how many more there were of each kind than were named."""
        return tuple(
            Remark(finding=Finding(kind=kind, message=f"{count - MAX_NAMED:,} more: {kind.replace('_', ' ')}"))
            for kind, count in self.counts.items()
            if count > MAX_NAMED
        )

    def closed(self) -> Closed | None:
        """Return how the unit ends where that is not well."""
        for status in _ORDER:
            kinds = [kind for kind, end in _ENDS.items() if end is status and kind in self.counts]
            if kinds:
                count = sum(self.counts[kind] for kind in kinds)
                more = f", and {count - 1:,} more" if count > 1 else ""
                return Closed(status=status, reason=f"{self.first[kinds[0]]}{more}")
        return None
