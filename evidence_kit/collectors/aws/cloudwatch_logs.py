"""CloudWatch Logs by `FilterLogEvents`: one unit a log group, empty pages with a token included."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.discovery import Discovery
from evidence_kit.collectors.aws.fanout import units_within
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Item, Page
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, epoch_ms, rfc3339
from evidence_kit.model.unit import Scope, Unit

PAGE = 10_000  # the most that AWS gives, within 1 MB


class CloudWatchLogs:
    """Acquires `aws.cloudwatch.logs`."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        self._discovery = Discovery(spec, self._access) if "discover" in spec.settings else None
        self._prefixes: Sequence[str] = spec.settings.get("prefixes", ())  # type: ignore[assignment]
        self._suffix = str(spec.settings.get("suffix", ""))

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Return one unit a log group; what the group no longer keeps is closed as expired."""
        given = scope.params.get("log_group_prefix", "")
        prefixes = [given] if given else [*self._prefixes]

        def enumerate_region(unit: Unit) -> Iterator[Unit]:
            found = self._discovered(unit, scope, ctx) if self._discovery and not given else None
            if found is None:
                found = [one for prefix in prefixes or [""] for one in self._groups(unit, prefix, ctx)]
                if not found:
                    said = " or ".join(f"`{prefix}`" for prefix in prefixes)
                    reason = "no log group here" + (f" starts with {said}" if said else "")
                    found = [replace(unit, settled=(UnitStatus.NOT_CONFIGURED, reason))]
            yield from found

        return units_within(self.spec, scope, self._access, ctx, enumerate_region)

    def _groups(self, unit: Unit, prefix: str, ctx: Context, *, exact: bool = False) -> Iterator[Unit]:
        wire = self._access.wire(unit.target, "logs", unit.region, ctx)
        asked = {"logGroupNamePrefix": prefix} if prefix else {}
        for answer, _ in pages(wire, ctx, "DescribeLogGroups", asked, result="logGroups"):
            ctx.record(answer.exchange)
            for group in answer.parsed["logGroups"]:
                name = str(group["logGroupName"])
                if name.endswith(self._suffix) and (name == prefix or not exact):
                    yield from _kept(replace(unit, stream=name), group.get("retentionInDays"), ctx.now())

    def _discovered(self, unit: Unit, scope: Scope, ctx: Context) -> list[Unit]:
        """Return the groups that a service's own settings name; one that is not there is closed as such."""
        if self._discovery is None:
            return []
        found: dict[str, list[Unit]] = {}
        for place in self._discovery.places(unit, scope, ctx):
            name = _group_name(place.at)
            if place.settled:
                found.setdefault(place.stream, [replace(unit, stream=place.stream, settled=place.settled)])
            elif name not in found:
                gone = (UnitStatus.NOT_CONFIGURED, f"`{name}` is named in the settings and does not exist")
                ending = {"ends": place.status.value, "why": place.reason} if place.status else {}
                there = list(self._groups(unit, name, ctx, exact=True))
                found[name] = [replace(one, settings=ending) for one in there] or [
                    replace(unit, stream=name, settled=gone)
                ]
        return [one for several in found.values() for one in several] or [
            replace(unit, settled=self._discovery.nothing)
        ]

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield every page until the provider gives no token."""
        if unit.window is None:
            raise UsageError("log events need a window")
        wire = self._access.wire(unit.target, "logs", unit.region, ctx)
        params = {
            "logGroupName": unit.stream,
            "startTime": epoch_ms(unit.window.start),
            "endTime": epoch_ms(unit.window.end) - 1,  # inclusive at the provider, excluded by us
            "limit": PAGE,
        }
        for answer, cursor in pages(wire, ctx, "FilterLogEvents", params, result="events"):
            times = [int(event["timestamp"]) for event in answer.parsed["events"]]
            yield Page(
                name="FilterLogEvents",
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=cursor,
                records=len(times),
                first_event=_instant(min(times)) if times else "",
                last_event=_instant(max(times)) if times else "",
            )
        if status := unit.settings.get("ends"):
            yield Closed(status=UnitStatus(status), reason=unit.settings["why"])


def _group_name(said: str) -> str:
    """Return a group's name, which settings give as it is or as an ARN that may end in `:*`."""
    return said.rsplit(":log-group:", maxsplit=1)[-1].removesuffix(":*")


def _kept(unit: Unit, days: int | None, now: datetime) -> Iterator[Unit]:
    """Split off what is older than the group's own retention."""
    if days is None or unit.window is None:
        yield unit
        return
    since = (now - timedelta(days=days)).replace(microsecond=0)
    if unit.window.start >= since:
        yield unit
        return
    reason = f"the log group keeps {days} days"
    old = Window(unit.window.start, min(since, unit.window.end))
    yield replace(unit, window=old, settled=(UnitStatus.EXPIRED_RETENTION, reason))
    if unit.window.end > since:
        yield replace(unit, window=Window(since, unit.window.end))


def _instant(milliseconds: int) -> str:
    return rfc3339(datetime.fromtimestamp(milliseconds / 1000, tz=UTC))
