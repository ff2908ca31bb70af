"""Amazon S3: put under a SHA-256 that the service checks, only where nothing is, and locked if so asked."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, Protocol, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from evidence_kit.errors import AccessError, DigestError, EmptyError, EvidenceKitError, ProviderError, UsageError
from evidence_kit.model.ports import Stored
from evidence_kit.model.time import rfc3339
from evidence_kit.vaults.deposit import Lock, Mark, Seen

_PAGE = 1000  # what S3 lists at once
HANDS = 16  # objects under way at once
_CONFIG = Config(
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=HANDS,
    retries={"mode": "standard", "total_max_attempts": 4},
    request_checksum_calculation="when_required",  # ours is given, a second one is not needed
)
_DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken"})
_DENIED_STATUS = frozenset({401, 403})
_THERE = frozenset({"PreconditionFailed", "412"})
_CHANGED = frozenset({"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "InvalidDigest"})
_UNLOCKED = frozenset({"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"})
_NEEDS = "storing takes s3:PutObject, s3:GetObject, s3:ListBucket and s3:ListBucketVersions, locking more"


class _S3(Protocol):
    """The calls of the SDK's client that are used; its class is made at run time."""

    def put_object(self, **said: object) -> Mapping[str, Any]: ...

    def head_object(self, **said: object) -> Mapping[str, Any]: ...

    def list_object_versions(self, **said: object) -> Mapping[str, Any]: ...

    def get_object_lock_configuration(self, **said: object) -> Mapping[str, Any]: ...

    def close(self) -> None: ...


class AmazonDoor:
    """The objects below `prefix` in one bucket; what is put is locked as `lock` says."""

    most = 5 << 30  # what one PutObject takes; the checksum of an upload in parts is not that of the object

    def __init__(self, client: object, bucket: str, prefix: str, lock: Lock) -> None:
        self._client, self._bucket, self._lock = cast("_S3", client), bucket, lock
        self._prefix = f"{prefix}/" if prefix else ""

    @classmethod
    def at(cls, bucket: str, prefix: str, lock: Lock, environ: Mapping[str, str]) -> "AmazonDoor":
        """Return the door of `bucket`; UsageError where locks are asked of a bucket that knows none."""
        with _translated(bucket):
            endpoint = environ.get("AWS_ENDPOINT")  # the name that reading knows; the SDK finds the others itself
            door = cls(boto3.Session().client("s3", config=_CONFIG, endpoint_url=endpoint), bucket, prefix, lock)
        try:
            if lock.wanted:
                door.require_lockable()
        except BaseException:
            door.close()
            raise
        return door

    def require_lockable(self) -> None:
        """Raise UsageError unless the bucket has Object Lock: some stores take the wish and lock nothing."""
        with _translated(self._bucket):
            try:
                said = self._client.get_object_lock_configuration(Bucket=self._bucket)
            except ClientError as error:
                if _code(error) not in _UNLOCKED:
                    raise
                said = {}
        if said.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") != "Enabled":
            raise UsageError(
                f"bucket `{self._bucket}` has no Object Lock", hint="it is switched on when a bucket is made"
            )

    def put(self, path: str, body: BinaryIO, said: Stored) -> Mark | None:
        """Store `body` under its SHA-256, and read back what the lock became; None where something is there."""
        body.seek(0)
        asked: dict[str, object] = {
            "Bucket": self._bucket,
            "Key": self._prefix + path,
            "Body": body,
            "ContentLength": said.size,
            "ChecksumAlgorithm": "SHA256",
            "ChecksumSHA256": base64.b64encode(bytes.fromhex(said.sha256)).decode(),
            "IfNoneMatch": "*",
            **_headers(self._lock),
        }
        with _translated(path):
            try:
                answer = self._client.put_object(**asked)
            except ClientError as error:
                if _code(error) in _THERE:
                    return None
                raise
            mark = _mark(answer)
            if mark.sha256 not in {None, said.sha256}:
                raise DigestError(f"`{path}` arrived with other bytes than were sent", hint="verify the case")
            if self._lock.wanted:
                _require_lock(path, self._head(path, mark.version), self._lock)
        return mark

    def mark(self, path: str) -> Mark:
        """Return what is said of the version that is there."""
        with _translated(path):
            said = self._head(path, None)
            _require_lock(path, said, self._lock)
        return _mark(said)

    def listing(self) -> Iterator[Seen]:
        """Yield every version of every object, and every deletion, a thousand a request."""
        more: dict[str, object] = {"MaxKeys": _PAGE}
        while True:
            with _translated(self._bucket):
                page = self._client.list_object_versions(Bucket=self._bucket, Prefix=self._prefix, **more)
            found = [*self._seen(page, "Versions"), *self._seen(page, "DeleteMarkers")]
            yield from sorted(found, key=lambda one: one.path)
            if not page.get("IsTruncated"):
                return
            more |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}

    def _seen(self, page: Mapping[str, Any], kind: str) -> Iterator[Seen]:
        for one in page.get(kind, ()):
            if path := one["Key"].removeprefix(self._prefix):  # a console marks folders by such objects
                yield Seen(
                    path=path,
                    mark=_mark(one),
                    is_latest=one["IsLatest"],
                    is_deletion=kind == "DeleteMarkers",
                )

    def fault(self, path: str, version: str | None, lock: Lock) -> str:
        """Say in what a version falls short of `lock`; a later date and a stricter mode are more than was asked."""
        with _translated(path):
            return _short(self._head(path, version), lock)

    def close(self) -> None:
        """Let connections go."""
        self._client.close()

    def _head(self, path: str, version: str | None) -> Mapping[str, Any]:
        asked = {"Bucket": self._bucket, "Key": self._prefix + path, "ChecksumMode": "ENABLED"}
        return self._client.head_object(**asked, **({"VersionId": version} if version else {}))


