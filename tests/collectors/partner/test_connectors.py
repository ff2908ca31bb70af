"""Every shipped connector brings all its partner has, byte for byte, whatever goes wrong on the way."""

import gzip
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jmespath
import pytest
from support.partner import kiosk

from evidence_kit.collectors.partner.window import when
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.partners.fixture import parse_fixture
from evidence_kit.sandbox.partners.server import Reply
from evidence_kit.sources.catalogue import load_catalogue

FOLDER = Path(__file__).parents[2] / "fixtures" / "partners"
CONNECTORS = {name: spec for name, spec in load_catalogue().items() if spec.mechanism == "partner.rest"}
JSON = {"Content-Type": "application/json"}
RENEWED = sorted(name for name, spec in CONNECTORS.items() if "tokenUrl" in spec.settings["auth"])
GITHUB = json.dumps(
    {"message": "You have exceeded a secondary rate limit.", "documentation_url": "https://x"}
).encode()


def fixture_of(name):
    path = FOLDER / f"{name}.yaml"
    return parse_fixture(path.read_bytes(), name=path.name)


def limited(name):
    """Return how this vendor says that there were too many requests, with nothing left to wait for."""
    if name.startswith("github."):  # the secondary limit, which is a refusal by its status
        return Reply(status=403, body=GITHUB, headers={**JSON, "Retry-After": "0"})
    rate = CONNECTORS[name].settings["rate"]
    if "reset" not in rate:
        return Reply(status=429, body=b"{}", headers={**JSON, "Retry-After": "0"})
    reset = {"seconds": "0", "epoch_ms": str(int(time.time() * 1000))}.get(rate["resetFormat"], str(int(time.time())))
    return Reply(status=429, body=b"{}", headers={**JSON, rate["remaining"]: "0", rate["reset"]: reset})


FAULTS = (
    Reply(status=503, body=b"<html>upstream</html>"),
    Reply(status=200, body=b'{"data": [', headers=JSON, declared=4096),
    Reply(status=200, body=b"<!doctype html><title>back soon</title>", headers={"Content-Type": "text/html"}),
)


def in_turn(partner, replies):
    """Answer the first two questions of the API wrongly, each twice, before they are answered."""
    seen = []

    def fault(asked):
        if asked.path == partner.server.gate.token_path():
            return None
        seen.append(asked.raw_path)
        return {1: replies[0], 2: replies[1], 4: replies[2], 5: replies[3]}.get(len(seen))

    partner.server.faults.append(fault)


def kept(partner):
    """Digests of the answers that have to be on disk: all of them, but for orders that were not done yet."""
    job = partner.spec.settings.get("job")
    digests = Counter()
    for one in partner.server.sent:
        waiting = job and one.method == "GET" and one.target == job_path(partner)
        if one.evidence and not (waiting and not jmespath.search(job["poll"]["until"], json.loads(one.body))):
            digests[one.sha256] += 1
    return digests


def job_path(partner):
    """Return where the order is asked after: the first address that was asked with GET."""
    return next(one.target for one in partner.server.sent if one.method == "GET" and one.evidence)


def told(spec, lab):
    """Records in the stored bodies, by the connector's own paths, but for order and last answer."""
    ordered = {"000000.json", "000001.json"} if "job" in spec.settings else set()
    rows = []
    for path, body in lab.bodies():
        if path.name in ordered or path.suffix == ".csv":
            continue
        value = json.loads(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)
        rows += jmespath.search(spec.settings["records"]["path"], value) or []
    return rows


def expected(partner):
    """Records of the fixture that happened in the window, whatever the partner includes beyond it."""
    spec, window = partner.spec, partner.fixture.window
    rows = []
    for reply in partner.fixture.replies:
        if reply.kind == "pages":
            rows += reply.body["records"]
        elif reply.kind in {"json", "gzip"}:
            value = reply.body if reply.kind == "json" else json.loads(reply.body)
            rows += jmespath.search(spec.settings["records"]["path"], value) or []
    return [row for row in rows if (at := when(jmespath.search(spec.records.time, row))) is None or at in window]


