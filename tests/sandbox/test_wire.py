import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError

from evidence_kit.model.time import Window
from evidence_kit.sandbox.cloud import ACCOUNTS, REGIONS
from evidence_kit.sandbox.incident import DATA, PLANTED_KEY, SHOP
from evidence_kit.sandbox.lookup import EventHistory, Meter, PublicKey
from evidence_kit.sandbox.naming import Request, operation_of, service_model
from evidence_kit.sandbox.scoring import ENDPOINT, PLANTED
from evidence_kit.sandbox.wire import Call, Refusal, Wire, require_known

PLACES = [(account, region) for account in ACCOUNTS for region in REGIONS]


def pages(client, operation="lookup_events", **params):
    return list(client.get_paginator(operation).paginate(**params))


def events(client, **params):
    return [event for page in pages(client, **params) for event in page["Events"]]


def code(refused):
    return refused.value.response["Error"]["Code"]


@pytest.mark.parametrize("place", PLACES)
def test_lookup_pages_to_exactly_the_truth(cloud, connect, place):
    found = [event["EventId"] for event in events(connect("cloudtrail", *place))]
    assert len(found) == len(set(found))
    assert set(found) == cloud.truth.lookup[place]
    assert len(cloud.door.sent) > 1


def test_lookup_is_newest_first_and_fifty_a_page(connect):
    found = pages(connect("cloudtrail", DATA))
    assert [len(page["Events"]) for page in found[:-1]] == [50] * (len(found) - 1)
    times = [event["EventTime"] for page in found for event in page["Events"]]
    assert times == sorted(times, reverse=True)


def test_max_results_is_honoured_and_bounded(connect):
    client = connect("cloudtrail")
    assert len(client.lookup_events(MaxResults=7)["Events"]) == 7
    with pytest.raises(ClientError) as refused:
        client.lookup_events(MaxResults=51)
    assert code(refused) == "InvalidMaxResultsException"


def test_both_ends_of_the_time_range_are_included(connect):
    client = connect("cloudtrail")
    moments = sorted({event["EventTime"] for event in events(client)})
    start, end = moments[3], moments[-3]
    found = {event["EventTime"] for event in events(client, StartTime=start, EndTime=end)}
    assert found == set(moments[3:-2])


def test_a_reversed_time_range_is_refused(cloud, connect):
    with pytest.raises(ClientError) as refused:
        connect("cloudtrail").lookup_events(StartTime=cloud.window.end, EndTime=cloud.window.start)
    assert code(refused) == "InvalidTimeRangeException"


@pytest.mark.parametrize(
    ("attribute", "value", "names"),
    [
        ("EventName", "StopLogging", {"StopLogging"}),
        (
            "Username",
            "ci-deploy",
            {
                *("GetCallerIdentity", "ListUsers", "ListAttachedUserPolicies", "CreateAccessKey"),
                *("ListFoundationModels", "GetModelInvocationLoggingConfiguration", "InvokeModel"),
            },
        ),
        (
            "AccessKeyId",
            PLANTED_KEY,
            {
                *("AssumeRole", "StopLogging", "CreateUser", "AttachUserPolicy", "InvokeModel"),
                *("CreateModel", "CreateEndpointConfig", "UpdateEndpoint"),
            },
        ),
        ("ResourceName", "pricing-export", {"AssumeRole"}),
    ],
)
def test_lookup_attributes_filter(connect, attribute, value, names):
    given = [{"AttributeKey": attribute, "AttributeValue": value}]
    found = {event["EventName"] for event in events(connect("cloudtrail"), LookupAttributes=given)}
    assert names <= found
    assert len(found) <= len(names) + 1


def test_two_lookup_attributes_are_refused(connect):
    given = [{"AttributeKey": "EventName", "AttributeValue": name} for name in ("CreateUser", "StopLogging")]
    with pytest.raises(ClientError) as refused:
        connect("cloudtrail").lookup_events(LookupAttributes=given)
    assert code(refused) == "InvalidLookupAttributesException"


def test_an_entry_carries_its_record_whole(connect):
    entry = events(
        connect("cloudtrail"),
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateAccessKey"}],
    )[0]
    record = json.loads(entry["CloudTrailEvent"])
    assert record["eventID"] == entry["EventId"]
    assert record["responseElements"]["accessKey"]["accessKeyId"] == PLANTED_KEY
    assert (entry["Username"], entry["ReadOnly"], entry["EventSource"]) == (
        "ci-deploy",
        "false",
        "iam.amazonaws.com",
    )
    assert datetime.fromisoformat(record["eventTime"]) == entry["EventTime"].astimezone(UTC)


def test_data_events_are_never_in_the_event_history(cloud, connect):
    assert not [e for place in PLACES for e in events(connect("cloudtrail", *place)) if e["EventName"] == "GetObject"]
    europe = (DATA, "eu-west-1")
    assert len(cloud.truth.delivered[europe] - cloud.truth.lookup[europe]) >= 40


