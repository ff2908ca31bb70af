"""Files that services deliver to S3: found where settings say, taken by their time, and whatever was done to them."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.amazon import every_source

from evidence_kit.collectors.aws.delivery import Delivery
from evidence_kit.collectors.aws.listing import S3Object
from evidence_kit.collectors.aws.s3_logs import location
from evidence_kit.errors import Exit, UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window

FLOW = "AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/11/21/111122223333_vpcflowlogs_us-east-1_fl-0a"
LOGS = """
    replies:
      - operation: DescribeFlowLogs
        service: ec2
        pages:
          - FlowLogs:
              - {FlowLogId: fl-0a, LogDestinationType: s3, LogDestination: "arn:aws:s3:::flow", TrafficType: ALL}
    bucket:
      name: flow
"""


def holding(*objects, region="us-east-1"):
    lines = "".join(f"        - {{{one}}}\n" for one in objects)
    return f"{LOGS.rstrip()}\n      region: {region}\n      objects:\n{lines}"


def flow(stamp, unique="1a", **more):
    said = "".join(f", {name}: {value}" for name, value in more.items())
    return f'key: {FLOW}_{stamp}_{unique}.log.gz, body: "{stamp} {unique}"{said}'


def bodies(stage):
    """Return the contents of the files that were taken, without the listings."""
    return Counter(body for path, body in stage.lab.bodies() if path.suffix != ".xml")


def kinds(stage):
    return [finding["kind"] for finding in stage.lab.findings()]


def test_a_bucket_in_another_region_is_read_where_it_lies(before):
    stage = before("aws.vpc.flow_s3", holding(flow("20261121T0705Z"), region="eu-west-1"))
    assert stage.collect().exit is Exit.OK
    assert bodies(stage) == {b"20261121T0705Z 1a": 1}
    assert stage.lab.digests() == stage.evidence()


def test_a_log_bucket_that_is_gone_is_not_a_log_that_nobody_set_up(before):
    gone = """  - operation: ListObjectVersions
        service: s3
        error: {code: NoSuchBucket, message: The specified bucket does not exist, status: 404}
    """
    result = before("aws.vpc.flow_s3", LOGS.partition("bucket:")[0] + gone).collect()
    (outcome,) = result.outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "`flow` is gone" in outcome.reason
    assert result.exit is Exit.INCOMPLETE


@pytest.mark.slow
def test_overwritten_and_deleted_files_are_taken_and_named(before):
    stage = before(
        "aws.vpc.flow_s3",
        holding(
            flow("20261121T0705Z", "old", version="v1", modified="2026-11-21T07:06:00Z"),
            flow("20261121T0705Z", "old", version="v2", modified="2026-11-21T09:00:00Z").replace('old"', 'new"'),
            flow("20261121T0805Z", "kept", version="v1", modified="2026-11-21T08:06:00Z"),
            flow("20261121T0805Z", "kept", version="v2", modified="2026-11-21T09:30:00Z", deleted="true"),
        ),
    )  # fmt: skip
    assert stage.collect().exit is Exit.OK
    assert set(bodies(stage)) == {b"20261121T0705Z old", b"20261121T0705Z new", b"20261121T0805Z kept"}
    assert sorted(kinds(stage)) == ["object_deleted", "older_version", "older_version"]


NO_VERSIONS = """\
      - operation: ListObjectVersions
        service: s3
        error: {code: AccessDenied, message: not authorized to perform s3:ListBucketVersions, status: 403}
