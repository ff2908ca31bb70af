"""What a listing names is fetched too: pages, streams, archives; what is ordered is waited for."""

import json

import pytest
from support.partner import acme, kiosk, played

from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.partners.server import Reply

FILES = {"id": "Id", "file": "LogFile", "size": "Length"}
LISTED = {
    "path": "/events",
    "json": {
        "records": [
            {"Id": "a", "LogFile": "/files/a", "Length": 12},
            {"Id": "b", "LogFile": "$base/files/b", "Length": 12},
        ]
    },
}
A, B = {"path": "/files/a", "csv": "x,y\n1,2\n3,4"}, {"path": "/files/b", "csv": "x,y\n5,6\n7,8"}
SIZED = {**LISTED, "json": {"records": [{**one, "Length": 11} for one in LISTED["json"]["records"]]}}


def connector(**each):
    said = {"path": "records", "as": FILES, "request": {"path": "{file}"}, "format": "csv", **each}
    return acme(each=said, paging=None, records={"path": "records"})


@pytest.mark.parametrize("download", [True, False])
def test_each_file_of_a_listing_is_stored_as_it_came(download, lab, tmp_path):
    with kiosk(tmp_path, connector(download=download), played(SIZED, A, B)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.reason, outcome.artifacts) == (UnitStatus.COMPLETE, "", 3)
        assert outcome.records == (2 if download else 6)
        assert sorted(lab.digests().elements()) == partner.evidence


