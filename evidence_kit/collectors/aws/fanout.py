"""From targets to regions: what is switched on, what the operator asked for, and what cannot be enumerated."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from evidence_kit.collectors.aws.access import AwsAccess, home_region
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import ORGANIZATION, Scope, Unit

# Which of these a source takes depends on its scope. Regions are listed by Account Management where EC2 is denied.
OPERATIONS = (
    "account:ListRegions",
    "ec2:DescribeRegions",
    "organizations:DescribeOrganization",
    "organizations:ListDelegatedAdministrators",
)


def regional_units(spec: SourceSpec, scope: Scope, access: AwsAccess, ctx: Context) -> Iterator[Unit]:
    """Yield one unit a region, or one for the account; a region that is switched off is closed at once."""
    window = scope.window if spec.windowed else None
    if spec.scope == "organization":
        yield organization_unit(Unit(source=spec.name, target=scope.target, window=window), access, ctx)
        return
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
    try:
        answer = wire.call(ctx, "DescribeRegions", {"AllRegions": True}, result="Regions")
    except Stop as stop:
        if stop.status is not UnitStatus.DENIED:
            raise
        try:
            listed = tuple(_account_regions(scope, access, ctx))
        except Stop:
            raise stop from None  # what the source is granted is this; the other only stands in
        yield from listed
        return
    ctx.record(answer.exchange)
    for region in sorted(answer.parsed["Regions"], key=lambda item: str(item["RegionName"])):
        yield str(region["RegionName"]), region.get("OptInStatus") != "not-opted-in"


def _account_regions(scope: Scope, access: AwsAccess, ctx: Context) -> Iterator[tuple[str, bool]]:
    """Ask Account Management instead, where EC2 may not be asked."""
    wire = access.wire(scope.target, "account", home_region(scope.target), ctx)
    for answer, _ in pages(wire, ctx, "ListRegions", {"MaxResults": 50}, result="Regions"):
        ctx.record(answer.exchange)
        for region in answer.parsed["Regions"]:
            yield str(region["RegionName"]), str(region["RegionOptStatus"]).startswith("ENABLED")


def organization_unit(unit: Unit, access: AwsAccess, ctx: Context) -> Unit:
    """Return the unit where it can be asked for: at the management account, or at a delegated administrator.

    Elsewhere it is closed as out of scope; the plan drops it if another target can be asked.
    """
    wire = access.wire(unit.target, "organizations", home_region(unit.target), ctx)
    answer = wire.call(ctx, "DescribeOrganization", {}, result="Organization")
    ctx.record(answer.exchange)
    management = str(answer.parsed["Organization"].get("MasterAccountId", ""))
    unit = replace(unit, settings={ORGANIZATION: str(answer.parsed["Organization"].get("Id", ""))})
    if unit.target.id == management or unit.target.id in _delegated(wire, ctx):
        return unit
    reason = f"only the organisation's management account {management} or a delegated administrator may be asked"
    return replace(unit, settled=(UnitStatus.OUT_OF_SCOPE, reason))


def _delegated(wire: AwsWire, ctx: Context) -> frozenset[str]:
    """Return the delegated administrators; whoever may not list them is none."""
    found: set[str] = set()
    try:
        for answer, _ in pages(wire, ctx, "ListDelegatedAdministrators", {}, result="DelegatedAdministrators"):
            ctx.record(answer.exchange)
            found.update(str(one["Id"]) for one in answer.parsed["DelegatedAdministrators"])
    except Stop as stop:
        if stop.status is not UnitStatus.DENIED:
            raise
    return frozenset(found)
