"""CloudWatch Logs by `FilterLogEvents`: one unit a log group, empty pages with a token included."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.fanout import units_within
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Item, Page
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

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Return one unit a log group; what the group no longer keeps is closed as expired."""
        prefix = scope.params.get("log_group_prefix", "")

        def enumerate_region(unit: Unit) -> Iterator[Unit]:
            wire = self._access.wire(unit.target, "logs", unit.region, ctx)
            asked = {"logGroupNamePrefix": prefix} if prefix else {}
            groups = 0
            for answer, _ in pages(wire, ctx, "DescribeLogGroups", asked, result="logGroups"):
                ctx.record(answer.exchange)
                for group in answer.parsed["logGroups"]:
                    groups += 1
                    days = group.get("retentionInDays")
                    yield from _kept(replace(unit, stream=str(group["logGroupName"])), days, ctx.now())
            if not groups:
                reason = "no log group here" + (f" starts with `{prefix}`" if prefix else "")
                yield replace(unit, settled=(UnitStatus.NOT_CONFIGURED, reason))

        return units_within(self.spec, scope, self._access, ctx, enumerate_region)

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
