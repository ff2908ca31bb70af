"""CloudTrail's event history: 90 days of management events by `LookupEvents`, whatever the trails did."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.fanout import regional_units
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.collectors.aws.strays import Strays
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Item, Page
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, require_utc, rfc3339
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
        strays = Strays(
            operation="LookupEvents", window=unit.window, asked=_seconds(unit.window), moment=_moment, id="EventId"
        )
        yield from strays.watch(self._pages(wire, ctx, unit.window, strays))
        yield from strays.end()

    def _pages(self, wire: AwsWire, ctx: Context, window: Window, strays: Strays) -> Iterator[Page]:
        params = {
            "StartTime": window.start,
            "EndTime": _last_second(window.end),
            "MaxResults": PAGE,
        }
        for answer, cursor in pages(wire, ctx, "LookupEvents", params, result="Events"):
            times = strays.read(answer.parsed["Events"])
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


def _seconds(window: Window) -> Window:
    """Return the whole seconds that are asked for: those in which the window begins and ends are in it."""
    return Window(window.start.replace(microsecond=0), _last_second(window.end) + _TICK)


def _moment(event: object) -> datetime | None:
    """Return when an event happened; a time without its zone is none."""
    at = event.get("EventTime") if isinstance(event, Mapping) else None
    try:
        return require_utc(at) if isinstance(at, datetime) else None
    except UsageError:
        return None