@pytest.mark.parametrize("changed", [{"MaxResults": 11}, {"StartTime": datetime(2026, 11, 1, tzinfo=UTC)}])
def test_a_token_with_changed_parameters_is_refused(connect, changed):
    client = connect("cloudtrail")
    token = client.lookup_events(MaxResults=10)["NextToken"]
    with pytest.raises(ClientError) as refused:
        client.lookup_events(**{"MaxResults": 10, **changed}, NextToken=token)
    assert code(refused) == "InvalidNextTokenException"


@pytest.mark.parametrize("place", [(SHOP, "eu-west-1"), (DATA, "us-east-1")])
def test_a_token_of_another_place_is_refused(connect, place):
    token = connect("cloudtrail").lookup_events()["NextToken"]
    with pytest.raises(ClientError) as refused:
        connect("cloudtrail", *place).lookup_events(NextToken=token)
    assert code(refused) == "InvalidNextTokenException"


@pytest.mark.parametrize("token", ["x", "bm90IGEgdG9rZW4=", "é"])
def test_a_made_up_token_is_refused(connect, token):
    with pytest.raises(ClientError) as refused:
        connect("cloudtrail").lookup_events(NextToken=token)
    assert code(refused) == "InvalidNextTokenException"


def test_the_third_lookup_within_a_second_is_throttled():
    ticks = iter([0.0, 0.1, 0.2, 0.3, 0.8])
    history = EventHistory(Meter(2.0, lambda: next(ticks)))
    call, elsewhere = Call(SHOP, "us-east-1", "cloudtrail", "LookupEvents"), Call(DATA, "us-east-1", "", "")
    history.lookup_events(call, {})
    history.lookup_events(call, {})
    with pytest.raises(Refusal, match="Rate exceeded"):
        history.lookup_events(call, {})
    history.lookup_events(elsewhere, {})
    history.lookup_events(call, {})


def test_a_key_published_twice_is_listed_once_and_valid_for_both():
    history, hour = EventHistory(Meter(None)), timedelta(hours=1)
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    for start in (noon, noon + 5 * hour):
        history.publish("us-east-1", PublicKey(b"der", "f00", Window(start, start + hour)))
    listed = history.list_public_keys(Call(SHOP, "us-east-1", "", ""), {})["PublicKeyList"]
    assert [(key["ValidityStartTime"], key["ValidityEndTime"]) for key in listed] == [(noon, noon + 6 * hour)]


def test_public_keys_are_those_of_the_asked_time(cloud, connect):
    client = connect("cloudtrail")
    inside = client.list_public_keys(StartTime=cloud.window.start, EndTime=cloud.window.end)["PublicKeyList"]
    before = client.list_public_keys(
        StartTime=cloud.window.start - timedelta(days=9), EndTime=cloud.window.start - timedelta(days=8)
    )["PublicKeyList"]
    assert len(inside) == 1
    assert inside[0]["Value"]
    assert before == []


def test_every_answer_has_a_request_id_and_a_date(connect):
    client = connect("cloudtrail")
    seen = [client.lookup_events()["ResponseMetadata"] for _ in range(2)]
    assert len({meta["RequestId"] for meta in seen}) == 2
    assert all(meta["HTTPHeaders"]["date"].endswith("GMT") for meta in seen)


def findings(client, detector, **params):
    paged = pages(client, "list_findings", DetectorId=detector, **params)
    return [name for page in paged for name in page["FindingIds"]]


def detector_of(client):
    return client.list_detectors()["DetectorIds"][0]


def test_findings_page_to_exactly_the_truth_and_need_two_batches(cloud, connect):
    client = connect("guardduty")
    ids = findings(client, detector_of(client))
    assert len(ids) == len(set(ids)) > 60
    assert set(ids) == cloud.truth.findings[SHOP, "us-east-1"]
    with pytest.raises(ClientError) as refused:
        client.get_findings(DetectorId=detector_of(client), FindingIds=ids[:51])
    assert code(refused) == "BadRequestException"
    got = client.get_findings(DetectorId=detector_of(client), FindingIds=ids[:50])["Findings"]
    assert [finding["Id"] for finding in got] == ids[:50]


def test_archived_findings_are_listed_unless_filtered(connect):
    client = connect("guardduty")
    detector = detector_of(client)
    current = {"Criterion": {"service.archived": {"Eq": ["false"]}}}
    everything, live = findings(client, detector), findings(client, detector, FindingCriteria=current)
    assert 0 < len(live) < len(everything)


