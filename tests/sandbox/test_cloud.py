import gzip
import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

from evidence_kit.sandbox.applogs import BUSY, FORGETFUL
from evidence_kit.sandbox.cloud import ACCOUNTS, REGIONS, Cloud
from evidence_kit.sandbox.incident import ATTACKER_IP, DATA, LEAKED_KEY, PLANTED_KEY, SHOP, make_incident
from evidence_kit.sandbox.records import Deed, Scribe, user

AWS = Path(sys.executable).with_name("aws")
PLACES = [(account, region) for account in ACCOUNTS for region in REGIONS]
END = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
STOPPED = datetime(2026, 11, 21, 5, 32, 12, tzinfo=UTC)
STARTED = datetime(2026, 11, 21, 9, 35, 40, tzinfo=UTC)


def assume(cloud, connect, account):
    arn = f"arn:aws:iam::{account}:role/ir-readonly"
    given = connect("sts").assume_role(RoleArn=arn, RoleSessionName="responder")["Credentials"]
    return boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name="us-east-1",
    )


def logged_ids(cloud, connect, place):
    s3, ids = connect("s3"), []
    for page in s3.get_paginator("list_objects_v2").paginate(
        Bucket=cloud.bucket, Prefix=f"AWSLogs/{place[0]}/CloudTrail/{place[1]}/"
    ):
        for item in page["Contents"]:
            body = s3.get_object(Bucket=cloud.bucket, Key=item["Key"])["Body"].read()
            ids += [record["eventID"] for record in json.loads(gzip.decompress(body))["Records"]]
    return ids


def validate(cloud, account, region="us-east-1"):
    """Ask AWS's own validator."""
    command = [
        *(str(AWS), "cloudtrail", "validate-logs", "--region", region, "--verbose"),
        *("--trail-arn", f"arn:aws:cloudtrail:us-east-1:{account}:trail/main"),
        *("--account-id", account, "--s3-bucket", cloud.bucket),
        *("--start-time", f"{cloud.window.start:%Y-%m-%dT%H:%M:%SZ}"),
        *("--end-time", f"{cloud.window.end:%Y-%m-%dT%H:%M:%SZ}"),
    ]
    environ = {**os.environ, **cloud.environ}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("place", PLACES)
def test_event_ids_in_equal_event_ids_in_the_delivered_files(cloud, connect, place):
    ids = logged_ids(cloud, connect, place)
    assert len(ids) == len(set(ids))
    assert set(ids) == cloud.truth.delivered[place]


def test_what_was_done_in_the_dark_is_in_the_event_history_only(cloud, connect):
    truth, home = cloud.truth, (SHOP, "us-east-1")
    dark = truth.lookup[home] - truth.delivered[home]
    client = connect("cloudtrail")
    found = [e for page in client.get_paginator("lookup_events").paginate() for e in page["Events"]]
    names = {event["EventName"] for event in found if event["EventId"] in dark}
    assert {"CreateUser", "AttachUserPolicy"} <= names
    assert not {"StopLogging", "StartLogging"} & names


def test_the_same_seed_tells_the_same_incident_and_another_seed_another():
    first, second, other = (make_incident(end=END, seed=seed, log_events=10) for seed in (1, 1, 2))
    assert first == second
    assert first.events != other.events


def test_scale_multiplies_the_noise():
    one, four = (make_incident(end=END, seed=1, scale=scale, log_events=10) for scale in (1, 4))
    assert sum(map(len, four.events.values())) > 2 * sum(map(len, one.events.values()))


def test_every_event_lies_in_the_window_and_bears_its_place():
    incident = make_incident(end=END, seed=3, log_events=10)
    for (account, region), records in incident.events.items():
        for record in records:
            assert datetime.fromisoformat(record["eventTime"]) in incident.window
            assert (record["recipientAccountId"], record["awsRegion"]) == (account, region)


def test_assume_role_into_the_second_account_sees_its_events(cloud, connect):
    session = assume(cloud, connect, DATA)
    with (
        closing(session.client("sts", endpoint_url=cloud.door.url)) as sts,
        closing(session.client("cloudtrail", endpoint_url=cloud.door.url)) as cloudtrail,
        closing(session.client("guardduty", endpoint_url=cloud.door.url)) as guardduty,
    ):
        assert sts.get_caller_identity()["Account"] == DATA
        found = [e["EventId"] for p in cloudtrail.get_paginator("lookup_events").paginate() for e in p["Events"]]
        assert set(found) == cloud.truth.lookup[DATA, "us-east-1"]
        assert guardduty.list_detectors()["DetectorIds"]
    assert {sent.account for sent in cloud.door.sent.of("LookupEvents")} == {DATA}


