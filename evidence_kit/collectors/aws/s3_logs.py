"""Logs that a service delivers to S3, wherever its own settings say; or whatever lies under a prefix."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.delivery import Delivery
from evidence_kit.collectors.aws.discovery import Discovery, Place
from evidence_kit.collectors.aws.fanout import units_within
from evidence_kit.collectors.aws.objects import take_objects
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Item
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Scope, Unit

_ARN = re.compile(r"arn:aws[a-z-]*:s3:::")
_HOST = re.compile(r"\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$")  # as CloudFront names its bucket


class S3Logs:
    """Acquires a source whose `settings.discover` finds buckets, or one whose bucket the operator names."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        self._delivery = Delivery.of(spec)
        self._discovery = Discovery(spec, self._access) if "discover" in spec.settings else None
        ends: Mapping[str, str] = spec.settings.get("ends", {})  # type: ignore[assignment]
        self._ends = Closed(status=UnitStatus(ends["status"]), reason=ends["reason"]) if ends else None

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit a place of delivery; its window is the time in which files may have come."""
        asked = replace(scope, window=self._delivery.window(scope.window))

        def enumerate_region(unit: Unit) -> Iterator[Unit]:
            if self._discovery is None:
                yield _named(unit, scope)
                return
            places = 0
            for place in self._discovery.places(unit, scope, ctx):
                places += 1
                yield _placed(unit, place)
            if not places:
                yield replace(unit, settled=self._discovery.nothing)

        return units_within(self.spec, asked, self._access, ctx, enumerate_region)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield each listing page, then the objects on it; own up to what the service does not record."""
        wire = self._access.wire(unit.target, "s3", unit.region, ctx)
        ends = self._ends
        if status := unit.settings.get("ends"):
            ends = Closed(status=UnitStatus(status), reason=unit.settings["why"])
        return take_objects(wire, ctx, unit, self._delivery, ends)


def location(said: str) -> tuple[str, str]:
    """Return bucket and prefix of an ARN, an `s3://` address, a bucket's name or host; a prefix ends in `/`."""
    bucket, _, prefix = _ARN.sub("", said).removeprefix("s3://").partition("/")
    prefix = prefix.strip("/")
    return _HOST.sub("", bucket), f"{prefix}/" if prefix else ""


def _named(unit: Unit, scope: Scope) -> Unit:
    bucket, prefix = scope.params.get("bucket", ""), scope.params.get("prefix", "")
    if not bucket:
        raise UsageError(f"{unit.source} needs a bucket", hint="give it with `--set bucket=NAME`")
    return replace(unit, stream=f"{bucket}/{prefix}", settings={"bucket": bucket, "prefix": prefix})


def _placed(unit: Unit, place: Place) -> Unit:
    bucket, prefix = location(place.at)
    # A place may be one file and no folder: `key` is its name, without the slash that a folder ends in.
    settings = {**place.values, "bucket": bucket, "prefix": prefix, "key": prefix.rstrip("/")}
    if place.status:
        settings |= {"ends": place.status.value, "why": place.reason}
    return replace(unit, stream=place.stream, settings=settings, settled=place.settled)
