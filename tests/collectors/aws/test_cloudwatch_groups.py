"""Log groups: those that settings name wherever they are, those that a name gives away, each once."""

import json
from collections import Counter

import pytest

from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus

FLOW, LAMBDA, EKS = "aws.vpc.flow_cloudwatch", "aws.lambda.logs", "aws.eks.audit"


def events(*groups, region="", at=1795248000000):
    """Return replies by which each group holds one event that bears its name."""
    where = f"\n        region: {region}" if region else ""
    return "".join(
        f"""
      - operation: FilterLogEvents
        service: logs{where}
        when: {{logGroupName: "{group}"}}
        pages: [{{events: [{{logStreamName: s, timestamp: {at}, message: m, eventId: "{group}"}}]}}]"""
        for group in groups
    )


def listed(prefix, *groups, region="", days=""):
    where = f"\n        region: {region}" if region else ""
    kept = f", retentionInDays: {days}" if days else ""
    found = ", ".join(f"{{logGroupName: '{group}', creationTime: 1700000000000{kept}}}" for group in groups)
    return f"""
      - operation: DescribeLogGroups
        service: logs{where}
        when: {{logGroupNamePrefix: "{prefix}"}}
        pages: [{{logGroups: [{found}]}}]"""


def flow_logs(*destinations, traffic="ALL"):
    found = "".join(
        f"""
              - {{FlowLogId: fl-{n}, LogDestinationType: cloud-watch-logs, TrafficType: {traffic}, {said}}}"""
        for n, said in enumerate(destinations)
    )
    return f"""
    replies:
      - operation: DescribeFlowLogs
        service: ec2
        pages:
          - FlowLogs:{found}"""


def functions(*said):
    return f"""
    replies:
      - operation: ListFunctions
        service: lambda
        pages: [{{Functions: [{", ".join(said)}]}}]"""


def taken(stage):
    """Return region and id of every event."""
    source = stage.spec.name
    return Counter(
        (path.parts[path.parts.index(source) + 2], event["eventId"])
        for path, body in stage.lab.bodies(source=source)
        for event in json.loads(body)["events"]
    )


@pytest.mark.parametrize("arn", ["arn:aws:logs:us-east-1:111122223333:log-group:/vpc", "/vpc"])
@pytest.mark.parametrize("end", ["", ":*"])
def test_a_group_is_found_by_its_name_or_its_arn(before, arn, end):
    said = arn + end if arn.startswith("arn:") else arn
    text = flow_logs(f'LogDestination: "{said}"') + listed("/vpc", "/vpc", "/vpc/other") + events("/vpc")
    stage = before(FLOW, text)
    assert stage.collect().exit is Exit.OK
    assert taken(stage) == {("us-east-1", "/vpc"): 1}


def test_a_group_in_another_region_is_read_there(before):
    said = 'LogDestination: "arn:aws:logs:eu-west-1:111122223333:log-group:/vpc:*"'
    text = flow_logs(said) + listed("/vpc", "/vpc", region="eu-west-1") + events("/vpc", region="eu-west-1")
    stage = before(FLOW, text)
    assert stage.collect().exit is Exit.OK
    assert taken(stage) == {("eu-west-1", "/vpc"): 1}


def test_a_group_in_another_account_is_out_of_scope_and_not_looked_for_here(before):
    said = 'LogDestination: "arn:aws:logs:us-east-1:210987654321:log-group:/vpc:*"'
    result = before(FLOW, flow_logs(said)).collect()
    (outcome,) = result.outcomes
    assert outcome.status is UnitStatus.OUT_OF_SCOPE
    assert "account 210987654321" in outcome.reason
    assert result.exit is Exit.INCOMPLETE


def test_a_group_that_settings_name_and_that_is_not_there_is_said(before):
    text = flow_logs("LogGroupName: /vpc") + listed("/vpc", "/vpc/other")
    (outcome,) = before(FLOW, text).collect().outcomes
    assert outcome.status is UnitStatus.NOT_CONFIGURED
    assert outcome.reason == "`/vpc` is named in the settings and does not exist"


def test_what_the_settings_leave_out_is_how_the_unit_ends(before):
    text = flow_logs("LogGroupName: /vpc", "LogGroupName: /vpc", traffic="REJECT") + listed("/vpc", "/vpc")
    stage = before(FLOW, text + events("/vpc"))
    (outcome,) = stage.collect().outcomes
    assert outcome.status is UnitStatus.EXCLUDED_AT_SOURCE
    assert outcome.reason == "fl-0 records REJECT traffic only; fl-1 records REJECT traffic only"
    assert taken(stage) == {("us-east-1", "/vpc"): 1}


@pytest.mark.slow
def test_what_a_named_group_no_longer_keeps_is_expired_and_the_rest_is_taken(before):
    text = flow_logs("LogGroupName: /vpc") + listed("/vpc", "/vpc", days="1") + events("/vpc", at=1795208400000)
    stage = before(FLOW, "\n    window: {start: 2026-11-20T18:00:00Z, end: 2026-11-20T22:00:00Z}" + text)
    found = {one.status for one in stage.collect().outcomes}
    assert found == {UnitStatus.EXPIRED_RETENTION, UnitStatus.COMPLETE}


