"""Evidence that other collectors are known to lose, one test for each way in which they do."""

import gzip
import hashlib
import json
from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest
from support.amazon import FOLDER
from support.lab import BOTH, DATA, SHOP, fast, target, truth_of

from evidence_kit.acquire.open_work import find_work
from evidence_kit.collectors.registry import build
from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.estate import TRAIL
from evidence_kit.sandbox.faults import Fault
from evidence_kit.sources.catalogue import load_catalogue

LOOKUP, S3, DIGEST = "aws.cloudtrail.lookup", "aws.cloudtrail.s3", "aws.cloudtrail.digest"
FINDINGS = "aws.guardduty.findings"


def contents(stage):
    """Return the files that were taken, without the listings."""
    return Counter(body for path, body in stage.lab.bodies() if path.suffix != ".xml")


# -- a trail that somebody stopped -------------------------------------------------------------------------------


@pytest.fixture
def stopped(cloud):
    """The cloud after its intruder has called StopLogging."""
    with closing(cloud.client("cloudtrail", SHOP)) as client:
        client.stop_logging(Name=TRAIL)
        try:
            yield cloud
        finally:
            client.start_logging(Name=TRAIL)


def test_files_and_event_history_are_not_lost_when_a_trail_is_stopped(stopped, lab):
    lab.collect(S3, LOOKUP)
    assert lab.delivered() == truth_of(stopped.truth.delivered, target(SHOP))
    assert lab.looked_up() == truth_of(stopped.truth.lookup, target(SHOP))
    assert lab.delivered()
    assert lab.looked_up()


def test_event_history_is_not_lost_when_the_trail_itself_was_deleted(before):
    text = """
    replies:
      - operation: LookupEvents
        service: cloudtrail
        pages: [{Events: [{EventId: e-1, EventName: DeleteTrail, EventTime: 2026-11-21T07:00:00Z}]}]
    """
    (outcome,) = before(LOOKUP, text).collect().outcomes
    assert (outcome.status, outcome.records) == (UnitStatus.COMPLETE, 1)


def test_files_of_a_deleted_trail_are_not_lost_for_whoever_names_the_bucket(before):
    key = f"AWSLogs/{SHOP}/CloudTrail/us-east-1/2026/11/21/{SHOP}_CloudTrail_us-east-1_20261121T0705Z_a.json.gz"
    text = f"""
    params: {{bucket: old-trail, prefix: AWSLogs/}}
    bucket:
      name: old-trail
      objects: [{{key: "{key}", body_gzip: "{{}}", modified: 2026-11-21T07:06:00Z}}]
    """
    stage = before("aws.s3.objects", text)
    assert stage.collect().exit is Exit.OK
    assert [gzip.decompress(body) for body in contents(stage)] == [b"{}"]


# -- flow logs of every format and layout ------------------------------------------------------------------------

NAME = f"{SHOP}_vpcflowlogs_us-east-1_fl-0a"
HIVE = f"aws-account-id={SHOP}/aws-service=vpcflowlogs/aws-region=us-east-1/year=2026/month=11/day=21"
DAY = f"{SHOP}/vpcflowlogs/us-east-1/2026/11/21"
FLOW = f"""
    replies:
      - operation: DescribeFlowLogs
        service: ec2
        pages:
          - FlowLogs:
              - FlowLogId: fl-0a
                LogDestinationType: s3
                LogDestination: arn:aws:s3:::flow/net
                TrafficType: ALL
                LogFormat: "${{srcaddr}} ${{dstaddr}} ${{log-status}}"
    bucket:
      name: flow
      objects:
        - {{key: "net/AWSLogs/{DAY}/{NAME}_20261121T0700Z_1.log.gz", body: "not gzip at all"}}
        - {{key: "net/AWSLogs/{DAY}/{NAME}_20261121T0705Z_2.log.gz", body_gzip: "a status\\n- NODATA\\n- SKIPDATA"}}
        - {{key: "net/AWSLogs/{DAY}/08/{NAME}_20261121T0805Z_3.log.gz", body_gzip: "by the hour"}}
        - {{key: "net/AWSLogs/{HIVE}/{NAME}_20261121T0905Z_4.log.parquet", body_base64: UEFSMRUAFQAAUEFSMQ==}}
        - {{key: "net/AWSLogs/{HIVE}/hour=10/{NAME}_20261121T1005Z_5.log.parquet", body: "PAR1 by the hour"}}
"""


def test_no_flow_log_is_lost_for_its_format_its_lines_or_its_layout(before):
    stage = before("aws.vpc.flow_s3", FLOW)
    assert stage.collect().exit is Exit.OK
    (bucket,) = stage.fixture.estate.buckets
    assert contents(stage) == Counter(one.body for one in bucket.versions)
    assert any(b"SKIPDATA" in gzip.decompress(body) for body in contents(stage) if body[:2] == b"\x1f\x8b")


