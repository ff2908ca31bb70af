"""What a stretch of coverage can be, in words and as a pattern: one table for picture, legend, text and JSON."""

from dataclasses import dataclass

from evidence_kit.model.status import UnitStatus
from evidence_kit.report.case.holding import Cell


@dataclass(frozen=True, slots=True)
class State:
    """One state: `id` names its pattern, `words` and `meaning` say it, `sign` stands for it in text."""

    id: str
    sign: str
    words: str
    meaning: str


COMPLETE = State("complete", "─", "complete", "the provider said that this is all")
NOTHING = State(
    "nothing",
    "·",
    "nothing to have",
    "the service, feature or region is off or not licensed, or outside the authority given",
)
LATE = State(
    "late", "?", "unsettled", "all there was when it was collected; the provider may have delivered more later"
)
SAMPLED = State("sampled", "~", "sampled or excluded", "the provider recorded only a part, so nobody has the rest")
EXPIRED = State("expired", "x", "expired", "older than the provider keeps it")
DENIED = State(
    "denied", "┈", "denied or skipped", "the credentials, a policy or the operator kept us from reading it"
)
PARTIAL = State("partial", "!", "partial", "ended before the provider's last page: throttled, failed or interrupted")
GAP = State("gap", "╳", "not logged", "the provider's own records show that logging was off")
CONTRADICTED = State("contradicted", "#", "contradicted", "the provider's own proof does not fit what it delivered")

# In the order of the legend; where two states share a place, the later one is drawn above.
STATES = (COMPLETE, NOTHING, LATE, SAMPLED, EXPIRED, DENIED, PARTIAL, GAP, CONTRADICTED)
_OF: dict[UnitStatus, State] = {
    UnitStatus.COMPLETE: COMPLETE,
    UnitStatus.NOT_ENABLED: NOTHING,
    UnitStatus.NOT_CONFIGURED: NOTHING,
    UnitStatus.NOT_LICENSED: NOTHING,
    UnitStatus.REGION_DISABLED: NOTHING,
    UnitStatus.OUT_OF_SCOPE: NOTHING,
    UnitStatus.COMPLETE_UNSETTLED: LATE,
    UnitStatus.SAMPLED_AT_SOURCE: SAMPLED,
    UnitStatus.EXCLUDED_AT_SOURCE: SAMPLED,
    UnitStatus.EXPIRED_RETENTION: EXPIRED,
    UnitStatus.DENIED: DENIED,
    UnitStatus.DENIED_BY_POLICY: DENIED,
    UnitStatus.SKIPPED_BY_OPERATOR: DENIED,
    UnitStatus.PARTIAL_TRUNCATED: PARTIAL,
    UnitStatus.PARTIAL_THROTTLED: PARTIAL,
    UnitStatus.PARTIAL_ERROR: PARTIAL,
    UnitStatus.INTEGRITY_FAILED: CONTRADICTED,
}


def is_mild(status: UnitStatus) -> bool:
    """Return whether nothing is missing, or only what nobody could have had."""
    return _OF[status] in {COMPLETE, NOTHING, LATE, SAMPLED}


def state_of(cell: Cell) -> State:
    """Return the state of a cell; one that never ended is partial."""
    return _OF[cell.status] if cell.status else PARTIAL
