"""Each shape of log gives time, action, actor and address from where that log keeps them."""

import json
from dataclasses import replace

import pytest
from support.bodies import OneBody, artifact_of
from support.casemaker import SPEC

from evidence_kit.analysis.records.mapping import address_of, parse_shape, shape_of, shapes
from evidence_kit.analysis.records.promote import ROW, Promoter
from evidence_kit.analysis.records.reading import read_records
from evidence_kit.errors import UsageError
from evidence_kit.model.source import RecordPath
from evidence_kit.sources.catalogue import load_catalogue

CLOUDTRAIL = {
    "eventTime": "2026-11-20T10:00:00Z",
    "eventName": "GetSecretValue",
    "userIdentity": {"arn": "arn:aws:iam::111122223333:user/dana", "accessKeyId": "AKIAEXAMPLE"},
    "sourceIPAddress": "203.0.113.7",
    "awsRegion": "eu-west-1",
    "recipientAccountId": "444455556666",
}
AT = "2026-11-20T10:00:00Z"
FLOW = "2 111122223333 eni-1 203.0.113.7 10.0.0.9 443 49152 6 10 840 1795168800 1795168860 REJECT OK"
S3 = (
    "owner shop [20/Nov/2026:10:00:00 +0000] 203.0.113.7 arn:aws:iam::111122223333:user/dana REQ REST.GET.OBJECT "
    'invoices/1.pdf "GET /invoices/1.pdf HTTP/1.1" 200 - 9 9 1 1 "-" "aws-cli/2" - H SigV4 - Auth h TLSv1.3 - -'
)
ELB = (
    "https 2026-11-20T10:00:00.000000Z app/web/1 203.0.113.7:4711 10.0.0.9:80 0 0 0 200 200 1 2 "
    '"GET https://shop.example.com/ HTTP/1.1" "curl/8" - - arn "Root=1" "shop.example.com" "-" 0 '
    '2026-11-20T10:00:00.000000Z "forward" "-" "-"'
)
CLASSIC = (
    "2026-11-20T10:00:00.000000Z web 203.0.113.7:4711 10.0.0.9:80 0 0 0 200 200 1 2 "
    '"GET https://shop.example.com:443/ HTTP/1.1" "curl/8" - -'
)
CLOUDFRONT = (
    "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status\n"
    "2026-11-20\t10:00:00\tFRA2\t9\t203.0.113.7\tGET\td1.cloudfront.net\t/a\t200"
)
CLASSIC_STORAGE = (
    "1.0;2026-11-20T10:00:00.0000000Z;GetBlob;Success;200;4;4;authenticated;shop;shop;blob;"
    '"https://shop.blob.core.windows.net/a";"/shop/a";id;0;203.0.113.7:4711;2023-01-01;1;0;1;9;0;;;;;;"azcopy/10"'
)


def said(time: str | None, action: str | None, actor: str | None, ip: str | None) -> dict[str, str | None]:
    return {"time": time, "action": action, "actor": actor, "src_ip": ip}


