"""What can be kept at Google, against our own stand-in: done once, found again, never weakened."""

import pytest
from support.google import PROJECT
from support.preserving import died, only, settled, would

from evidence_kit.errors import Exit
from evidence_kit.preservation.deed import ALREADY, NOT_PRESERVED, PRESERVED

DISK = {"disk": "orders-1", "zone": "europe-west4-a"}
HOSTILE = ("logs/a b?c#d%2e&e=f", "logs/../../x", "logs/é\u202e", "logs/x")


@pytest.fixture
def disk(keeping):
    keeping.disks["europe-west4-a", "orders-1"] = {"kind": "compute#disk", "name": "orders-1", "sizeGb": "200"}
    return keeping


@pytest.fixture
def bucket(keeping):
    keeping.buckets["shop-audit"] = {"kind": "storage#bucket", "name": "shop-audit", "metageneration": "3"}
    keeping.objects["shop-audit"] = [
        {"kind": "storage#object", "name": name, "generation": str(number), "size": "10"}
        for number, name in enumerate((*HOSTILE, HOSTILE[0]))
    ]
    return keeping


def patches(keeping):
    return [one for one in keeping.changes if one[0] == "PATCH"]


def test_a_disk_is_copied_once_waited_for_and_the_case_verifies(gcp, disk):
    assert would(gcp.plan("gcp.compute.snapshot_disk", **DISK)) == ["would snapshot orders-1, 200 GiB"]
    assert disk.changes == []
    assert only(gcp.do("gcp.compute.snapshot_disk", **DISK)) == ("complete", "")
    ((name, made),) = disk.snapshots.items()
    assert made["sourceDisk"] == f"projects/{PROJECT}/zones/europe-west4-a/disks/orders-1"
    assert made["labels"]["evidence-kit-case"] == "ir-2026-014"
    assert "case IR-2026-014, run run 7f3a" in made["description"]
    assert [(fact["id"], fact["number"]) for fact in gcp.findings(PRESERVED)] == [(name, "7000")]
    assert gcp.lab.verify().exit(require_complete=True) is Exit.OK


def test_a_second_run_makes_no_second_copy(gcp, disk):
    for _ in range(2):
        assert only(gcp.do("gcp.compute.snapshot_disk", **DISK)) == ("complete", "")
    assert len(disk.changes) == 1
    assert len(gcp.findings(ALREADY)) == 1


def test_a_copy_that_is_still_under_way_says_so(gcp, disk):
    disk.states = ["UPLOADING"]
    status, reason = only(gcp.do("gcp.compute.snapshot_disk", **DISK))
    assert (status, reason.endswith("of orders-1 is UPLOADING")) == ("complete_unsettled", True)


def test_a_copy_that_fails_is_no_success(gcp, disk):
    disk.states = ["CREATING", "FAILED"]
    assert only(gcp.do("gcp.compute.snapshot_disk", **DISK))[0] == "partial_error"


def test_a_lost_answer_is_looked_for_first(gcp, disk):
    disk.lose = 1
    assert only(gcp.do("gcp.compute.snapshot_disk", **DISK)) == ("complete", "")
    assert len(disk.changes) == 1


def test_killed_between_request_and_answer_the_copy_is_found_after_resume(gcp, disk):
    process = gcp.start("gcp.compute.snapshot_disk", **DISK)
    disk.lose, disk.kill = 1, process.pid
    assert died(process)
    assert only(gcp.resume("gcp.compute.snapshot_disk", **DISK)) == ("complete", "")
    assert (len(disk.changes), len(disk.snapshots)) == (1, 1)
    assert gcp.lab.verify().exit(require_complete=True) is Exit.OK


def test_the_scope_that_may_write_is_asked_for_with_the_acting_key_alone(gcp, google, disk):
    gcp.do("gcp.compute.snapshot_disk", **DISK)
    assert set(google.server.scopes) == {"https://www.googleapis.com/auth/cloud-platform"}
    assert b"ya29." not in google.everything()


def test_a_refused_permission_is_named(gcp, disk):
    disk.refuse = lambda method, _: method == "POST"
    status, reason = only(gcp.do("gcp.compute.snapshot_disk", **DISK))
    assert (status, "compute.disks.createSnapshot" in reason) == ("denied", True)
    assert disk.snapshots == {}


def test_a_disk_that_is_not_there_is_no_success(gcp, keeping):
    assert settled(gcp.plan("gcp.compute.snapshot_disk", **DISK)) == ("partial_error", "there is no disk orders-1")


@pytest.mark.parametrize(("hold", "field"), [("temporary", "temporaryHold"), ("event-based", "eventBasedHold")])
def test_every_generation_below_the_prefix_is_held_whatever_its_name(gcp, bucket, hold, field):
    given = {"bucket": "shop-audit", "prefix": "logs/", "hold": hold}
    assert only(gcp.do("gcp.storage.hold", **given)) == ("complete", "")
    assert [one.get(field) for one in bucket.objects["shop-audit"]] == [True] * 5
    assert sorted(query["generation"] for _, _, query, _ in patches(bucket)) == list("01234")


def test_a_name_that_cannot_stand_in_an_address_is_refused_by_name_and_the_others_are_held(gcp, bucket):
    bucket.objects["shop-audit"] = [{"name": name, "generation": "7", "size": "1"} for name in ("..", "..a")]
    status, reason = only(gcp.do("gcp.storage.hold", bucket="shop-audit", prefix=".."))
    assert (status, "1 of 2 objects" in reason) == ("partial_error", True)
    assert [fact["resource"] for fact in gcp.findings(NOT_PRESERVED)] == ["gs://shop-audit/..#7"]
    assert bucket.objects["shop-audit"][1]["temporaryHold"] is True