def identity(spec, row):
    return str(jmespath.search(spec.records.id, row)) if spec.records.id else json.dumps(row, sort_keys=True)


def check_whole(partner, lab, outcome):
    assert outcome.status is partner.fixture.expect.status, outcome.reason
    assert outcome.records == partner.fixture.expect.records
    assert lab.digests() == kept(partner)
    came = Counter(identity(partner.spec, row) for row in told(partner.spec, lab))
    assert set(came.values()) == {1}
    assert {identity(partner.spec, row) for row in expected(partner)} <= set(came)


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_bodies_are_kept_as_sent_and_every_record_comes_once(name, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        check_whole(partner, lab, outcome)
        assert not lab.verify().defects


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_limits_outages_short_bodies_and_pages_for_people_cost_nothing(name, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        in_turn(partner, (limited(name), *FAULTS))
        (outcome,) = partner.collect(lab).outcomes

        assert [one.status for one in partner.server.sent if not one.evidence][-4:].count(200) == 2
        check_whole(partner, lab, outcome)
        assert not lab.verify().defects


@pytest.mark.parametrize("name", ["okta.system_log", "slack.audit_logs", "atlassian.audit", "walmart.orders"])
def test_a_connector_that_forgets_to_page_is_caught_by_these_tests(name, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        forgetful = {field: one for field, one in partner.spec.settings.items() if field != "paging"}
        partner.spec = replace(partner.spec, settings={**forgetful, "paging": {"type": "none"}})
        (outcome,) = partner.collect(lab).outcomes

        with pytest.raises(AssertionError):
            check_whole(partner, lab, outcome)


def test_a_log_file_of_another_size_than_is_listed_is_not_complete(lab, tmp_path):
    name = "salesforce.event_log_files"
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        partner.server.replies[1].body["records"][0]["LogFileLength"] += 1
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.PARTIAL_ERROR
        assert "that were listed" in outcome.reason


@pytest.mark.parametrize("name", RENEWED)
def test_a_token_that_ends_on_the_way_is_replaced(name, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        gate, seen = partner.server.gate, []

        def revoke(asked):
            if asked.path != gate.token_path():
                seen.append(asked.raw_path)
                if len(seen) == 2:
                    gate.new_token()  # that of somebody else: ours is no longer the last one given

        partner.server.faults.append(revoke)
        (outcome,) = partner.collect(lab).outcomes

        assert [one.status for one in partner.server.sent].count(401) == 1
        assert len(gate.tokens) == 3
        check_whole(partner, lab, outcome)


@pytest.mark.parametrize("name", sorted(CONNECTORS))
def test_credentials_that_are_refused_end_denied_and_say_what_is_needed(name, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        token = partner.server.gate.token_path()
        refused = Reply(status=401, body=b'{"message": "no"}', headers=JSON)
        partner.server.faults.append(lambda asked: None if asked.path == token else refused)
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.artifacts) == (UnitStatus.DENIED, 0)
        assert not partner.spec.permissions or partner.spec.permissions[0] in outcome.reason


SAID = [
    ("slack.audit_logs", 403, {"ok": False, "error": "feature_not_enabled"}, UnitStatus.NOT_LICENSED),
    ("slack.audit_logs", 200, {"ok": False, "error": "team_not_authorized"}, UnitStatus.NOT_LICENSED),
    ("slack.audit_logs", 200, {"ok": False, "error": "invalid_workspace"}, UnitStatus.NOT_LICENSED),
    ("slack.audit_logs", 200, {"ok": False, "error": "invalid_auth"}, UnitStatus.DENIED),
    ("slack.audit_logs", 200, {"ok": False, "error": "internal_error"}, UnitStatus.PARTIAL_ERROR),
    ("github.org_audit", 404, {"message": "Not Found"}, UnitStatus.DENIED),
    ("github.enterprise_audit", 404, {"message": "Not Found"}, UnitStatus.DENIED),
    ("gitlab.audit_events", 403, {"message": "403 Forbidden"}, UnitStatus.DENIED),
    ("cloudflare.audit_logs", 200, {"success": False, "errors": [{"message": "x"}]}, UnitStatus.PARTIAL_ERROR),
    ("datadog.audit_events", 200, {"data": [], "meta": {"status": "timeout"}}, UnitStatus.PARTIAL_ERROR),
    ("datadog.audit_events", 200, {"data": [], "meta": {"warnings": [{"title": "x"}]}}, UnitStatus.PARTIAL_ERROR),
    ("salesforce.event_log_files", 400, [{"errorCode": "INVALID_TYPE"}], UnitStatus.NOT_LICENSED),
    ("salesforce.event_log_files", 403, [{"errorCode": "API_DISABLED_FOR_ORG"}], UnitStatus.NOT_LICENSED),
    ("salesforce.event_log_files", 403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}], UnitStatus.PARTIAL_THROTTLED),
    ("snowflake.access_history", 422, {"code": "002003", "message": "does not exist"}, UnitStatus.DENIED),
    ("snowflake.query_history", 422, {"code": "000904", "message": "invalid"}, UnitStatus.PARTIAL_ERROR),
    ("shopify.orders", 402, {"errors": "frozen"}, UnitStatus.NOT_ENABLED),
    ("shopify.events", 423, {"errors": "locked"}, UnitStatus.NOT_ENABLED),
    ("anthropic.compliance_activities", 403, {"error": {"type": "permission_error"}}, UnitStatus.DENIED),
]


@pytest.mark.parametrize(("name", "status", "body", "expect"), SAID, ids=lambda one: str(one)[:40])
def test_what_a_vendor_says_of_a_refusal_is_the_status_of_the_unit(name, status, body, expect, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        token = partner.server.gate.token_path()
        reply = Reply(status=status, body=json.dumps(body).encode(), headers=JSON)
        partner.server.faults.append(lambda asked: None if asked.path == token else reply)
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is expect, outcome.reason


@pytest.mark.parametrize(
    ("name", "field", "shrunk"),
    [
        ("walmart.orders", ("list", "elements", "order"), UnitStatus.PARTIAL_TRUNCATED),
        ("salesforce.event_log_files", ("records",), UnitStatus.PARTIAL_TRUNCATED),
    ],
)
def test_fewer_records_than_the_vendor_counts_are_told_as_truncated(name, field, shrunk, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        last = next(
            one for one in partner.server.replies if one.kind == "json" and "next" not in json.dumps(one.body)
        )
        inner = last.body
        for step in field[:-1]:
            inner = inner[step]
        inner[field[-1]] = []
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is shrunk, outcome.reason
        assert "that the provider counts" in outcome.reason


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("snowflake.login_history", ("resultSetMetaData", "partitionInfo")),
        ("databricks.audit", ("manifest", "chunks")),
    ],
)
def test_hundreds_of_parts_are_fetched_and_counted(name, where, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        done = partner.server.replies[-1] if name.startswith("snow") else partner.server.replies[2]
        done.body[where[0]][where[1]] += [{"row_count": 1}] * 200
        counted = "numRows" if name.startswith("snow") else "total_row_count"
        done.body[where[0]][counted] += 200

        def rest(asked):
            known = asked.query.get("partition", asked.path.rpartition("/chunks/")[2])
            if not known.isdigit() or int(known) < 2:
                return None
            rows = [[f"part-{known}", "1795132800.0"]]
            return Reply(status=200, body=json.dumps({"data": rows, "data_array": rows}).encode(), headers=JSON)

        partner.server.faults.append(rest)
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.reason) == (UnitStatus.COMPLETE, "")
        assert (outcome.records, outcome.artifacts) == (5 + 200, 2 + 202)


@pytest.mark.parametrize(
    ("name", "where", "said", "status"),
    [
        ("snowflake.query_history", ("resultSetMetaData", "numRows"), "5 records came of 6", "partial_truncated"),
        ("databricks.audit", ("manifest", "total_row_count"), "5 records came of 6", "partial_truncated"),
        ("databricks.audit", ("manifest", "total_row_count"), "counts nothing", "partial_error"),
    ],
)
def test_what_an_order_brings_is_held_against_its_own_count(name, where, said, status, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        done = partner.server.replies[-1] if name.startswith("snow") else partner.server.replies[2]
        done.body[where[0]][where[1]] = None if status == "partial_error" else 6
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status.value == status
        assert said in outcome.reason
        assert outcome.records == 5


def test_an_order_without_any_row_is_complete_by_its_count(lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS["databricks.audit"], fixture_of("databricks.audit")) as partner:
        manifest = partner.server.replies[2].body["manifest"]
        manifest["total_row_count"] = 0
        del manifest["chunks"]
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 0)


def spread(total, window):
    """Return when each of so many orders came in, evenly over a window."""
    return [window.start + n * (window.end - window.start) / total for n in range(total)]


def walmart(moments):
    """Answer as Walmart does that gives no more than 10,000 orders."""

    def answer(asked):
        start, end = (when(asked.query[name]) for name in ("createdStartDate", "createdEndDate"))
        found = [n for n, at in enumerate(moments) if start < at < end]
        orders = [{"purchaseOrderId": str(n), "orderDate": int(moments[n].timestamp() * 1000)} for n in found]
        shown = orders[:200] if len(found) >= 10_000 else orders
        return {"list": {"meta": {"totalCount": len(found)}, "elements": {"order": shown}}}

    return answer


def auth0(moments):
    """Answer as Auth0 does that leads through 1,000 events and counts but a page."""

    def answer(asked):
        said = asked.query["q"].removeprefix("date:[").removesuffix("}").split(" TO ")
        start, end = (when(f"{one}Z") for one in said)
        page = int(asked.query["page"])
        assert page < 10
        found = [n for n, at in enumerate(moments) if start <= at < end][100 * page : 100 * page + 100]
        logs = [{"log_id": str(n), "date": f"{moments[n]:%Y-%m-%dT%H:%M:%S.%fZ}"} for n in found]
        return {"start": 100 * page, "limit": 100, "length": len(logs), "total": len(logs), "logs": logs}

    return answer


@pytest.mark.parametrize(
    ("name", "vendor", "total"), [("walmart.orders", walmart, 12_000), ("auth0.logs", auth0, 1_500)]
)
def test_a_window_with_more_than_the_vendor_gives_is_halved_until_nothing_is_missing(
    name, vendor, total, lab, tmp_path
):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        answer, token = vendor(spread(total, partner.fixture.window)), partner.server.gate.token_path()

        def give(asked):
            if asked.path == token:
                return None
            return Reply(status=200, body=json.dumps(answer(asked)).encode(), headers=JSON)

        partner.server.faults.append(give)
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.COMPLETE, outcome.reason
        assert "cap_reached" in {finding.kind for finding in outcome.findings}
        assert {identity(partner.spec, row) for row in told(partner.spec, lab)} == {str(n) for n in range(total)}


NEWEST = sorted(
    name
    for name, spec in CONNECTORS.items()
    if "newest" in (said := spec.settings.get("preflight", {}))
    and said["request"]["path"] == spec.settings.get("request", {}).get("path")
)


@pytest.mark.parametrize("name", NEWEST)
def test_the_preflight_finds_the_time_of_the_newest_record(name, lab, tmp_path):
    with kiosk(tmp_path, CONNECTORS[name], fixture_of(name)) as partner:
        partner.collect(lab)

    body = next(body for path, body in lab.bodies() if path.name == "000000.json")
    newest = jmespath.search(partner.spec.settings["preflight"]["newest"], json.loads(body))
    assert when(newest) is not None
