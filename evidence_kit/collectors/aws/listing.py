"""Listing a bucket with all versions and delete markers, or without them where that is forbidden."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evidence_kit.collectors.aws.paging import pages
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.model.exchange import Closed, Page, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Finding

OPERATIONS = ("s3:ListObjectVersions", "s3:ListObjectsV2")
_DENIED = frozenset({UnitStatus.DENIED, UnitStatus.DENIED_BY_POLICY})


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Object:
    """One version of one object, or a delete marker."""

    bucket: str
    key: str
    version: str
    latest: bool
    size: int
    modified: str
    etag: str = ""
    deleted: bool = False

    @property
    def name(self) -> str:
        """Return the original name; older versions say which."""
        return f"{self.bucket}/{self.key}" if self.latest else f"{self.bucket}/{self.key}@{self.version}"

    def params(self) -> dict[str, object]:
        """Return what GetObject is asked for: exactly this version."""
        asked: dict[str, object] = {"Bucket": self.bucket, "Key": self.key, "ChecksumMode": "ENABLED"}
        if self.version not in {"", "null"}:
            asked["VersionId"] = self.version
        return asked

    def facts(self) -> dict[str, str]:
        """Return what the record says of it."""
        return {
            "bucket": self.bucket,
            "key": self.key,
            "versionId": self.version,
            "isLatest": "true" if self.latest else "false",
            "lastModified": self.modified,
        }


def list_objects(
    wire: AwsWire, ctx: Context, bucket: str, prefix: str
) -> Iterator[tuple[Page, tuple[S3Object, ...]] | Remark | Closed]:
    """Yield each listing page with the objects on it.

    Where versions may not be listed, the present objects are, and `Closed` says how the unit must end. A bucket that
    logs were sent to and that is not there has lost what it held.
    """
    asked = {"Bucket": bucket, "Prefix": prefix}
    try:
        refused = yield from _with_versions(wire, ctx, bucket, prefix)
        if refused is None:
            return
        message = f"versions in {bucket}/{prefix} may not be listed: deleted and overwritten objects stay invisible"
        yield Remark(finding=Finding(kind="versions_denied", message=message, facts={"reason": refused.reason}))
        for answer, cursor in pages(wire, ctx, "ListObjectsV2", asked):
            objects = tuple(_object(bucket, item, latest=True) for item in answer.parsed.get("Contents", []))
            yield _page("ListObjectsV2", answer, cursor, prefix), objects
        yield Closed(status=refused.status, reason=f"{message}: {refused.reason}")
    except Stop as stop:
        if stop.status is not UnitStatus.NOT_CONFIGURED:
            raise
        raise Stop(UnitStatus.PARTIAL_ERROR, f"`{bucket}` is gone with all that it held: {stop.reason}") from stop


def _with_versions(
    wire: AwsWire, ctx: Context, bucket: str, prefix: str
) -> Generator[tuple[Page, tuple[S3Object, ...]], None, Stop | None]:
    """Yield the pages of all versions; return the refusal if there was no first one."""
    begun = False
    try:
        for answer, cursor in pages(wire, ctx, "ListObjectVersions", {"Bucket": bucket, "Prefix": prefix}):
            begun = True
            yield _page("ListObjectVersions", answer, cursor, prefix), _versions(bucket, answer.parsed)
    except Stop as stop:
        if begun or stop.status not in _DENIED:
            raise
        return stop
    return None


def _page(operation: str, answer: Any, cursor: str | None, prefix: str) -> Page:  # noqa: ANN401
    return Page(
        name=f"{operation} {prefix.rstrip('/').replace('/', ' ')}",
        body=answer.body,
        exchange=answer.exchange,
        next_cursor=cursor,
        suffix="xml",
    )


def _versions(bucket: str, parsed: Mapping[str, Any]) -> tuple[S3Object, ...]:
    stored = [_object(bucket, item, latest=item["IsLatest"]) for item in parsed.get("Versions", [])]
    markers = [
        _object(bucket, item, latest=item["IsLatest"], deleted=True) for item in parsed.get("DeleteMarkers", [])
    ]
    return (*stored, *markers)


def _object(bucket: str, item: Mapping[str, Any], *, latest: bool, deleted: bool = False) -> S3Object:
    return S3Object(
        bucket=bucket,
        key=str(item["Key"]),
        version=str(item.get("VersionId", "")),
        latest=latest,
        size=int(item.get("Size", 0)),
        modified=rfc3339(item["LastModified"]),
        etag=str(item.get("ETag", "")),
        deleted=deleted,
    )