@pytest.mark.parametrize(("lower", "upper"), [("Gte", "Lt"), ("GreaterThanOrEqual", "LessThan")])
def test_updated_at_cuts_findings_into_adjoining_windows(cloud, connect, lower, upper):
    client = connect("guardduty")
    detector = detector_of(client)
    edges = [
        int(moment.timestamp() * 1000) for moment in (cloud.window.start, cloud.window.start + timedelta(hours=9))
    ]
    edges.append(int(cloud.window.end.timestamp() * 1000))
    parts = [
        findings(client, detector, FindingCriteria={"Criterion": {"updatedAt": {lower: a, upper: b}}})
        for a, b in pairwise(edges)
    ]
    assert all(parts)
    assert sorted(parts[0] + parts[1]) == sorted(cloud.truth.findings[SHOP, "us-east-1"])


def test_guardduty_is_off_where_there_is_no_detector(connect):
    assert connect("guardduty", DATA, "ap-southeast-2").list_detectors()["DetectorIds"] == []


def test_a_foreign_detector_is_refused(connect):
    detector = detector_of(connect("guardduty"))
    with pytest.raises(ClientError) as refused:
        connect("guardduty", DATA).get_detector(DetectorId=detector)
    assert code(refused) == "BadRequestException"


def test_detector_and_filters_are_described(connect):
    client = connect("guardduty")
    assert client.get_detector(DetectorId=detector_of(client))["Status"] == "ENABLED"
    assert client.list_filters(DetectorId=detector_of(client))["FilterNames"] == ["known-scanner"]


def test_an_operation_that_guardduty_does_not_serve_is_refused(connect):
    client = connect("guardduty")
    with pytest.raises(ClientError) as refused:
        client.list_ip_sets(DetectorId=detector_of(client))
    assert code(refused) == "UnknownOperationException"


def test_guardduty_tells_what_a_filter_hides_and_that_nobody_else_is_told(connect):
    client = connect("guardduty")
    detector = detector_of(client)
    assert client.get_filter(DetectorId=detector, FilterName="known-scanner")["Action"] == "ARCHIVE"
    assert client.list_members(DetectorId=detector)["Members"] == []
    assert client.list_publishing_destinations(DetectorId=detector)["Destinations"] == []
    with pytest.raises(ClientError) as refused:
        client.get_filter(DetectorId=detector, FilterName="another")
    assert code(refused) == "BadRequestException"


def test_ec2_tells_the_defaults_that_moto_has_not(connect):
    client = connect("ec2")
    assert client.get_instance_metadata_defaults()["AccountLevel"]["HttpTokens"] == "optional"
    assert client.get_snapshot_block_public_access_state()["State"] == "unblocked"
    assert client.get_image_block_public_access_state()["ImageBlockPublicAccessState"] == "block-new-sharing"
    assert client.get_serial_console_access_status()["SerialConsoleAccessEnabled"] is False


def test_an_endpoint_tells_the_image_that_runs_and_no_other_account_has_one(connect):
    live = connect("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    (variant,) = live["ProductionVariants"]
    assert variant["DeployedImages"][0]["ResolvedImage"].endswith(PLANTED.digest)
    assert connect("sagemaker").list_inference_components()["InferenceComponents"] == []
    for place in ((DATA, "us-east-1"), (SHOP, "eu-west-1")):
        with pytest.raises(ClientError, match="Could not find endpoint"):
            connect("sagemaker", *place).describe_endpoint(EndpointName=ENDPOINT)


def test_an_answer_with_a_member_the_model_lacks_is_a_bug():
    operation = service_model("cloudtrail").operation_model("LookupEvents")
    with pytest.raises(LookupError, match="Evnets"):
        require_known({"Evnets": []}, operation.output_shape)


def test_wire_serves_only_what_it_was_given():
    wire = Wire({})
    assert not wire.serves("cloudtrail", "LookupEvents")
    assert wire.serves("guardduty", "ListMembers")


@pytest.mark.parametrize(
    ("method", "target", "headers", "name"),
    [
        ("GET", "/bucket?list-type=2&prefix=a", {}, "ListObjectsV2"),
        ("GET", "/bucket?prefix=a", {}, "ListObjects"),
        ("GET", "/bucket?versions", {}, "ListObjectVersions"),
        ("GET", "/bucket?location", {}, "GetBucketLocation"),
        ("GET", "/bucket?versioning", {}, "GetBucketVersioning"),
        ("GET", "/bucket/a/b%20c.gz?versionId=7", {}, "GetObject"),
        ("HEAD", "/bucket/a/b.gz", {}, "HeadObject"),
        ("HEAD", "/bucket", {}, "HeadBucket"),
        ("PUT", "/bucket/a", {}, "PutObject"),
        ("PUT", "/bucket/a", {"x-amz-copy-source": "/b/c"}, "CopyObject"),
        ("PUT", "/bucket/a?partNumber=1&uploadId=u", {}, "UploadPart"),
        ("GET", "/", {}, "ListBuckets"),
        ("PATCH", "/bucket", {}, "PATCH /bucket"),
    ],
)
def test_s3_operations_are_told_from_the_request(method, target, headers, name):
    assert operation_of(Request(method, target, headers, b""), "s3") == name