SEEDS: list[tuple[str, object, dict[str, str | None]]] = [
    ("aws.cloudtrail.s3", CLOUDTRAIL, said(AT, "GetSecretValue", CLOUDTRAIL["userIdentity"]["arn"], "203.0.113.7")),
    (
        "aws.cloudtrail.lookup",
        {"EventTime": 1795168801.0, "EventName": "x", "CloudTrailEvent": json.dumps(CLOUDTRAIL)},
        {**said(AT, "GetSecretValue", CLOUDTRAIL["userIdentity"]["arn"], "203.0.113.7"), "target": "444455556666"},
    ),
    (
        "aws.cloudwatch.logs",
        {"timestamp": 1795168800000, "logStreamName": "s", "message": "plain text"},
        {**said("2026-11-20T10:00:00.000Z", None, None, None), "resource": "s"},
    ),
    (
        "aws.guardduty.findings",
        {
            "type": "Recon:IAMUser/MaliciousIPCaller",
            "service": {
                "eventLastSeen": AT,
                "action": {"awsApiCallAction": {"remoteIpDetails": {"ipAddressV4": "203.0.113.7"}}},
            },
            "resource": {"accessKeyDetails": {"userName": "dana", "accessKeyId": "AKIAEXAMPLE"}},
        },
        {**said(AT, "Recon:IAMUser/MaliciousIPCaller", "dana", "203.0.113.7"), "credential": "AKIAEXAMPLE"},
    ),
    (
        "aws.securityhub.findings",
        {"UpdatedAt": AT, "Types": ["TTPs"], "AwsAccountId": "1"},
        said(AT, "TTPs", None, None),
    ),
    (
        "aws.vpc.flow_s3",
        FLOW,
        {**said(AT, "REJECT", None, "203.0.113.7"), "outcome": "failure", "resource": "10.0.0.9"},
    ),
    (
        "aws.vpc.flow_cloudwatch",
        {"timestamp": 1795168900000, "message": FLOW},
        {**said(AT, "REJECT", None, "203.0.113.7"), "target": "111122223333"},
    ),
    ("aws.s3.access_logs", S3, said(AT, "REST.GET.OBJECT", "arn:aws:iam::111122223333:user/dana", "203.0.113.7")),
    ("aws.elb.access_logs", ELB, said("2026-11-20T10:00:00.000000Z", "GET", None, "203.0.113.7")),
    ("aws.elb.classic_access_logs", CLASSIC, said("2026-11-20T10:00:00.000000Z", "GET", None, "203.0.113.7")),
    ("aws.cloudfront.access_logs", CLOUDFRONT, {**said(AT, "GET", None, "203.0.113.7"), "resource": "/a"}),
    (
        "aws.bedrock.invocations_s3",
        {"timestamp": AT, "operation": "InvokeModel", "identity": {"arn": "a"}, "modelId": "m"},
        {**said(AT, "InvokeModel", "a", None), "resource": "m"},
    ),
    (
        "aws.waf.logs_s3",
        {
            "timestamp": 1795168800000,
            "action": "BLOCK",
            "httpRequest": {"clientIp": "203.0.113.7", "httpMethod": "GET"},
        },
        {**said("2026-11-20T10:00:00.000Z", "GET", None, "203.0.113.7"), "outcome": "BLOCK"},
    ),
    (
        "aws.route53resolver.query_logs_s3",
        {"query_timestamp": AT, "query_type": "A", "srcaddr": "10.0.0.9", "query_name": "example.com."},
        {**said(AT, "A", None, "10.0.0.9"), "resource": "example.com."},
    ),
    (
        "aws.eks.audit",
        {"message": json.dumps({"requestReceivedTimestamp": AT, "verb": "get", "user": {"username": "dana"}})},
        said(AT, "get", "dana", None),
    ),
    (
        "gcp.logging.data_access",
        {
            "timestamp": "2026-11-20T10:00:00.123456789Z",
            "protoPayload": {
                "methodName": "storage.objects.get",
                "authenticationInfo": {"principalEmail": "dana@example.com"},
                "requestMetadata": {"callerIp": "203.0.113.7"},
                "status": {"code": 7},
            },
            "resource": {"labels": {"project_id": "shop"}},
        },
        {
            **said("2026-11-20T10:00:00.123456789Z", "storage.objects.get", "dana@example.com", "203.0.113.7"),
            "outcome": "failure",
            "target": "shop",
        },
    ),
    (
        "gcp.scc.findings",
        {"finding": {"eventTime": AT, "category": "c", "access": {"principalEmail": "d", "callerIp": "203.0.113.7"}}},
        said(AT, "c", "d", "203.0.113.7"),
    ),
    (
        "gcp.workspace.login",
        {
            "id": {"time": AT},
            "actor": {"email": "d"},
            "ipAddress": "203.0.113.7",
            "events": [{"name": "login_failure"}],
        },
        {**said(AT, "login_failure", "d", "203.0.113.7"), "outcome": "failure"},
    ),
    (
        "azure.activity.subscription",
        {
            "eventTimestamp": AT,
            "operationName": {"value": "Microsoft.Compute/disks/delete"},
            "caller": "dana@example.com",
            "httpRequest": {"clientIpAddress": "203.0.113.7"},
        },
        said(AT, "Microsoft.Compute/disks/delete", "dana@example.com", "203.0.113.7"),
    ),
    (
        "azure.blob.keyvault",
        {
            "time": AT,
            "operationName": "SecretGet",
            "callerIpAddress": "203.0.113.7:4711",
            "identity": {"claim": {"upn": "d"}},
        },
        said(AT, "SecretGet", "d", "203.0.113.7"),
    ),
    (
        "azure.blob.storage_classic",
        CLASSIC_STORAGE,
        said("2026-11-20T10:00:00.0000000Z", "GetBlob", "shop", "203.0.113.7"),
    ),
    (
        "entra.signins.interactive",
        {"createdDateTime": AT, "appDisplayName": "Portal", "userPrincipalName": "d", "ipAddress": "2001:db8::7"},
        said(AT, "sign-in", "d", "2001:db8::7"),
    ),
    (
        "entra.directory_audits",
        {
            "activityDateTime": AT,
            "activityDisplayName": "Add user",
            "initiatedBy": {"user": {"userPrincipalName": "d"}},
        },
        said(AT, "Add user", "d", None),
    ),
    (
        "defender.hunting",
        {"Timestamp": AT, "ActionType": "LogonFailed", "AccountUpn": "d"},
        said(AT, "LogonFailed", "d", None),
    ),
    (
        "m365.activity_feed",
        {
            "CreationTime": "2026-11-20T10:00:00",
            "Operation": "FileDownloaded",
            "UserId": "d",
            "ClientIP": "[2001:db8::7]:443",
        },
        said(AT, "FileDownloaded", "d", "2001:db8::7"),
    ),
    (
        "m365.audit_query",
        {
            "createdDateTime": "2026-11-20T10:00:09Z",
            "auditData": {"CreationTime": "2026-11-20T10:00:00", "UserId": "d"},
        },
        said(AT, None, "d", None),
    ),
    (
        "github.org_audit",
        {"@timestamp": 1795168800000, "action": "repo.create", "actor": "d", "actor_ip": "203.0.113.7"},
        said("2026-11-20T10:00:00.000Z", "repo.create", "d", "203.0.113.7"),
    ),
    (
        "gitlab.audit_events",
        {"created_at": AT, "event_name": "e", "details": {"author_name": "d", "ip_address": "203.0.113.7"}},
        said(AT, "e", "d", "203.0.113.7"),
    ),
    (
        "okta.system_log",
        {
            "published": AT,
            "eventType": "user.session.start",
            "actor": {"alternateId": "d"},
            "client": {"ipAddress": "203.0.113.7"},
        },
        said(AT, "user.session.start", "d", "203.0.113.7"),
    ),
    (
        "auth0.logs",
        {"date": AT, "type": "fp", "user_name": "d", "ip": "203.0.113.7"},
        said(AT, "fp", "d", "203.0.113.7"),
    ),
    (
        "slack.audit_logs",
        {
            "date_create": 1795168800,
            "action": "user_login",
            "actor": {"user": {"email": "d"}},
            "context": {"ip_address": "203.0.113.7"},
        },
        said(AT, "user_login", "d", "203.0.113.7"),
    ),
    (
        "cloudflare.audit_logs",
        {"action": {"time": AT, "type": "create"}, "actor": {"email": "d", "ip_address": "203.0.113.7"}},
        said(AT, "create", "d", "203.0.113.7"),
    ),
    (
        "datadog.audit_events",
        {"attributes": {"timestamp": AT, "attributes": {"action": "accessed", "usr": {"email": "d"}}}},
        said(AT, "accessed", "d", None),
    ),
    (
        "onepassword.signin_attempts",
        {
            "timestamp": AT,
            "category": "success",
            "target_user": {"email": "d"},
            "client": {"ip_address": "203.0.113.7"},
        },
        said(AT, "success", "d", "203.0.113.7"),
    ),
    (
        "openai.audit_logs",
        {
            "effective_at": 1795168800,
            "type": "login.failed",
            "actor": {"session": {"user": {"email": "d"}, "ip_address": "203.0.113.7"}},
        },
        said(AT, "login.failed", "d", "203.0.113.7"),
    ),
    (
        "anthropic.compliance_activities",
        {"created_at": AT, "type": "t", "actor": {"email_address": "d", "ip_address": "203.0.113.7"}},
        said(AT, "t", "d", "203.0.113.7"),
    ),
    (
        "snowflake.login_history",
        {
            "EVENT_TIMESTAMP": "2026-11-20 10:00:00.000 Z",
            "EVENT_TYPE": "LOGIN",
            "USER_NAME": "d",
            "CLIENT_IP": "203.0.113.7",
            "IS_SUCCESS": "NO",
        },
        {**said("2026-11-20T10:00:00.000Z", "LOGIN", "d", "203.0.113.7"), "outcome": "failure"},
    ),
    (
        "intake.files",
        {"timestamp": AT, "event_type": "e", "user": {"name": "d"}, "ip_address": "203.0.113.7"},
        said(AT, "e", "d", "203.0.113.7"),
    ),
]


