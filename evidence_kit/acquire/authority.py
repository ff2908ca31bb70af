"""Whether an order's authority still covers a unit when its turn comes: agreements end while work goes on."""

from datetime import UTC, datetime

from evidence_kit.acquire.scope import Order
from evidence_kit.custody import strict
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target

OVERRIDE = "override"  # refusals that were set aside, with somebody's leave, for this acquisition alone


def lapsed(order: Order, target: Target, at: datetime) -> tuple[UnitStatus, str] | None:
    """Return how a unit ends whose target's agreement on record is over; None where it holds, or was set aside."""
    if OVERRIDE in order.governance or "targets" not in order.governance:
        return None
    today = at.astimezone(UTC).date().isoformat()  # the last day of an agreement still counts, in UTC
    for entry in strict.field(order.governance, "targets", list):
        agreed = entry.get("agreement")
        if agreed is None or strict.field(entry, "name", str) != target.label:
            continue
        last = strict.field(agreed, "expires", str)
        if last and last < today:
            return UnitStatus.OUT_OF_SCOPE, f"the agreement {strict.field(agreed, 'reference', str)} ended on {last}"
    return None