def test_the_reader_role_can_read_the_log_bucket_of_the_other_account(cloud, connect):
    with closing(assume(cloud, connect, DATA).client("s3", endpoint_url=cloud.door.url)) as s3:
        assert s3.list_objects_v2(Bucket=cloud.bucket, Prefix=f"AWSLogs/{DATA}/")["KeyCount"] > 0


@pytest.mark.parametrize("account", [SHOP, DATA])
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_aws_own_validator_calls_the_good_bucket_valid(cloud, account, region):
    code, said = validate(cloud, account, region)
    assert code == 0, said
    assert "INVALID" not in said
    digests, logs = (len(keys[account, region]) for keys in (cloud.truth.digest_keys, cloud.truth.log_keys))
    assert f"{digests}/{digests} digest files valid" in said
    assert f"{logs}/{logs} log files valid" in said


@pytest.mark.slow
def test_aws_own_validator_names_the_hours_without_a_trail(cloud):
    from_, to = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (STOPPED, STARTED))
    assert f"No log files were delivered by CloudTrail between {from_} and {to}" in validate(cloud, SHOP)[1]
    assert "No log files were delivered" not in validate(cloud, DATA)[1]


def test_aws_own_validator_names_the_altered_and_the_deleted_file(cloud):
    altered, deleted = cloud.alter_log(DATA, "us-east-1", 3), cloud.delete_log(DATA, "us-east-1", 7)
    digest = cloud.delete_digest(DATA, "us-east-1", 12)
    code, said = validate(cloud, DATA)
    assert code == 1
    assert f"{altered}\tINVALID" in said
    assert f"{deleted}\tINVALID: not found" in said
    assert f"{digest}\tINVALID: not found" in said


def test_restored_logs_are_valid_again(cloud):
    cloud.alter_log(SHOP, "eu-west-1", 0)
    cloud.delete_digest(SHOP, "eu-west-1", 0)
    cloud.restore_logs()
    assert validate(cloud, SHOP, "eu-west-1")[0] == 0


@pytest.mark.slow
def test_tampering_leaves_the_older_version_in_the_bucket(cloud, connect):
    key = cloud.alter_log(SHOP, "us-east-1", 0)
    cloud.delete_log(SHOP, "us-east-1", 0)
    found = connect("s3").list_object_versions(Bucket=cloud.bucket, Prefix=key)
    assert len(found["Versions"]) == 2
    assert found["DeleteMarkers"][0]["IsLatest"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        connect("s3").get_object(Bucket=cloud.bucket, Key=key)


def test_objects_are_dated_by_their_delivery(cloud, connect):
    listed = connect("s3").list_objects_v2(Bucket=cloud.bucket)["Contents"]
    assert all(cloud.window.start <= item["LastModified"] <= cloud.window.end for item in listed)


def test_the_trail_tells_when_it_was_stopped_and_started(cloud, connect):
    status = connect("cloudtrail").get_trail_status(Name="main")
    assert status["IsLogging"]
    assert (
        timedelta(hours=4) < status["StartLoggingTime"] - status["StopLoggingTime"] < timedelta(hours=4, minutes=10)
    )
    for place in PLACES:
        trail = connect("cloudtrail", *place).describe_trails()["trailList"][0]
        assert (trail["Name"], trail["HomeRegion"], trail["S3BucketName"]) == ("main", "us-east-1", cloud.bucket)


@pytest.mark.parametrize("group", [BUSY, FORGETFUL])
def test_log_events_page_to_exactly_their_count(cloud, connect, group):
    pages = list(connect("logs").get_paginator("filter_log_events").paginate(logGroupName=group))
    assert sum(len(page["events"]) for page in pages) == cloud.truth.log_events[SHOP, "us-east-1", group]
    assert len(pages) == (2 if group == BUSY else 1)


def test_log_groups_tell_their_retention(connect):
    groups = {group["logGroupName"]: group for group in connect("logs").describe_log_groups()["logGroups"]}
    assert set(groups) == {BUSY, FORGETFUL}
    assert groups[FORGETFUL]["retentionInDays"] == 7
    assert "retentionInDays" not in groups[BUSY]


def test_the_leaked_and_the_planted_key_are_in_iam(connect):
    for owner, key in (("ci-deploy", LEAKED_KEY), ("svc-pricing", PLANTED_KEY)):
        listed = connect("iam").list_access_keys(UserName=owner)["AccessKeyMetadata"]
        assert [(item["AccessKeyId"], item["Status"]) for item in listed] == [(key, "Inactive")]
    details = connect("iam").get_account_authorization_details()
    assert {"ci-deploy", "svc-pricing", "svc-backup"} <= {item["UserName"] for item in details["UserDetailList"]}
    assert "ir-readonly" in {item["RoleName"] for item in details["RoleDetailList"]}


def test_each_account_has_a_machine_open_to_the_intruder(connect):
    for account in ACCOUNTS:
        ec2 = connect("ec2", account)
        assert len(ec2.describe_instances()["Reservations"]) == 1
        group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["bastion"]}])
        ranges = group["SecurityGroups"][0]["IpPermissions"][0]["IpRanges"]
        assert ranges == [{"CidrIp": f"{ATTACKER_IP}/32"}]