"""


def test_where_versions_may_not_be_listed_the_present_files_are_taken_and_the_unit_is_denied(before):
    text = holding(flow("20261121T0705Z")).replace("    bucket:", f"{NO_VERSIONS}    bucket:")
    stage = before("aws.vpc.flow_s3", text)
    result = stage.collect()
    assert result.exit is Exit.INCOMPLETE
    (outcome,) = result.outcomes
    assert outcome.status is UnitStatus.DENIED
    assert "stay invisible: AccessDenied: not authorized to perform s3:ListBucketVersions" in outcome.reason
    assert bodies(stage) == {b"20261121T0705Z 1a": 1}
    assert set(kinds(stage)) == {"versions_denied"}


def test_what_the_service_leaves_out_stays_said_where_versions_may_not_be_listed(before):
    text = holding(flow("20261121T0705Z")).replace("TrafficType: ALL", "TrafficType: REJECT")
    stage = before("aws.vpc.flow_s3", text.replace("    bucket:", f"{NO_VERSIONS}    bucket:"))
    (outcome,) = stage.collect().outcomes
    assert outcome.status is UnitStatus.DENIED
    assert outcome.reason.endswith("s3:ListBucketVersions; fl-0a records REJECT traffic only")


def test_a_listing_that_is_denied_midway_is_not_begun_anew_without_versions(before):
    text = """
    params: {bucket: b}
    replies:
      - operation: ListObjectVersions
        service: s3
        when: {KeyMarker: a1}
        error: {code: ExpiredToken, message: The provided token has expired., status: 400}
    bucket: {name: b, page: 1, objects: [{key: a1, body: "1"}, {key: a2, body: "2"}]}
    """
    stage = before("aws.s3.objects", text)
    (outcome,) = stage.collect().outcomes
    assert (outcome.status, outcome.reason) == (UnitStatus.DENIED, "ExpiredToken: The provided token has expired.")
    assert bodies(stage) == {b"1": 1}
    assert "ListObjectsV2" not in {one.operation for one in stage.server.heard}


def test_a_name_without_a_time_is_named_and_a_folder_marker_is_not(before):
    folder = FLOW.rpartition("/")[0]
    stage = before(
        "aws.vpc.flow_s3",
        holding(
            flow("20261121T0705Z"), flow("20261399T0705Z"), flow("20261121T07"),
            f"key: {folder}/notes.txt, body: hello", f'key: {folder}/, body: ""',
        ),
    )  # fmt: skip
    stage.collect()
    assert bodies(stage) == {b"20261121T0705Z 1a": 1}
    assert kinds(stage) == ["unreadable_name"] * 3


def test_a_folder_marker_holds_nothing_and_is_no_loss(before):
    text = """
    params: {bucket: b}
    bucket:
      name: b
      objects: [{key: folder/, body: ""}, {key: folder/one, body: "1"}, {key: empty, body: ""}]
    """
    stage = before("aws.s3.objects", text)
    assert stage.collect().exit is Exit.OK
    assert bodies(stage) == {b"1": 1, b"": 1}
    assert kinds(stage) == []


def test_only_files_that_may_hold_events_of_the_window_are_taken(before):
    # The window is from 06:00 to 12:00; files an hour before and after may hold some of it.
    stamps = ["0459", "0500", "0600", "1159", "1259", "1300"]
    stage = before("aws.vpc.flow_s3", holding(*(flow(f"20261121T{stamp}Z") for stamp in stamps)))
    stage.collect()
    assert {body.decode()[9:13] for body in bodies(stage)} == {"0500", "0600", "1159", "1259"}


def test_a_window_that_begins_at_midnight_looks_back_into_the_day_before(before):
    late = flow("20261120T2355Z").replace("2026/11/21", "2026/11/20")
    stage = before("aws.vpc.flow_s3", "\n    window: {start: 2026-11-21T00:00:00Z}" + holding(late))
    stage.collect()
    assert bodies(stage) == {b"20261120T2355Z 1a": 1}


def test_two_settings_that_name_one_place_are_one_unit_with_what_either_leaves_out(before):
    text = """
    replies:
      - operation: DescribeFlowLogs
        service: ec2
        pages:
          - FlowLogs:
              - {FlowLogId: fl-0a, LogDestinationType: s3, LogDestination: "arn:aws:s3:::flow", TrafficType: ALL}
              - {FlowLogId: fl-0b, LogDestinationType: s3, LogDestination: "arn:aws:s3:::flow", TrafficType: ACCEPT}
          - FlowLogs:
              - {FlowLogId: fl-0c, LogDestinationType: s3, LogDestination: "arn:aws:s3:::flow", TrafficType: REJECT}
              - {FlowLogId: fl-0d, LogDestinationType: s3, LogDestination: "arn:aws:s3:::flow", TrafficType: REJECT}
    bucket: {name: flow}
    """
    stage = before("aws.vpc.flow_s3", text)
    (outcome,) = stage.collect().outcomes
    assert outcome.status is UnitStatus.EXCLUDED_AT_SOURCE
    assert outcome.reason == (
        "fl-0b records ACCEPT traffic only; fl-0c records REJECT traffic only; fl-0d records REJECT traffic only"
    )


def test_one_bucket_whose_settings_are_denied_leaves_the_others_whole(before):
    text = """
    replies:
      - operation: ListBuckets
        service: s3
        pages: [{Buckets: [{Name: a}, {Name: b}]}, {Buckets: [{Name: c}]}]
      - operation: GetBucketLogging
        service: s3
        when: {Bucket: b}
        error: {code: AccessDenied, message: "no", status: 403}
      - operation: GetBucketLogging
        service: s3
        when: {Bucket: c}
        error: {code: NoSuchBucket, message: gone, status: 404}
      - operation: GetBucketLogging
        service: s3
        when: {Bucket: a}
        pages: [{LoggingEnabled: {TargetBucket: logs, TargetPrefix: a-}}]
    bucket:
      name: logs
      objects: [{key: a-2026-11-21-07-14-33-8F1C22A0B1D3E4F5, body: one}]
    """
    stage = before("aws.s3.access_logs", text)
    result = stage.collect()
    assert bodies(stage) == {b"one": 1}
    assert {one.status for one in result.outcomes} == {UnitStatus.SAMPLED_AT_SOURCE, UnitStatus.DENIED}
    (denied,) = [one for one in result.outcomes if one.status is UnitStatus.DENIED]
    assert "1 calls were refused" in denied.reason


@pytest.mark.parametrize(
    ("code", "http", "status"),
    [
        ("UnauthorizedOperation", 403, "denied"),
        ("InternalError", 500, "partial_error"),
        ("Odd", 400, "partial_error"),
    ],
)
def test_a_region_that_does_not_say_where_its_logs_go_is_not_one_without_logs(before, code, http, status):
    text = f"""
    regions: [us-east-1, eu-west-1]
    replies:
      - operation: DescribeFlowLogs
        service: ec2
        region: us-east-1
        error: {{code: {code}, message: "no", status: {http}}}
      - operation: DescribeFlowLogs
        service: ec2
        pages: [{{FlowLogs: []}}]
    """
    result = before("aws.vpc.flow_s3", text).collect()
    assert {one.unit.split("|")[2]: one.status.value for one in result.outcomes} == {
        "us-east-1": status,
        "eu-west-1": "not_configured",
    }


def test_a_listing_without_bodies_names_every_version_and_fetches_none(before):
    text = """
    params: {bucket: b, prefix: a}
    bucket:
      name: b
      page: 1
      objects:
        - {key: a1, body: "1", version: v1, modified: 2026-11-21T07:00:00Z}
        - {key: a1, version: v2, modified: 2026-11-21T08:00:00Z, deleted: true}
        - {key: b1, body: "2", version: v1, modified: 2026-11-21T07:00:00Z}
    """
    stage = before("aws.s3.object_versions", text)
    stage.collect()
    assert not [one for one in stage.server.heard if one.operation == "GetObject"]
    assert kinds(stage) == ["object_deleted"]
    listed = b"".join(body for _, body in stage.lab.bodies())
    assert (listed.count(b"<Key>a1</Key>"), listed.count(b"<Key>b1</Key>")) == (2, 0)


def test_a_source_of_a_named_bucket_asks_for_its_name(before):
    stage = before("aws.s3.objects", "bucket: {name: b}")
    with pytest.raises(UsageError, match=r"needs a bucket") as refused:
        stage.collect()
    assert "--set bucket=NAME" in refused.value.hint


@pytest.mark.parametrize(
    ("said", "bucket", "prefix"),
    [
        ("b", "b", ""),
        ("b/", "b", ""),
        ("b/a//c/", "b", "a//c/"),
        ("arn:aws:s3:::b", "b", ""),
        ("arn:aws-cn:s3:::b/x/y", "b", "x/y/"),
        ("s3://b/x", "b", "x/"),
        ("b.s3.amazonaws.com/cdn", "b", "cdn/"),
        ("my.b.s3.eu-west-1.amazonaws.com/", "my.b", ""),
        ("b.s3-eu-west-1.amazonaws.com", "b", ""),
        ("b.s3.cn-north-1.amazonaws.com.cn", "b", ""),
        ("s3.amazonaws.com-backup", "s3.amazonaws.com-backup", ""),
    ],
)
def test_every_way_in_which_services_name_a_place_is_read(said, bucket, prefix):
    assert location(said) == (bucket, prefix)


STATES = {
    "off": {"when": "`true`", "status": "not_enabled", "reason": "off"},
    "lossy": {"when": "`true`", "status": "sampled_at_source", "reason": "lossy"},
}


@pytest.mark.parametrize(
    ("first", "second", "status", "reason"),
    [
        ("off", "", "complete", ""),
        ("", "off", "complete", ""),
        ("off", "lossy", "sampled_at_source", "lossy"),
        ("lossy", "", "sampled_at_source", "lossy"),
        ("", "lossy", "sampled_at_source", "lossy"),
        ("lossy", "lossy", "sampled_at_source", "lossy"),
        ("off", "off", "not_enabled", "off"),
    ],
)
def test_what_one_setting_delivers_is_not_hidden_by_another_that_is_off(before, first, second, status, reason):
    def deliver(state):
        said = {"path": "FlowLogs[0]", "at": "LogDestination", "stream": "{id}", "as": {"id": "FlowLogId"}}
        return said | ({"states": [STATES[state]]} if state else {})

    call = {"operation": "DescribeFlowLogs", "result": "FlowLogs", "deliver": [deliver(first), deliver(second)]}
    none = {"status": "not_configured", "reason": "none"}
    stage = before("aws.vpc.flow_s3", LOGS, discover={"service": "ec2", "none": none, "calls": [call]})
    (outcome,) = stage.collect().outcomes
    assert (outcome.status.value, outcome.reason) == (status, reason)


# -- layouts -----------------------------------------------------------------------------------------------------

DAYS = Window(datetime(2026, 1, 31, 6, tzinfo=UTC), datetime(2026, 2, 2, 0, tzinfo=UTC))


def delivery(folder, delivered=None):
    return Delivery.of(_with(folder=folder, **({"delivered": delivered} if delivered else {})))


def _with(**settings):
    return replace(every_source()["aws.vpc.flow_s3"], settings=settings)


@pytest.mark.parametrize(
    ("folder", "prefixes"),
    [
        ("{prefix}{day}/", ["p/2026/01/31/", "p/2026/02/01/"]),
        ("{prefix}{yyyy}/{m}/{d}/", ["p/2026/1/31/", "p/2026/2/1/"]),
        (
            "{prefix}year={yyyy}/month={mm}/day={dd}/",
            ["p/year=2026/month=01/day=31/", "p/year=2026/month=02/day=01/"],
        ),
        ("{prefix}log.{date}-", ["p/log.2026-01-31-", "p/log.2026-02-01-"]),
        ("{prefix}{yyyy}/", ["p/2026/"]),
        ("{prefix}", ["p/"]),
        (["{prefix}", "{prefix}", "{prefix}{day}/"], ["p/", "p/2026/01/31/", "p/2026/02/01/"]),
    ],
)
def test_folders_are_named_by_the_days_that_the_window_touches_each_once(folder, prefixes):
    assert list(delivery(folder).prefixes({"prefix": "p/"}, DAYS)) == prefixes


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("x_20261121T0705Z_", datetime(2026, 11, 21, 7, 5, tzinfo=UTC)),
        ("x_20261121T070509Z_", datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)),
        ("x_2026-11-21-07_", datetime(2026, 11, 21, 7, tzinfo=UTC)),
        ("x_20261121_", datetime(2026, 11, 21, tzinfo=UTC)),
        ("x_20261121T070509123Z_", datetime(2026, 11, 21, 7, 5, 9, tzinfo=UTC)),
        ("x_20261321T0705Z_", None),
        ("x_2026112_", None),
        ("x_y_", None),
    ],
)
def test_the_time_in_a_name_is_read_however_fine_it_is(name, found):
    item = S3Object(bucket="b", key=name, version="", latest=True, size=1, modified="2026-11-21T12:00:00Z")
    assert delivery("{prefix}", r"x_([0-9TZ-]+)_").time_of(item) == found


def test_without_a_time_in_its_name_a_file_is_as_old_as_its_storing():
    item = S3Object(bucket="b", key="k", version="", latest=True, size=1, modified="2026-11-21T12:00:00Z")
    assert delivery("{prefix}").time_of(item) == datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_delivery_is_awaited_on_both_sides_of_the_window():
    found = Delivery.of(_with(folder="f", lookAhead="PT1H", lookBack="P1D")).window(DAYS)
    assert (DAYS.start - found.start, found.end - DAYS.end) == (timedelta(days=1), timedelta(hours=1))
