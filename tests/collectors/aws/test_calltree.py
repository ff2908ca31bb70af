"""Calls described as data: what a refusal, an absence, an empty list and a rule mean for the whole."""

import json

import pytest

from evidence_kit.collectors.aws.calltree import filled, listed, partition_of, require_calls
from evidence_kit.errors import Exit, UsageError
from evidence_kit.model.status import UnitStatus

SOURCE = "aws.kms.keys"  # any of the mechanism; its calls are replaced
DENIED = '{code: AccessDeniedException, message: "no", status: 400}'


def keys(*pages):
    lists = "".join(
        "\n          - {Keys: [" + ", ".join(f"{{KeyId: '{key}'}}" for key in page) + "]}" for page in pages
    )
    return f"""
    replies:
      - operation: ListKeys
        service: kms
        pages:{lists}"""


def described(key, answer="", error="", operation="DescribeKey"):
    said = f"error: {error}" if error else f"pages: [{answer or '{KeyMetadata: {KeyId: ' + repr(key) + '}}'}]"
    return f"""
      - operation: {operation}
        service: kms
        when: {{KeyId: "{key}"}}
        {said}"""


def describe(**more):
    return {
        "operation": "DescribeKey",
        "each": {"path": "Keys[].KeyId", "as": "key"},
        "params": {"KeyId": "{key}"},
        "result": "KeyMetadata",
        **more,
    }


@pytest.fixture
def ask(before):
    """Run calls against answers; return the only outcome, the stage and the result."""

    def run(answers, *calls, top=None):
        calls = [{"operation": "ListKeys", "result": "Keys", **(top or {}), "then": list(calls)}]
        stage = before(SOURCE, answers, service="kms", calls=calls)
        result = stage.collect()
        (outcome,) = result.outcomes
        return outcome, stage, result

    return run


def metadata(stage):
    """Return the keys whose description is on disk."""
    bodies = (json.loads(body) for path, body in stage.lab.bodies() if path.parent.name == "DescribeKey")
    return sorted(body["KeyMetadata"]["KeyId"] for body in bodies if "KeyMetadata" in body)


# -- refusals ----------------------------------------------------------------------------------------------------


def test_one_refusal_does_not_end_a_list_and_is_owned_up_to(ask):
    answers = keys(["a", "b"], ["c"]) + described("a") + described("b", error=DENIED) + described("c")
    outcome, stage, result = ask(answers, describe())
    assert metadata(stage) == ["a", "c"]
    assert (outcome.status, outcome.reason[:42]) == (UnitStatus.DENIED, "1 calls were refused, the first: AccessDen")
    assert [(f["kind"], f["message"][:17]) for f in stage.lab.findings()] == [("refused", "DescribeKey of b:")]
    assert result.exit is Exit.INCOMPLETE


@pytest.mark.parametrize("code", ["NotFoundException", "ResourceNotFoundException", "NoSuchEntity"])
def test_what_was_listed_and_is_gone_is_named_and_lessens_nothing(ask, code):
    gone = f"{{code: {code}, message: gone, status: 400}}"
    outcome, stage, _ = ask(keys(["a", "b"]) + described("a", error=gone) + described("b"), describe())
    assert outcome.status is UnitStatus.COMPLETE
    assert metadata(stage) == ["b"]
    assert [f["kind"] for f in stage.lab.findings()] == ["vanished"]


def test_refusals_without_one_answer_end_the_list(ask):
    many = [f"k{n:02}" for n in range(40)]
    refusal = f"""
      - operation: DescribeKey
        service: kms
        error: {DENIED}"""
    outcome, stage, _ = ask(keys(many) + refusal, describe())
    assert outcome.status is UnitStatus.DENIED
    assert "refused 25 times in a row" in outcome.reason
    assert len([one for one in stage.server.heard if one.operation == "DescribeKey"]) == 25


def test_a_whole_list_that_is_gone_is_a_list_of_findings(ask):
    gone = """
      - operation: DescribeKey
        service: kms
        error: {code: NotFoundException, message: gone, status: 400}"""
    outcome, stage, _ = ask(keys([f"k{n:02}" for n in range(40)]) + gone, describe())
    assert outcome.status is UnitStatus.COMPLETE
    assert len(stage.lab.findings()) == 40


@pytest.mark.parametrize(("code", "status"), [("Odd", "partial_error"), ("ThrottlingException", "partial_throttled")])
def test_an_error_that_is_not_about_one_item_ends_the_unit(ask, code, status):
    trouble = f'{{code: {code}, message: "no", status: 400}}'
    outcome, stage, _ = ask(keys(["a", "b"]) + described("a") + described("b", error=trouble), describe())
    assert outcome.status.value == status
    assert metadata(stage) == ["a"]


def test_a_refusal_of_the_list_itself_is_the_end_of_it(ask):
    answers = f"\n    replies:\n      - {{operation: ListKeys, service: kms, error: {DENIED}}}"
    outcome, _, _ = ask(answers, describe())
    assert outcome.status is UnitStatus.DENIED


# -- absences ----------------------------------------------------------------------------------------------------


def test_a_code_that_says_none_is_kept_as_a_page_and_the_work_goes_on(ask):
    none = "{code: UnsupportedOperationException, message: none, status: 400}"
    answers = keys(["a", "b"]) + described("a", error=none) + described("b")
    outcome, stage, _ = ask(answers, describe(absent=["UnsupportedOperationException"]))
    assert outcome.status is UnitStatus.COMPLETE
    assert stage.lab.digests() == stage.evidence()
    assert any(b"UnsupportedOperationException" in body for _, body in stage.lab.bodies())


