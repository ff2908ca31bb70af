"""Snapshots against moto: made once, found again, never twice, whatever is lost on the way."""

import json
import re
import time

import pytest
from support.between import first
from support.preserving import died, only, would

from evidence_kit.errors import Exit
from evidence_kit.preservation.deed import ALREADY, PRESERVED

VOLUME_SET = re.compile(rb"<volumeSet>.*</volumeSet>", re.DOTALL)


@pytest.fixture
def instance(moto):
    """An instance with three volumes."""
    ec2 = moto.client("ec2")
    (made,) = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    zone = made["Placement"]["AvailabilityZone"]
    for device in ("/dev/sdf", "/dev/sdg"):
        volume = ec2.create_volume(AvailabilityZone=zone, Size=50)["VolumeId"]
        ec2.attach_volume(VolumeId=volume, InstanceId=made["InstanceId"], Device=device)
    return made["InstanceId"]


def volumes_of(moto, instance):
    (reservation,) = moto.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
    return {one["Ebs"]["VolumeId"] for one in reservation["Instances"][0]["BlockDeviceMappings"]}


def snapshots(moto, volumes):
    found = moto.client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]
    return [one for one in found if one["VolumeId"] in volumes]


def tags(one):
    return {tag["Key"]: tag["Value"] for tag in one["Tags"]}


def test_each_volume_of_an_instance_has_one_tagged_snapshot_and_the_case_verifies(aws, moto, instance):
    assert only(aws.do("aws.ec2.snapshot_volumes", instance_id=instance)) == ("complete", "")
    volumes = volumes_of(moto, instance)
    made = snapshots(moto, volumes)
    assert sorted(one["VolumeId"] for one in made) == sorted(volumes)
    assert {(tags(one)["evidence-kit:case"], tags(one)["evidence-kit:run"]) for one in made} == {
        ("IR-2026-014", "run 7f3a")
    }
    assert {fact["id"] for fact in aws.findings(PRESERVED)} == {one["SnapshotId"] for one in made}
    assert aws.lab.verify().exit(require_complete=True) is Exit.OK


def test_before_at_and_after_are_all_evidence(aws, instance):
    aws.do("aws.ec2.snapshot_volumes", instance_id=instance)
    folders = {path.parent.name for path, _ in aws.lab.bodies()}
    assert {"before.DescribeSnapshots", "done.CreateSnapshots", "after.DescribeSnapshots"} <= folders
    assert [name for name in aws.operations() if name.startswith("Create")] == ["CreateSnapshots"]


def test_done_twice_changes_nothing_the_second_time(aws, moto, line, instance):
    aws.do("aws.ec2.snapshot_volumes", instance_id=instance)
    assert only(aws.do("aws.ec2.snapshot_volumes", instance_id=instance)) == ("complete", "")
    assert line.count("Action=CreateSnapshots") == 1
    assert (len(aws.findings(ALREADY)), aws.findings(PRESERVED)) == (3, [])
    assert len(snapshots(moto, volumes_of(moto, instance))) == 3


def test_another_step_makes_copies_of_its_own(aws, moto, instance):
    aws.do("aws.ec2.snapshot_volumes", instance_id=instance)
    aws.do("aws.ec2.snapshot_volumes", instance_id=instance, step="again")
    assert len(snapshots(moto, volumes_of(moto, instance))) == 6


@pytest.mark.slow
def test_a_lost_answer_is_looked_for_before_anything_is_repeated(aws, moto, line, instance):
    line.lose = first("Action=CreateSnapshots")
    assert only(aws.do("aws.ec2.snapshot_volumes", instance_id=instance)) == ("complete", "")
    assert line.lost == 1
    assert line.count("Action=CreateSnapshots") == 1
    assert len(snapshots(moto, volumes_of(moto, instance))) == 3


def test_killed_between_request_and_answer_it_ends_the_same_after_resume(aws, moto, line, instance):
    process = aws.start("aws.ec2.snapshot_volumes", instance_id=instance)
    line.lose, line.kill = first("Action=CreateSnapshots"), process.pid
    assert died(process)
    assert only(aws.resume("aws.ec2.snapshot_volumes", instance_id=instance)) == ("complete", "")
    assert line.count("Action=CreateSnapshots") == 1
    assert len(snapshots(moto, volumes_of(moto, instance))) == 3
    assert len(aws.findings(ALREADY)) == 3
    assert aws.lab.verify().exit(require_complete=True) is Exit.OK


