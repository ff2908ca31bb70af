"""What Google's errors mean for a unit: wait, give up, denied, not enabled. Nothing is ever ignored."""

import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from evidence_kit.collectors.tap import Rule
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.status import UnitStatus

_HEADERS = frozenset(
    {
        "content-encoding", "content-length", "content-type", "date", "etag", "last-modified", "retry-after",
        "x-goog-generation", "x-goog-hash", "x-goog-metageneration", "x-goog-request-id", "x-goog-storage-class",
        "x-goog-stored-content-encoding", "x-goog-stored-content-length",
    }
)  # fmt: skip
RULE = Rule(
    headers=_HEADERS,
    request_ids=("x-goog-request-id",),
    tokens=frozenset({"pagetoken", "nextpagetoken"}),
)
# The older APIs (Compute, Storage, BigQuery, Admin) throttle with 403 and say so in `reason`.
_THROTTLED = frozenset(
    {"RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}
)
_OFF = frozenset({"SERVICE_DISABLED", "accessNotConfigured", "BILLING_DISABLED"})
_BY_POLICY = frozenset(
    {"SECURITY_POLICY_VIOLATED", "VPC_SERVICE_CONTROLS", "vpcServiceControls", "ORG_RESTRICTION_VIOLATION"}
)
_POLICY_WORDS = re.compile(
    r"vpc ?service ?controls|prohibited by organization|organization policy|org policy", re.IGNORECASE
)
# The id under which the perimeter's owner finds the denial in the Policy Denied audit log.
_DENIAL = re.compile(r"vpcServiceControlsUniqueIdentifier['\": ]{1,4}([\w-]{1,200})", re.IGNORECASE)
_DENIAL_ID = re.compile(r"[\w-]{1,200}")
_PAGE_TOKEN = re.compile(r"page[ _]?token", re.IGNORECASE)
_DELAY = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")


class GcpDialect:
    """How Google speaks. `renewed` says whether another token is worth asking for after a 401."""

    rule = RULE

    def __init__(self, renewed: Callable[[], bool] = lambda: False) -> None:
        self._renewed = renewed

    def verdict(self, status: int, body: bytes, headers: Mapping[str, str]) -> Retryable | Stop:
        """Return what to raise for an answer that is not a success."""
        error = _error(body)
        reasons, message = _reasons(error), str(error.get("message", ""))
        said = f"HTTP {status} {error.get('status', '')}: {message}".replace(" :", ":")[:500]
        if denial := _denial(error, message):
            said = f"VPC Service Controls, denial `{denial}`: {said}"
        if status == HTTPStatus.TOO_MANY_REQUESTS or reasons & _THROTTLED:
            return Retryable(said, throttled=True, after=_after(error, headers))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
            return Retryable(said, after=_after(error, headers))
        if status == HTTPStatus.UNAUTHORIZED and self._renewed():
            return Retryable(f"the access token was refused, another is asked for: {said}")
        return Stop(_status(status, reasons, message, is_google=bool(error)), said)


def _status(status: int, reasons: frozenset[str], message: str, *, is_google: bool) -> UnitStatus:
    if reasons & _OFF:
        return UnitStatus.NOT_ENABLED
    if reasons & _BY_POLICY:
        return UnitStatus.DENIED_BY_POLICY
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return UnitStatus.DENIED_BY_POLICY if _POLICY_WORDS.search(message) else UnitStatus.DENIED
    if status == HTTPStatus.NOT_FOUND and is_google:
        return UnitStatus.NOT_CONFIGURED  # a proxy's 404 is no word of Google's
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.GONE} and _PAGE_TOKEN.search(message):
        return UnitStatus.PARTIAL_TRUNCATED
    return UnitStatus.PARTIAL_ERROR


def _denial(error: Mapping[str, Any], message: str) -> str:
    """Return the unique id of a perimeter's denial, wherever the API at hand puts it; empty if it is none."""
    for part in _listed(error, "details"):
        metadata = part.get("metadata")
        if part.get("reason") in _BY_POLICY and isinstance(metadata, dict) and _is_id(uid := metadata.get("uid")):
            return str(uid)
        for violation in _listed(part, "violations"):
            if violation.get("type") == "VPC_SERVICE_CONTROLS" and _is_id(uid := violation.get("description")):
                return str(uid)
    found = _DENIAL.search(message)
    return found[1] if found else ""


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _DENIAL_ID.fullmatch(value) is not None


def _error(body: bytes) -> Mapping[str, Any]:
    """Return the `error` object of an answer; an empty one where it is not Google that speaks."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    found = said.get("error") if isinstance(said, dict) else None
    return found if isinstance(found, dict) else {}


def _reasons(error: Mapping[str, Any]) -> frozenset[str]:
    """Return every machine-readable word of an error, of the newer and the older shape."""
    found: list[object] = [error.get("status")]
    for part in (*_listed(error, "details"), *_listed(error, "errors")):
        found += [part.get("reason"), *(violation.get("type") for violation in _listed(part, "violations"))]
    return frozenset(word for word in found if isinstance(word, str))


def _listed(value: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    parts = value.get(name)
    return tuple(part for part in parts if isinstance(part, dict)) if isinstance(parts, list) else ()


def _after(error: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """Return how many seconds to wait: the header, else `google.rpc.RetryInfo`."""
    if (said := headers.get("retry-after", "")).isdigit():
        return float(said)
    for part in _listed(error, "details"):
        if found := _DELAY.fullmatch(str(part.get("retryDelay", ""))):
            return float(found[1])
    return None