def test_the_same_code_says_nothing_of_the_kind_elsewhere(ask):
    none = "{code: UnsupportedOperationException, message: none, status: 400}"
    outcome, _, _ = ask(keys(["a"]) + described("a", error=none), describe())
    assert outcome.status is UnitStatus.PARTIAL_ERROR


# -- empty lists and rules ---------------------------------------------------------------------------------------

EMPTY = {"empty": {"path": "Keys", "status": "not_configured", "reason": "no key in {region}"}}


@pytest.mark.parametrize("pages", [[[]], [[], []], [[], [], []]])
def test_nothing_on_any_page_is_nothing(ask, pages):
    outcome, _, result = ask(keys(*pages), top=EMPTY)
    assert (outcome.status, outcome.reason) == (UnitStatus.NOT_CONFIGURED, "no key in us-east-1")
    assert result.exit is Exit.OK


@pytest.mark.parametrize("pages", [[["a"]], [[], ["a"]], [["a"], []], [[], ["a"], []]])
def test_an_empty_page_before_or_after_others_is_not_nothing(ask, pages):
    outcome, _, _ = ask(keys(*pages), top=EMPTY)
    assert outcome.status is UnitStatus.COMPLETE


def rule(status, when="KeyMetadata", reason="{key}"):
    return {"when": when, "status": status, "reason": reason}


def test_of_several_conclusions_the_one_that_limits_most_is_the_end_and_all_are_findings(ask):
    answers = keys(["a", "b"]) + described("a") + described("b")
    call = describe(rules=[rule("not_enabled"), rule("excluded_at_source"), rule("sampled_at_source")])
    outcome, stage, _ = ask(answers, call)
    assert (outcome.status, outcome.reason) == (UnitStatus.EXCLUDED_AT_SOURCE, "a; b")
    assert len(stage.lab.findings()) == 6


def test_a_rule_that_does_not_apply_concludes_nothing(ask):
    outcome, stage, _ = ask(
        keys(["a"]) + described("a"), describe(rules=[rule("not_enabled", "KeyMetadata.Enabled")])
    )
    assert outcome.status is UnitStatus.COMPLETE
    assert stage.lab.findings() == []


def test_many_reasons_are_counted_and_three_are_told(ask):
    names = ["a", "b", "c", "d", "e"]
    answers = keys(names) + "".join(map(described, names))
    outcome, _, _ = ask(answers, describe(rules=[rule("sampled_at_source")]))
    assert outcome.reason == "a; b; c and 2 more"


def test_a_refusal_weighs_more_than_any_rule(ask):
    answers = keys(["a", "b"]) + described("a") + described("b", error=DENIED)
    outcome, _, _ = ask(answers, describe(rules=[rule("sampled_at_source")]))
    assert outcome.status is UnitStatus.DENIED


def test_a_call_may_go_to_another_region_and_its_answer_is_kept_like_any(ask):
    answers = keys(["a"]) + described("a").replace("service: kms", "service: kms\n        region: eu-west-1")
    outcome, stage, _ = ask(answers, describe(region="eu-west-1"))
    assert outcome.status is UnitStatus.COMPLETE
    assert [one.region for one in stage.server.heard if one.operation == "DescribeKey"] == ["eu-west-1"]


# -- what a source may say ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"operation": "X", "parms": {}}, "unknown field `parms`"),
        ({"params": {}}, "no `operation`"),
        ({"operation": "X", "then": [{"operation": "Y", "echa": {}}]}, "unknown field `echa`"),
        (
            {"operation": "X", "rules": [{"when": "@", "status": "complete", "reason": ""}]},
            "cannot conclude `complete`",
        ),
        ({"operation": "X", "empty": {"path": "@", "status": "denied", "reason": ""}}, "cannot conclude `denied`"),
    ],
)
def test_a_call_with_a_slip_in_it_is_refused_before_anything_is_asked(call, said):
    with pytest.raises(UsageError, match=said):
        require_calls("aws.x", [call])


def test_a_name_alone_keeps_its_type_and_within_a_text_it_is_text():
    values = {"ids": ["a", "b"], "n": 3}
    assert filled({"Ids": "{ids}", "Text": "n={n}", "List": ["{n}", 7]}, values) == {
        "Ids": ["a", "b"],
        "Text": "n=3",
        "List": [3, 7],
    }


def test_a_name_out_of_an_answer_is_never_looked_at_again():
    assert filled("x/{key}", {"key": "{account}", "account": "1"}) == "x/{account}"


def test_an_unknown_name_is_told_with_those_that_there_are():
    with pytest.raises(UsageError, match="nothing is called `kye`") as refused:
        filled("{kye}", {"key": 1})
    assert "key" in refused.value.hint


@pytest.mark.parametrize(
    ("each", "bound"),
    [
        ({"path": "L[].N", "as": "n"}, [{"n": 1}, {"n": 2}, {"n": 3}]),
        ({"path": "L[].N", "as": "n", "batch": 2}, [{"n": [1, 2]}, {"n": [3]}]),
        ({"path": "L", "as": {"n": "N", "m": "M"}}, [{"n": 1, "m": None}, {"n": 2, "m": None}, {"n": 3, "m": None}]),
        ({"path": "L[0]", "as": "one"}, [{"one": {"N": 1}}]),
        ({"path": "Nothing", "as": "n"}, []),
        ({"path": "Nothing", "as": "n", "batch": 50}, []),
    ],
)
def test_every_item_is_bound_alone_by_several_names_or_in_batches(each, bound):
    assert listed(each, {"L": [{"N": 1}, {"N": 2}, {"N": 3}]}) == bound


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("", "aws")],
)
def test_a_partition_is_told_by_the_regions_name(region, partition):
    assert partition_of(region) == partition
