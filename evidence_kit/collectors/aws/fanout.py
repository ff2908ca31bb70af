"""From targets to regions: what is switched on, what the operator asked for, and what cannot be enumerated."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from evidence_kit.collectors.aws.access import AwsAccess, home_region
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Scope, Unit


def regional_units(spec: SourceSpec, scope: Scope, access: AwsAccess, ctx: Context) -> Iterator[Unit]:
    """Yield one unit a region, or one for the account; a region that is switched off is closed at once."""
    window = scope.window if spec.windowed else None
    if spec.scope == "account":
        yield Unit(source=spec.name, target=scope.target, window=window)
        return
    for region, enabled in regions_of(scope, access, ctx):
        off = (UnitStatus.REGION_DISABLED, "the account has not opted in to this region")
        yield Unit(
            source=spec.name,
            target=scope.target,
            region=region,
            window=window,
            settled=None if enabled else off,
        )


def units_within(
    spec: SourceSpec,
    scope: Scope,
    access: AwsAccess,
    ctx: Context,
    enumerate_region: Callable[[Unit], Iterator[Unit]],
) -> Iterator[Unit]:
    """Yield what `enumerate_region` finds in each region; one that refuses is closed and the next one asked."""
    for unit in regional_units(spec, scope, access, ctx):
        if unit.settled:
            yield unit
            continue
        try:
            yield from enumerate_region(unit)
        except Stop as stop:
            yield replace(unit, settled=(stop.status, stop.reason))


def regions_of(scope: Scope, access: AwsAccess, ctx: Context) -> Iterator[tuple[str, bool]]:
    """Yield `(region, is enabled)`: the target's own list, or all that AWS says the account has."""
    if scope.target.regions:
        yield from ((region, True) for region in scope.target.regions)
        return
    wire = access.wire(scope.target, "ec2", home_region(scope.target), ctx)
    answer = wire.call(ctx, "DescribeRegions", {"AllRegions": True}, result="Regions")
    ctx.record(answer.exchange)
    for region in sorted(answer.parsed["Regions"], key=lambda item: str(item["RegionName"])):
        yield str(region["RegionName"]), region.get("OptInStatus") != "not-opted-in"
