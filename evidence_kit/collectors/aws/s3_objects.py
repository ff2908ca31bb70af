"""CloudTrail's files in S3: every version of every file whose delivery falls into the window."""

from collections.abc import Iterator

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.delivery import Delivery
from evidence_kit.collectors.aws.objects import take_objects
from evidence_kit.collectors.aws.trails import trail_units
from evidence_kit.model.exchange import Item
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Scope, Unit


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
        return take_objects(self._access.wire(unit.target, "s3", unit.region, ctx), ctx, unit, self._delivery)
