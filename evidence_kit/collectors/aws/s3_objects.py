"""Log files that a service delivers to S3: every version of every file whose delivery falls into the window."""

from collections.abc import Iterator
from functools import partial

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.listing import S3Object, list_objects
from evidence_kit.collectors.aws.trails import Delivery, trail_units
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.model.exchange import Download, Item, Remark
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Finding, Scope, Unit


class S3Objects:
    """Acquires CloudTrail files from the buckets that the trails deliver to."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        self._delivery = Delivery.of(spec)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit a trail and region; the engine cuts the window into days."""
        return trail_units(self.spec, self._delivery, scope, self._access, ctx)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield each listing page, then the objects on it."""
        wire = self._access.wire(unit.target, "s3", unit.region, ctx)
        for prefix in self._delivery.folders(unit):
            for found in list_objects(wire, ctx, unit.settings["bucket"], prefix):
                if isinstance(found, Remark):
                    yield found
                    continue
                page, objects = found
                yield page
                for item in objects:
                    yield from self._take(wire, ctx, unit, item)

    def _take(self, wire: AwsWire, ctx: Context, unit: Unit, item: S3Object) -> Iterator[Item]:
        at = self._delivery.time_of(item.key)
        if unit.window is None or (at is not None and at not in unit.window):
            return
        if at is None:
            message = f"{item.name} carries no delivery time in its name and is not taken"
            yield Remark(finding=Finding(kind="unreadable_name", message=message, facts=item.facts()))
        elif item.deleted:
            message = f"{item.bucket}/{item.key} was deleted at {item.modified}"
            yield Remark(finding=Finding(kind="object_deleted", message=message, facts=item.facts()))
        else:
            if not item.latest:
                message = f"{item.bucket}/{item.key} was overwritten or deleted; the older version is taken too"
                yield Remark(finding=Finding(kind="older_version", message=message, facts=item.facts()))
            yield Download(
                name=item.name, open=partial(wire.stream, ctx, item.params(), etag=item.etag), object=item.facts()
            )