def test_the_inventory_lists_both_accounts_with_role_and_regions(cloud):
    document = yaml.safe_load(cloud.inventory)
    assert (document["apiVersion"], document["kind"]) == ("evidence-kit/inventory.v1", "Inventory")
    assert [(target["name"], target["id"]) for target in document["targets"]] == [("shop", SHOP), ("data", DATA)]
    assert document["targets"][1]["role"] == f"arn:aws:iam::{DATA}:role/ir-readonly"
    assert all(target["regions"] == list(REGIONS) for target in document["targets"])


def foreign(count, region, start):
    scribe = Scribe(99)
    actor = user("143434273843", "christophe", "AKIAEXAMPLEFOREIGN01", ip="192.0.2.9", agent="stratus")
    deed = Deed(service="ec2", name="DescribeInstances")
    times = [start + timedelta(seconds=scribe.random.randrange(9000)) for _ in range(count)]
    return [scribe.write(at, "143434273843", region, actor, deed) for at in times]


def test_foreign_events_come_out_as_they_went_in(cloud, connect):
    place = account, region = "143434273843", "apiso-centralnorth-2r"
    records = foreign(120, region, datetime(2024, 7, 31, 13, 20, tzinfo=UTC))
    cloud.serve_events(account, region, records)
    ids = {record["eventID"] for record in records}
    with closing(assume(cloud, connect, account).client("cloudtrail", region, endpoint_url=cloud.door.url)) as client:
        found = [e for page in client.get_paginator("lookup_events").paginate() for e in page["Events"]]
        trails = client.describe_trails()["trailList"]
    assert len(found) == 120
    assert {event["EventId"] for event in found} == ids == cloud.truth.lookup[place]
    whole = {event["EventId"]: json.loads(event["CloudTrailEvent"]) for event in found}
    assert all(whole[record["eventID"]] == record for record in records)
    assert set(logged_ids(cloud, connect, place)) == ids == cloud.truth.delivered[place]
    assert [trail["Name"] for trail in trails] == ["main"]


def test_foreign_events_in_hours_already_delivered_are_refused(cloud):
    records = foreign(3, "eu-west-1", cloud.window.start)
    with pytest.raises(ValueError, match="already cover"):
        cloud.serve_events(SHOP, "eu-west-1", records)


def test_only_one_cloud_at_a_time(cloud):
    with pytest.raises(RuntimeError, match="only one sandbox"), Cloud(end=END):
        pass
    assert cloud.truth.lookup


PRINT_WHAT_IS_LEFT = """
import gc, threading
from contextlib import closing
from datetime import datetime, UTC
from evidence_kit.sandbox.cloud import Cloud
for end in (datetime(2026, 11, 21, 21, 30, tzinfo=UTC), datetime(2024, 2, 29, 10, 59, 59, 7, tzinfo=UTC)):
    with Cloud(end=end, log_events=10) as cloud:
        with closing(cloud.client("cloudtrail")) as client:
            total = sum(len(p["Events"]) for p in client.get_paginator("lookup_events").paginate(
                PaginationConfig={"MaxItems": 60}))
        open_client = cloud.client("s3")
        open_client.list_buckets()
    del cloud, open_client
    gc.collect()
    print(total, [thread.name for thread in threading.enumerate()])
"""


@pytest.mark.slow
def test_closing_leaves_no_thread_no_socket_and_no_word(cloud):
    environ = {
        **os.environ,
        "AWS_PROFILE": "nobody",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", PRINT_WHAT_IS_LEFT],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["60 ['MainThread']"] * 2
    assert done.stderr == ""
