"""Providers' bounds are inclusive and coarse, ours are half-open and fine: no event falls between."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.lab import fast, target
from support.script import Line, said

from evidence_kit.collectors.aws.cloudtrail_lookup import _last_second
from evidence_kit.collectors.registry import build
from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, epoch_ms

moments = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given a zone


@given(end=moments)
def test_the_last_second_asked_for_is_the_last_that_begins_before_the_end(end):
    last = _last_second(end)
    assert last.microsecond == 0 or end.microsecond == 0
    assert last < end <= last + timedelta(seconds=1)


@given(moment=moments)
def test_milliseconds_are_exact_and_round_up(moment):
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    exact = epoch_ms(moment)
    assert epoch + timedelta(milliseconds=exact - 1) < moment <= epoch + timedelta(milliseconds=exact)


def test_half_a_second_does_not_lose_the_second_that_it_lies_in(desk, play):
    script = play(LookupEvents=[said(Events=[])])
    start = datetime(2026, 11, 21, 6, 0, 0, 500_000, tzinfo=UTC)
    desk.collect("aws.cloudtrail.lookup", window=Window(start, start + timedelta(hours=1)))
    (asked,) = script.heard["LookupEvents"]
    assert asked["StartTime"] in {start.timestamp(), int(start.timestamp())}
    assert asked["EndTime"] == datetime(2026, 11, 21, 7, tzinfo=UTC).timestamp()


def test_log_groups_are_asked_in_whole_milliseconds(desk, play):
    script = play(
        DescribeLogGroups=[said(logGroups=[{"logGroupName": "g", "arn": "a"}])], FilterLogEvents=[said(events=[])]
    )
    start = datetime(2026, 11, 21, 6, 0, 0, 1_000, tzinfo=UTC)
    desk.collect("aws.cloudwatch.logs", window=Window(start, start + timedelta(hours=1)))
    (asked,) = script.heard["FilterLogEvents"]
    assert asked["startTime"] == 1_795_240_800_001
    assert asked["endTime"] == 1_795_240_800_001 + 3_600_000 - 1


def test_what_a_group_no_longer_keeps_is_expired_and_the_rest_is_asked_for(desk, play):
    script = play(
        DescribeLogGroups=[
            said(
                logGroups=[
                    {"logGroupName": "kept", "arn": "a"},
                    {"logGroupName": "partly", "arn": "a", "retentionInDays": 3},
                    {"logGroupName": "gone", "arn": "a", "retentionInDays": 1},
                ]
            )
        ],
        FilterLogEvents=[said(events=[])],
    )
    start = desk.now() - timedelta(days=5)
    result = desk.collect("aws.cloudwatch.logs", window=Window(start, start + timedelta(days=3)))
    expired = [o.unit.split("|")[3] for o in result.outcomes if o.status is UnitStatus.EXPIRED_RETENTION]
    assert sorted(expired) == ["gone", "partly"]
    assert {asked["logGroupName"] for asked in script.heard["FilterLogEvents"]} == {"kept", "partly"}
    assert result.exit is Exit.INCOMPLETE


def test_a_prefix_that_no_group_has_is_said(desk, play):
    script = play(DescribeLogGroups=[said(logGroups=[])])
    with desk.vault.lock(), desk.vault.working():
        engine = desk.engine(build(fast("aws.cloudwatch.logs")))
        result = engine.collect(replace(desk.order("aws.cloudwatch.logs"), params={"log_group_prefix": "/aws/x"}))
    (outcome,) = result.outcomes
    assert (outcome.status, outcome.reason) == (UnitStatus.NOT_CONFIGURED, "no log group here starts with `/aws/x`")
    assert script.heard["DescribeLogGroups"] == [{"logGroupNamePrefix": "/aws/x"}]


@pytest.mark.parametrize("states", [["STARTED", "INPROGRESS", "COMPLETE"], ["COMPLETE"]])
def test_a_report_is_asked_for_until_it_is_ready_and_every_answer_is_kept(desk, play, states):
    reports = [
        Line(
            f"<GenerateCredentialReportResponse><GenerateCredentialReportResult><State>{state}</State>"
            f"</GenerateCredentialReportResult></GenerateCredentialReportResponse>".encode()
        )
        for state in states
    ]
    content = (
        b"<GetCredentialReportResponse><GetCredentialReportResult><Content>dXNlcg==</Content>"
        b"</GetCredentialReportResult></GetCredentialReportResponse>"
    )
    play(GenerateCredentialReport=reports, GetCredentialReport=[Line(content)])
    specs = fast("aws.iam.credential_report")
    settings = json.loads(json.dumps(specs["aws.iam.credential_report"].settings))
    settings["calls"][0]["repeat"]["every"] = 0.01
    specs = {name: replace(spec, settings=settings) for name, spec in specs.items()}
    assert desk.collect("aws.iam.credential_report", specs=specs).exit is Exit.OK
    assert len(list(desk.bodies())) == len(states) + 1


def test_a_report_that_is_never_ready_ends_in_an_error(desk, play):
    started = (
        b"<GenerateCredentialReportResponse><GenerateCredentialReportResult><State>STARTED</State>"
        b"</GenerateCredentialReportResult></GenerateCredentialReportResponse>"
    )
    play(GenerateCredentialReport=[Line(started)])
    specs = fast("aws.iam.credential_report")
    settings = json.loads(json.dumps(specs["aws.iam.credential_report"].settings))
    settings["calls"][0]["repeat"] |= {"every": 0.001, "most": 3}
    specs = {name: replace(spec, settings=settings) for name, spec in specs.items()}
    (outcome,) = desk.collect("aws.iam.credential_report", specs=specs, targets=(target(),)).outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "not ready after 3 questions" in outcome.reason
