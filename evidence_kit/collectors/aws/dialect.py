"""How AWS answers: which headers tell something, and whether a body can be an answer at all."""

import json
import re
from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape

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
_NEXT = ("NextToken", "nextToken", "NextMarker", "nextPageToken", "NextPageToken", "PaginationToken")
_PAGE = re.compile(rb"\s*<(?:!doctype\s+html|html)", re.IGNORECASE)
_CBOR_MAPS = re.compile(rb"[\xa0-\xbf]")  # every answer of that protocol is a map
_TOKENS = frozenset({"nexttoken", "marker", "continuationtoken", "paginationtoken", "startkey"})
_ROOT = re.compile(rb"\s*(?:<[?!][^>]*>\s*)*<([A-Za-z_][\w.-]*)")
# What S3 calls the root of a listing; the other XML protocols name theirs after the operation.
_S3_ROOTS = {"ListObjectVersions": "ListVersionsResult", "ListObjectsV2": "ListBucketResult"}
RULE = Rule(headers=_HEADERS, request_ids=("x-amzn-requestid", "x-amz-request-id"), tokens=_TOKENS)


def require_dialect(body: bytes, protocol: str, operation: OperationModel) -> None:
    """Raise BadBody for a success that is not its API's answer: nothing, or a proxy's or a portal's page."""
    shape = operation.output_shape
    if shape is not None and getattr(shape, "serialization", {}).get("payload") in _raw_members(shape):
        fits = _PAGE.match(body) is None  # the body is a document of its own: a policy, a report
    elif "json" in protocol:
        try:
            fits = isinstance(json.loads(body), dict)
        except (ValueError, RecursionError):
            fits = False
    elif "cbor" in protocol:
        fits = _CBOR_MAPS.match(body) is not None
    else:
        name = operation.name
        expected = _S3_ROOTS.get(name) if protocol == "rest-xml" else f"{name}Response"
        root = _ROOT.match(body)
        fits = root is not None and expected in {None, root[1].decode()}
    if not fits:
        raise BadBody(f"HTTP 200 with a body that is not an answer to {operation.name}")


def _raw_members(shape: Shape) -> frozenset[str]:
    members: Mapping[str, Shape] = getattr(shape, "members", {})
    return frozenset(name for name, member in members.items() if member.type_name in {"blob", "string"})


def token_members(service: ServiceModel, operation: str) -> Mapping[str, Any]:
    """Return paging rules for an operation of which the SDK has none, but whose answers carry a token.

    Newer operations come without rules; to read their first page only would lose the rest in silence.
    """
    model = service.operation_model(operation)
    given = {} if model.output_shape is None else model.output_shape.members
    taken = {} if model.input_shape is None else model.input_shape.members
    for token in _NEXT:
        sent = next((name for name in (token, token.removeprefix("Next")) if name in taken), "")
        if token in given and sent:
            return {"input_token": sent, "output_token": token}
    if {"Marker", "IsTruncated"} <= set(given) and "Marker" in taken:
        return {"input_token": "Marker", "output_token": "Marker", "more_results": "IsTruncated"}
    return {}
