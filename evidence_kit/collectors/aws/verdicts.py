"""What AWS's error codes mean for a unit: wait, give up, denied, not enabled. Nothing is ever ignored."""

from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.status import UnitStatus

THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthFailure",
        "AuthorizationError",
        "ExpiredToken",
        "ExpiredTokenException",
        "Forbidden",
        "403",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "KMS.AccessDeniedException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
NOT_ENABLED = frozenset({"OptInRequired", "SubscriptionRequiredException", "InvalidAccessException"})
NOT_CONFIGURED = frozenset(
    {"AWSOrganizationsNotInUseException", "NoSuchBucket", "ResourceNotFoundException", "TrailNotFoundException"}
)
TOKEN_REFUSED = frozenset({"InvalidNextTokenException", "InvalidNextToken", "InvalidPaginationTokenException"})
_POLICY_WORDS = (
    "service control policy",
    "resource control policy",
    "permissions boundary",
    "vpc endpoint policy",
)


def verdict(code: str, message: str, http: int, retry_after: str) -> Retryable | Stop:
    """Return what to raise for an error answer. HTTP 400 can be throttling: CloudTrail does that."""
    said = f"{code}: {message}"[:500]
    if code in THROTTLED or http == 429:
        return Retryable(said, throttled=True, after=_seconds(retry_after))
    if http >= 500:
        return Retryable(said, after=_seconds(retry_after))
    if code in DENIED or http in {401, 403}:
        by_policy = any(word in message.lower() for word in _POLICY_WORDS)
        return Stop(UnitStatus.DENIED_BY_POLICY if by_policy else UnitStatus.DENIED, said)
    if code in NOT_ENABLED:
        return Stop(UnitStatus.NOT_ENABLED, said)
    if code in NOT_CONFIGURED:
        return Stop(UnitStatus.NOT_CONFIGURED, said)
    if code in TOKEN_REFUSED:
        return Stop(UnitStatus.PARTIAL_TRUNCATED, f"the page token was refused: {said}")
    return Stop(UnitStatus.PARTIAL_ERROR, said)


def _seconds(retry_after: str) -> float | None:
    """Read `Retry-After`; the date form is not used by AWS."""
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None
