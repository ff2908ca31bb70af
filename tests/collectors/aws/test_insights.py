"""Logs Insights as a second witness: asked on request only, and in agreement only where it has counted."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from support.lab import END

from evidence_kit.acquire.observer import Silent
from evidence_kit.analysis.coverage import read_coverage
from evidence_kit.analysis.reconciliation import reconcile
from evidence_kit.collectors.aws.insights import OPERATIONS
from evidence_kit.collectors.registry import build
from evidence_kit.errors import Exit, UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import epoch_ms
from evidence_kit.sources.catalogue import load_catalogue

LOGS = "aws.cloudwatch.logs"
FIRST = END - timedelta(hours=5)  # the hour in which all events happen, in a window of six hours
HOUR = FIRST.replace(minute=0, second=0, microsecond=0)
COUNT = "params: {log_group_prefix: g, count: insights}\n"
LISTED = """replies:
  - operation: DescribeLogGroups
    service: logs
    pages: [{logGroups: [{logGroupName: g, creationTime: 1700000000000}]}]
  - operation: FilterLogEvents
    service: logs
    pages: [{events: %s}]
"""
STARTED = """
  - {operation: StartQuery, service: logs, pages: [{queryId: q1}]}
"""
STOPPED = """
  - {operation: StopQuery, service: logs, pages: [{success: true}]}
"""
REFUSED = """
  - {{operation: StartQuery, service: logs, error: {{code: {}, message: n, status: 400}}}}
"""


def events(count):
    return json.dumps([{"logStreamName": "s", "timestamp": epoch_ms(HOUR), "eventId": f"e{n}"} for n in range(count)])


def told(*turns):
    """Return the answers to one question after another, the last of them for ever."""
    return f"""
  - operation: GetQueryResults
    service: logs
    one_page: the bins of a window are few
    turns: {json.dumps(turns)}
