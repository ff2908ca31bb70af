"""Where CloudTrail delivers to: the trails of an account, and the day folders of their buckets."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from evidence_kit.collectors.aws.access import AwsAccess, home_region
from evidence_kit.collectors.aws.fanout import units_within
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_period
from evidence_kit.model.unit import Scope, Unit

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a source's files are laid out: folder by day, time in the name, how late they may come."""

    folder: str
    delivered: re.Pattern[str]
    look_ahead: timedelta

    @classmethod
    def of(cls, spec: SourceSpec) -> "Delivery":
        """Read it from the source's settings."""
        settings = spec.settings
        return cls(
            folder=str(settings["folder"]),
            delivered=re.compile(str(settings["delivered"])),
            look_ahead=parse_period(str(settings["lookAhead"])),
        )

    def time_of(self, key: str) -> datetime | None:
        """Return when the file called `key` was delivered, as its name says."""
        found = self.delivered.search(key)
        if found is None:
            return None
        form = "%Y%m%dT%H%M%S" if len(found[1]) > len("20261118T0000") else "%Y%m%dT%H%M"
        try:
            return datetime.strptime(found[1], form).replace(tzinfo=UTC)
        except ValueError:  # digits that are no date: whoever may write to the bucket may choose any name
            return None

    def folders(self, unit: Unit) -> Iterator[str]:
        """Yield the day folders that a unit's window touches."""
        if unit.window is None:
            return
        day = unit.window.start.replace(hour=0, minute=0, second=0, microsecond=0)
        while day < unit.window.end:
            yield self.folder.format(
                prefix=unit.settings.get("prefix", ""),
                org=unit.settings.get("org", ""),
                account=unit.target.id,
                region=unit.region,
                day=day.strftime("%Y/%m/%d"),
            )
            day += _DAY


def trail_units(
    spec: SourceSpec, delivery: Delivery, scope: Scope, access: AwsAccess, ctx: Context
) -> Iterator[Unit]:
    """Yield a unit for every trail and region of the target.

    The window is the time of delivery: it reaches further than the events asked for, by the look-ahead.
    """
    window = Window(scope.window.start, scope.window.end + delivery.look_ahead)

    def enumerate_region(unit: Unit) -> Iterator[Unit]:
        trails = _trails(unit, scope, access, ctx)
        if not trails:
            yield replace(unit, settled=(UnitStatus.NOT_CONFIGURED, "no trail here delivers to S3"))
        names = Counter(trail["name"] for trail in trails)
        for trail in trails:
            # A member account may own a trail that is called like its organisation's.
            stream = trail["name"] if names[trail["name"]] == 1 else trail["arn"]
            yield replace(unit, stream=stream, window=window, settings=trail)

    return units_within(spec, scope, access, ctx, enumerate_region)


def _trails(unit: Unit, scope: Scope, access: AwsAccess, ctx: Context) -> list[Mapping[str, str]]:
    """Ask in the region itself: nowhere else would name a trail that is of this region only."""
    wire = access.wire(unit.target, "cloudtrail", unit.region, ctx)
    answer = wire.call(ctx, "DescribeTrails", {"includeShadowTrails": True}, result="trailList")
    ctx.record(answer.exchange)
    found: dict[str, Mapping[str, str]] = {}
    for trail in answer.parsed["trailList"]:
        if not trail.get("S3BucketName"):
            continue
        prefix = str(trail.get("S3KeyPrefix") or "")
        found[str(trail["TrailARN"])] = {
            "name": str(trail["Name"]),
            "arn": str(trail["TrailARN"]),
            "bucket": str(trail["S3BucketName"]),
            "prefix": f"{prefix}/" if prefix else "",
            "org": _org_folder(scope, access, ctx) if trail.get("IsOrganizationTrail") else "",
            "home": str(trail.get("HomeRegion", "")),
            "multi": "yes" if trail.get("IsMultiRegionTrail") else "",
        }
    return [found[arn] for arn in sorted(found)]


def _org_folder(scope: Scope, access: AwsAccess, ctx: Context) -> str:
    """Return `o-…/`: an organisation's trail puts its members' files into a folder of that name."""
    wire = access.wire(scope.target, "organizations", home_region(scope.target), ctx)
    answer = wire.call(ctx, "DescribeOrganization", {}, result="Organization")
    ctx.record(answer.exchange)
    return f"{answer.parsed['Organization']['Id']}/"
