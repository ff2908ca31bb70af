import hashlib
import http.client
import io
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody

from evidence_kit.sandbox.faults import HTML, Fault
from evidence_kit.sandbox.incident import DATA, SHOP

JSON, S3, QUERY, EC2 = (
    ("cloudtrail", "lookup_events"),
    ("s3", "list_buckets"),
    ("iam", "list_users"),
    ("ec2", "describe_instances"),
)
REFUSALS = [
    ("throttle", JSON, "ThrottlingException", 400),
    ("throttle", S3, "SlowDown", 503),
    ("throttle", QUERY, "Throttling", 400),
    ("throttle", EC2, "RequestLimitExceeded", 503),
    ("expired", JSON, "ExpiredTokenException", 400),
    ("expired", S3, "ExpiredToken", 400),
    ("expired", QUERY, "ExpiredToken", 400),
    ("expired", EC2, "RequestExpired", 400),
    ("denied", JSON, "AccessDeniedException", 400),
    ("denied", S3, "AccessDenied", 403),
    ("denied", QUERY, "AccessDenied", 403),
    ("denied", EC2, "UnauthorizedOperation", 403),
]


@pytest.mark.parametrize(("kind", "call", "code", "status"), REFUSALS)
def test_a_refusal_speaks_the_dialect_of_its_service(cloud, connect, kind, call, code, status):
    service, method = call
    cloud.door.faults.add(Fault(kind=kind, service=service))
    with pytest.raises(ClientError) as refused:
        getattr(connect(service), method)()
    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    getattr(connect(service), method)()


def test_a_status_fault_sends_the_given_status_and_body(cloud, connect):
    body = b'{"__type":"InternalFailure","message":"oops"}'
    cloud.door.faults.add(Fault(kind="status", service="cloudtrail", status=500, body=body))
    with pytest.raises(ClientError, match="oops"):
        connect("cloudtrail").lookup_events()


@pytest.mark.parametrize("fault", [Fault(kind="short"), Fault(kind="html"), Fault(kind="empty_json")])
def test_a_broken_json_page_is_a_silent_empty_page_in_plain_boto3(cloud, connect, fault):
    client = connect("cloudtrail")
    whole = sum(len(page["Events"]) for page in client.get_paginator("lookup_events").paginate())
    cloud.door.faults.add(Fault(kind=fault.kind, operation="LookupEvents", skip=1))
    got = sum(len(page.get("Events", ())) for page in client.get_paginator("lookup_events").paginate())
    assert got == 50 < whole


@pytest.mark.parametrize("call", [S3, EC2])
def test_well_formed_html_is_a_silent_empty_page_of_xml_services_too(cloud, connect, call):
    service, method = call
    cloud.door.faults.add(Fault(kind="html", service=service))
    answer = getattr(connect(service), method)()
    assert not answer.get("Buckets")
    assert not answer.get("Reservations")
    assert cloud.door.sent[-1].body == HTML


def test_well_formed_html_is_a_bare_key_error_of_query_services(cloud, connect):
    cloud.door.faults.add(Fault(kind="html", service="iam"))
    with pytest.raises(KeyError, match="ListUsersResult"):
        connect("iam").list_users()


def test_a_short_xml_page_is_noticed_by_boto3(cloud, connect):
    cloud.door.faults.add(Fault(kind="short", service="iam"))
    with pytest.raises(ResponseParserError):
        connect("iam").list_users()


def test_a_short_object_declares_more_than_it_sends(cloud, connect):
    key = cloud.truth.log_keys[SHOP, "us-east-1"][0]
    cloud.door.faults.add(Fault(kind="short", operation="GetObject", keep=10))
    body = connect("s3").get_object(Bucket=cloud.bucket, Key=key)["Body"]
    assert isinstance(body, StreamingBody)
    with pytest.raises(Exception, match=r"10 bytes read|IncompleteRead"):
        body.read()
    assert cloud.door.sent[-1].size == 10


def test_a_reset_is_a_closed_connection(cloud, connect):
    cloud.door.faults.add(Fault(kind="reset", operation="LookupEvents"))
    with pytest.raises((ConnectionClosedError, EndpointConnectionError)):
        connect("cloudtrail").lookup_events()
    assert cloud.door.sent[-1].status == 0


def test_a_delay_runs_into_the_clients_timeout(cloud):
    cloud.door.faults.add(Fault(kind="delay", operation="LookupEvents", seconds=1.0))
    config = Config(read_timeout=0.2, retries={"total_max_attempts": 1}, proxies={})
    client = boto3.Session().client(
        "cloudtrail",
        region_name="us-east-1",
        endpoint_url=cloud.door.url,
        aws_access_key_id="AKIAEXAMPLESANDBOX00",
        aws_secret_access_key="x",
        config=config,
    )
    with closing(client), pytest.raises(ReadTimeoutError):
        client.lookup_events()


def test_a_drip_is_slow_and_whole(cloud, connect):
    cloud.door.faults.add(Fault(kind="drip", operation="LookupEvents", seconds=0.05))
    started = time.monotonic()
    assert len(connect("cloudtrail").lookup_events(MaxResults=1)["Events"]) == 1
    assert time.monotonic() - started > 0.2