"""


def result(counted, *, status="Complete", hour=HOUR, matched=None):
    cells = [{"field": "hour", "value": f"{hour:%Y-%m-%d %H}:00:00.000"}, {"field": "events", "value": str(counted)}]
    said = {
        "recordsMatched": float(counted if matched is None else matched),
        "recordsScanned": 9.0,
        "bytesScanned": 7.0,
    }
    return {"status": status, "results": [cells] if counted else [], "statistics": said}


def under_way(status="Running"):
    return {"status": status, "results": [], "statistics": {}}


@pytest.fixture
def count(before):
    """Collect so many events and have them counted; return the outcome, its findings by kind, and the stage."""

    def run(came, answers, **counting):
        text = "".join((COUNT, LISTED % events(came), answers))
        stage = before(LOGS, text, counting={"every": 0, "most": 3, **counting})
        stage.result = stage.collect()
        (outcome,) = stage.result.outcomes
        return outcome, {finding.kind: finding for finding in outcome.findings}, stage

    return run


def heard(stage):
    return [one.operation for one in stage.server.heard]


def test_nobody_is_charged_who_did_not_ask_for_a_count(before):
    stage = before(LOGS, f"params: {{log_group_prefix: g}}\n{LISTED % events(2)}")
    assert stage.collect().exit is Exit.OK
    assert "StartQuery" not in heard(stage)


def test_a_count_that_agrees_is_said_and_its_exact_answers_are_evidence(count):
    outcome, said, stage = count(2, STARTED + told(under_way("Scheduled"), under_way(), result(2)))
    assert (outcome.status, set(said)) == (UnitStatus.COMPLETE, {"count_agrees"})
    assert said["count_agrees"].facts["bytesScanned"] == "7"
    bodies = {
        path.parent.name: json.loads(body)
        for path, body in stage.lab.bodies()
        if path.parent.name != "FilterLogEvents"
    }
    assert bodies["StartQuery"] == {"queryId": "q1"}
    assert bodies["GetQueryResults"]["statistics"]["recordsMatched"] == 2
    assert "StopQuery" not in heard(stage)


def test_the_question_leaves_out_no_moment_of_the_window_and_takes_in_none_besides(count):
    _, _, stage = count(1, STARTED + told(result(1)))
    (asked,) = [
        line["request"]["params"] for line in stage.lab.exchanges() if line["request"]["operation"] == "StartQuery"
    ]
    window = stage.fixture.window
    assert (asked["startTime"], asked["endTime"]) == (window.start.timestamp(), window.end.timestamp())
    assert f">= {epoch_ms(window.start)} " in asked["queryString"]
    assert f"< {epoch_ms(window.end)} " in asked["queryString"]


@pytest.mark.parametrize(("came", "counted", "status"), [(2, 5, "partial_truncated"), (5, 2, "complete_unsettled")])
def test_a_count_that_differs_is_a_finding_with_numbers_and_hours(count, came, counted, status):
    outcome, said, stage = count(came, STARTED + told(result(counted)))
    assert outcome.status.value == status
    facts = said["count_differs"].facts
    assert (facts["got"], facts["counted"]) == (str(came), str(counted))
    assert facts["hours"] == f"{HOUR:%Y-%m-%dT%HZ} {came} of {counted}"
    assert stage.result.exit is Exit.INCOMPLETE


def test_as_many_events_in_another_hour_are_no_agreement(count):
    _, said, _ = count(2, STARTED + told(result(2, hour=HOUR + timedelta(hours=1))))
    assert said["count_differs"].facts["hoursInAll"] == "2"


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers",
    [
        STARTED + told(result(2, status="Failed")),
        STARTED + told(result(2, status="Timeout")),
        STARTED + told(result(2, matched=3)),
        STARTED + told({**result(2), "statistics": {}}),
        STARTED + told(under_way()) + STOPPED,
        REFUSED.format("AccessDeniedException"),
        REFUSED.format("LimitExceededException"),
        REFUSED.format("ThrottlingException"),
    ],
)  # fmt: skip
def test_what_was_not_counted_is_said_and_never_taken_for_agreement(count, answers):
    outcome, said, _ = count(2, answers)
    assert (outcome.status, set(said)) == (UnitStatus.COMPLETE, {"not_counted"})


def test_a_query_that_nobody_waits_for_is_stopped(count):
    _, said, stage = count(2, STARTED + told(under_way()) + STOPPED)
    assert "3 questions" in said["not_counted"].message
    assert heard(stage)[-1] == "StopQuery"


class _Stopping(Silent):
    """An operator who asks to stop as soon as a count keeps them waiting."""

    def waiting(self, unit, seconds, reason):
        if "counting" in reason:
            self.engine.stop.set()


def test_a_query_is_stopped_when_the_operator_stops(before):
    stage = before(LOGS, "".join((COUNT, LISTED % events(2), STARTED, told(under_way()), STOPPED)))
    spec = replace(stage.spec, settings={**stage.spec.settings, "counting": {"every": 0.01}})
    asked = stage.lab.order(LOGS, targets=(stage.fixture.target,))
    watch = _Stopping()
    with stage.lab.vault.lock(), stage.lab.vault.working():
        watch.engine = stage.lab.engine(build({LOGS: spec}), observer=watch)
        (outcome,) = watch.engine.collect(replace(asked, params=stage.fixture.params)).outcomes
    assert outcome.status is UnitStatus.PARTIAL_TRUNCATED
    assert heard(stage)[-1] == "StopQuery"


def test_events_outside_the_window_are_not_held_against_a_count_of_it(before):
    strayed = [*json.loads(events(2)), {"logStreamName": "s", "timestamp": epoch_ms(END), "eventId": "late"}]
    answers = "".join((COUNT, LISTED % json.dumps(strayed), STARTED, told(result(2))))
    (outcome,) = before(LOGS, answers, counting={"every": 0, "most": 3}).collect().outcomes
    assert [finding.kind for finding in outcome.findings] == ["outside_window", "count_agrees"]
    assert outcome.status is UnitStatus.PARTIAL_ERROR


def test_a_count_by_anybody_else_is_refused(before):
    stage = before(LOGS, f"params: {{log_group_prefix: g, count: guess}}\n{LISTED % events(1)}")
    with pytest.raises(UsageError, match="counts nothing"):
        stage.collect()


def test_what_a_count_takes_and_costs_is_told_with_its_parameter():
    (param,) = [one for one in load_catalogue()[LOGS].params if one.name == "count"]
    assert set(param.permissions) == set(OPERATIONS)
    assert not set(param.permissions) & set(load_catalogue()[LOGS].permissions)
    assert "charges" in param.price


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [(result(5), ["counted_otherwise"]), (result(2, status="Failed"), ["not_counted"]), (result(2), [])],
)
def test_a_difference_and_a_missing_count_stand_in_the_reconciliation(count, answer, kinds):
    _, _, stage = count(2, STARTED + told(answer))
    found = reconcile(stage.lab.vault, read_coverage(stage.lab.vault), None, {LOGS: stage.spec})
    assert [one.kind for one in found] == kinds
