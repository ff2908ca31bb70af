"""Pages are followed to the provider's own end, whatever a page looks like."""

import json

import pytest
from support.script import Line, refused, said

from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus

LOGS = "aws.cloudwatch.logs"
LOOKUP = "aws.cloudtrail.lookup"
GROUP = said(logGroups=[{"logGroupName": "g", "arn": "a"}])


def event(n):
    return {"eventId": f"e{n}", "timestamp": 1_795_248_000_000 + n, "message": "m"}


def lookup(*names, **more):
    return said(Events=[{"EventId": name, "EventTime": 1_795_248_000} for name in names], **more)


def test_empty_pages_with_a_token_are_followed(desk, play):
    script = play(
        DescribeLogGroups=[GROUP],
        FilterLogEvents=[
            said(events=[], nextToken="a"),
            said(events=[event(1)], nextToken="b"),
            said(events=[], nextToken="c"),
            said(events=[event(2)]),
        ],
    )
    assert desk.collect(LOGS).exit is Exit.OK
    assert set(desk.log_events()) == {"e1", "e2"}
    asked = script.heard["FilterLogEvents"]
    assert [params.pop("nextToken", None) for params in asked] == [None, "a", "b", "c"]
    assert all(params == asked[0] for params in asked), "a token is good for unchanged parameters only"


def test_an_empty_last_page_is_a_complete_unit_with_no_records(desk, play):
    play(LookupEvents=[said(Events=[])])
    result = desk.collect(LOOKUP)
    assert [(o.status, o.records, o.pages) for o in result.outcomes] == [(UnitStatus.COMPLETE, 0, 1)]


@pytest.mark.parametrize("code", ["InvalidNextTokenException", "InvalidNextToken"])
def test_a_refused_token_leaves_the_unit_truncated_and_not_complete(desk, play, code):
    play(LookupEvents=[lookup("e1", NextToken="t"), refused(code)])
    (outcome,) = desk.collect(LOOKUP).outcomes
    assert outcome.status is UnitStatus.PARTIAL_TRUNCATED
    assert "token was refused" in outcome.reason
    assert {name for _, _, name in desk.looked_up()} == {"e1"}


def test_a_token_that_comes_back_after_others_is_a_loop_and_its_page_is_kept(desk, play):
    play(
        LookupEvents=[
            lookup("e1", NextToken="a"), lookup("e2", NextToken="b"), lookup("e3", NextToken="a"), lookup("e4")
        ]
    )  # fmt: skip
    (outcome,) = desk.collect(LOOKUP).outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert {name for _, _, name in desk.looked_up()} == {"e1", "e2", "e3"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"null", b"[]", b'"Events"', b"0", b"{}", b'{"Events":null}', b'{"Events":"abc"}',
        b'{"Events":[1]}', b'{"Events":[{"EventTime":"never"}]}', b'{"events":[]}', b"\xff\xfe", b"<html/>",
        b'{"Events":[]}trailing',
    ],
)  # fmt: skip
def test_a_success_that_is_no_answer_is_asked_again_and_never_an_empty_page(desk, play, body):
    play(LookupEvents=[Line(body), lookup("e1")])
    assert desk.collect(LOOKUP).exit is Exit.OK
    assert {name for _, _, name in desk.looked_up()} == {"e1"}
    attempts = [line for line in desk.exchanges() if line["request"]["operation"] == "LookupEvents"]
    assert [bool(line["artifact"]) for line in attempts] == [False, True]
    assert attempts[0]["error"]


def test_what_was_not_taken_for_an_answer_is_named_by_its_digest_in_the_ledger(desk, play):
    play(LookupEvents=[Line(b'{"other":1}'), lookup("e1")])
    desk.collect(LOOKUP)
    (first, _) = [line for line in desk.exchanges() if line["request"]["operation"] == "LookupEvents"]
    assert first["body"]["bytes"] == len(b'{"other":1}')
    assert len(first["body"]["sha256"]) == 64


def test_page_tokens_reach_the_record_only_as_digests(desk, play):
    play(LookupEvents=[lookup("e1", NextToken="tok-secret-1"), lookup("e2")])
    desk.collect(LOOKUP)
    everything = b"".join(path.read_bytes() for path in (desk.bags[-1] / "record").rglob("*") if path.is_file())
    assert b"tok-secret-1" not in everything
    assert json.loads(next(body for _, body in desk.bodies()))  # the evidence itself stays as it was sent