@pytest.mark.parametrize("download", [True, False])
def test_a_file_of_another_size_than_listed_is_not_complete(download, lab, tmp_path):
    with kiosk(tmp_path, connector(download=download), played(LISTED, A, B)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status in {UnitStatus.PARTIAL_ERROR, UnitStatus.PARTIAL_TRUNCATED}
        assert "listed" in outcome.reason


@pytest.mark.parametrize("download", [True, False])
def test_a_file_that_is_gone_does_not_end_the_others(download, lab, tmp_path):
    with kiosk(tmp_path, connector(download=download), played(SIZED, B)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.PARTIAL_ERROR
        assert outcome.artifacts == 2
        assert len(outcome.findings) == 1


def test_a_file_that_is_listed_twice_is_fetched_once(lab, tmp_path):
    twice = {**SIZED, "json": {"records": SIZED["json"]["records"] * 2}}
    with kiosk(tmp_path, connector(), played(twice, A, B)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.artifacts) == (UnitStatus.COMPLETE, 3)


def test_an_item_without_the_records_it_should_hold_was_not_had(lab, tmp_path):
    both = {"request": {"path": "/part/{id}"}, "format": "json", "records": "rows", "as": {"id": "Id"}}
    listed = {"path": "/events", "json": {"records": [{"Id": "a"}, {"Id": "b"}]}}
    parts = {"path": "/part/a", "json": {"rows": [1]}}, {"path": "/part/b", "json": {"message": "late"}}
    with kiosk(tmp_path, connector(**both), played(listed, *parts)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.records) == (UnitStatus.PARTIAL_ERROR, 2 + 1)
        assert "1 of 2 items could not be had" in outcome.reason


def test_an_item_whose_name_cannot_stand_in_a_question_does_not_end_the_others(lab, tmp_path):
    request = {"path": "/part", "query": {"q": "name eq {id}"}}
    listed = {"path": "/events", "json": {"records": [{"Id": "x' or 'a"}, {"Id": "b"}]}}
    part = {"path": "/part", "when": {"query": {"q": "name eq b"}}, "csv": "x\n1\n"}
    with kiosk(tmp_path, connector(request=request, **{"as": {"id": "Id"}}), played(listed, part)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.artifacts) == (UnitStatus.PARTIAL_ERROR, 2)
        assert "cannot stand within a question" in outcome.reason


def test_a_name_that_is_a_path_stays_a_name(lab, tmp_path):
    listed = {"path": "/events", "json": {"records": [{"Id": "../../x", "LogFile": "/files/a"}]}}
    with kiosk(tmp_path, connector(), played(listed, A)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert outcome.status is UnitStatus.COMPLETE
        assert not (tmp_path / "x").exists()
        assert len(list(lab.bodies())) == 2


def test_no_credentials_go_to_a_host_of_signed_links(lab, tmp_path):
    seen = []
    folder = tmp_path / "files"
    folder.mkdir()
    host = [{"name": "files", "help": "host of the files", "required": True}]
    both = {"path": "records", "as": FILES, "request": {"path": "{file}"}, "format": "csv"}
    made = acme(each={**both, "hosts": ["127.0.0.1:{files}"]}, params=host, paging=None, records={"path": "records"})
    with kiosk(folder, made, played()) as files:
        files.server.faults.append(lambda asked: (seen.append(asked), Reply(status=200, body=b"x\n1\n"))[1])
        link = f"{files.server.url}/signed?X-Amz-Signature=canary-signature&Expires=9"
        listed = {"path": "/events", "json": {"records": [{"Id": "a", "LogFile": link}]}}
        port = {"files": str(files.server.server_port)}
        with kiosk(tmp_path, made, played(listed, params=port)) as partner:
            bundle = tmp_path / "both.pem"
            bundle.write_bytes(partner.ca.read_bytes() + files.ca.read_bytes())
            (outcome,) = partner.collect(lab, ca=str(bundle)).outcomes

            assert (outcome.status, outcome.reason, outcome.artifacts) == (UnitStatus.COMPLETE, "", 2)
            assert "authorization" not in seen[0].headers
            assert "canary-signature" not in json.dumps(lab.ledger())


# -- orders --------------------------------------------------------------------------------------------------------

JOB = {
    "create": {"method": "POST", "path": "/reports", "body": {"type": "GET_ALL"}, "reads": True},
    "id": "reportId",
    "poll": {"path": "/reports/{id}", "until": "status=='DONE'", "failed": "status=='FATAL'", "most": 5},
    "each": {
        "path": "[@]",
        "as": {"id": "document", "url": "url"},
        "request": {"path": "{url}"},
        "format": "csv",
        "decode": ["gzip"],
    },
}
ORDER = {
    "request": None,
    "paging": None,
    "job": JOB,
    "window": {"start": {"body": "from"}, "end": {"body": "to"}, "format": "epoch_s"},
    "records": {"path": "@"},
}
CREATED = {"method": "POST", "path": "/reports", "status": 202, "json": {"reportId": 7}}
UNDER_WAY = {"path": "/reports/7", "times": 2, "json": {"status": "IN_QUEUE"}}
DONE = {"path": "/reports/7", "json": {"status": "DONE", "document": "d1", "url": "$base/files/d1?sig=quay-signed"}}
FILE = {"path": "/files/d1", "gzip": "a,b\n1,2\n3,4\n"}


def test_an_order_is_placed_waited_for_and_fetched(lab, tmp_path):
    with kiosk(tmp_path, acme(**ORDER), played(CREATED, UNDER_WAY, DONE, FILE)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.reason, outcome.records) == (UnitStatus.COMPLETE, "", 2)
        assert outcome.artifacts == 3
        assert b'"from": 1795132800, "to": 1795219200' in partner.server.sent[0].asked
        assert "quay-signed" not in str(lab.exchanges())


def test_the_parts_of_an_answer_can_be_fetched_by_their_number(lab, tmp_path):
    each = {"path": "parts", "as": {"id": "$index"}, "request": {"path": "/reports/{job}", "query": {"part": "{id}"}}}
    done = {"path": "/reports/7", "json": {"status": "DONE", "parts": [{}, {}]}}
    parts = [{"path": "/reports/7", "when": {"query": {"part": n}}, "json": [[n]]} for n in range(2)]
    fixture = played(CREATED, *parts, done)
    with kiosk(tmp_path, acme(**{**ORDER, "job": {**JOB, "each": each}}), fixture) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.reason, outcome.artifacts) == (UnitStatus.COMPLETE, "", 4)


@pytest.mark.parametrize(
    ("replies", "wanted", "said"),
    [
        ([CREATED, {**DONE, "json": {"status": "FATAL"}}], UnitStatus.PARTIAL_ERROR, "the order failed"),
        ([CREATED, {**DONE, "json": {"status": "IN_QUEUE"}}], UnitStatus.PARTIAL_TRUNCATED, "not done after 5"),
        ([{**CREATED, "json": {}}], UnitStatus.PARTIAL_ERROR, "without an id"),
        ([CREATED, DONE], UnitStatus.PARTIAL_ERROR, "could not be had"),
    ],
)
def test_an_order_that_brings_nothing_says_why(replies, wanted, said, lab, tmp_path):
    with kiosk(tmp_path, acme(**ORDER), played(*replies)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert said in outcome.reason
        assert outcome.status is wanted


def test_an_answer_to_a_poll_that_cannot_be_asked_is_kept(lab, tmp_path):
    poll = {**JOB["poll"], "until": "length(status) > `2`"}
    done = {**DONE, "json": {"status": 7}}
    with kiosk(tmp_path, acme(**{**ORDER, "job": {**JOB, "poll": poll}}), played(CREATED, done)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.artifacts) == (UnitStatus.PARTIAL_ERROR, 2)
        assert "cannot be asked" in outcome.reason


def test_nothing_set_up_is_not_said_of_what_was_found_amiss_before(lab, tmp_path):
    errors = [
        {"status": 200, "when": "cut", "means": "partial_truncated", "reason": "the provider cut it"},
        {"status": 404, "means": "not_enabled", "reason": "the log is off"},
    ]
    first = {"path": "/events", "times": 1, "json": {"events": [{}], "next": "c", "cut": True}}
    with kiosk(tmp_path, acme(errors=errors), played(first)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.reason) == (UnitStatus.PARTIAL_TRUNCATED, "the provider cut it")


# -- what answers mean ---------------------------------------------------------------------------------------------

ERRORS = [
    {"status": 403, "when": "code=='busy'", "means": "wait", "reason": "the organisation's own limit"},
    {"status": 404, "means": "not_enabled", "reason": "the log is off"},
    {"status": 403, "when": "contains(message, 'plan')", "means": "not_licensed"},
    {"status": 200, "when": "warnings[0]", "means": "partial_error", "reason": "the answer warns"},
    {"status": 200, "when": "ok==`false` && error=='ratelimited'", "means": "wait"},
    {"status": 200, "when": "ok==`false`", "means": "denied", "reason": "refused"},
]


@pytest.mark.parametrize(
    ("status", "said", "wanted", "pages"),
    [
        (404, {}, UnitStatus.NOT_ENABLED, 0),
        (403, {"message": "not in your plan"}, UnitStatus.NOT_LICENSED, 0),
        (403, {"message": "no"}, UnitStatus.DENIED, 0),
        (403, {"code": "busy"}, UnitStatus.PARTIAL_THROTTLED, 0),
        (401, {}, UnitStatus.DENIED, 0),
        (410, {}, UnitStatus.PARTIAL_ERROR, 0),
        (502, {}, UnitStatus.PARTIAL_ERROR, 0),
        (200, {"events": [{}], "warnings": ["late"]}, UnitStatus.PARTIAL_ERROR, 1),
        (200, {"ok": False, "error": "ratelimited"}, UnitStatus.PARTIAL_THROTTLED, 0),
        (200, {"ok": False, "error": "not_allowed"}, UnitStatus.DENIED, 1),
    ],
)
def test_an_answer_means_what_the_connector_says(status, said, wanted, pages, lab, tmp_path):
    reply = {"path": "/events", "status": status, "json": said}
    with kiosk(tmp_path, acme(errors=ERRORS), played(reply)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.pages) == (wanted, pages)
        assert outcome.reason


@pytest.mark.parametrize(
    ("format_", "body", "count"),
    [("csv", {"csv": 'a,b\n1,"x\ny"\n2,z\n'}, 2), ("jsonl", {"text": '{"a": 1}\n{"a": 2}\n'}, 2)],
)
@pytest.mark.parametrize("packed", [False, True])
def test_bodies_that_are_not_json_are_read(format_, body, count, packed, lab, tmp_path):
    (text,) = body.values()
    reply = {"path": "/events", **({"zip": {"one": text, "two": text}} if packed else body)}
    parts = {"records": {"path": "@", "format": format_}, "paging": None, **({"decode": ["zip"]} if packed else {})}
    with kiosk(tmp_path, acme(**parts), played(reply)) as partner:
        (outcome,) = partner.collect(lab).outcomes

        assert (outcome.status, outcome.reason) == (UnitStatus.COMPLETE, "")
        assert outcome.records == (2 * count if packed else count)
