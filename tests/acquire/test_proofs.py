"""AWS's own digests against what was collected: a contradiction is a verdict, a recovered version is not."""

from contextlib import closing
from datetime import UTC, datetime

import pytest
from support.conformance_aws import NOTHING_LISTED
from support.lab import DATA, END, Clock, fast, target

from evidence_kit.collectors.registry import build
from evidence_kit.errors import Exit, UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Unit
from evidence_kit.sandbox.faults import Fault

SOURCES = ("aws.cloudtrail.s3", "aws.cloudtrail.digest")
PLACE = target(DATA, "us-east-1")


def collect(lab):
    return lab.collect(*SOURCES, targets=(PLACE,))


def proofs(lab):
    report = lab.verify()
    (check,) = [check for check in report.checks if check.id == "proofs"]
    return report.exit(), check


def current_versions_only(cloud):
    """Let the bucket's history stay hidden, as from somebody who may list objects but not their versions."""
    cloud.door.faults.add(Fault(kind="denied", service="s3", operation="ListObjectVersions", times=None))


def kinds(lab):
    return {finding["kind"] for finding in lab.findings()}


def test_an_altered_log_is_contradicted_beside_its_first_version_which_is_not(cloud, lab):
    key = cloud.alter_log(DATA, "us-east-1", 3)
    assert collect(lab).exit is Exit.OK
    assert "older_version" in kinds(lab)
    taken = [path for path, _ in lab.bodies(source="aws.cloudtrail.s3") if key.rpartition("/")[2] in path.name]
    assert len(taken) == 2
    verdict, check = proofs(lab)
    assert verdict is Exit.PROVIDER_PROOF
    (defect,) = check.defects
    assert "another version in this bag is what AWS delivered" in defect.message


def test_an_altered_log_of_which_only_the_new_version_is_had_is_contradicted(cloud, lab):
    key = cloud.alter_log(DATA, "us-east-1", 3)
    current_versions_only(cloud)
    collect(lab)
    verdict, check = proofs(lab)
    assert verdict is Exit.PROVIDER_PROOF
    assert [key in dict(defect.facts)["object"] for defect in check.defects] == [True]


@pytest.mark.slow
def test_a_deleted_log_whose_older_version_is_there_is_recovered_and_said_so(cloud, lab):
    key = cloud.delete_log(DATA, "us-east-1", 7)
    assert collect(lab).exit is Exit.OK
    assert {"object_deleted", "older_version"} <= kinds(lab)
    assert [f["facts"]["key"] for f in lab.findings() if f["kind"] == "object_deleted"] == [key]
    assert any(key.rpartition("/")[2] in path.name for path, _ in lab.bodies(source="aws.cloudtrail.s3"))
    assert proofs(lab)[0] is Exit.OK


def test_a_deleted_log_without_older_versions_is_contradicted(cloud, lab):
    key = cloud.delete_log(DATA, "us-east-1", 7)
    current_versions_only(cloud)
    collect(lab)
    verdict, check = proofs(lab)
    assert verdict is Exit.PROVIDER_PROOF
    assert key in check.defects[0].subject


def test_a_deleted_digest_whose_older_version_is_there_leaves_the_chain_whole(cloud, lab):
    cloud.delete_digest(DATA, "us-east-1", 12)
    result = collect(lab)
    assert "digest_deleted" in kinds(lab)
    # The older version is taken and named; whether it may stand in the chain is for the walk to say.
    assert {o.status for o in result.outcomes if "digest" in o.unit} <= {
        UnitStatus.COMPLETE, UnitStatus.INTEGRITY_FAILED,
    }  # fmt: skip
    assert "older_version" in kinds(lab)


def test_a_deleted_digest_without_older_versions_breaks_the_chain(cloud, lab):
    cloud.delete_digest(DATA, "us-east-1", 12)
    current_versions_only(cloud)
    result = collect(lab)
    (digests,) = [o for o in result.outcomes if "digest" in o.unit]
    assert digests.status is UnitStatus.INTEGRITY_FAILED
    assert result.exit is Exit.INCOMPLETE
    assert proofs(lab)[0] is Exit.PROVIDER_PROOF


