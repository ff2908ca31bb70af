"""CloudTrail's digests and AWS's public keys, walked while they are taken: a broken chain ends the unit as such."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.calltree import values_of
from evidence_kit.collectors.aws.delivery import Delivery
from evidence_kit.collectors.aws.listing import S3Object, list_objects
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.collectors.aws.trails import trail_units
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.custody.cloudtrail import Digest, check_chain, parse_digest
from evidence_kit.errors import ProviderProofError, UsageError
from evidence_kit.model.exchange import Closed, Item, Page, Remark
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Finding, Scope, Unit

OPERATIONS = ("cloudtrail:ListPublicKeys", "s3:GetObject")
# A key may have been replaced shortly before the first digest was signed.
_KEY_MARGIN = timedelta(hours=2)


class CloudTrailDigest:
    """Acquires `aws.cloudtrail.digest`."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        self._delivery = Delivery.of(spec)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit a trail and region: a chain is checked as a whole."""
        return trail_units(self.spec, self._delivery, scope, self._access, ctx)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the public keys, the listings, every digest, and what the walk over them found."""
        if unit.window is None:
            raise UsageError("digests need a window")
        keys: dict[str, bytes] = {}
        yield from self._keys(unit, unit.window, ctx, keys)
        read = _Read()
        wire = self._access.wire(unit.target, "s3", unit.region, ctx)
        for prefix in self._delivery.prefixes(values_of(unit), unit.window):
            for found in list_objects(wire, ctx, unit.settings["bucket"], prefix):
                if isinstance(found, Remark):
                    yield found
                    continue
                if isinstance(found, Closed):
                    read.refused = read.refused or found
                    continue
                page, objects = found
                yield page
                for item in sorted(objects, key=lambda item: item.key):
                    yield from self._digest(wire, ctx, unit, item, read)
        yield from self._walk(unit.window, read, keys, ctx.now())

    def _keys(self, unit: Unit, window: Window, ctx: Context, keys: dict[str, bytes]) -> Iterator[Item]:
        wire = self._access.wire(unit.target, "cloudtrail", unit.region, ctx)
        params = {"StartTime": window.start - _KEY_MARGIN, "EndTime": window.end + _KEY_MARGIN}
        for answer, cursor in pages(wire, ctx, "ListPublicKeys", params, result="PublicKeyList"):
            listed = answer.parsed["PublicKeyList"]
            keys.update({str(key["Fingerprint"]): bytes(key["Value"]) for key in listed})
            yield Page(
                name="ListPublicKeys",
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=cursor,
                records=len(listed),
            )

    def _digest(self, wire: AwsWire, ctx: Context, unit: Unit, item: S3Object, read: "_Read") -> Iterator[Item]:
        at = self._delivery.time_of(item)
        # The trail's name is part of the key; other trails may share bucket and folder.
        if at is None or unit.window is None or at not in unit.window or f"_{unit.settings['name']}_" not in item.key:
            return
        if item.deleted:
            read.lost.append(f"digest {item.key} was deleted")
            message = f"digest {item.key} was deleted at {item.modified}"
            yield Remark(finding=Finding(kind="digest_deleted", message=message, facts=item.facts()))
            return
        answer = wire.fetch(ctx, item.params(), etag=item.etag, size=item.size)
        yield Page(
            name="digests",
            body=answer.body,
            exchange=answer.exchange,
            next_cursor=None,
            records=1,
            suffix="json.gz",
            object=item.facts(),
        )
        if not item.latest:
            read.lost.append(f"digest {item.key} was overwritten or deleted")
            message = f"digest {item.key} was overwritten or deleted; the older version is taken too"
            yield Remark(finding=Finding(kind="older_version", message=message, facts=item.facts()))
            return
        signature = answer.exchange.headers.get("x-amz-meta-signature", "")
        try:
            read.digests.append(
                parse_digest(answer.body, signature=signature, name=item.name, stored=(item.bucket, item.key))
            )
        except ProviderProofError as error:
            yield Remark(finding=Finding(kind="digest_unreadable", message=f"{item.key}: {error.message}"))
            read.lost.append(error.message)
            read.unreadable = True

    def _walk(self, window: Window, read: "_Read", keys: dict[str, bytes], now: datetime) -> Iterator[Item]:
        if not read.digests:
            if end := read.end() or self._nothing(window, now):
                yield end
            return
        asked = Window(window.start, window.end - self._delivery.look_ahead)
        result = check_chain(read.digests, keys, window=asked)
        for finding in result.findings:
            yield Remark(finding=finding)
        for defect in result.defects:
            yield Remark(finding=Finding(kind="digest_chain", message=f"{defect.subject}: {defect.message}"))
        if result.defects:
            first = result.defects[0].message
            yield read.failed(f"{len(result.defects)} defects; first: {first}")
        elif read.unreadable:
            yield read.failed(read.lost[0])
        elif read.refused:
            yield read.refused

    def _nothing(self, window: Window, now: datetime) -> Closed | None:
        """Return how a unit ends in which there was no trace of a digest; while one may still come, that is open."""
        if window.end + self.spec.settle > now:
            return None
        return Closed(status=UnitStatus.NOT_CONFIGURED, reason="no digest: log file validation is off, or was")


@dataclass(slots=True)
class _Read:
    """What the listings of one unit brought."""

    digests: list[Digest] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # digests that were there and cannot be walked
    unreadable: bool = False
    refused: Closed | None = None  # versions may not be listed

    def end(self) -> Closed | None:
        """Return how the unit ends without a digest to walk, unless nothing shows that there ever was one."""
        if self.lost:
            return self.failed(f"no digest is left to walk; {self.lost[0]}")
        return self.refused

    def failed(self, reason: str) -> Closed:
        """Return that the proof contradicts, with what else could not be seen."""
        more = f"; {self.refused.reason}" if self.refused else ""
        return Closed(status=UnitStatus.INTEGRITY_FAILED, reason=f"{reason}{more}")