def rows(source: str, body: bytes, path: str = "") -> list[dict[str, object]]:
    """Return the rows that bytes give as evidence of a source."""
    artifact = replace(artifact_of(body, source), provider="p", target="t", region="r")
    promoter = Promoter("IR-1", artifact, shape_of(source))
    spec = replace(SPEC, records=RecordPath(path=path))
    found = read_records(OneBody(body), artifact, spec, shape_of(source).layout)  # type: ignore[arg-type]
    return [dict(zip(ROW, promoter.row(one), strict=True)) for one in found]  # type: ignore[arg-type]


@pytest.mark.parametrize(("source", "seed", "expected"), SEEDS, ids=[f"{seed[0]}" for seed in SEEDS])
def test_a_seed_of_each_shape_is_read(source, seed, expected) -> None:
    header = (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action x\n"
    )
    text = seed if isinstance(seed, str) else json.dumps(seed)
    body = (header if source == "aws.vpc.flow_s3" else "") + text
    (row,) = rows(source, body.encode())
    assert {name: row[name] for name in expected} == expected
    assert row["raw"] == text.splitlines()[-1]
    assert (row["source"], row["artifact"], row["line"]) == (source, "bags/b/data/one", 1)


def test_every_shape_has_a_seed() -> None:
    assert {shape_of(source).name for source, *_ in SEEDS} == {shape.name for shape in shapes()}