def test_a_look_that_was_stored_before_the_crash_is_not_believed_after_it(aws, moto, line, instance):
    process = aws.start("aws.ec2.snapshot_volumes", instance_id=instance)
    lose = first("Action=CreateSnapshots")

    def wait(said):
        if not lose(said):
            return False
        deadline = time.monotonic() + 60
        while not aws.stored("before"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return True

    line.lose, line.kill = wait, process.pid
    assert died(process)
    assert only(aws.resume("aws.ec2.snapshot_volumes", instance_id=instance)) == ("complete", "")
    assert line.count("Action=CreateSnapshots") == 1
    assert len(aws.findings(ALREADY)) == 3
    assert aws.lab.verify().exit(require_complete=True) is Exit.OK


def test_only_volumes_without_a_snapshot_of_the_step_are_copied(aws, moto, line, instance):
    aws.do("aws.ec2.snapshot_volumes", instance_id=instance)
    gone = snapshots(moto, volumes_of(moto, instance))[0]
    moto.client("ec2").delete_snapshot(SnapshotId=gone["SnapshotId"])
    assert only(aws.do("aws.ec2.snapshot_volumes", instance_id=instance)) == ("complete", "")
    assert [fact["volume"] for fact in aws.findings(PRESERVED)] == [gone["VolumeId"]]
    assert len(aws.findings(ALREADY)) == 2


def test_volumes_that_an_answer_leaves_out_are_copied_all_the_same(aws, moto, line, instance):
    def alter(said, content):
        return VOLUME_SET.sub(b"<volumeSet/>", content) if "Action=DescribeVolumes" in said else content

    line.alter = alter
    assert would(aws.plan("aws.ec2.snapshot_volumes", instance_id=instance)) == [
        f"would snapshot 3 volumes of {instance}, not all of whose sizes are told"
    ]
    assert only(aws.do("aws.ec2.snapshot_volumes", instance_id=instance)) == ("complete", "")
    assert len(snapshots(moto, volumes_of(moto, instance))) == 3


def test_the_plan_says_what_would_be_copied_and_what_it_costs_and_changes_nothing(aws, line, instance):
    text = aws.text("aws.ec2.snapshot_volumes", instance_id=instance)
    assert f"would snapshot 3 volumes of {instance}, 108 GiB" in text
    assert "cost: snapshot storage" in text
    assert "undone by: " in text
    assert line.count("Action=Create") == 0


def test_many_instances_are_one_unit_each_and_a_hostile_one_does_not_stop_the_others(aws, instance):
    hostile = "i-0\x1b[2J$(reboot)"
    plan = aws.plan("aws.ec2.snapshot_volumes", instance_id=[instance, hostile, instance])
    good, bad = plan.units
    assert good.settings["would"].startswith("would snapshot 3 volumes")
    assert bad.settled is not None
    assert bad.settled[0].value == "partial_error"
    assert "\x1b" not in json.dumps([bad.id, bad.settled[1]], ensure_ascii=False)


def test_what_is_not_there_is_no_success(aws):
    result = aws.do("aws.ec2.snapshot_volumes", instance_id="i-0123456789abcdef0")
    status, reason = only(result)
    assert (status, "InvalidInstanceID.NotFound" in reason) == ("partial_error", True)
    assert result.exit is Exit.INCOMPLETE


def test_one_volume_is_copied_once(aws, moto, line):
    volume = moto.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=9)["VolumeId"]
    assert would(aws.plan("aws.ebs.snapshot_volume", volume_id=volume)) == [
        f"would snapshot 1 volume of {volume}, 9 GiB"
    ]
    line.lose = first("Action=CreateSnapshot&")
    for _ in range(2):
        assert only(aws.do("aws.ebs.snapshot_volume", volume_id=volume)) == ("complete", "")
    assert len(snapshots(moto, {volume})) == 1


def test_a_database_is_copied_once_under_a_name_of_the_step(aws, moto, line):
    rds = moto.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="orders", Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=20,
        MasterUsername="u", MasterUserPassword="not-a-secret",
    )  # fmt: skip
    assert would(aws.plan("aws.rds.snapshot", db_instance_id="orders")) == ["would snapshot orders, 20 GiB"]
    line.lose = first("Action=CreateDBSnapshot")
    for _ in range(2):
        assert only(aws.do("aws.rds.snapshot", db_instance_id="orders")) == ("complete", "")
    found = rds.describe_db_snapshots(DBInstanceIdentifier="orders")["DBSnapshots"]
    (made,) = [one for one in found if one["SnapshotType"] == "manual"]
    assert [fact["id"] for fact in aws.findings(ALREADY)] == [made["DBSnapshotIdentifier"]]
    assert line.count("Action=CreateDBSnapshot") == 1


@pytest.mark.slow
def test_a_cluster_is_copied_once_and_a_member_of_it_is_refused_by_name(aws, moto):
    rds = moto.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="ledger",
        Engine="aurora-postgresql",
        MasterUsername="u",
        MasterUserPassword="not-a-secret",
    )
    rds.create_db_instance(
        DBInstanceIdentifier="ledger-1", DBClusterIdentifier="ledger", Engine="aurora-postgresql",
        DBInstanceClass="db.r5.large",
    )  # fmt: skip
    for _ in range(2):
        assert only(aws.do("aws.rds.snapshot_cluster", db_cluster_id="ledger")) == ("complete", "")
    found = rds.describe_db_cluster_snapshots(DBClusterIdentifier="ledger")["DBClusterSnapshots"]
    assert len([one for one in found if one["SnapshotType"] == "manual"]) == 1
    status, reason = only(aws.do("aws.rds.snapshot", db_instance_id="ledger-1"))
    assert (status, "member of the cluster ledger" in reason) == ("partial_error", True)
