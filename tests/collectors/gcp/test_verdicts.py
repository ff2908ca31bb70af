"""What each of Google's errors means for a unit."""

import json

import pytest

from evidence_kit.collectors.gcp.verdicts import GcpDialect
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.status import UnitStatus

INFO = "type.googleapis.com/google.rpc.ErrorInfo"
RETRY = "type.googleapis.com/google.rpc.RetryInfo"


def said(code, status="", message="m", *details, **older):
    return json.dumps({"error": {"code": code, "status": status, "message": message, "details": details, **older}})


def verdict(code, body, **headers):
    found = GcpDialect().verdict(code, body.encode(), {n.replace("_", "-"): v for n, v in headers.items()})
    return found.status if isinstance(found, Stop) else found


def reason(word):
    return {"@type": INFO, "reason": word}


@pytest.mark.parametrize(
    ("code", "body", "status"),
    [
        (401, said(401, "UNAUTHENTICATED"), UnitStatus.DENIED),
        (403, said(403, "PERMISSION_DENIED"), UnitStatus.DENIED),
        (403, "<html>proxy</html>", UnitStatus.DENIED),
        (403, said(403, "PERMISSION_DENIED", "m", reason("SERVICE_DISABLED")), UnitStatus.NOT_ENABLED),
        (403, said(403, errors=[{"reason": "accessNotConfigured"}]), UnitStatus.NOT_ENABLED),
        (403, said(403, "PERMISSION_DENIED", "m", reason("SECURITY_POLICY_VIOLATED")), UnitStatus.DENIED_BY_POLICY),
        (403, said(403, "", "m", {"violations": [{"type": "VPC_SERVICE_CONTROLS"}]}), UnitStatus.DENIED_BY_POLICY),
        (403, said(403, "", "Request is prohibited by organization's policy."), UnitStatus.DENIED_BY_POLICY),
        (404, said(404, "NOT_FOUND"), UnitStatus.NOT_CONFIGURED),
        (404, "<html>nothing here</html>", UnitStatus.PARTIAL_ERROR),
        (400, said(400, "INVALID_ARGUMENT", "page_token has expired"), UnitStatus.PARTIAL_TRUNCATED),
        (400, said(400, "INVALID_ARGUMENT", "Invalid pageToken"), UnitStatus.PARTIAL_TRUNCATED),
        (410, said(410, "", "the page token is too old"), UnitStatus.PARTIAL_TRUNCATED),
        (400, said(400, "INVALID_ARGUMENT", "filter"), UnitStatus.PARTIAL_ERROR),
        (302, "", UnitStatus.PARTIAL_ERROR),
    ],
)
def test_an_error_ends_the_unit_with_the_status_that_it_means(code, body, status):
    assert verdict(code, body) is status


PERIMETER = "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: Ab-9_z"
VIOLATION = {
    "@type": "type.googleapis.com/google.rpc.PreconditionFailure",
    "violations": [{"type": "VPC_SERVICE_CONTROLS", "description": "Ab-9_z"}],
}


@pytest.mark.parametrize(
    "body",
    [
        said(403, "PERMISSION_DENIED", PERIMETER),
        said(403, "PERMISSION_DENIED", "x" * 900, VIOLATION),
        said(403, "PERMISSION_DENIED", "m", {**reason("SECURITY_POLICY_VIOLATED"), "metadata": {"uid": "Ab-9_z"}}),
        said(403, "PERMISSION_DENIED", "m", {**reason("VPC_SERVICE_CONTROLS"), "metadata": {"uid": 3}}, VIOLATION),
        said(403, message=PERIMETER, errors=[{"reason": "vpcServiceControls"}]),
    ],
)
def test_a_perimeter_is_named_by_the_unique_id_of_its_denial(body):
    found = GcpDialect().verdict(403, body.encode(), {})
    assert found.status is UnitStatus.DENIED_BY_POLICY
    assert found.reason.startswith("VPC Service Controls, denial `Ab-9_z`: HTTP 403")
    assert len(found.reason) < 600


@pytest.mark.parametrize(
    "body",
    [
        said(403, "", "m", {"violations": [{"type": "VPC_SERVICE_CONTROLS", "description": "see `above`"}]}),
        said(403, "", "m", {**reason("SECURITY_POLICY_VIOLATED"), "metadata": "none"}),
        said(403, "", "m", {"violations": [{"type": "TOS", "description": "Ab-9_z"}]}),
    ],
)
def test_what_is_no_id_is_not_quoted_as_one(body):
    assert "denial `" not in GcpDialect().verdict(403, body.encode(), {}).reason


@pytest.mark.parametrize(
    ("code", "body", "headers", "after"),
    [
        (429, said(429, "RESOURCE_EXHAUSTED"), {"retry_after": "7"}, 7.0),
        (429, "<html>", {}, None),
        (429, said(429, "", "m", {"@type": RETRY, "retryDelay": "12.5s"}), {}, 12.5),
        (403, said(403, errors=[{"reason": "rateLimitExceeded"}]), {}, None),
        (403, said(403, errors=[{"reason": "userRateLimitExceeded"}]), {"retry_after": "Mon, 1"}, None),
    ],
)
def test_throttling_is_told_apart_from_refusal(code, body, headers, after):
    found = verdict(code, body, **headers)
    assert isinstance(found, Retryable)
    assert (found.throttled, found.after) == (True, after)


@pytest.mark.parametrize("code", [408, 500, 502, 503, 504])
def test_trouble_at_google_is_tried_again(code):
    found = verdict(code, said(code, "UNAVAILABLE"), retry_after="3")
    assert isinstance(found, Retryable)
    assert (found.throttled, found.after) == (False, 3.0)


@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize(
    "body",
    ["", "[]", "null", '{"error": 1}', '{"error": {"details": 3, "errors": [1, {"reason": ["x"]}]}}', "[" * 100_000],
)
def test_errors_of_any_shape_are_read(body):
    assert verdict(400, body) is UnitStatus.PARTIAL_ERROR


def test_a_401_is_worth_another_token_only_where_there_can_be_one():
    assert isinstance(GcpDialect(lambda: True).verdict(401, b"", {}), Retryable)
    assert isinstance(GcpDialect(lambda: False).verdict(401, b"", {}), Stop)
