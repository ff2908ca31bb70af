"""A ledger encrypted and partly deleted, played to its end: what is lost, what is not, and who read it before."""

import pytest
from playbooks.seeds.aws_estate import AWARE, INSIDE, NO, YES, clocks, gaps, inventory, running_cloud, table, window
from playbooks.seeds.aws_ransom import DOOMED, ENCRYPTED, EXTORTER, FOREIGN_KMS, KEY, LEDGER, LOST, READ, VAULT_POINT
from playbooks.seeds.aws_thefts import EXPORTS
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.incident import HOME, SHOP

NAME = "cloud-ransomware"
CLASSIFIED = "2026-11-21T14:00:00Z"
FOUND = {
    "impact": Reply(choices=("eu", "nis2", "dora"), fields={"aware_at": AWARE, "classified_at": CLASSIFIED}),
}
ENDS = {
    "recovery_state": "success",
    "versions": "success",
    "trail_state": "success",
    "other_clouds": "skipped",  # the inventory has none
    "approve_keep": "success",
    "hold_versions": "success",
    "copy_disks": "success",
    "hold_case": "success",
    "note": "skipped",
    "activity": "success",
    "findings": "success",
    "log_integrity": "success",
    "encrypted": "success",
    "backups": "success",
    "deleted": "success",
    "recoverable": "success",
    "read_before": "success",
    "stolen": "success",
    "exfiltration": "partial",
    "blind": "success",
    "impact": "success",
    "complete": "partial",
    "tell": "skipped",
    "report": "skipped",
}
COLLECTED = ("recovery_state", "versions", "trail_state", "activity", "findings")


@pytest.fixture(scope="module")
def cloud(clouds):
    """The sandbox with the attack in it."""
    clouds.close()
    with running_cloud() as running:
        yield running


@pytest.fixture(scope="module")
def machine(cloud):
    """A machine of the shop's."""
    return cloud.client("ec2").describe_instances()["Reservations"][0]["Instances"][0]["InstanceId"]


def asked(bucket, **more):
    """Return the inputs: the two hours of the attack."""
    return {"buckets": [bucket], "window": window(20, 22), "known_networks": INSIDE, **more}


def within(*keys):
    """Return objects of the ledger by their full names, sorted."""
    return sorted(f"{LEDGER}/{key}" for key in keys)


def holds_of(cloud):
    """Return whether each version of the ledger is on hold, as S3 says it."""
    s3 = cloud.client("s3")
    versions = s3.list_object_versions(Bucket=LEDGER, Prefix="books/")["Versions"]
    names = ({"Bucket": LEDGER, "Key": one["Key"], "VersionId": one["VersionId"]} for one in versions)
    return [s3.get_object_legal_hold(**name)["LegalHold"]["Status"] for name in names]


@pytest.mark.slow
def test_what_is_locked_and_what_is_lost_are_told_apart_and_whoever_read_it_before_is_followed(
    cloud, machine, tmp_path
):
    played = table(tmp_path, inventory(), FOUND, approve_keep=YES)
    ended = played.play(NAME, asked(LEDGER, prefix="books/", instances=[machine]))

    assert (ended.outcome, outcomes(ended)) == ("partial", ENDS)
    began = "2026-11-21T06:40:00Z"
    locked = {"objects": within(*ENCRYPTED), "locked_with": ["customer key", FOREIGN_KMS], "keys": [KEY]}
    assert outputs(ended, "encrypted") == {"rows": 4, "ips": [EXTORTER], "began": began} | locked
    deleted = {"rows": 1, "objects": within(LOST), "keys": [KEY], "began": "2026-11-21T06:45:00Z"}
    assert outputs(ended, "deleted") == deleted
    actions = ["PutBucketVersioning", "DeleteRecoveryPoint", "ScheduleKeyDeletion"]
    hit = {"rows": 3, "actions": actions, "resources": [LEDGER, VAULT_POINT, DOOMED], "keys": [KEY]}
    assert outputs(ended, "backups") == hit
    left = {"rows": 5, "objects": within(LOST, *ENCRYPTED[1:]), "gone": within(ENCRYPTED[0])}
    assert outputs(ended, "recoverable") == left
    assert outputs(ended, "read_before")["objects"] == within(*READ)
    assert outputs(ended, "stolen")["choice"] == "read"
    followed = outputs(ended, "exfiltration")
    assert [followed[name] for name in ("objects", "keys", "ips")] == [within(*READ), [KEY], [EXTORTER]]
    assert outputs(ended, "hold_versions")["resources"] == [f"s3://{LEDGER}/books/ 11 versions"]
    assert holds_of(cloud) == ["ON"] * 11
    (copied,) = outputs(ended, "copy_disks")["resources"]
    found = cloud.client("ec2").describe_snapshots(SnapshotIds=[copied.split()[-1]])["Snapshots"]
    assert [one["State"] for one in found] == ["completed"]
    assert gaps(*COLLECTED, ended=ended) == set()
    (warned,) = ended.results["complete"].gaps
    assert warned.reason.startswith("Of some objects no earlier version is left in the bucket")
    assert clocks(played) == [
        ("eu.gdpr.art33", AWARE),
        ("eu.nis2.art23.early-warning", AWARE),
        ("eu.nis2.art23.notification", AWARE),
        ("eu.dora.art19.aware", AWARE),
        ("eu.dora.art19.initial", CLASSIFIED),
    ]
    assert played.verify().exit() == 0


@pytest.mark.slow
def test_a_bucket_that_nobody_attacked_is_found_so_and_a_refusal_holds_nothing(cloud, tmp_path):
    played = table(tmp_path, inventory(), FOUND, approve_keep=NO)
    ended = played.play(NAME, asked(EXPORTS))

    skipped = dict.fromkeys(("hold_versions", "copy_disks", "hold_case", "exfiltration", "impact"), "skipped")
    assert outcomes(ended) == ENDS | skipped | {"approve_keep": "denied", "complete": "success"}
    assert [outputs(ended, step)["objects"] for step in ("encrypted", "deleted", "read_before")] == [[]] * 3
    assert outputs(ended, "recoverable") == {"rows": 0, "objects": [], "gone": []}
    assert outputs(ended, "stolen")["choice"] == "not_seen"
    assert (clocks(played), played.events("hold.placed")) == ([], [])
    assert played.verify().exit() == 0


@pytest.mark.slow
def test_a_trail_that_records_no_writes_of_objects_is_warned_of(cloud, tmp_path):
    trails = cloud.client("cloudtrail")
    before = trails.get_event_selectors(TrailName="main")["EventSelectors"]
    without = [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]
    trails.put_event_selectors(TrailName="main", EventSelectors=without)
    try:
        played = table(tmp_path, inventory(), FOUND, approve_keep=YES)
        ended = played.play(NAME, asked(EXPORTS))
    finally:
        trails.put_event_selectors(TrailName="main", EventSelectors=before)

    why = f"arn:aws:cloudtrail:{HOME}:{SHOP}:trail/main records no data events"
    assert outputs(ended, "blind")["reasons"] == [why]
    assert gaps(*COLLECTED, ended=ended) == {
        ("trail_state", "excluded_at_source", "aws.cloudtrail.selectors", "-"),
    }
    told = [gap.reason.partition(",")[0].partition(":")[0] for gap in ended.results["complete"].gaps]
    assert told == ["A trail leaves events out", "Not everything could be had"]
    assert outcomes(ended)["hold_case"] == "success"
    assert outcomes(ended)["hold_versions"] == "skipped"
