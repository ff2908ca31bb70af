"""Audit log queries, the activity feed, Resource Graph, and lists of what a list names."""

import json
from dataclasses import replace

import pytest
from support.microsoft import collect, records, resume, stored, torn

from evidence_kit.acquire.worker import UNSETTLED
from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.microsoft.apis import SUBSCRIPTION
from evidence_kit.sandbox.microsoft.faults import Fault

AUDIT, FEED = "m365.audit_query", "m365.activity_feed"
UNDER = f"/subscriptions/{SUBSCRIPTION}/providers"


def units(lab):
    return {line["unit"].split("|")[3]: line for line in lab.ledger() if line["type"] == "unit"}


def only(lab):
    (unit,) = units(lab).values()
    return UnitStatus(unit["status"]), str(unit["reason"])


# -- audit log queries ------------------------------------------------------------------------------------------


def test_an_audit_query_is_made_waited_for_and_read_to_its_end(kiosk, lab):
    collect(lab, kiosk, AUDIT)
    assert only(lab)[0] in {UnitStatus.COMPLETE, UnitStatus.COMPLETE_UNSETTLED}
    assert set(records(lab)) == {f"ual-{number}" for number in range(5)}
    assert [path.parent.name for path, _ in lab.bodies()].count("ListRecords") == 3
    (created,) = [body for path, body in lab.bodies() if path.parent.name == "CreateQuery"]
    assert json.loads(created)["id"] in kiosk.queries.made
    assert json.loads(created)["filterStartDateTime"] == "2026-11-21T11:00:00Z"


@pytest.mark.parametrize("ends", ["failed", "cancelled", "unknownFutureValue"])
def test_an_audit_query_that_does_not_succeed_is_said_to(ends, kiosk, lab):
    kiosk.queries.ends = ends
    collect(lab, kiosk, AUDIT)
    assert only(lab) == (UnitStatus.PARTIAL_ERROR, f"Microsoft ended the audit log query as `{ends}`")
    assert not any(path.parent.name == "ListRecords" for path, _ in lab.bodies())
    assert stored(lab) == kiosk.evidence


def test_an_audit_query_that_never_ends_is_left_open(kiosk, lab):
    kiosk.queries.polls = 1000
    collect(lab, kiosk, AUDIT)
    status, reason = only(lab)
    assert status is UnitStatus.PARTIAL_TRUNCATED
    assert "still under way" in reason


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_a_torn_run_goes_on_with_the_query_that_it_had_made(after, kiosk, lab):
    torn(lab, kiosk, AUDIT, after)
    resume(lab, kiosk, AUDIT)
    assert only(lab)[0] in {UnitStatus.COMPLETE, UnitStatus.COMPLETE_UNSETTLED}
    assert len(kiosk.queries.made) == 1
    assert records(lab) == {f"ual-{number}": 1 for number in range(5)}
    assert lab.verify().exit() is Exit.OK


def test_the_name_of_a_query_is_not_a_path(kiosk, lab):
    real = kiosk.queries.answer

    def answer(asked):
        reply = real(asked)
        if asked.method != "POST":
            return reply
        return replace(reply, body=json.dumps({"id": "../../users?x=1", "status": "notStarted"}).encode())

    kiosk.queries.answer = answer
    collect(lab, kiosk, AUDIT)
    assert only(lab)[0] is UnitStatus.PARTIAL_ERROR
    assert all("/users" not in one.target for one in kiosk.server.sent)


# -- the activity feed -------------------------------------------------------------------------------------------


def test_the_feed_is_read_blob_by_blob_over_pages_that_a_header_names(kiosk, lab):
    collect(lab, kiosk, FEED)
    ends = {stream: UnitStatus(unit["status"]) for stream, unit in units(lab).items()}
    assert ends.pop("dlp") is UnitStatus.NOT_ENABLED
    assert set(ends) == {"exchange", "sharepoint", "aad", "general"}
    assert set(ends.values()) <= {UnitStatus.COMPLETE, UnitStatus.COMPLETE_UNSETTLED}
    found = records(lab, "Id")
    assert len(found) == 4 * 2 * 3
    assert set(found.values()) == {1}
    assert stored(lab) == kiosk.evidence