def test_groups_by_name_and_by_setting_are_taken_each_once(before):
    text = functions(
        "{FunctionName: a, LoggingConfig: {LogGroup: /aws/lambda/a}}", "{FunctionName: b}",
        "{FunctionName: c, LoggingConfig: {LogGroup: /shared}}",
        "{FunctionName: d, LoggingConfig: {LogGroup: /shared}}",
    )  # fmt: skip
    named = ("/aws/lambda/a", "/aws/lambda/b", "/aws/lambda/deleted")
    stage = before(
        LAMBDA, text + listed("/aws/lambda/", *named) + listed("/shared", "/shared") + events(*named, "/shared")
    )
    assert stage.collect().exit is Exit.OK
    assert taken(stage) == {("us-east-1", name): 1 for name in (*named, "/shared")}


def test_groups_that_are_there_are_taken_even_if_the_service_does_not_say_what_it_logs(before):
    refusal = """
    replies:
      - operation: ListFunctions
        service: lambda
        error: {code: AccessDeniedException, message: "no", status: 403}"""
    stage = before(LAMBDA, refusal + listed("/aws/lambda/", "/aws/lambda/a") + events("/aws/lambda/a"))
    result = stage.collect()
    assert taken(stage) == {("us-east-1", "/aws/lambda/a"): 1}
    assert {one.status for one in result.outcomes} == {UnitStatus.COMPLETE, UnitStatus.DENIED}
    assert result.exit is Exit.INCOMPLETE


def test_a_prefix_that_the_operator_gives_is_all_that_is_looked_for(before):
    text = "\n    params: {log_group_prefix: /mine}\n    replies:" + listed("/mine", "/mine/1") + events("/mine/1")
    stage = before(LAMBDA, text)
    assert stage.collect().exit is Exit.OK
    assert taken(stage) == {("us-east-1", "/mine/1"): 1}


def test_a_switched_off_log_does_not_hide_what_it_recorded_before(before):
    text = """
    replies:
      - operation: ListClusters
        service: eks
        pages: [{clusters: [shop]}]
      - operation: DescribeCluster
        service: eks
        pages: [{cluster: {name: shop, logging: {clusterLogging: [{types: [audit], enabled: false}]}}}]"""
    stage = before(EKS, text + listed("/aws/eks/", "/aws/eks/shop/cluster") + events("/aws/eks/shop/cluster"))
    result = stage.collect()
    assert taken(stage) == {("us-east-1", "/aws/eks/shop/cluster"): 1}
    assert {(one.status, one.reason) for one in result.outcomes} == {
        (UnitStatus.COMPLETE, ""),
        (UnitStatus.NOT_ENABLED, "the audit log of shop is off"),
    }


@pytest.mark.parametrize("logging", ["{}", "{logging: {}}", "{logging: {clusterLogging: [{enabled: true}]}}"])
def test_a_cluster_that_says_nothing_of_its_audit_log_is_not_one_that_has_it(before, logging):
    text = f"""
    replies:
      - operation: ListClusters
        service: eks
        pages: [{{clusters: [shop]}}]
      - operation: DescribeCluster
        service: eks
        pages: [{{cluster: {logging}}}]"""
    (outcome,) = before(EKS, text + listed("/aws/eks/")).collect().outcomes
    assert outcome.status is UnitStatus.NOT_ENABLED


def test_neither_a_service_nor_a_group_is_nothing_configured(before):
    text = "\n    replies:\n      - {operation: ListClusters, service: eks, pages: [{clusters: []}]}"
    (outcome,) = before(EKS, text + listed("/aws/eks/")).collect().outcomes
    assert outcome.status is UnitStatus.NOT_CONFIGURED
    assert outcome.reason == "there is neither a cluster nor a log group of one here"


def sessions(content, name="d"):
    return f"""
    replies:
      - {{operation: ListDocuments, service: ssm, pages: [{{DocumentIdentifiers: [{{Name: {name}}}]}}]}}
      - {{operation: GetDocument, service: ssm, pages: [{{Name: {name}, Content: '{content}'}}]}}"""


def test_a_setting_that_is_text_of_json_is_read(before):
    text = sessions('{"inputs":{"cloudWatchLogGroupName":"/s"}}') + listed("/s", "/s") + events("/s")
    stage = before("aws.ssm.session_logs_cloudwatch", text)
    assert stage.collect().exit is Exit.OK
    assert taken(stage) == {("us-east-1", "/s"): 1}


@pytest.mark.parametrize("content", ["schemaVersion: 1.0", "", "{"])
def test_a_setting_that_cannot_be_read_is_not_one_that_is_off(before, content):
    (outcome,) = before("aws.ssm.session_logs_cloudwatch", sessions(content)).collect().outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert outcome.reason == "GetDocument: `Content` is not a JSON document"