def test_a_token_loop_repeats_the_first_token(cloud, connect):
    cloud.door.faults.add(Fault(kind="token_loop", operation="LookupEvents", times=None))
    client = connect("cloudtrail", DATA)
    first = client.lookup_events()
    again = [client.lookup_events(NextToken=first["NextToken"]) for _ in range(3)]
    assert {page["NextToken"] for page in again} == {first["NextToken"]}
    assert len({page["Events"][0]["EventId"] for page in again}) == 1


def test_a_fault_hits_only_whom_it_names(cloud, connect):
    fault = Fault(kind="denied", operation="LookupEvents", account=DATA, region="eu-west-1", skip=1, times=2)
    cloud.door.faults.add(fault)
    named, others = (
        connect("cloudtrail", DATA, "eu-west-1"),
        [("cloudtrail", SHOP, "eu-west-1"), ("cloudtrail", DATA)],
    )
    for other in others:
        connect(*other).lookup_events()
    named.lookup_events()
    for _ in range(2):
        with pytest.raises(ClientError):
            named.lookup_events()
    named.lookup_events()


def test_the_record_equals_what_the_client_received(cloud, connect):
    for key in cloud.truth.log_keys[DATA, "eu-west-1"][:5]:
        body = connect("s3").get_object(Bucket=cloud.bucket, Key=key)["Body"].read()
        sent = cloud.door.sent[-1]
        assert (sent.operation, sent.status, sent.body) == ("GetObject", 200, body)
        assert (sent.sha256, sent.size) == (hashlib.sha256(body).hexdigest(), len(body))


def test_the_record_knows_who_asked_what_where(cloud, connect):
    connect("cloudtrail", DATA, "eu-west-1").lookup_events()
    connect("iam", SHOP).list_users()
    connect("guardduty", SHOP).list_detectors()
    seen = [(s.service, s.operation, s.account, s.region) for s in cloud.door.sent]
    assert seen == [
        ("cloudtrail", "LookupEvents", DATA, "eu-west-1"),
        ("iam", "ListUsers", SHOP, "us-east-1"),
        ("guardduty", "ListDetectors", SHOP, "us-east-1"),
    ]
    assert len(cloud.door.sent.of("LookupEvents", account=DATA)) == 1
    assert cloud.door.sent.of("LookupEvents", account=SHOP) == ()


def test_an_object_comes_back_with_its_headers(cloud, connect):
    key = cloud.truth.digest_keys[SHOP, "us-east-1"][0]
    answer = connect("s3").get_object(Bucket=cloud.bucket, Key=key)
    answer["Body"].read()
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert set(answer["Metadata"]) == {"signature", "signature-algorithm"}
    assert {"etag", "last-modified", "date", "x-amz-version-id", "content-length"} <= set(headers)
    head = connect("s3").head_object(Bucket=cloud.bucket, Key=key)
    assert (head["ContentLength"], head["ETag"]) == (answer["ContentLength"], answer["ETag"])


@pytest.mark.parametrize("size", [0, 1, 100_000, 9 << 20])
def test_an_uploaded_body_arrives_as_it_was(cloud, connect, size):
    s3, body = connect("s3"), bytes(n % 251 for n in range(size))
    s3.put_object(Bucket=cloud.bucket, Key="upload", Body=io.BytesIO(body))
    assert s3.get_object(Bucket=cloud.bucket, Key="upload")["Body"].read() == body
    s3.delete_object(Bucket=cloud.bucket, Key="upload")


def test_a_chunked_request_body_is_forwarded_whole(cloud):
    host, port = cloud.door.url.removeprefix("http://").split(":")
    scope = "AKIAEXAMPLESANDBOX00/20261121/us-east-1/sts/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    pieces = iter([b"Action=GetCaller", b"Identity&Version=2011-06-15"])
    with closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
        connection.request("POST", "/", body=pieces, headers=headers, encode_chunked=True)
        answer = connection.getresponse().read()
    assert SHOP.encode() in answer
    assert cloud.door.sent[-1].operation == "GetCallerIdentity"


def test_many_clients_at_once_are_all_recorded(cloud, connect):
    clients = [connect("cloudtrail", DATA) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda client: [client.lookup_events() for _ in range(5)], clients))
    assert len(cloud.door.sent) == 40


def test_a_bug_behind_the_door_is_kept_and_hangs_up(cloud, connect, monkeypatch):
    def broken(*_):
        raise LookupError("a bug")

    monkeypatch.setattr(cloud.door, "answer", broken)
    with pytest.raises(ConnectionClosedError):
        connect("cloudtrail").lookup_events()
    assert [str(failure) for failure in cloud.door.failures] == ["a bug"]
    cloud.door.failures.clear()


def test_the_door_listens_on_loopback_only(cloud):
    assert cloud.door.server_address[0] == "127.0.0.1"
    assert 20_000 <= cloud.door.server_port < 32_000
    with pytest.raises(OSError, match=r"refused|unreachable"):
        socket.create_connection(("127.0.0.2", cloud.door.server_port), timeout=1).close()
