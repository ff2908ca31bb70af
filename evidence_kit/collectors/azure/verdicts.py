"""What the errors of Graph, Resource Manager and the activity feed mean for a unit. Nothing is ever ignored."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from evidence_kit.collectors.tap import Rule
from evidence_kit.errors import AccessError
from evidence_kit.model.exchange import Item, Page, Retryable, Stop
from evidence_kit.model.status import UnitStatus

if TYPE_CHECKING:
    from azure.core.exceptions import ClientAuthenticationError

_HEADERS = frozenset(
    {
        "api-supported-versions", "client-request-id", "content-encoding", "content-length", "content-md5",
        "content-type", "date", "etag", "last-modified", "nextpageexpires", "nextpageuri", "prefer", "request-id",
        "retry-after", "x-ms-ags-diagnostic", "x-ms-correlation-request-id", "x-ms-ratelimit-remaining-resource",
        "x-ms-ratelimit-remaining-subscription-reads", "x-ms-ratelimit-remaining-tenant-reads", "x-ms-request-id",
        "x-ms-resource-unit", "x-ms-routing-request-id", "x-ms-user-quota-remaining", "x-ms-user-quota-resets-after",
    }
)  # fmt: skip
RULE = Rule(
    headers=_HEADERS,
    request_ids=("request-id", "x-ms-request-id", "x-ms-correlation-request-id"),
    tokens=frozenset({"$skiptoken", "skiptoken", "$deltatoken", "nextpage", "cursor"}),
)
# Lower case: Graph, ARM and the activity feed each write codes in their own way.
THROTTLED = frozenset(
    {"429", "af429", "activitylimitreached", "ratelimiting", "subscriptionrequeststhrottled", "throttled",
     "throttlederror", "throttling", "toomanyrequests"}
)  # fmt: skip
BUSY = frozenset({"gatewaytimeout", "generaltimeout", "servertimeout", "serviceunavailable", "timeout"})
NOT_LICENSED = frozenset(
    {"authentication_requestfromnonpremiumtenantorb2ctenant", "authentication_requestfromunsupporteduserrole_license",
     "nonpremiumtenant", "tenantnotlicensed"}
)  # fmt: skip
NOT_ENABLED = frozenset(
    {
        "af20022",
        "af20023",
        "missingsubscriptionregistration",
        "noregisteredproviderfound",
        "subscriptionnotregistered",
    }
)
NOT_CONFIGURED = frozenset(
    {"itemnotfound", "notfound", "parentresourcenotfound", "request_resourcenotfound", "resourcegroupnotfound",
     "resourcenotfound", "workspacenotfounderror"}
)  # fmt: skip
EXPIRED = frozenset({"af20051", "contentnotfound", "expiredcontent"})
BY_POLICY = frozenset({"accessblockedbyconditionalaccess", "requestdisallowedbypolicy", "conditionalaccessblocked"})
_POLICY_WORDS = ("conditional access", "conditionalaccess", "disallowed by policy", "azure policy")
_LICENCE_WORDS = ("premium license", "premium licence", "non-premium", "not licensed", "required license")
_TOKEN_WORDS = (
    "skiptoken",
    "skip token",
    "nextlink",
    "next link",
    "nextpage",
    "paging token",
    "page token",
    "pagetoken",
)
_SECONDS = re.compile(r"(?:retry|try again)\D{0,20}(\d{1,4}) ?s(?:ec|\b)", re.IGNORECASE)
_REFUSAL = re.compile(r"AADSTS(\d{5,8})")
_STATUS = re.compile(r"HTTP Error: (\d{3})\b")  # all that azure-identity lets on where the answer was no answer
# Conditional access for people and for workloads; a device or a place that is not allowed.
_REFUSED_BY_POLICY = frozenset({"50005", "50097", "53000", "53001", "53002", "53003", "53004", "530032", "530035"})
_TRIED_AGAIN = frozenset({"50196", "90033"})  # a loop of requests; a directory that is briefly away
_TOO_MANY, _SERVER = 429, 500


def verdict(status: int, body: bytes, headers: Mapping[str, str]) -> Retryable | Stop:
    """Return what to raise for an error answer."""
    code, message = reason_of(body)
    said = f"{code or f'HTTP {status}'}: {message}"[:500]
    name, words = code.lower(), message.lower()
    after = _seconds(headers.get("retry-after", "")) or _said_seconds(message)
    if status == _TOO_MANY or name in THROTTLED:
        return Retryable(said, throttled=True, after=after)
    if status >= _SERVER or name in BUSY or status == 408:
        return Retryable(said, after=after)
    if name in NOT_LICENSED or (status in {400, 402, 403} and any(word in words for word in _LICENCE_WORDS)):
        return Stop(UnitStatus.NOT_LICENSED, said)
    if name in NOT_ENABLED:
        return Stop(UnitStatus.NOT_ENABLED, said)
    if name in BY_POLICY or (status in {401, 403} and any(word in words for word in _POLICY_WORDS)):
        return Stop(UnitStatus.DENIED_BY_POLICY, said)
    if status in {401, 403}:
        return Stop(UnitStatus.DENIED, said)
    if name in EXPIRED:
        return Stop(UnitStatus.EXPIRED_RETENTION, said)
    if status in {400, 404, 410} and any(word in f"{name} {words}" for word in _TOKEN_WORDS):
        return Stop(UnitStatus.PARTIAL_TRUNCATED, f"the page token was refused: {said}")
    if name in NOT_CONFIGURED and status == 404:
        return Stop(UnitStatus.NOT_CONFIGURED, said)
    return Stop(UnitStatus.PARTIAL_ERROR, said)


def reason_of(body: bytes) -> tuple[str, str]:
    """Return code and message of an error, wherever this API puts them; empty for what is no error at all."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    error = (parsed.get("error") or parsed) if isinstance(parsed, dict) else {}
    if not isinstance(error, dict):  # OAuth: {"error": "invalid_request", "error_description": …}
        return str(error)[:100], str(parsed.get("error_description", ""))[:400]
    code = str(error.get("code") or error.get("Code") or "")
    message = error.get("message") or error.get("Message") or ""
    if isinstance(message, dict):  # older OData: {"lang": …, "value": …}
        message = message.get("value", "")
    return code[:100], str(message)[:400]


