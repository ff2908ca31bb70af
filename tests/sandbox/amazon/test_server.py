"""botocore's own clients against the server: each protocol there and back, pages, refusals, buckets."""

from datetime import UTC, datetime

import botocore.session
import pytest
from botocore.exceptions import ClientError
from support.amazon import serving

from evidence_kit.sandbox.amazon.fixture import read_estate
from evidence_kit.sandbox.faults import Fault


@pytest.fixture
def ask(monkeypatch):
    """Return a function that serves a document and gives the server and a maker of clients."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(*replies, region="us-east-1", **more):
            server = stack.enter_context(serving(read_estate({"replies": replies, **more}), monkeypatch))
            session = botocore.session.get_session()
            return server, lambda service: session.create_client(service, region_name=region)

        yield start


def one(service, operation, output, **more):
    return {"service": service, "operation": operation, "pages": [output], **more}


EVERY_PROTOCOL = {
    "json": ("kms", "DescribeKey", {"KeyId": "a/b"}, {"KeyMetadata": {"KeyId": "a/b", "Enabled": True}}),
    "json first offered in cbor": (
        "health",
        "DescribeEvents",
        {"filter": {"regions": ["us-east-1"]}},
        {"events": [{"arn": "arn:aws:health:us-east-1::event/1"}]},
    ),
    "rest-json": (
        "lambda",
        "GetFunction",
        {"FunctionName": "arn:aws:lambda:us-east-1:111122223333:function:f/1", "Qualifier": "7"},
        {"Configuration": {"FunctionName": "f", "MemorySize": 128}},
    ),
    "rest-json, a body": (
        "securityhub",
        "GetFindings",
        {"Filters": {"SeverityLabel": [{"Value": "HIGH", "Comparison": "EQUALS"}]}, "MaxResults": 5},
        {"Findings": []},
    ),
    "query": (
        "elbv2",
        "DescribeLoadBalancers",
        {"Names": ["a", "b"], "PageSize": 3},
        {"LoadBalancers": [{"LoadBalancerName": "a & b", "SecurityGroups": ["sg-1"]}]},
    ),
    "ec2": (
        "ec2",
        "DescribeVolumes",
        {"Filters": [{"Name": "status", "Values": ["in-use", "error"]}], "MaxResults": 9},
        {"Volumes": [{"VolumeId": "vol-1", "Encrypted": False}]},
    ),
    "rest-xml": (
        "route53",
        "ListResourceRecordSets",
        {"HostedZoneId": "Z1", "StartRecordName": "a.example.com"},
        {"ResourceRecordSets": [{"Name": "a.example.com.", "Type": "A"}], "IsTruncated": False, "MaxItems": "100"},
    ),
    "rest-xml, a payload": (
        "cloudfront",
        "GetDistribution",
        {"Id": "E1"},
        {"ETag": "E2", "Distribution": {"Id": "E1", "Status": "Deployed", "DomainName": "d.cloudfront.net"}},
    ),
    "s3": (
        "s3",
        "GetBucketAcl",
        {"Bucket": "shop"},
        {"Owner": {"ID": "1"}, "Grants": [{"Grantee": {"ID": "2", "Type": "CanonicalUser"}, "Permission": "READ"}]},
    ),
    "s3, a document": ("s3", "GetBucketPolicy", {"Bucket": "shop"}, {"Policy": '{"Version": "2012-10-17"}'}),
    "s3control": (
        "s3control",
        "GetPublicAccessBlock",
        {"AccountId": "111122223333"},
        {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}},
    ),
}


@pytest.mark.parametrize("kind", EVERY_PROTOCOL)
def test_question_and_answer_survive_each_protocol(ask, kind):
    service, operation, params, output = EVERY_PROTOCOL[kind]
    server, client = ask(one(service, operation, output, when=params))
    told = client(service)._make_api_call(operation, params)
    del told["ResponseMetadata"]
    assert {name: told[name] for name in output} == output
    (heard,) = server.heard
    assert (heard.service, heard.operation, heard.region) == (service, operation, "us-east-1")
    assert heard.params.items() >= params.items()
    assert server.unexpected == []
    assert server.unserved == []


@pytest.mark.parametrize("service", ["iam", "kms", "s3", "ec2", "lambda", "route53", "cloudfront"])
def test_a_refusal_is_worded_as_its_service_does(ask, service):
    operation, params = {
        "iam": ("GetUser", {"UserName": "a"}),
        "kms": ("DescribeKey", {"KeyId": "k"}),
        "s3": ("GetBucketPolicy", {"Bucket": "shop"}),
        "ec2": ("DescribeInstances", {}),
        "lambda": ("GetFunction", {"FunctionName": "f"}),
        "route53": ("GetHostedZone", {"Id": "Z1"}),
        "cloudfront": ("GetDistribution", {"Id": "E1"}),
    }[service]
    error = {"code": "NoSuchThing", "message": "a < b", "status": 404}
    _, client = ask({"service": service, "operation": operation, "error": error})
    with pytest.raises(ClientError) as said:
        client(service)._make_api_call(operation, params)
    assert said.value.response["Error"]["Code"] == "NoSuchThing"
    assert said.value.response["Error"]["Message"] == "a < b"
    assert said.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    ("service", "operation", "member", "pages"),
    [
        ("kms", "ListKeys", "Keys", [{"Keys": [{"KeyId": "1"}]}, {"Keys": []}, {"Keys": [{"KeyId": "2"}]}]),
        ("iam", "ListUsers", "Users", [{"Users": [{"UserName": "a"}]}, {"Users": [{"UserName": "b"}]}]),
        ("ec2", "DescribeVolumes", "Volumes", [{"Volumes": [{"VolumeId": "1"}]}, {"Volumes": [{"VolumeId": "2"}]}]),
        ("lambda", "ListFunctions", "Functions", [{"Functions": [{"FunctionName": "1"}]}, {"Functions": []}]),
        (
            "cloudfront",
            "ListDistributions",
            "DistributionList.Items",
            [{"DistributionList": {"Quantity": 1}}, {"DistributionList": {"Quantity": 2}}],
        ),
        ("route53", "ListHostedZones", "HostedZones", [{"HostedZones": []}, {"HostedZones": []}]),
    ],
)
def test_botocores_paginators_find_every_page(ask, service, operation, member, pages):
    server, client = ask({"service": service, "operation": operation, "pages": pages})
    name = botocore.xform_name(operation)
    assert len(list(client(service).get_paginator(name).paginate())) == len(pages), member
    assert server.unserved == []
    assert server.unexpected == []


def test_a_page_that_was_not_offered_is_not_given(ask):
    server, client = ask({"service": "kms", "operation": "ListKeys", "pages": [{"Keys": []}, {"Keys": []}]})
    for token in ("page-2", "page-9"):
        with pytest.raises(ClientError, match="UnexpectedRequest"):
            client("kms").list_keys(Marker=token)
    client("kms").list_keys()
    client("kms").list_keys(Marker="page-2")
    assert len(server.unexpected) == 2


def test_a_page_belongs_to_the_question_that_it_answers(ask):
    server, client = ask({"service": "kms", "operation": "ListKeys", "pages": [{"Keys": []}, {"Keys": []}]})
    client("kms").list_keys(Limit=5)
    with pytest.raises(ClientError, match="UnexpectedRequest"):
        client("kms").list_keys(Limit=6, Marker="page-2")
    assert server.unserved == ["kms ListKeys {} part 2 of 2"]


def test_what_no_reply_is_for_is_refused_and_remembered(ask):
    server, client = ask(one("kms", "DescribeKey", {}, when={"KeyId": "a"}))
    for call in (lambda: client("kms").describe_key(KeyId="b"), lambda: client("sqs").list_queues()):
        with pytest.raises(ClientError, match="UnexpectedRequest"):
            call()
    assert len(server.unexpected) == 2


def test_turns_answer_one_request_after_the_other_and_the_last_for_ever(ask):
    turns = [{"State": "STARTED"}, {"State": "COMPLETE"}]
    _, client = ask({"service": "iam", "operation": "GenerateCredentialReport", "turns": turns})
    said = [client("iam").generate_credential_report()["State"] for _ in range(3)]
    assert said == ["STARTED", "COMPLETE", "COMPLETE"]


def test_a_reply_may_be_for_one_region_and_for_the_absence_of_a_parameter(ask):
    _, client = ask(
        one("kms", "ListKeys", {"Keys": [{"KeyId": "far"}]}, region="eu-west-1"),
        one("kms", "ListKeys", {"Keys": [{"KeyId": "all"}]}, when={"Limit": None}),
        one("kms", "ListKeys", {"Keys": [{"KeyId": "few"}]}),
    )
    assert client("kms").list_keys()["Keys"][0]["KeyId"] == "all"
    assert client("kms").list_keys(Limit=3)["Keys"][0]["KeyId"] == "few"


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        (one("kms", "DescribeKey", {"KeyMetadata": {"Colour": "red"}}), "no member Colour"),
        (one("kms", "DescribeKey", {"KeyMetadata": {"KeyState": "Lost"}}), "none of"),
        (one("kms", "DescribeKey", {"KeyMetadata": {"Enabled": "yes"}}), "no boolean"),
        (one("kms", "DescribeKey", {"KeyMetadata": {"CreationDate": "soon"}}), "no instant"),
        (one("kms", "GetPublicKey", {"PublicKey": "no base64!"}), "base64"),
        (one("kms", "ListKeys", {"Keys": {}}), "list is expected"),
        (one("kms", "EatKeys", {}), "no operation"),
        (one("kmz", "ListKeys", {}), "no model"),
        (one("kms", "ListKeys", {}, when={"Colour": "red"}), "no parameter"),
        (one("kms", "ListKeys", {}, wehn={}), "unknown field"),
        ({"service": "kms", "operation": "ListKeys"}, "exactly one"),
        ({"service": "kms", "operation": "ListKeys", "body": "text"}, "document of its own"),
        ({"service": "kms", "operation": "ListKeys", "error": {"code": "x", "why": "y"}}, "unknown field"),
        ({"service": "kms", "operation": "DescribeKey", "pages": [{}, {}]}, "does not page by any rule"),
    ],
)
def test_a_fixture_cannot_say_what_aws_could_not(reply, what):
    with pytest.raises(LookupError, match=what):
        read_estate({"replies": [reply]})


# -- buckets ---------------------------------------------------------------------------------------------------

BUCKET = {
    "name": "shop",
    "objects": [
        {"key": "logs/a b&c.gz", "body_gzip": "one", "modified": "2026-11-21T08:00:00Z"},
        {"key": "logs/x", "body": "old", "version": "v1", "modified": "2026-11-20T08:00:00Z"},
        {"key": "logs/x", "body": "new", "version": "v2", "headers": {"x-amz-meta-signature": "s"}},
        {"key": "logs/gone", "body": "was", "version": "v1", "modified": "2026-11-20T08:00:00Z"},
        {"key": "logs/gone", "deleted": True, "version": "v2"},
        {"key": "other/y", "body": "y"},
    ],
}


def test_a_bucket_is_listed_with_every_version_page_by_page(ask):
    _, client = ask(bucket=BUCKET)
    pages = list(client("s3").get_paginator("list_object_versions").paginate(Bucket="shop", Prefix="logs/"))
    assert len(pages) == 3
    found = [(v["Key"], v["VersionId"], v["IsLatest"]) for page in pages for v in page.get("Versions", [])]
    assert sorted(found) == [
        ("logs/a b&c.gz", "v-1", True),
        ("logs/gone", "v1", False),
        ("logs/x", "v1", False),
        ("logs/x", "v2", True),
    ]
    markers = [(m["Key"], m["IsLatest"]) for page in pages for m in page.get("DeleteMarkers", [])]
    assert markers == [("logs/gone", True)]


def test_a_bucket_is_listed_without_what_was_deleted_and_folded_at_a_delimiter(ask):
    _, client = ask(bucket={**BUCKET, "page": 1})
    pages = list(client("s3").get_paginator("list_objects_v2").paginate(Bucket="shop"))
    assert [item["Key"] for page in pages for item in page["Contents"]] == ["logs/a b&c.gz", "logs/x", "other/y"]
    folded = client("s3").get_paginator("list_objects_v2").paginate(Bucket="shop", Delimiter="/")
    assert [one["Prefix"] for page in folded for one in page["CommonPrefixes"]] == ["logs/", "other/"]


def test_an_object_is_read_by_version(ask):
    _, client = ask(bucket=BUCKET)
    s3 = client("s3")
    old = s3.get_object(Bucket="shop", Key="logs/x", VersionId="v1")
    assert old["Body"].read() == b"old"
    assert old["LastModified"] == datetime(2026, 11, 20, 8, tzinfo=UTC)
    new = s3.get_object(Bucket="shop", Key="logs/x")
    assert (new["Body"].read(), new["VersionId"], new["Metadata"]) == (b"new", "v2", {"signature": "s"})
    assert s3.head_object(Bucket="shop", Key="logs/x")["ContentLength"] == 3
    for key, code in (("logs/none", "NoSuchKey"), ("logs/gone", "MethodNotAllowed")):
        with pytest.raises(ClientError) as said:
            s3.get_object(Bucket="shop", Key=key)
        assert said.value.response["Error"]["Code"] == code


def test_a_bucket_says_which_region_it_is_in(ask):
    server, client = ask(bucket={**BUCKET, "region": "eu-west-1"})
    assert client("s3").get_bucket_location(Bucket="shop")["LocationConstraint"] == "eu-west-1"
    assert client("s3").head_bucket(Bucket="shop")["BucketRegion"] == "eu-west-1"
    asked = [(one.operation, one.region, one.status) for one in server.sent]
    assert ("HeadBucket", "us-east-1", 301) in asked, "the wrong region sends on"


def test_an_object_of_a_reply_is_raw_and_has_its_digest_as_etag(ask):
    reply = {"service": "s3", "operation": "GetObject", "when": {"Key": "a/b"}, "body": "text"}
    _, client = ask(reply | {"headers": {"x-amz-version-id": "v1"}})
    told = client("s3").get_object(Bucket="shop", Key="a/b")
    assert (told["Body"].read(), told["VersionId"]) == (b"text", "v1")
    assert told["ETag"] == '"1cb251ec0d568de6a929b520c4aed8d1"'


# -- who is asking, and what goes wrong ------------------------------------------------------------------------


def test_a_role_acts_in_its_own_account(ask):
    server, client = ask()
    role = client("sts").assume_role(RoleArn="arn:aws:iam::444455556666:role/ir-readonly", RoleSessionName="ir")
    key = role["Credentials"]
    session = botocore.session.get_session()
    other = session.create_client(
        "sts",
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
    )
    assert client("sts").get_caller_identity()["Account"] == "111122223333"
    assert other.get_caller_identity()["Account"] == "444455556666"
    assert [one.account for one in server.heard] == ["111122223333", "111122223333", "444455556666"]


def test_two_regions_are_on_and_one_is_off(ask):
    _, client = ask()
    regions = client("ec2").describe_regions(AllRegions=True)["Regions"]
    assert {one["RegionName"]: one["OptInStatus"] == "not-opted-in" for one in regions} == {
        "us-east-1": False,
        "eu-west-1": False,
        "me-south-1": True,
    }
    assert len(client("ec2").describe_regions()["Regions"]) == 2


def test_faults_strike_by_the_names_that_botocore_has(ask):
    server, client = ask(one("accessanalyzer", "ListAnalyzers", {"analyzers": []}))
    server.faults.add(Fault(kind="denied", service="accessanalyzer", operation="ListAnalyzers"))
    with pytest.raises(ClientError, match="AccessDenied"):
        client("accessanalyzer").list_analyzers()
    assert client("accessanalyzer").list_analyzers()["analyzers"] == []
