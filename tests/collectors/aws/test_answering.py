"""An answer to another question is noticed by what stands in it; what is truly alike is no fault."""

from dataclasses import replace

import pytest
from support.lab import END

from evidence_kit.collectors.aws.answering import Alike, Asked, Repeats
from evidence_kit.collectors.aws.calltree import require_calls
from evidence_kit.collectors.aws.etags import held, promised
from evidence_kit.collectors.tap import BadBody
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Exchange, Request
from evidence_kit.model.status import UnitStatus
from evidence_kit.sources.catalogue import load_catalogue

SOURCE = "aws.guardduty.findings"
GET = {
    "operation": "GetFindings",
    "each": {"path": "FindingIds[]", "as": "ids", "batch": 2},
    "params": {"DetectorId": "d", "FindingIds": "{ids}"},
    "result": "Findings",
    "answers": {"path": "Findings[].Id"},
    "records": "Findings",
}
CALLS = [{"operation": "ListFindings", "params": {"DetectorId": "d"}, "result": "FindingIds", "then": [GET]}]


def listed(*ids):
    return f"""
    replies:
      - operation: ListFindings
        service: guardduty
        one_page: few
        pages: [{{FindingIds: [{", ".join(ids)}]}}]"""


def finding(one):
    parts = "AccountId: '1', Arn: a, CreatedAt: c, Region: r, Resource: {}, SchemaVersion: '2', Severity: 1.0"
    return f"{{Id: {one}, {parts}, Type: t, UpdatedAt: u}}"


def got(asked, *ids):
    return f"""
      - operation: GetFindings
        service: guardduty
        when: {{FindingIds: [{", ".join(asked)}]}}
        pages: [{{Findings: [{", ".join(map(finding, ids))}]}}]"""


@pytest.fixture
def ask(before):
    """Run the calls against answers; return the outcome and its findings as kind and ids."""

    def run(*answers):
        (outcome,) = before(SOURCE, "".join(answers), service="guardduty", calls=CALLS).collect().outcomes
        return outcome, [(one.kind, one.facts["ids"]) for one in outcome.findings if "ids" in one.facts]

    return run


def test_answers_that_name_all_that_was_asked_for_in_any_order_are_whole(ask):
    outcome, said = ask(listed("a", "b", "c"), got(["a", "b"], "b", "a"), got(["c"], "c"))
    assert (outcome.status, said) == (UnitStatus.COMPLETE, [])


def test_what_was_asked_for_and_did_not_come_is_named_and_the_rest_is_still_asked_for(ask):
    outcome, said = ask(listed("a", "b", "c"), got(["a", "b"], "b"), got(["c"], "c"))
    assert (outcome.status, said) == (UnitStatus.PARTIAL_ERROR, [("not_answered", "a")])
    assert outcome.records == 2


def test_the_answer_to_the_batch_before_is_an_answer_to_another_question(ask):
    outcome, said = ask(listed("a", "b", "c"), got(["a", "b"], "a", "b"), got(["c"], "a", "b"))
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert said == [("answers_another_question", "a, b"), ("not_answered", "c")]


def test_an_empty_answer_is_not_taken_for_all_there_is(ask):
    outcome, said = ask(listed("a", "b"), got(["a", "b"]))
    assert (outcome.status, said) == (UnitStatus.PARTIAL_ERROR, [("not_answered", "a, b")])


def test_pages_of_one_answer_count_together_and_a_service_may_be_silent_where_its_source_says_so():
    asked = Asked.of(GET, {"ids": ["a", "b"]})
    assert asked.read({"Findings": [{"Id": "a"}]}) is None
    assert asked.read({"Findings": [{"Id": "b"}]}) is None
    assert asked.missing() is None
    some = Asked.of({**GET, "answers": {"path": "Findings[].Id", "some": True}}, {"ids": ["a", "b"]})
    assert some.missing() is None
    assert some.read({"Findings": [{"Id": "x"}]}).kind == "answers_another_question"


@pytest.mark.parametrize(
    "call",
    [
        {key: value for key, value in GET.items() if key != "answers"},
        {**GET, "answers": "Findings[].Id"},
        {**GET, "answers": {"path": "Findings[].Id", "all": True}},
        {**GET, "each": {"path": "F[]", "as": {"one": "Id"}}},
    ],
)
def test_a_call_for_several_things_has_to_say_what_came_of_them(call):
    require_calls("x", [GET])
    with pytest.raises(UsageError, match="answers"):
        require_calls("x", [call])