# -- what AWS signed ---------------------------------------------------------------------------------------------


def test_the_bytes_that_aws_signed_are_not_lost_and_prove_themselves_offline(cloud, lab):
    assert lab.collect(S3, DIGEST, targets=(target(DATA),)).exit is Exit.OK
    report = lab.verify()
    (proofs,) = [check for check in report.checks if check.id == "proofs"]
    assert (report.exit(), proofs.defects) == (Exit.OK, ())
    hashes = {log["hashValue"] for digest in digests(lab) for log in digest["logFiles"]}
    logs = [gzip.decompress(body) for path, body in lab.bodies(source=S3) if path.name.endswith(".json.gz")]
    assert logs
    assert hashes >= {hashlib.sha256(log).hexdigest() for log in logs}


@pytest.mark.slow
def test_digests_of_no_region_are_lost_be_it_home_or_not(cloud, lab):
    assert lab.collect(DIGEST, targets=BOTH).exit is Exit.OK
    found = {digest["digestS3Object"] for digest in digests(lab)}
    for place in ((one.id, region) for one in BOTH for region in one.regions):
        wanted = set(cloud.truth.digest_keys[place])
        assert wanted
        assert wanted <= found


def digests(lab):
    """Yield every digest that was taken, read."""
    for path, body in lab.bodies(source=DIGEST):
        if path.name.endswith(".json.gz"):
            yield json.loads(gzip.decompress(body))


# -- errors in the middle ----------------------------------------------------------------------------------------

