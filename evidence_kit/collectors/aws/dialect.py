"""How AWS answers: which headers tell something, and whether a body can be an answer at all."""

import json
import re

from evidence_kit.collectors.tap import BadBody, Rule

_HEADERS = frozenset(
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
RULE = Rule(headers=_HEADERS, request_ids=("x-amzn-requestid", "x-amz-request-id"), tokens=_TOKENS)


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