def test_every_call_of_the_catalogue_for_several_things_says_what_came_of_them():
    def batches(value):
        if isinstance(value, dict):
            yield from [value] if "batch" in value.get("each", {}) else []
            value = list(value.values())
        for one in value if isinstance(value, list) else ():
            yield from batches(one)

    found = [call for spec in load_catalogue().values() for call in batches(spec.settings)]
    assert len(found) > 10
    assert all(call["answers"]["path"] for call in found)


# -- one thing at a time -----------------------------------------------------------------------------------------

ONE = {"operation": "DescribeKey", "each": {"path": "Keys[]", "as": "key"}}


def test_the_description_of_one_thing_for_another_is_told():
    alike = Alike()
    assert alike.read(ONE, {"key": "key-1"}, b'{"id": "key-1"}', "") is None
    assert alike.read(ONE, {"key": "key-2"}, b'{"id": "key-1"}', "").facts["named"] == "key-1"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b'{"tags": []}', b'{"tags": []}'),  # names neither
        (b'{"of": ["key-1", "key-2"]}', b'{"of": ["key-1", "key-2"]}'),  # names both
        (b'{"id": "key-1"}', b'{"id": "key-2"}'),
    ],
)
def test_what_is_truly_alike_is_no_fault(first, second):
    alike = Alike()
    assert alike.read(ONE, {"key": "key-1"}, first, "") is None
    assert alike.read(ONE, {"key": "key-2"}, second, "") is None


def test_a_short_name_is_found_by_chance_and_tells_nothing():
    alike = Alike()
    assert alike.read(ONE, {"key": "id"}, b'{"id": "a"}', "") is None
    assert alike.read(ONE, {"key": "b"}, b'{"id": "a"}', "") is None


# -- the service's own ids of its answers ------------------------------------------------------------------------


def exchange(request_id, sha256):
    request = Request(method="POST", host="h", path="/")
    return Exchange(request=request, sent_at=END, received_at=END, request_id=request_id, sha256=sha256)


def test_an_answer_is_given_once_for_one_question():
    repeats = Repeats()
    assert not repeats.is_again("q1", exchange("id-1", "s1"))
    assert not repeats.is_again("q1", exchange("id-1", "s1"))
    assert repeats.is_again("q2", exchange("id-1", "s1"))


def test_an_emulator_without_ids_or_with_one_for_all_is_not_suspected():
    repeats = Repeats()
    assert not repeats.is_again("q1", exchange("", "s1"))
    assert not repeats.is_again("q2", exchange("", "s1"))
    assert not repeats.is_again("q1", exchange("same", "s1"))
    assert not repeats.is_again("q2", exchange("same", "s2"))
    assert not repeats.is_again("q3", replace(exchange("same", "s1"), replayed=True))


def test_no_more_answers_are_remembered_than_memory_is_meant_for():
    repeats = Repeats()
    for number in range(10_000):
        repeats.is_again("q", exchange(f"id-{number}", "s"))
    assert len(repeats._known) < 5_000


# -- ETags -------------------------------------------------------------------------------------------------------

MD5 = "900150983cd24fb0d6963f7d28e17f72"  # of `abc`


def test_bytes_that_are_not_what_the_etag_promises_are_refused():
    assert b"".join(held(promised("b", f'"{MD5}"', {}), [b"a", b"bc"])) == b"abc"
    with pytest.raises(BadBody, match=MD5):
        list(held(promised("b", f'"{MD5}"', {"x-amz-server-side-encryption": "AES256"}), [b"abd"]))


@pytest.mark.parametrize(
    ("bucket", "etag", "headers"),
    [
        ("b", f'"{MD5}-2"', {}),
        ("b", '"opaque"', {}),
        ("b", "", {}),
        ("b--usw2-az1--x-s3", f'"{MD5}"', {}),
        ("b", f'"{MD5}"', {"x-amz-server-side-encryption": "aws:kms"}),
        ("b", f'"{MD5}"', {"x-amz-server-side-encryption-customer-algorithm": "AES256"}),
    ],
)
def test_an_etag_that_promises_nothing_is_not_held_against_anything(bucket, etag, headers):
    assert b"".join(held(promised(bucket, etag, headers), [b"whatever"])) == b"whatever"
