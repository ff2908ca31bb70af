"""CloudTrail's event history: 90 days of management events by `LookupEvents`, whatever the trails did."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.fanout import regional_units
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Item, Page
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Scope, Unit

OPERATIONS = ("cloudtrail:LookupEvents",)
PAGE = 50  # the most that AWS gives
# Both bounds of LookupEvents are inclusive and count whole seconds; ours exclude the end.
_TICK = timedelta(seconds=1)


class CloudTrailLookup:
    """Acquires `aws.cloudtrail.lookup`."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit a region; the engine cuts the window into days."""
        return regional_units(self.spec, scope, self._access, ctx)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield every page, newest events first, until the provider gives no token."""
        if unit.window is None:
            raise UsageError("LookupEvents needs a window")
        wire = self._access.wire(unit.target, "cloudtrail", unit.region, ctx)
        params = {
            "StartTime": unit.window.start,
            "EndTime": _last_second(unit.window.end),
            "MaxResults": PAGE,
        }
        for answer, cursor in pages(wire, ctx, "LookupEvents", params, result="Events"):
            times = [event["EventTime"] for event in answer.parsed["Events"] if "EventTime" in event]
            yield Page(
                name="LookupEvents",
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=cursor,
                records=len(answer.parsed["Events"]),
                first_event=rfc3339(min(times)) if times else "",
                last_event=rfc3339(max(times)) if times else "",
            )


def _last_second(end: datetime) -> datetime:
    """Return the last whole second before `end`, which is not included itself."""
    return end.replace(microsecond=0) if end.microsecond else end - _TICK
