"""What one attempt saw go by: request, answer, exact bytes; and whether the answer can be what it claims."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.model.exchange import Exchange, Recorded, Request
from evidence_kit.model.time import rfc3339

# What a provider says about an answer; nothing that authenticates anybody.
HEADERS = frozenset(
    {
        "content-encoding", "content-length", "content-type", "date", "etag", "last-modified", "retry-after",
        "x-amz-bucket-region", "x-amz-delete-marker", "x-amz-id-2", "x-amz-meta-backfill-generation-timestamp",
        "x-amz-meta-signature", "x-amz-meta-signature-algorithm", "x-amz-request-id", "x-amz-server-side-encryption",
        "x-amz-storage-class", "x-amz-version-id", "x-amzn-requestid", "x-amz-checksum-sha256",
        "x-amz-checksum-crc64nvme", "x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-type",
    }
)  # fmt: skip
_TOKENS = frozenset({"nexttoken", "marker", "continuationtoken", "paginationtoken", "startkey"})
_ROOT = re.compile(rb"\s*(?:<[?!][^>]*>\s*)*<([A-Za-z_][\w.-]*)")
# What S3 calls the root of a listing; the other XML protocols name theirs after the operation.
_S3_ROOTS = {"ListObjectVersions": "ListVersionsResult", "ListObjectsV2": "ListBucketResult"}


class BadBody(Exception):  # noqa: N818 - raised inside botocore, translated at once
    """A response that cannot be whole although its status says success."""


@dataclass(slots=True)
class Tap:
    """What one attempt saw go by."""

    now: Callable[[], datetime]
    request: Request
    attempt: int
    recorded: Recorded | None = None
    sent_at: datetime | None = None
    received_at: datetime | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    peer: str = ""

    def exchange(self, error: str = "") -> Exchange:
        """Return the attempt as it goes on record."""
        now = self.now()
        return Exchange(
            request=self.request,
            sent_at=self.sent_at or now,
            received_at=self.received_at or now,
            attempt=self.attempt,
            status=self.status,
            headers={name: value for name, value in self.headers.items() if name in HEADERS},
            request_id=self.headers.get("x-amzn-requestid", self.headers.get("x-amz-request-id", "")),
            sha256=hashlib.sha256(self.body).hexdigest() if self.body is not None else "",
            bytes=len(self.body or b""),
            error=error,
            peer=self.peer,
            replayed=self.recorded is not None,
        )

    def kept(self) -> Exchange:
        """Return the exchange of a success; a replayed one is what the earlier run recorded."""
        return self.recorded.exchange if self.recorded else self.exchange()


class StoredBody(io.BytesIO):
    """A stored body in the shape of a urllib3 response."""

    def stream(self, **_: object) -> Iterator[bytes]:
        """Yield the body."""
        yield self.read()


def require_dialect(body: bytes, protocol: str, operation: str) -> None:
    """Raise BadBody for a success that is not its API's answer: nothing, or a proxy's or a portal's page."""
    if "json" in protocol:
        try:
            fits = isinstance(json.loads(body), dict)
        except ValueError:
            fits = False
    else:
        expected = _S3_ROOTS.get(operation) if protocol == "rest-xml" else f"{operation}Response"
        root = _ROOT.match(body)
        fits = root is not None and expected in {None, root[1].decode()}
    if not fits:
        raise BadBody(f"HTTP 200 with a body that is not an answer to {operation}")


def plain(value: object) -> str:
    """Return a parameter that JSON does not know, times above all, as text."""
    return rfc3339(value) if isinstance(value, datetime) else str(value)


def shown(name: str, value: object) -> object:
    """Return a parameter as it may go on record: page tokens only as digests."""
    if name.lower() in _TOKENS and isinstance(value, str):
        return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"
    return json.loads(json.dumps(value, default=plain))
