"""A bucket in short form: listed by prefix in pages, with every version, and read object by object."""

import base64
import gzip
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from evidence_kit.model.time import parse_instant
from evidence_kit.sandbox.wire import Refusal

Params = Mapping[str, Any]
Output = dict[str, object]
PAGE = 2  # so few that every listing of a few objects has several pages
LARGEST = 1000
HOME = "us-east-1"
NOON = "2026-11-21T10:00:00Z"
FIELDS = frozenset({"name", "region", "page", "objects"})
OBJECT = frozenset({"key", "body", "body_gzip", "body_base64", "modified", "version", "deleted", "headers"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of an object, or its delete marker."""

    key: str
    version: str
    modified: datetime
    body: bytes
    deleted: bool
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket with its versions, by key and the newest first."""

    name: str
    region: str = HOME
    page: int = PAGE
    versions: tuple[Version, ...] = ()
    _latest: Mapping[str, Version] = field(default_factory=dict)

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Bucket":
        """Read what a fixture says of a bucket; LookupError for a field that there is not."""
        _allow(said, FIELDS, "bucket")
        made = [_version(item, number) for number, item in enumerate(said.get("objects", ()))]
        made.sort(key=lambda one: one.modified, reverse=True)
        made.sort(key=lambda one: one.key)
        latest = {one.key: one for one in reversed(made)}
        return cls(
            name=str(said["name"]),
            region=str(said.get("region", HOME)),
            page=int(said.get("page", PAGE)),
            versions=tuple(made),
            _latest=latest,
        )

    def answers(self, operation: str) -> Callable[[Params], Output] | None:
        """Return what answers an operation; None for one that the short form does not know."""
        return {
            "HeadBucket": self._head,
            "GetBucketLocation": self._location,
            "ListObjectVersions": self._list_versions,
            "ListObjectsV2": self._list,
            "GetObject": self._get,
            "HeadObject": self._get,
        }.get(operation)

    def _head(self, _: Params) -> Output:
        return {"BucketRegion": self.region}

    def _location(self, _: Params) -> Output:
        return {} if self.region == HOME else {"LocationConstraint": self.region}

    def _get(self, params: Params) -> Output:
        one = self._find(params)
        if one is None:
            code = "NoSuchVersion" if params.get("VersionId") else "NoSuchKey"
            raise Refusal(code, "The specified key does not exist.", 404)
        if one.deleted:
            raise Refusal("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
        return {"Body": one.body, "ETag": etag(one.body), "LastModified": one.modified, "VersionId": one.version}

    def headers(self, params: Params) -> Mapping[str, str]:
        """Return the headers that the fixture gave the object asked for."""
        one = self._find(params)
        return one.headers if one else {}

    def _find(self, params: Params) -> Version | None:
        key, wanted = str(params.get("Key", "")), params.get("VersionId")
        if not wanted:
            return self._latest.get(key)
        return next((one for one in self.versions if (one.key, one.version) == (key, wanted)), None)

    def _list_versions(self, params: Params) -> Output:
        after = (str(params.get("KeyMarker", "")), str(params.get("VersionIdMarker", "")))
        rows = _rows(self.versions, params)
        start = _start(rows, after)
        shown, size = _spelling(params), self._size(params)
        page, more = rows[start : start + size], len(rows) > start + size
        output: Output = {
            "Name": self.name,
            "Prefix": shown(str(params.get("Prefix", ""))),
            "KeyMarker": shown(after[0]),
            "MaxKeys": size,
            "IsTruncated": more,
            "Versions": [self._entry(one, shown) for _, one in page if one and not one.deleted],
            "DeleteMarkers": [self._marker(one, shown) for _, one in page if one and one.deleted],
            "CommonPrefixes": [{"Prefix": shown(key)} for key, one in page if one is None],
        }
        if more:
            key, last = page[-1]
            output |= {"NextKeyMarker": shown(key)} | ({"NextVersionIdMarker": last.version} if last else {})
        return output | _encoded(params)

    def _list(self, params: Params) -> Output:
        token = params.get("ContinuationToken")
        after = _decoded(str(token)) if token else str(params.get("StartAfter", ""))
        rows = _rows([one for one in self.versions if one is self._latest[one.key] and not one.deleted], params)
        start = _start(rows, (after, ""))
        shown, size = _spelling(params), self._size(params)
        page, more = rows[start : start + size], len(rows) > start + size
        output: Output = {
            "Name": self.name,
            "Prefix": shown(str(params.get("Prefix", ""))),
            "MaxKeys": size,
            "KeyCount": len(page),
            "IsTruncated": more,
            "Contents": [_facts(one, shown) for _, one in page if one],
            "CommonPrefixes": [{"Prefix": shown(key)} for key, one in page if one is None],
        }
        if more:
            output["NextContinuationToken"] = base64.urlsafe_b64encode(page[-1][0].encode()).decode()
        return output | _encoded(params)

    def _size(self, params: Params) -> int:
        return min(self.page, int(params.get("MaxKeys", LARGEST)))

    def _entry(self, one: Version, shown: Callable[[str], str]) -> Output:
        return {**_facts(one, shown), "VersionId": one.version, "IsLatest": one is self._latest[one.key]}

    def _marker(self, one: Version, shown: Callable[[str], str]) -> Output:
        return {
            "Key": shown(one.key),
            "VersionId": one.version,
            "IsLatest": one is self._latest[one.key],
            "LastModified": one.modified,
        }


Row = tuple[str, Version | None]  # a version under its key, or a folded prefix


def _rows(versions: Iterable[Version], params: Params) -> list[Row]:
    """Return what a listing shows, in its order: keys below the prefix, folded at the delimiter."""
    prefix, delimiter = str(params.get("Prefix", "")), str(params.get("Delimiter", ""))
    rows: list[Row] = []
    for one in versions:
        rest = one.key.removeprefix(prefix)
        if not one.key.startswith(prefix):
            continue
        if delimiter and delimiter in rest:
            folded: Row = (prefix + rest.partition(delimiter)[0] + delimiter, None)
            if folded not in rows:
                rows.append(folded)
        else:
            rows.append((one.key, one))
    return rows


def _start(rows: Sequence[Row], after: tuple[str, str]) -> int:
    key, version = after
    if not key:
        return 0
    if version:
        return next(n for n, (at, one) in enumerate(rows, 1) if at == key and one and one.version == version)
    return sum(at <= key for at, _ in rows)


def _facts(one: Version, shown: Callable[[str], str]) -> Output:
    return {
        "Key": shown(one.key),
        "LastModified": one.modified,
        "ETag": etag(one.body),
        "Size": len(one.body),
        "StorageClass": "STANDARD",
    }


def _spelling(params: Params) -> Callable[[str], str]:
    return quote if params.get("EncodingType") == "url" else str


def _encoded(params: Params) -> Output:
    return {"EncodingType": "url"} if params.get("EncodingType") == "url" else {}


def _decoded(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError as error:
        raise Refusal("InvalidArgument", "The continuation token provided is incorrect", 400) from error


def _version(item: Mapping[str, Any], number: int) -> Version:
    _allow(item, OBJECT, f"bucket.objects[{number}]")
    return Version(
        key=str(item["key"]),
        version=str(item.get("version", f"v-{number + 1}")),
        modified=parse_instant(str(item.get("modified", NOON))),
        body=raw_body(item) or b"",
        deleted=bool(item.get("deleted", False)),
        headers={str(k): str(v) for k, v in item.get("headers", {}).items()},
    )


def etag(body: bytes) -> str:
    """Return the quoted digest that S3 calls an ETag."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def raw_body(said: Mapping[str, Any]) -> bytes | None:
    """Return the bytes that `body`, `body_gzip` or `body_base64` stand for; None if there is none of them."""
    if "body" in said:
        return str(said["body"]).encode()
    if "body_gzip" in said:
        return gzip.compress(str(said["body_gzip"]).encode(), mtime=0)
    return base64.b64decode(said["body_base64"]) if "body_base64" in said else None


def _allow(said: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if unknown := said.keys() - known:
        raise LookupError(f"{where}: unknown field {', '.join(sorted(unknown))}")
