"""Calls beside each other, errors a source knows better, paging the SDK does not know, and times as text."""

from datetime import UTC, datetime

import pytest
from botocore.session import get_session

from evidence_kit.collectors.aws.calltree import require_calls, values_of
from evidence_kit.collectors.aws.dialect import token_members
from evidence_kit.errors import UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target, Unit

SOURCE = "aws.macie.findings"  # any of the mechanism; its calls are replaced
DENIED = "{code: AccessDeniedException, message: User is not authorized, status: 403}"
OFF = "{code: AccessDeniedException, message: Macie is not enabled, status: 403}"
SESSION = {
    "operation": "GetMacieSession",
    "result": "status",
    "refused": [
        {
            "code": "AccessDeniedException",
            "says": "Macie is not enabled",
            "status": "not_enabled",
            "reason": "Macie is off in {region}",
        }
    ],
}
JOBS = {"operation": "ListClassificationJobs", "result": "items"}


def replies(**said):
    return "\n    replies:" + "".join(
        f"\n      - {{operation: {name}, service: macie2, {answer}}}" for name, answer in said.items()
    )


@pytest.fixture
def ask(before):
    """Run calls against answers; return the only outcome and the stage."""

    def run(answers, *calls, service="macie2"):
        stage = before(SOURCE, answers, service=service, calls=list(calls))
        (outcome,) = stage.collect().outcomes
        return outcome, stage

    return run


def test_one_of_several_calls_that_is_denied_does_not_end_the_others(ask):
    answers = replies(
        ListFindingsFilters=f"error: {DENIED}", ListClassificationJobs="one_page: few, pages: [{items: []}]"
    )
    outcome, stage = ask(answers, {"operation": "ListFindingsFilters", "result": "findingsFilterListItems"}, JOBS)
    assert [one.operation for one in stage.server.heard if one.service == "macie2"] == [
        "ListFindingsFilters",
        "ListClassificationJobs",
    ]
    assert outcome.status is UnitStatus.DENIED
    assert outcome.reason.startswith("1 calls were refused, the first: AccessDeniedException")
    assert [found["kind"] for found in stage.lab.findings()] == ["refused"]


def test_an_only_call_that_is_denied_is_the_end(ask):
    outcome, _ = ask(replies(ListClassificationJobs=f"error: {DENIED}"), JOBS)
    assert (outcome.status, outcome.reason) == (
        UnitStatus.DENIED,
        "AccessDeniedException: User is not authorized",
    )


def test_an_error_that_the_source_knows_better_ends_as_the_source_says(ask):
    outcome, _ = ask(replies(GetMacieSession=f"error: {OFF}"), SESSION)
    assert (outcome.status, outcome.reason) == (UnitStatus.NOT_ENABLED, "Macie is off in us-east-1")


def test_the_same_code_with_other_words_is_what_it_always_is(ask):
    outcome, _ = ask(replies(GetMacieSession=f"error: {DENIED}"), SESSION)
    assert outcome.status is UnitStatus.DENIED


def test_a_refusal_cannot_be_declared_complete():
    rule = {"code": "Any", "status": "complete", "reason": "fine"}
    with pytest.raises(UsageError, match="a rule cannot conclude `complete`"):
        require_calls("x", [{"operation": "GetMacieSession", "refused": [rule]}])


PAGED = """
    replies:
      - operation: ListFunctions
        service: cloudfront
        paging: {input_token: Marker, output_token: FunctionList.NextMarker}
        pages:
          - FunctionList: {MaxItems: 1, Quantity: 1, Items: []}
          - FunctionList: {MaxItems: 1, Quantity: 0}"""


@pytest.mark.parametrize(("rules", "pages"), [({}, 1), ({"paging": True}, 2)])
def test_a_source_can_say_how_an_operation_pages_of_which_the_sdk_does_not_know(ask, rules, pages):
    paging = {"paging": {"input_token": "Marker", "output_token": "FunctionList.NextMarker"}} if rules else {}
    _, stage = ask(PAGED, {"operation": "ListFunctions", "result": "FunctionList", **paging}, service="cloudfront")
    assert len([one for one in stage.server.heard if one.operation == "ListFunctions"]) == pages


@pytest.mark.parametrize("operation", ["GetServiceLastAccessedDetails", "ListServiceSpecificCredentials"])
def test_a_marker_that_only_counts_while_the_list_is_cut_is_followed(operation):
    assert token_members(get_session().get_service_model("iam"), operation) == {
        "input_token": "Marker",
        "output_token": "Marker",
        "more_results": "IsTruncated",
    }


JOB = """
    replies:
      - operation: GetServiceLastAccessedDetails
        service: iam
        {said}"""
WAIT = {
    "operation": "GetServiceLastAccessedDetails",
    "params": {"JobId": "00000000-0000-4000-8000-000000000001"},
    "repeat": {"until": "JobStatus!='IN_PROGRESS'", "every": 0, "most": 3},
    "rules": [{"when": "JobStatus=='FAILED'", "status": "partial_error", "reason": "no report in {region}"}],
}
DATES = "JobCreationDate: 2026-11-22T08:00:00Z, JobCompletionDate: 2026-11-22T08:00:00Z, ServicesLastAccessed: []"


def test_a_report_that_is_ready_is_read_to_its_last_page(ask):
    paging = "paging: {input_token: Marker, output_token: Marker, more_results: IsTruncated}"
    pages = f"pages: [{{JobStatus: COMPLETED, {DATES}}}, {{JobStatus: COMPLETED, {DATES}}}]"
    outcome, stage = ask(JOB.format(said=f"{paging}\n        {pages}"), WAIT, service="iam")
    assert outcome.pages == 2
    assert stage.server.unserved == []


def test_a_report_that_failed_is_owned_up_to(ask):
    outcome, _ = ask(JOB.format(said=f"pages: [{{JobStatus: FAILED, {DATES}}}]"), WAIT, service="iam")
    assert (outcome.status, outcome.reason) == (UnitStatus.PARTIAL_ERROR, "no report in us-east-1")


def test_a_report_that_is_never_ready_is_an_error(ask):
    outcome, stage = ask(JOB.format(said=f"pages: [{{JobStatus: IN_PROGRESS, {DATES}}}]"), WAIT, service="iam")
    assert "was not ready after 3 questions" in outcome.reason
    assert outcome.pages == 3
    assert len([one for one in stage.server.heard if one.service == "iam"]) == 3


@pytest.mark.parametrize(
    ("end", "text", "day"),
    [
        (datetime(2026, 11, 21, tzinfo=UTC), "2026-11-21T00:00:00Z", "2026-11-21"),
        (datetime(2026, 11, 21, 0, 0, 0, 1, tzinfo=UTC), "2026-11-21T00:00:01Z", "2026-11-22"),
        (datetime(2026, 11, 21, 9, 30, 0, 5, tzinfo=UTC), "2026-11-21T09:30:01Z", "2026-11-22"),
    ],
)
def test_a_window_as_text_leaves_out_no_moment(end, text, day):
    window = Window(datetime(2026, 11, 20, 7, 15, 30, 999_999, tzinfo=UTC), end)
    unit = Unit(source="x", target=Target(provider="aws", id="111122223333"), region="us-east-1", window=window)
    values = values_of(unit)
    assert (values["start_iso"], values["start_date"]) == ("2026-11-20T07:15:30Z", "2026-11-20")
    assert (values["end_iso"], values["end_date"]) == (text, day)