def token_refused(error: "ClientAuthenticationError", target: str) -> Retryable | Stop | AccessError:
    """Return what to raise when Entra gives no token. Only its number goes on record: the text names people."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    found, failed = _REFUSAL.search(str(error)), _STATUS.search(str(error))
    number = found[1] if found else ""
    status = int(failed[1]) if failed else getattr(error.response, "status_code", 0) or 0
    if isinstance(error.__cause__, ServiceRequestError | ServiceResponseError):  # azure-identity calls both a refusal
        return Retryable(f"Microsoft's token service: {type(error.__cause__).__name__}")
    if status == _TOO_MANY or status >= _SERVER or number in _TRIED_AGAIN:
        return Retryable(f"Microsoft's token service answers {status or number}", throttled=status == _TOO_MANY)
    said = f"AADSTS{number}" if number else "no reason given"
    if number in _REFUSED_BY_POLICY:
        return Stop(UnitStatus.DENIED_BY_POLICY, f"no token for {target}: {said}, conditional access")
    return AccessError(
        f"no token for {target}: {said}",
        hint="check AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and the tenant, or run `az login`",
    )


def told(items: Iterable[Item], permissions: tuple[str, ...]) -> Iterator[Item]:
    """Pass a unit's items on; a refusal names what the source needs, for the reader has to ask somebody for it.

    "Nothing is set up here" cannot be said of a unit that has brought something and then broke off.
    """
    pages = 0
    try:
        for item in items:
            pages += isinstance(item, Page)
            yield item
    except Stop as stop:
        if stop.status is UnitStatus.DENIED:
            raise Stop(stop.status, f"{stop.reason} (needed: {', '.join(permissions)})"[:700]) from stop
        if pages and stop.status.is_whole:
            raise Stop(UnitStatus.PARTIAL_ERROR, stop.reason) from stop
        raise


def _seconds(retry_after: str) -> float | None:
    """Read `Retry-After` in seconds; its date form is not used by these APIs."""
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None


def _said_seconds(message: str) -> float | None:
    found = _SECONDS.search(message)
    return float(found[1]) if found else None