def test_every_pattern_of_a_shape_is_a_source_of_the_catalogue_or_a_family() -> None:
    known = load_catalogue()
    for shape in shapes():
        assert all(pattern in known or "*" in pattern for pattern in shape.sources), shape.name


def test_rows_of_a_workspace_are_named_by_the_columns_beside_them() -> None:
    columns = [{"name": "TimeGenerated", "type": "datetime"}, {"name": "UserPrincipalName"}, {"name": "IPAddress"}]
    body = {"tables": [{"name": "T", "columns": columns, "rows": [[AT, "dana@example.com", "203.0.113.7"]]}]}
    (row,) = rows("azure.la.signins", json.dumps(body).encode(), "tables[0].rows")
    assert (row["time"], row["actor"], row["src_ip"]) == (AT, "dana@example.com", "203.0.113.7")
    assert row["raw"] == f'["{AT}", "dana@example.com", "203.0.113.7"]'


def test_a_time_that_cannot_be_read_is_null_and_counted() -> None:
    body = b'{"Records":[{"eventTime":"redacted"},{"eventName":"x"},{"eventTime":"2026-11-20T10:00:00Z"}]}'
    artifact = artifact_of(body, "aws.cloudtrail.s3")
    promoter = Promoter("IR-1", artifact, shape_of(artifact.source))
    spec = replace(SPEC, records=RecordPath(path="Records"))
    times = [promoter.row(one)[ROW.index("time")] for one in read_records(OneBody(body), artifact, spec)]  # type: ignore[arg-type]
    assert times == [None, None, AT]
    assert promoter.unreadable == {artifact.path: 1}


def test_half_a_character_in_a_value_does_not_stop_the_row() -> None:
    (row,) = rows("aws.cloudtrail.s3", b'{"Records":[{"eventName":"\\ud800"}]}', "Records")
    assert row["action"] == "\\ud800"
    assert row["raw"] == '{"eventName":"\\ud800"}'


@pytest.mark.parametrize(
    ("address", "bare"),
    [
        ("203.0.113.7:443", "203.0.113.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("AWS Internal", "AWS Internal"),
        ("999.1.1.1:80", "999.1.1.1:80"),
    ],
)
def test_an_address_loses_its_port_and_nothing_else(address, bare) -> None:
    assert address_of(address) == bare


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("time: [a..b]", "is not a path"),
        ("when: [a]", "unknown field `when`"),
        ("time: [{pfad: a}]", "unknown field `pfad`"),
    ],
)
def test_a_wrong_shape_says_where(field, message) -> None:
    text = f"apiVersion: evidence-kit/fields.v1\nkind: Fields\nname: n\nsources: [n]\nfields:\n  {field}\n"
    with pytest.raises(UsageError, match=message):
        parse_shape(text.encode(), name="n.yaml")