def test_a_chain_that_holds_without_its_deleted_versions_ends_as_denied(cloud, lab):
    current_versions_only(cloud)
    (digests,) = [o for o in collect(lab).outcomes if "digest" in o.unit]
    assert digests.status is UnitStatus.DENIED
    assert "may not be listed" in digests.reason


def test_a_log_that_was_refused_is_not_said_to_be_missing(cloud, lab):
    current_versions_only(cloud)
    cloud.door.faults.add(Fault(kind="denied", service="s3", operation="ListObjectsV2", skip=1))
    lab.collect(*SOURCES, targets=(PLACE,), workers=1)  # in order: the second listing is one of logs
    assert proofs(lab)[0] is Exit.OK


def without_digests(cloud, lab, now=None):
    """Collect digests from a bucket that lists nothing."""
    cloud.door.faults.add(
        Fault(
            kind="status", status=200, service="s3", operation="ListObjectVersions", body=NOTHING_LISTED, times=None
        )
    )
    if now:
        lab.now = Clock(now)
    (digests,) = lab.collect("aws.cloudtrail.digest", targets=(PLACE,)).outcomes
    return digests


def test_no_digest_at_all_says_that_nothing_was_set_up(cloud, lab):
    assert without_digests(cloud, lab).status is UnitStatus.NOT_CONFIGURED


def test_no_digest_yet_is_not_said_to_be_a_setting(cloud, lab):
    assert without_digests(cloud, lab, now=END).status is UnitStatus.COMPLETE_UNSETTLED


def test_digests_that_were_all_deleted_are_not_said_to_be_a_setting(cloud, lab):
    for number in range(len(cloud.truth.digest_keys[DATA, "us-east-1"])):
        cloud.delete_digest(DATA, "us-east-1", number)
    (digests,) = lab.collect("aws.cloudtrail.digest", targets=(PLACE,)).outcomes
    assert digests.status is UnitStatus.INTEGRITY_FAILED
    assert "no digest is left to walk" in digests.reason


def test_nothing_tampered_with_is_proved_in_full(cloud, lab):
    assert collect(lab).exit is Exit.OK
    verdict, check = proofs(lab)
    assert verdict is Exit.OK
    truth = cloud.truth
    assert f"{len(truth.log_keys[DATA, 'us-east-1'])} of" in check.summary
    assert kinds(lab) <= {"not_logged"}


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"", b"not gzip", b"\x1f\x8b\x08\x00broken"])
def test_a_digest_that_cannot_be_read_is_kept_as_it_came_and_fails_its_unit(cloud, lab, body):
    key = cloud.truth.digest_keys[DATA, "us-east-1"][5]
    cloud._logs.put(key, body, {}, modified=datetime(2026, 11, 21, tzinfo=UTC))
    result = collect(lab)
    (digests,) = [o for o in result.outcomes if "digest" in o.unit]
    assert digests.status is UnitStatus.INTEGRITY_FAILED
    assert "digest_unreadable" in kinds(lab)
    assert body in {stored for _, stored in lab.bodies(source="aws.cloudtrail.digest")}


def test_a_file_whose_name_says_no_time_of_delivery_is_named_and_not_taken(cloud, lab):
    folder = cloud.truth.log_keys[DATA, "us-east-1"][0].rpartition("/")[0]
    with closing(cloud.client("s3")) as s3:
        put = s3.put_object(Bucket=cloud.bucket, Key=f"{folder}/readme.txt", Body=b"hello")
        try:
            collect(lab)
        finally:
            s3.delete_object(Bucket=cloud.bucket, Key=f"{folder}/readme.txt", VersionId=put["VersionId"])
    (finding,) = [f for f in lab.findings() if f["kind"] == "unreadable_name"]
    assert finding["facts"]["key"] == f"{folder}/readme.txt"
    assert not [path for path, _ in lab.bodies() if path.name == "readme.txt"]


@pytest.mark.parametrize("source", ["aws.cloudtrail.lookup", "aws.cloudtrail.digest", "aws.cloudwatch.logs"])
def test_a_source_of_events_cannot_be_acquired_without_a_window(source):
    with pytest.raises(UsageError, match="window"):
        next(build(fast(source))[source].acquire(Unit(source=source, target=PLACE), None))
