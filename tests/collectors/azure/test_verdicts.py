"""What the errors of Graph, Resource Manager and the activity feed mean for a unit."""

import json

import pytest
from azure.core.exceptions import ClientAuthenticationError
from support.casemaker import exchange

from evidence_kit.collectors.azure.verdicts import RULE, reason_of, token_refused, told, verdict
from evidence_kit.errors import AccessError
from evidence_kit.model.exchange import Page, Retryable, Stop
from evidence_kit.model.status import UnitStatus


def judged(status, code="", message="", **headers):
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return verdict(status, body, headers)


@pytest.mark.parametrize(
    ("status", "code", "message", "end"),
    [
        (401, "InvalidAuthenticationToken", "expired", UnitStatus.DENIED),
        (403, "Authorization_RequestDenied", "Insufficient privileges", UnitStatus.DENIED),
        (403, "AuthorizationFailed", "no authorization to perform action", UnitStatus.DENIED),
        (403, "LinkedAuthorizationFailed", "", UnitStatus.DENIED),
        (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "", UnitStatus.NOT_LICENSED),
        (403, "Forbidden", "Your tenant is not licensed for this feature.", UnitStatus.NOT_LICENSED),
        (400, "NonPremiumTenant", "", UnitStatus.NOT_LICENSED),
        (403, "RequestDisallowedByPolicy", "", UnitStatus.DENIED_BY_POLICY),
        (401, "InteractionRequired", "Conditional Access requires a compliant device", UnitStatus.DENIED_BY_POLICY),
        (404, "ResourceNotFound", "", UnitStatus.NOT_CONFIGURED),
        (404, "ResourceGroupNotFound", "", UnitStatus.NOT_CONFIGURED),
        (404, "Request_ResourceNotFound", "", UnitStatus.NOT_CONFIGURED),
        (404, "SubscriptionNotFound", "", UnitStatus.PARTIAL_ERROR),
        (400, "SubscriptionNotRegistered", "", UnitStatus.NOT_ENABLED),
        (409, "MissingSubscriptionRegistration", "", UnitStatus.NOT_ENABLED),
        (400, "AF20022", "No subscription found for the specified content type", UnitStatus.NOT_ENABLED),
        (404, "AF20023", "The subscription was disabled by somebody", UnitStatus.NOT_ENABLED),
        (404, "AF20051", "has already expired", UnitStatus.EXPIRED_RETENTION),
        (400, "Directory_ExpiredPageToken", "", UnitStatus.PARTIAL_TRUNCATED),
        (400, "BadRequest", "Skip token is null or malformed", UnitStatus.PARTIAL_TRUNCATED),
        (410, "Gone", "The $skiptoken has expired", UnitStatus.PARTIAL_TRUNCATED),
        (400, "BadRequest", "Invalid filter clause", UnitStatus.PARTIAL_ERROR),
        (302, "", "", UnitStatus.PARTIAL_ERROR),
    ],
)
def test_a_refusal_is_what_it_is(status, code, message, end):
    found = judged(status, code, message)
    assert isinstance(found, Stop)
    assert found.status is end
    assert code in found.reason


@pytest.mark.parametrize(
    ("status", "code", "message", "headers", "throttled", "after"),
    [
        (429, "TooManyRequests", "", {"retry-after": "17"}, True, 17),
        (429, "RateLimiting", "Too many requests. Please retry after 12 seconds.", {}, True, 12),
        (429, "", "", {"retry-after": "soon"}, True, None),
        (403, "AF429", "Too many requests", {}, True, None),
        (503, "ServiceUnavailable", "", {"retry-after": "3"}, False, 3),
        (504, "GatewayTimeout", "", {}, False, None),
        (500, "UnknownError", "", {}, False, None),
        (408, "Timeout", "", {}, False, None),
    ],
)
def test_what_may_pass_is_tried_again_when_the_provider_says(status, code, message, headers, throttled, after):
    found = judged(status, code, message, **headers)
    assert isinstance(found, Retryable)
    assert (found.throttled, found.after) == (throttled, after)


@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", ("", "")),
        (b"<html>", ("", "")),
        (b"[]", ("", "")),
        (b'{"error": null}', ("", "")),
        (b'{"error": "invalid_request", "error_description": "why"}', ("invalid_request", "why")),
        (b'{"code": "AF1", "message": "m"}', ("AF1", "m")),
        (b'{"error": {"code": "c", "message": {"lang": "en", "value": "v"}}}', ("c", "v")),
        (b'{"error": {"code": 7, "message": ["x"]}}', ("7", "['x']")),
        (b"[" * 100_000, ("", "")),
    ],
)
def test_any_body_has_a_reason_or_none(body, reason):
    assert reason_of(body) == reason
    verdict(400, body, {})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AADSTS7000215: Invalid client secret", AccessError),
        ("nothing found", AccessError),
        ("AADSTS53003: Access has been blocked by Conditional Access", Stop),
        ("Authentication failed: HTTP Error: 503", Retryable),
        ("Authentication failed: HTTP Error: 429", Retryable),
    ],
)
def test_a_token_that_is_refused_says_its_number_and_no_name(text, kind):
    found = token_refused(ClientAuthenticationError(message=f"{text} for mira@kiosk.example"), "kiosk")
    assert isinstance(found, kind)
    assert "mira" not in str(found)


def broken(status, *items):
    yield from items
    raise Stop(status, "no")


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        (UnitStatus.DENIED, UnitStatus.DENIED),
        (UnitStatus.NOT_LICENSED, UnitStatus.NOT_LICENSED),
        (UnitStatus.NOT_CONFIGURED, UnitStatus.PARTIAL_ERROR),
        (UnitStatus.NOT_ENABLED, UnitStatus.PARTIAL_ERROR),
    ],
)
@pytest.mark.parametrize("pages", [0, 1])
def test_a_refusal_says_what_is_needed_and_never_that_nothing_was_there(status, ends, pages):
    page = Page(name="a", body=b"", exchange=exchange("a", b""), next_cursor=None)
    found = told(broken(status, *[page] * pages), ("AuditLog.Read.All",))
    assert [next(found) for _ in range(pages)] == [page] * pages
    with pytest.raises(Stop) as stopped:
        next(found)
    assert stopped.value.status is (ends if pages else status)
    assert ("AuditLog.Read.All" in stopped.value.reason) is (status is UnitStatus.DENIED)


def test_nothing_that_authenticates_goes_on_record():
    assert not {"authorization", "set-cookie", "www-authenticate"} & RULE.headers