def _headers(lock: Lock) -> Mapping[str, object]:
    kept = {"ObjectLockMode": lock.mode, "ObjectLockRetainUntilDate": lock.until} if lock.mode else {}
    return {**kept, "ObjectLockLegalHoldStatus": "ON"} if lock.hold else kept


def _require_lock(path: str, said: Mapping[str, Any], lock: Lock) -> None:
    if fault := _short(said, lock):
        raise ProviderError(
            f"`{path}` is stored, but not locked as asked: {fault}",
            hint="reading locks back takes s3:GetObjectRetention and s3:GetObjectLegalHold",
        )


def _short(said: Mapping[str, Any], lock: Lock) -> str:
    mode, until = said.get("ObjectLockMode"), said.get("ObjectLockRetainUntilDate")
    if lock.mode and mode is None:
        return "no retention is told of it"
    if lock.mode == "COMPLIANCE" and mode != "COMPLIANCE":
        return f"its retention is {mode}, not {lock.mode}"
    if lock.until and (not isinstance(until, datetime) or until < lock.until):
        there = rfc3339(until) if isinstance(until, datetime) else "no date"
        return f"it is retained until {there}, not {rfc3339(lock.until)}"
    if lock.hold and said.get("ObjectLockLegalHoldStatus") != "ON":
        return "no legal hold is told of it"
    return ""


def _mark(said: Mapping[str, Any]) -> Mark:
    version, tag, checksum = said.get("VersionId"), said.get("ETag"), said.get("ChecksumSHA256")
    # In a bucket without versions a listing says `null`, an answer nothing. A checksum `…-3` is that of three parts.
    whole = checksum if checksum and "-" not in checksum else None
    return Mark(
        version=None if version in {None, "null"} else version,
        etag=tag.strip('"') if tag else None,
        sha256=base64.b64decode(whole).hex() if whole else None,
    )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise AccessError(
            "no AWS credentials found", hint="set AWS_ACCESS_KEY_ID and its neighbours, or use the machine's role"
        ) from error
    except ClientError as error:
        raise _judged(what, error) from error
    except BotoCoreError as error:
        raise ProviderError(
            f"cannot reach `{what}`: {type(error).__name__}",
            hint="check endpoint and network; the same command goes on",
        ) from error


def _judged(what: str, error: ClientError) -> EvidenceKitError:
    code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _DENIED or status in _DENIED_STATUS:
        return AccessError(f"access to `{what}` was denied: {code}", hint=_NEEDS)
    if code == "NoSuchBucket":
        return EmptyError("there is no such bucket", hint="check its name, and the endpoint and region in use")
    if code in _CHANGED:
        return DigestError(f"`{what}` arrived with other bytes than were hashed", hint="verify the case")
    return ProviderError(f"S3 refused `{what}`: {code or status}", hint="the same command goes on where it stood")