def test_a_content_type_without_subscription_says_so_and_none_is_started(kiosk, lab):
    collect(lab, kiosk, FEED)
    reason = units(lab)["dlp"]["reason"]
    assert "has not subscribed to DLP.All" in reason
    assert all(one.method == "GET" for one in kiosk.server.sent if one.api)
    assert not any("subscriptions/start" in one.target for one in kiosk.server.sent)


def test_a_blob_that_expired_is_named_and_the_others_are_kept(kiosk, lab):
    kiosk.feed.expired.add("Audit.Exchange-0$1")
    collect(lab, kiosk, FEED)
    unit = units(lab)["exchange"]
    assert unit["status"] == "expired_retention"
    assert unit["reason"].startswith("1 of 2 blobs were listed, but had expired; the provider may still deliver")
    assert len([one for one in records(lab, "Id") if one.startswith("Audit.Exchange")]) == 3
    expired, more = lab.findings()
    assert (expired["kind"], expired["facts"]["contentId"]) == ("object_not_obtained", "Audit.Exchange-0$1")
    assert more["kind"] == UNSETTLED, "four hours are left in which more of this hour may come"


def test_a_blob_that_is_listed_twice_is_fetched_once(kiosk, lab):
    twice = kiosk.feed.blobs["Audit.General"]
    twice.append(twice[0])
    collect(lab, kiosk, FEED)
    assert set(records(lab, "Id").values()) == {1}


def test_a_page_of_blobs_that_comes_again_in_place_of_another_is_owned_up_to(kiosk, lab):
    blobs, kiosk.feed.page = kiosk.feed.blobs["Audit.General"], 2
    blobs += [(created, f"{name}-more", body) for created, name, body in blobs]
    blobs += [(created, f"{name}-last", body) for created, name, body in blobs[:2]]
    real, first = kiosk.feed.answer, []

    def answer(asked):
        reply = real(asked)
        if reply is None or asked.query.get("contentType") != "Audit.General" or reply.status != 200:
            return reply
        first.append(reply.body)
        return replace(reply, body=first[0]) if len(first) == 2 else reply

    kiosk.feed.answer = answer
    collect(lab, kiosk, FEED)
    assert len(first) == 3, "what follows the page is still asked for"
    assert units(lab)["general"]["status"] == "partial_error"
    assert "same page twice" in units(lab)["general"]["reason"]
    assert units(lab)["exchange"]["status"] != "partial_error"


def test_a_blob_at_another_host_is_not_fetched(kiosk, lab):
    real = kiosk.feed.answer

    def answer(asked):
        reply = real(asked)
        if reply is None or "subscriptions/content" not in asked.path or reply.status != 200:
            return reply
        return replace(reply, body=reply.body.replace(b"https://127.0.0.1", b"https://blobs.example.com"))

    kiosk.feed.answer = answer
    collect(lab, kiosk, FEED)
    ends = {unit["status"] for stream, unit in units(lab).items() if stream != "dlp"}
    assert ends == {"partial_error"}
    assert "another host" in units(lab)["general"]["reason"]
    assert not any("/audit/" in one.target for one in kiosk.server.sent)


@pytest.mark.parametrize("kind", ["loop", "elsewhere"])
def test_a_header_that_leads_in_a_loop_or_elsewhere_is_not_followed(kind, kiosk, lab):
    kiosk.server.faults.add(Fault(kind=kind, path="contentType=Audit.General", times=None))
    collect(lab, kiosk, FEED)
    assert units(lab)["general"]["status"] == "partial_error"


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_torn_run_of_the_feed_is_continued_along_the_stored_headers(after, kiosk, lab):
    torn(lab, kiosk, FEED, after)
    resume(lab, kiosk, FEED)
    found = {name: count for name, count in records(lab, "Id").items() if name.startswith("Audit.Exchange")}
    assert len(found) == 6
    assert set(found.values()) == {1}
    assert units(lab)["exchange"]["status"] in {"complete", "complete_unsettled"}
    assert sum("Audit.Exchange-0" in one.target for one in kiosk.server.sent) == (1 if after > 1 else 2)
    assert lab.verify().exit() is Exit.OK