TROUBLE = {
    "denied": (Fault(kind="denied", operation="ListFindings", skip=1, times=None), UnitStatus.DENIED),
    "reset": (Fault(kind="reset", operation="ListFindings", skip=1, times=None), UnitStatus.PARTIAL_ERROR),
    "throttled": (Fault(kind="throttle", operation="ListFindings", skip=1, times=None), UnitStatus.PARTIAL_THROTTLED),
    "broken": (Fault(kind="empty_json", operation="GetFindings", skip=1, times=None), UnitStatus.PARTIAL_ERROR),
    "no-detector": (Fault(kind="denied", operation="GetDetector", times=None), UnitStatus.DENIED),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_an_error_in_the_middle_of_a_list_of_findings_is_not_lost_in_a_complete(before, trouble):
    fault, status = TROUBLE[trouble]
    stage = before(FINDINGS, (FOLDER / f"{FINDINGS}.yaml").read_text())
    stage.server.faults.add(fault)
    result = stage.collect()
    assert [one.status for one in result.outcomes] == [status]
    assert result.exit is Exit.INCOMPLETE
    assert stage.lab.verify().exit(require_complete=True) is Exit.INCOMPLETE
    # What came before the error is kept; what has nothing to do with it is taken nevertheless.
    kept = {"f-1", "f-2"} | ({"f-3"} if trouble == "no-detector" else set())
    assert {name for _, _, name in stage.lab.found()} == kept


def test_no_finding_beyond_the_fiftieth_is_lost(before):
    ids = [f"{n:032x}" for n in range(120)]
    some = ", ".join(f"'{one}'" for one in ids[:70]), ", ".join(f"'{one}'" for one in ids[70:])
    batches = "".join(
        f"""
      - operation: GetFindings
        service: guardduty
        when: {{FindingIds: [{", ".join(repr(one) for one in batch)}]}}
        pages: [{{Findings: [{", ".join(_finding(one) for one in batch)}]}}]"""
        for batch in (ids[:50], ids[50:70], ids[70:])
    )
    text = f"""
    replies:
      - {{operation: ListDetectors, service: guardduty, pages: [{{DetectorIds: [d1]}}]}}
      - {{operation: GetDetector, service: guardduty, pages: [{{Status: ENABLED, ServiceRole: r}}]}}
      - {{operation: ListFilters, service: guardduty, pages: [{{FilterNames: []}}]}}
      - {{operation: ListPublishingDestinations, service: guardduty, pages: [{{Destinations: []}}]}}
      - {{operation: ListMembers, service: guardduty, pages: [{{Members: []}}]}}
      - operation: ListFindings
        service: guardduty
        pages:
          - {{FindingIds: [{some[0]}]}}
          - {{FindingIds: [{some[1]}]}}{batches}"""
    stage = before(FINDINGS, text)
    assert stage.collect().exit is Exit.OK
    assert set(stage.lab.found()) == {(SHOP, "us-east-1", one) for one in ids}


def _finding(name):
    return (
        f"{{Id: '{name}', AccountId: '{SHOP}', Arn: a, CreatedAt: c, Region: us-east-1, Resource: {{}}, "
        "SchemaVersion: '2.0', Severity: 2, Type: t, UpdatedAt: u}"
    )


def test_pages_that_came_before_an_error_are_in_the_manifest_and_the_rest_is_taken_up_again(cloud, lab):
    cloud.door.faults.add(Fault(kind="denied", operation="LookupEvents", skip=2, times=None))
    places = (target(SHOP, "ap-southeast-2"),)
    result = lab.collect(LOOKUP, targets=places, specs=slow(LOOKUP))
    assert result.exit is Exit.INCOMPLETE
    assert lab.looked_up()
    assert lab.verify().exit() is Exit.OK
    (manifest,) = (lab.bags[-1]).glob("manifest-sha256.txt")
    named = manifest.read_text()
    assert all(hashlib.sha256(body).hexdigest() in named for _, body in lab.bodies())
    cloud.door.faults.clear()
    with lab.vault.lock(), lab.vault.working():
        assert find_work(lab.vault).run(lab.engine(build(fast(LOOKUP)))).exit is Exit.OK
    assert set(lab.looked_up()) == set(truth_of(cloud.truth.lookup, *places))


def slow(source):
    """Return a source whose window is one unit."""

    return {name: replace(spec, step=None) for name, spec in fast(source).items()}


# -- late, elsewhere, in other folders ---------------------------------------------------------------------------


BESIDE = {
    "Insight": "aws.cloudtrail.insights",
    "NetworkActivity": "aws.cloudtrail.network_activity",
    "Aggregated": "aws.cloudtrail.aggregated",
}


@pytest.mark.parametrize("kind", BESIDE)
def test_files_that_are_delivered_late_or_beside_the_usual_folder_are_not_lost(before, kind):
    source = BESIDE[kind]
    folder = f"AWSLogs/{SHOP}/CloudTrail-{kind}/us-east-1/2026/11/21/{SHOP}_CloudTrail-{kind}_us-east-1"
    text = f"""
    replies:
      - operation: DescribeTrails
        service: cloudtrail
        pages:
          - trailList: [{{Name: t, S3BucketName: b, TrailARN: "arn:aws:cloudtrail:us-east-1:{SHOP}:trail/t"}}]
    bucket:
      name: b
      page: 1
      objects:
        - {{key: "{folder}_20261121T0705Z_1.json.gz", body: one}}
        - {{key: "{folder}_20261121T1230Z_2.json.gz", body: after the end}}
        - {{key: "{folder}_20261121T1305Z_3.json.gz", body: of another window}}
        - {{key: "AWSLogs/{SHOP}/CloudTrail/us-east-1/2026/11/21/x_20261121T0705Z_1.json.gz", body: another}}
    """
    stage = before(source, text)
    assert stage.collect().exit is Exit.OK
    assert contents(stage) == {b"one": 1, b"after the end": 1}


def test_no_region_is_lost_for_how_it_is_called(before):
    regions = ["af-south-1", "ca-west-1", "il-central-1", "me-central-1", "mx-central-1", "us-east-1"]
    listed = ", ".join(f"{{RegionName: {one}, OptInStatus: opted-in}}" for one in regions)
    text = f"""
    regions: []
    replies:
      - {{operation: DescribeRegions, service: ec2, pages: [{{Regions: [{listed}]}}]}}
      - operation: LookupEvents
        service: cloudtrail
        pages: [{{Events: [{{EventId: e, EventName: ConsoleLogin, EventTime: 2026-11-21T07:00:00Z}}]}}]
    """
    stage = before(LOOKUP, text)
    assert stage.collect().exit is Exit.OK
    assert {region for _, region, _ in stage.lab.looked_up()} == set(regions)


def test_no_file_is_lost_for_its_size_or_unpacked_on_its_way(before):
    big = "x" * (3 << 20)
    text = f"""
    params: {{bucket: b}}
    bucket: {{name: b, objects: [{{key: big, body: "{big}"}}, {{key: small.gz, body_gzip: "{big[:9]}"}}]}}
    """
    stage = before("aws.s3.objects", text)
    assert stage.collect().exit is Exit.OK
    (bucket,) = stage.fixture.estate.buckets
    assert contents(stage) == Counter(one.body for one in bucket.versions)


# -- elsewhere ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("interactive", "interactiveUser"),
        ("noninteractive", "nonInteractiveUser"),
        ("service_principal", "servicePrincipal"),
        ("managed_identity", "managedIdentity"),
    ],
)
def test_no_kind_of_sign_in_to_entra_is_lost_for_not_being_asked_for(source, kind):
    (spec,) = [spec for name, spec in load_catalogue().items() if name.endswith(f"entra.signins.{source}")]
    asked = json.dumps(spec.settings)
    assert f"signInEventTypes/any(t: t eq '{kind}')" in asked
    assert "beta" in asked
