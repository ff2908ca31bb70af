"""Delivered files, taken whole: every version of every file that is of a unit's window, and what deletion left."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from evidence_kit.collectors.aws.bulk import Listed, S3Bulk
from evidence_kit.collectors.aws.calltree import values_of
from evidence_kit.collectors.aws.delivery import Delivery
from evidence_kit.collectors.aws.listing import S3Object, list_objects
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.model.exchange import Closed, Download, Item, Remark
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Finding, Unit

OPERATIONS = ("s3:GetObject",)  # unless only listings are wanted


def take_objects(
    wire: AwsWire, ctx: Context, unit: Unit, delivery: Delivery, ends: Closed | None = None
) -> Iterator[Item]:
    """Yield each listing page of the unit's bucket, then the objects on it, then how the unit must end.

    That is what the service does not record, `ends`, or the refusal to list versions, which limits more.
    """
    refused: Closed | None = None
    bulk = wire.bulk(ctx)
    for prefix in delivery.prefixes(values_of(unit), unit.window):
        for found in list_objects(wire, ctx, unit.settings["bucket"], prefix):
            if isinstance(found, Remark):
                yield found
                continue
            if isinstance(found, Closed):
                refused = refused or found
                continue
            page, objects = found
            yield page
            for item in objects:
                yield from _take(wire, bulk, ctx, unit, item, delivery)
    if refused and ends:
        yield replace(refused, reason=f"{refused.reason}; {ends.reason}")
    elif end := refused or ends:
        yield end


def _take(
    wire: AwsWire, bulk: S3Bulk, ctx: Context, unit: Unit, item: S3Object, delivery: Delivery
) -> Iterator[Item]:
    at = delivery.time_of(item)
    if unit.window and at and at not in unit.window:
        return
    if not item.deleted and not item.size and item.key.endswith("/"):
        return  # a folder that somebody made in a console: it is on the listing and holds nothing
    if at is None:
        message = f"{item.name} carries no delivery time in its name and is not taken"
        yield Remark(finding=Finding(kind="unreadable_name", message=message, facts=item.facts()))
    elif item.deleted:
        message = f"{item.bucket}/{item.key} was deleted at {item.modified}"
        yield Remark(finding=Finding(kind="object_deleted", message=message, facts=item.facts()))
    elif delivery.bodies:
        if not item.latest:
            message = f"{item.bucket}/{item.key} was overwritten or deleted; the older version is taken too"
            yield Remark(finding=Finding(kind="older_version", message=message, facts=item.facts()))
        params = item.params()
        yield Download(
            name=item.name,
            open=partial(wire.stream, ctx, params, etag=item.etag, size=item.size),
            object=item.facts(),
            beside=bulk.beside(Listed(params=params, etag=item.etag, size=item.size)),
        )
