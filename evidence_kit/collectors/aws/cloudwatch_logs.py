"""CloudWatch Logs by `FilterLogEvents`: one unit a log group, empty pages with a token included."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.discovery import Discovery, Place
from evidence_kit.collectors.aws.fanout import units_within
from evidence_kit.collectors.aws.insights import INSIGHTS, Came, Counting
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.collectors.aws.strays import Strays
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Item, Page, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.retention import within_retention
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, epoch_ms, rfc3339
from evidence_kit.model.unit import Scope, Unit

OPERATIONS = ("logs:DescribeLogGroups", "logs:FilterLogEvents")
# Region, account and name; settings write the ARN with `:*` or without.
_ARN = re.compile(r"arn:aws[a-z-]*:logs:([a-z0-9-]+):(\d+):log-group:(.+?)(?::\*)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAGE = 10_000  # the most that AWS gives, within 1 MB
COUNT = "count"
EVERY = 5.0  # seconds between two questions whether a count has ended
MOST = 720  # of them: a query that runs for an hour is ended by AWS


class CloudWatchLogs:
    """Acquires `aws.cloudwatch.logs`."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        self._discovery = Discovery(spec, self._access) if "discover" in spec.settings else None
        self._prefixes: Sequence[str] = spec.settings.get("prefixes", ())  # type: ignore[assignment]
        self._suffix = str(spec.settings.get("suffix", ""))
        self._counting: Mapping[str, float] = spec.settings.get("counting", {})  # type: ignore[assignment]

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Return one unit a log group; what the group no longer keeps is closed as expired."""
        given = scope.params.get("log_group_prefix", "")
        prefixes = (given,) if given else tuple(self._prefixes)
        discovery = None if given else self._discovery
        counting = _counting(scope)

        def enumerate_region(unit: Unit) -> Iterator[Unit]:
            found = 0
            for one in self._found(unit, prefixes, discovery.places(unit, scope, ctx) if discovery else None, ctx):
                found += 1
                yield replace(one, settings={**one.settings, **counting})
            if not found:
                said = " or ".join(f"`{prefix}`" for prefix in prefixes)
                reason = "no log group here" + (f" starts with {said}" if said else "")
                nothing = discovery.nothing if discovery else (UnitStatus.NOT_CONFIGURED, reason)
                yield replace(unit, settled=nothing)

        return units_within(self.spec, scope, self._access, ctx, enumerate_region)

    def _found(
        self, unit: Unit, prefixes: Sequence[str], places: Iterator[Place] | None, ctx: Context
    ) -> Iterator[Unit]:
        """Yield the groups that a service's own settings name, and those under the prefixes, each once."""
        groups: defaultdict[str, list[Unit]] = defaultdict(list)
        for prefix in prefixes or (() if places else ("",)):
            for one in self._groups(unit, prefix, ctx):
                groups[one.stream].append(one)
        stopped: Stop | None = None
        try:
            for place in places or ():
                yield from self._placed(unit, place, groups, ctx)
        except Stop as stop:  # what could not be asked does not hide the groups that are there
            stopped = stop
        for several in groups.values():
            yield from several
        if stopped:
            raise stopped

    def _placed(self, unit: Unit, place: Place, groups: dict[str, list[Unit]], ctx: Context) -> Iterator[Unit]:
        """Yield the units of one group that settings name; one that is not there is closed as such."""
        if place.settled:
            yield replace(unit, stream=place.stream, settled=place.settled)
            return
        arn = _ARN.fullmatch(place.at)
        region, account, name = arn.groups() if arn else (unit.region, unit.target.id, place.at)
        here = replace(unit, region=region, stream=name)
        if account != unit.target.id:
            elsewhere = (UnitStatus.OUT_OF_SCOPE, f"`{name}` is in account {account}, which is another target")
            yield replace(here, settled=elsewhere)
            return
        there = groups.pop(name, []) if region == unit.region else []
        gone = (UnitStatus.NOT_CONFIGURED, f"`{name}` is named in the settings and does not exist")
        ending = {"ends": place.status.value, "why": place.reason} if place.status else {}
        found = there or list(self._groups(here, name, ctx, exact=True))
        yield from [replace(one, settings=ending) for one in found] or [replace(here, settled=gone)]

    def _groups(self, unit: Unit, prefix: str, ctx: Context, *, exact: bool = False) -> Iterator[Unit]:
        wire = self._access.wire(unit.target, "logs", unit.region, ctx)
        asked = {"logGroupNamePrefix": prefix} if prefix else {}
        for answer, _ in pages(wire, ctx, "DescribeLogGroups", asked, result="logGroups"):
            ctx.record(answer.exchange)
            for group in answer.parsed["logGroups"]:
                name = str(group["logGroupName"])
                if name == prefix if exact else name.endswith(self._suffix):
                    yield from _kept(replace(unit, stream=name), group.get("retentionInDays"), ctx.now())

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield every page until the provider gives no token."""
        if unit.window is None:
            raise UsageError("log events need a window")
        wire = self._access.wire(unit.target, "logs", unit.region, ctx)
        # Times are whole milliseconds, of which the bounds asked for and the window itself hold the same.
        strays = Strays(
            operation="FilterLogEvents", window=unit.window, asked=unit.window, moment=_moment, id="eventId"
        )
        came = Came(unit.window) if unit.settings.get(COUNT) == INSIGHTS else None
        yield from strays.watch(self._pages(wire, ctx, unit.stream, unit.window, strays, came))
        if status := unit.settings.get("ends"):
            yield Closed(status=UnitStatus(status), reason=unit.settings["why"])
        if came is not None:
            yield from self._count(wire, ctx, unit.stream, unit.window).items(came)
        yield from strays.end()

    def _pages(
        self, wire: AwsWire, ctx: Context, group: str, window: Window, strays: Strays, came: Came | None
    ) -> Iterator[Page]:
        params = {
            "logGroupName": group,
            "startTime": epoch_ms(window.start),
            "endTime": epoch_ms(window.end) - 1,  # inclusive at the provider, excluded by us
            "limit": PAGE,
        }
        for answer, cursor in pages(wire, ctx, "FilterLogEvents", params, result="events"):
            times = strays.read(answer.parsed["events"])
            if came is not None:
                came.add(times)
            yield Page(
                name="FilterLogEvents",
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=cursor,
                records=len(answer.parsed["events"]),
                first_event=rfc3339(min(times)) if times else "",
                last_event=rfc3339(max(times)) if times else "",
            )

    def _count(self, wire: AwsWire, ctx: Context, group: str, window: Window) -> Counting:
        every, most = self._counting.get("every", EVERY), int(self._counting.get("most", MOST))
        return Counting(
            wire=wire, ctx=ctx, group=group, window=window, settle=self.spec.settle, every=every, most=most
        )


def _counting(scope: Scope) -> Mapping[str, str]:
    """Return what units have to know of a count, which is made only where it is asked for."""
    said = scope.params.get(COUNT, "")
    if said not in {"", INSIGHTS}:
        raise UsageError(f"`{said[:80]!a}` counts nothing", hint=f"`--set {COUNT}={INSIGHTS}`, or leave it out")
    return {COUNT: said} if said else {}


def _kept(unit: Unit, days: int | None, now: datetime) -> Iterator[Unit]:
    """Split off what is older than the group's own retention."""
    return within_retention(
        unit, None if days is None else timedelta(days=days), now, f"the log group keeps {days} days"
    )


def _moment(event: object) -> datetime | None:
    """Return when an event happened, exact to its millisecond; None where it says no such thing."""
    at = event.get("timestamp") if isinstance(event, Mapping) else None
    try:
        return None if at is None else _EPOCH + timedelta(milliseconds=int(at))
    except (TypeError, ValueError, OverflowError):
        return None