# -- Resource Graph ---------------------------------------------------------------------------------------------


def test_resource_graph_is_paged_within_the_question(kiosk, lab):
    collect(lab, kiosk, "azure.resource_graph")
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert len(records(lab)) == 5
    asked = [json.loads(one.asked)["options"] for one in kiosk.server.sent if "ResourceGraph" in one.target]
    assert [options.get("$skipToken") for options in asked] == [None, "2", "4"]
    assert all(options["$top"] == 1000 for options in asked)
    tokens = [line["request"]["params"]["options"].get("$skipToken", "sha256:") for line in lab.exchanges()
              if line["request"]["operation"] == "QueryResources"]  # fmt: skip
    assert all(token.startswith("sha256:") for token in tokens)


def test_a_result_that_was_cut_without_a_token_is_not_complete(kiosk, lab):
    kiosk.subscriptions.cut = True
    collect(lab, kiosk, "azure.resource_graph")
    assert only(lab)[0] is UnitStatus.PARTIAL_TRUNCATED


# -- lists of what a list names ---------------------------------------------------------------------------------


def test_what_is_gone_since_it_was_listed_is_noted_and_the_others_are_asked(kiosk, lab):
    accounts = kiosk.arm.lists[f"{UNDER}/Microsoft.CognitiveServices/accounts"]
    accounts.insert(0, {"id": f"{UNDER}/Microsoft.CognitiveServices/accounts/gone", "kind": "OpenAI"})
    collect(lab, kiosk, "azure.openai.deployments")
    assert only(lab)[0] is UnitStatus.COMPLETE
    assert any(name.endswith("deployments/chat") for name in records(lab))
    (finding,) = lab.findings()
    assert finding["facts"]["object"].endswith("/gone")


@pytest.mark.parametrize(
    "hostile", [".example.com/x", "/a/../../tenants", "@example.com/x", "//example.com/x", "/a?b=c#d"]
)
def test_an_id_in_an_answer_leads_nowhere_else(hostile, kiosk, lab):
    kiosk.arm.lists[f"{UNDER}/Microsoft.CognitiveServices/accounts"] = [{"id": hostile, "kind": "OpenAI"}]
    collect(lab, kiosk, "azure.openai.deployments")
    hosts = {line["request"]["host"] for line in lab.exchanges()}
    assert hosts == {kiosk.server.url.removeprefix("https://")}
    assert only(lab)[0] in {UnitStatus.PARTIAL_ERROR, UnitStatus.COMPLETE}
    assert not any(one.target.startswith("/tenants") for one in kiosk.server.sent)


def test_a_refusal_after_some_pages_is_denied_and_names_what_is_needed(kiosk, lab):
    kiosk.server.faults.add(
        Fault(kind="status", path="raiPolicies", status=403, code="AuthorizationFailed", message="no action")
    )
    collect(lab, kiosk, "azure.openai.content_filters")
    status, reason = only(lab)
    assert status is UnitStatus.DENIED
    assert "Microsoft.CognitiveServices/accounts/raiPolicies/read" in reason


def test_nothing_set_up_is_not_said_of_a_unit_that_broke_off(kiosk, lab):
    del kiosk.arm.lists[f"{UNDER}/Microsoft.KeyVault/deletedVaults"]
    collect(lab, kiosk, "azure.key_vaults")
    assert only(lab)[0] is UnitStatus.PARTIAL_ERROR
    assert len(stored(lab)) == 1
