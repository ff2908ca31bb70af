"""Where CloudTrail delivers to: the trails of an account and their buckets."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from evidence_kit.collectors.aws.access import AwsAccess, home_region
from evidence_kit.collectors.aws.delivery import Delivery
from evidence_kit.collectors.aws.fanout import units_within
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Scope, Unit

OPERATIONS = ("cloudtrail:DescribeTrails", "organizations:DescribeOrganization")


def trail_units(
    spec: SourceSpec, delivery: Delivery, scope: Scope, access: AwsAccess, ctx: Context
) -> Iterator[Unit]:
    """Yield a unit for every trail and region of the target.

    The window is the time of delivery: it reaches further than the events asked for, by the look-ahead.
    """
    window = delivery.window(scope.window)

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
