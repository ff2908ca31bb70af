"""The rules that come with the kit, each with records that it must fit and near ones that it must not."""

import json
import uuid

import pytest
from support.sifting import Evidence

from evidence_kit.analysis.sigma import book, matching
from evidence_kit.analysis.sigma.words import End

RULES = {name.removesuffix(".yml"): text for name, text in book.own_rules()}
TRAIL, GCP, ENTRA, OKTA = (
    "aws.cloudtrail.s3",
    "gcp.logging.admin_activity",
    "entra.directory_audits",
    "okta.system_log",
)
NAMED = {"type": "IAMUser", "userName": "robin"}
EVERYBODY = '{"Statement":[{"Effect": "Allow", "Principal": {"AWS": "*"}}]}'


def call(service, name, parameters=None, **more):
    said = {"eventSource": f"{service}.amazonaws.com", "eventName": name, "requestParameters": parameters}
    return {**said, "userIdentity": NAMED, **more}


def ingress(ranges, **more):
    return call("ec2", "AuthorizeSecurityGroupIngress", {"ipPermissions": {"items": [ranges]}}, **more)


def entry(method):
    return {"protoPayload": {"methodName": f"google.logging.v2.ConfigServiceV2.{method}"}}


def granted(kind, result="SUCCESS"):
    return {"eventType": kind, "outcome": {"result": result}}


CASES = {
    "aws_trail_stopped_or_deleted": (
        TRAIL,
        [call("cloudtrail", "StopLogging"), call("cloudtrail", "DeleteTrail")],
        [call("cloudtrail", "StartLogging"), call("kinesis", "StopLogging")],
    ),
    "aws_trail_selectors_changed": (
        TRAIL,
        [call("cloudtrail", "PutEventSelectors"), call("cloudtrail", "UpdateTrail")],
        [call("cloudtrail", "GetEventSelectors")],
    ),
    "aws_network_logs_deleted": (
        TRAIL,
        [call("ec2", "DeleteFlowLogs"), call("route53resolver", "DeleteResolverQueryLogConfig")],
        [call("ec2", "CreateFlowLogs"), call("other", "DeleteFlowLogs")],
    ),
    "aws_guardduty_disabled": (
        TRAIL,
        [call("guardduty", "DeleteDetector"), call("guardduty", "UpdateDetector", {"enable": False})],
        [call("guardduty", "UpdateDetector", {"enable": True}), call("guardduty", "UpdateDetector", {})],
    ),
    "aws_bedrock_logging_deleted": (
        TRAIL,
        [call("bedrock", "DeleteModelInvocationLoggingConfiguration")],
        [call("bedrock", "GetModelInvocationLoggingConfiguration")],
    ),
    "aws_access_key_for_another_user": (
        TRAIL,
        [call("iam", "CreateAccessKey", {"userName": "alex"}),
         call("iam", "CreateAccessKey", {"userName": "alex"}, userIdentity={"type": "AssumedRole"})],
        [call("iam", "CreateAccessKey", {"userName": "robin"}), call("iam", "CreateAccessKey"),
         call("iam", "CreateAccessKey", {"userName": "alex"}, errorCode="AccessDenied")],
    ),
    "aws_root_console_login": (
        TRAIL,
        [call("signin", "ConsoleLogin", userIdentity={"type": "Root"}, responseElements={"ConsoleLogin": "Success"})],
        [call("signin", "ConsoleLogin", responseElements={"ConsoleLogin": "Success"}),
         call("signin", "ConsoleLogin", userIdentity={"type": "Root"}, responseElements={"ConsoleLogin": "Failure"})],
    ),
    "aws_security_group_open_to_world": (
        TRAIL,
        [ingress({"ipRanges": {"items": [{"cidrIp": "10.0.0.0/8"}, {"cidrIp": "0.0.0.0/0"}]}}),
         ingress({"ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]}}),
         call("ec2", "AuthorizeSecurityGroupIngress", {"cidrIp": "208.1.2.3/0", "ipPermissions": {}})],
        [ingress({"ipRanges": {"items": [{"cidrIp": "10.0.0.0/8"}]}}),
         ingress({"ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}, errorCode="UnauthorizedOperation"),
         call("ec2", "RevokeSecurityGroupIngress", {"cidrIp": "0.0.0.0/0"})],
    ),
    "aws_bucket_made_public": (
        TRAIL,
        [call("s3", "DeleteBucketPublicAccessBlock"), call("s3", "PutBucketAcl", {"x-amz-acl": ["public-read"]}),
         call("s3", "PutBucketPublicAccessBlock", {"PublicAccessBlockConfiguration": {"BlockPublicAcls": False}}),
         call("s3", "PutBucketPolicy", {"bucketPolicy": json.loads(EVERYBODY)})],
        [call("s3", "PutBucketAcl", {"x-amz-acl": ["private"]}),
         call("s3", "PutBucketPublicAccessBlock", {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}),
         call("s3", "PutBucketPolicy", {"bucketPolicy": json.loads(EVERYBODY.replace("Allow", "Deny"))}),
         call("s3", "PutBucketPolicy", {"bucketPolicy": json.loads(EVERYBODY.replace("*", "arn:aws:iam::1:root"))})],
    ),
    "gcp_logging_sink_changed": (
        GCP,
        [entry("UpdateSink"), entry("DeleteSink"), entry("CreateExclusion"), entry("UpdateBucketAsync")],
        [entry("ListSinks"), entry("CreateSink"), {"protoPayload": {"methodName": "UpdateSink"}}],
    ),
    "entra_consent_granted": (
        ENTRA,
        [{"activityDisplayName": "Consent to application"}, {"activityDisplayName": "Add OAuth2PermissionGrant"}],
        [{"activityDisplayName": "Update application"}, {"other": "Consent to application"}],
    ),
    "okta_admin_granted": (
        OKTA,
        [granted("user.account.privilege.grant"), granted("group.privilege.grant")],
        [granted("user.account.privilege.revoke"), granted("user.account.privilege.grant", "FAILURE")],
    ),
}  # fmt: skip


def test_every_rule_has_a_known_answer() -> None:
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_rule_fits_what_it_is_about_and_nothing_near_it(name) -> None:
    source, wanted, near = CASES[name]

    (told,) = Evidence(*wanted, *near, source=source).sift(RULES[name])

    assert [match.line for match in told.matches] == list(range(1, len(wanted) + 1))


def test_rules_have_ids_of_their_own_and_say_what_a_reader_needs() -> None:
    rules, refused = book.read_rules(RULES.items())

    assert refused == ()
    assert len({uuid.UUID(rule.id) for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.data["falsepositives"], rule.file
        assert rule.level in {"medium", "high"}
        assert matching.translated(rule)


def test_a_case_without_such_logs_is_told_so() -> None:
    ends = {told.end for told in Evidence(source="slack.audit_logs").sift(*RULES.values())}

    assert ends == {End.NO_RECORDS}