def test_objects_held_twice_are_sent_no_change_and_a_lost_answer_is_not_repeated(gcp, bucket):
    bucket.lose = 1
    for _ in range(2):
        assert only(gcp.do("gcp.storage.hold", bucket="shop-audit", prefix="logs/x")) == ("complete", "")
    assert len(patches(bucket)) == 1
    assert [fact["objects"] for fact in gcp.findings(ALREADY)] == ["1"]


def test_killed_among_the_holds_the_rest_follows_after_resume(gcp, bucket):
    del bucket.objects["shop-audit"][1]
    given = {"bucket": "shop-audit", "prefix": "logs/"}
    process = gcp.start("gcp.storage.hold", **given)
    bucket.lose, bucket.kill = 1, process.pid
    assert died(process)
    assert only(gcp.resume("gcp.storage.hold", **given)) == ("complete", "")
    assert len(patches(bucket)) == 4
    assert all(one["temporaryHold"] for one in bucket.objects["shop-audit"])


def test_a_bucket_keeps_longer_never_shorter_and_is_not_locked(gcp, bucket):
    for days, kept in (("30", 30), ("90", 90), ("7", 90)):
        assert only(gcp.do("gcp.storage.retention", bucket="shop-audit", days=days)) == ("complete", "")
        assert bucket.buckets["shop-audit"]["retentionPolicy"] == {"retentionPeriod": str(kept * 86_400)}
    assert len(patches(bucket)) == 2


def test_a_bucket_that_somebody_changed_since_the_look_is_not_overwritten(gcp, bucket):
    def changed(method, path):
        if method == "PATCH":
            bucket.buckets["shop-audit"]["metageneration"] = "9"
        return False

    bucket.refuse = changed
    assert only(gcp.do("gcp.storage.retention", bucket="shop-audit", days="30"))[0] == "partial_error"
    assert "retentionPolicy" not in bucket.buckets["shop-audit"]


def test_a_log_bucket_keeps_longer_never_shorter(gcp, keeping):
    keeping.log_buckets["global", "_Default"] = {"name": "b", "retentionDays": 30}
    assert would(gcp.plan("gcp.logging.retention", days="400")) == [
        "would keep the entries of global/_Default 400 days; now 30"
    ]
    keeping.lose = 1
    for days in ("400", "400", "10"):
        assert only(gcp.do("gcp.logging.retention", days=days)) == ("complete", "")
    assert keeping.log_buckets["global", "_Default"]["retentionDays"] == 400
    assert len(patches(keeping)) == 1


def test_a_locked_log_bucket_is_refused_while_planning(gcp, keeping):
    keeping.log_buckets["global", "_Required"] = {"name": "b", "retentionDays": 400, "locked": True}
    status, reason = settled(gcp.plan("gcp.logging.retention", bucket="_Required", days="500"))
    assert (status, reason) == (
        "partial_error",
        "the log bucket global/_Required keeps its entries 400 days, and is locked",
    )


def test_a_log_bucket_cannot_be_called_a_way_up_the_tree(gcp, keeping):
    status, reason = settled(gcp.plan("gcp.logging.retention", bucket="..", days="500"))
    assert (status, "is no path within the API" in reason) == ("partial_error", True)
    assert keeping.changes == []


def test_a_prefix_that_holds_nothing_or_too_much_is_no_success(gcp, bucket):
    empty = gcp.plan("gcp.storage.hold", bucket="shop-audit", prefix="nothing/")
    assert settled(empty) == ("partial_error", "gs://shop-audit/nothing/ holds no object")
    status, reason = settled(gcp.plan("gcp.storage.hold", bucket="shop-audit", prefix="logs/", most="3"))
    assert (status, "more than 3 objects" in reason) == ("partial_error", True)


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("gcp.storage.retention", "there is no bucket gs://gone"),
        ("gcp.logging.retention", "there is no log bucket global/gone"),
    ],
)
def test_a_bucket_that_is_not_there_is_no_success(gcp, keeping, action, reason):
    assert settled(gcp.plan(action, bucket="gone", days="30")) == ("partial_error", reason)


def test_where_all_are_refused_the_rest_is_not_tried(gcp, keeping):
    keeping.objects["b-1"] = [{"name": f"x{number}", "generation": "1"} for number in range(40)]
    keeping.refuse = lambda method, _: method == "PATCH"
    status, reason = only(gcp.do("gcp.storage.hold", bucket="b-1", prefix="x"))
    assert (status, "storage.objects.update" in reason) == ("denied", True)
    assert (len(patches(keeping)), len(gcp.findings(NOT_PRESERVED))) == (25, 25)


def test_what_was_done_before_the_operator_stopped_is_on_record_to_the_last_answer(gcp, bucket):
    made = gcp.collectors("gcp.storage.hold")
    engine = gcp.lab.engine(made)

    def stop(method, _):
        if method == "PATCH" and len(patches(bucket)) == 3:
            engine.stop.set()
        return False

    bucket.refuse = stop
    with gcp.lab.vault.lock(), gcp.lab.vault.working():
        result = engine.collect(gcp.order("gcp.storage.hold", {"bucket": "shop-audit", "prefix": "logs/"}))
    assert only(result)[0] == "partial_truncated"
    assert gcp.operations().count("objects.patch") == len(patches(bucket)) == 3
    assert gcp.lab.verify().exit() is Exit.OK
