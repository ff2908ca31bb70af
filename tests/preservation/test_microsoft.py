"""What can be kept at Microsoft, against our own stand-in: done once, found again, never weakened."""

import pytest
from support.preserving import died, only, settled, would

from evidence_kit.errors import Exit
from evidence_kit.preservation.credentials import SECRET
from evidence_kit.preservation.deed import ALREADY, PRESERVED

DISK = {"disk": "orders_OsDisk", "resource_group": "shop-rg"}
LOGS = {"account": "shoplogs", "container": "insights-logs-audit", "resource_group": "shop-rg"}
TABLE = {"workspace_name": "shop-logs", "table": "SigninLogs", "resource_group": "shop-rg"}
PLACE = "shoplogs/insights-logs-audit"


@pytest.fixture
def disk(arm):
    arm.disks["orders_OsDisk"] = {"location": "westeurope", "properties": {"diskSizeGB": 128}}
    return arm


@pytest.fixture
def container(arm):
    arm.containers[PLACE] = {"name": "insights-logs-audit", "properties": {"publicAccess": "None"}}
    return arm


@pytest.fixture
def table(arm):
    arm.tables["shop-logs/SigninLogs"] = {"properties": {"retentionInDays": 90, "totalRetentionInDays": 90}}
    return arm


def test_a_disk_is_copied_once_out_of_reach_and_the_case_verifies(azure, disk):
    assert would(azure.plan("azure.compute.snapshot_disk", **DISK)) == ["would snapshot orders_OsDisk, 128 GiB"]
    assert disk.changes == []
    for _ in range(2):
        assert only(azure.do("azure.compute.snapshot_disk", **DISK)) == ("complete", "")
    ((_, made),) = disk.snapshots.items()
    assert (made["properties"]["networkAccessPolicy"], made["location"]) == ("DenyAll", "westeurope")
    assert made["tags"]["evidence-kit:case"] == "IR-2026-014"
    assert len(disk.changes) == 1
    assert [fact["id"] for fact in azure.findings(ALREADY)] == [made["id"]]
    assert azure.lab.verify().exit(require_complete=True) is Exit.OK


def test_a_lost_answer_is_looked_for_first(azure, disk):
    disk.lose = 1
    assert only(azure.do("azure.compute.snapshot_disk", **DISK)) == ("complete", "")
    assert len(disk.changes) == 1


def test_killed_between_request_and_answer_the_copy_is_found_after_resume(azure, disk):
    process = azure.start("azure.compute.snapshot_disk", **DISK)
    disk.lose, disk.kill = 1, process.pid
    assert died(process)
    assert only(azure.resume("azure.compute.snapshot_disk", **DISK)) == ("complete", "")
    assert (len(disk.changes), len(disk.snapshots)) == (1, 1)
    assert azure.lab.verify().exit(require_complete=True) is Exit.OK


def test_a_copy_that_is_still_under_way_or_fails_is_not_called_complete(azure, disk):
    disk.states = ["Creating"]
    assert only(azure.do("azure.compute.snapshot_disk", **DISK))[0] == "complete_unsettled"
    disk.states = ["Failed"]
    assert only(azure.do("azure.compute.snapshot_disk", **DISK, step="two"))[0] == "partial_error"


def test_a_refused_permission_is_named(azure, disk):
    disk.refuse = lambda asked: asked.method == "PUT"
    status, reason = only(azure.do("azure.compute.snapshot_disk", **DISK))
    assert (status, "Microsoft.Compute/snapshots/write" in reason) == ("denied", True)
    assert disk.snapshots == {}


def test_without_a_secret_of_its_own_the_readers_is_not_used(azure, kiosk, disk, monkeypatch):
    monkeypatch.delenv(SECRET)
    asked = len(kiosk.server.sent)
    status, reason = settled(azure.plan("azure.compute.snapshot_disk", **DISK))
    assert (status, "no secret for the credentials that may act" in reason) == ("denied", True)
    assert len(kiosk.server.sent) == asked


def test_the_readers_credentials_act_where_the_inventory_says_so(azure, kiosk, disk, monkeypatch):
    for name, value in kiosk.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(SECRET)
    azure.target = kiosk.target(preserve="same")
    assert only(azure.do("azure.compute.snapshot_disk", **DISK)) == ("complete", "")


def test_no_secret_comes_into_the_case(azure, kiosk, disk):
    azure.do("azure.compute.snapshot_disk", **DISK)
    everything = b"".join(path.read_bytes() for path in azure.lab.root.rglob("*") if path.is_file())
    assert kiosk.entra.secret.encode() not in everything
    assert not [token for token in kiosk.entra.issued if token.encode() in everything]


def test_a_container_is_held_under_a_tag_of_the_step_and_logs_may_be_added(azure, container):
    container.lose = 1
    for _ in range(2):
        assert only(azure.do("azure.storage.legal_hold", **LOGS)) == ("complete", "")
    ((_, _, sent),) = container.changes
    (tag,) = sent["tags"]
    assert sent["allowProtectedAppendWritesAll"] is True
    assert (tag.isalnum(), 3 <= len(tag) <= 23) == (True, True)
    assert [fact["id"] for fact in azure.findings(ALREADY)] == [tag]


def test_a_hold_that_lets_nothing_be_added_is_not_loosened(azure, container):
    hold = {
        "hasLegalHold": True, "tags": [{"tag": "litigation"}],
        "protectedAppendWritesHistory": {"allowProtectedAppendWritesAll": False},
    }  # fmt: skip
    container.containers[PLACE]["properties"]["legalHold"] = hold
    assert only(azure.do("azure.storage.legal_hold", **LOGS)) == ("complete", "")
    assert container.changes[0][2]["allowProtectedAppendWritesAll"] is False
    assert hold["tags"][0] == {"tag": "litigation"}


def test_a_container_keeps_longer_never_shorter_and_is_not_locked(azure, container):
    for days, kept in (("30", 30), ("90", 90), ("7", 90)):
        assert only(azure.do("azure.storage.immutability", **LOGS, days=days)) == ("complete", "")
        assert container.policies[PLACE]["properties"]["immutabilityPeriodSinceCreationInDays"] == kept
    assert len(container.changes) == 2
    assert container.policies[PLACE]["properties"]["state"] == "Unlocked"


def test_a_locked_policy_is_left_to_its_owner(azure, container):
    container.policies[PLACE] = {
        "etag": '"1"', "properties": {"immutabilityPeriodSinceCreationInDays": 30, "state": "Locked"}
    }  # fmt: skip
    status, reason = settled(azure.plan("azure.storage.immutability", **LOGS, days="60"))
    assert (status, "is locked" in reason) == ("partial_error", True)
    assert only(azure.do("azure.storage.immutability", **LOGS, days="20")) == ("complete", "")


def test_a_policy_that_lets_append_blobs_grow_is_left_as_it_is(azure, container):
    policy = {"immutabilityPeriodSinceCreationInDays": 30, "allowProtectedAppendWrites": True, "state": "Unlocked"}
    container.policies[PLACE] = {"etag": '"1"', "properties": policy}
    status, reason = only(azure.do("azure.storage.immutability", **LOGS, days="365"))
    assert (status, "lets append blobs grow" in reason) == ("partial_error", True)
    assert container.policies[PLACE]["properties"] == policy
    assert container.changes == []


def test_a_policy_that_somebody_changed_since_the_look_is_not_overwritten(azure, container):
    container.policies[PLACE] = {"etag": '"1"', "properties": {"immutabilityPeriodSinceCreationInDays": 30}}

    def changed(asked):
        if asked.method == "PUT":
            container.policies[PLACE]["etag"] = '"2"'
        return False

    container.refuse = changed
    assert only(azure.do("azure.storage.immutability", **LOGS, days="60"))[0] == "partial_error"
    assert container.policies[PLACE]["properties"]["immutabilityPeriodSinceCreationInDays"] == 30


def test_a_table_keeps_longer_never_shorter_and_its_queries_stay_as_they_are(azure, table):
    for days in ("730", "730", "30"):
        assert only(azure.do("azure.logs.retention", **TABLE, days=days)) == ("complete", "")
    assert table.tables["shop-logs/SigninLogs"]["properties"] == {"retentionInDays": 90, "totalRetentionInDays": 730}
    assert len(table.changes) == 1


def test_a_success_that_the_next_look_does_not_show_is_no_success(azure, table):
    table.tables["shop-logs/SigninLogs"]["properties"] = Stubborn(totalRetentionInDays=90)
    status, reason = only(azure.do("azure.logs.retention", **TABLE, days="730"))
    assert (status, "the look afterwards does not show it" in reason) == ("partial_error", True)
    assert azure.findings(PRESERVED) == []


class Stubborn(dict):
    """Takes no change."""

    def __ior__(self, other):
        return self


@pytest.mark.parametrize(
    ("action", "given", "reason"),
    [
        ("azure.compute.snapshot_disk", DISK, "there is no disk orders_OsDisk"),
        ("azure.storage.legal_hold", LOGS, f"there is no container {PLACE}"),
        ("azure.storage.immutability", {**LOGS, "days": "9"}, f"there is no container {PLACE}"),
        ("azure.logs.retention", {**TABLE, "days": "9"}, "there is no table shop-logs/SigninLogs"),
    ],
)
def test_what_is_not_there_is_no_success(azure, action, given, reason):
    assert settled(azure.plan(action, **given)) == ("partial_error", reason)


@pytest.mark.parametrize("group", ["..", "a/b", "x?y", "rg%2f..", "rg."])
def test_a_group_that_leads_elsewhere_is_refused_before_any_call(azure, kiosk, group):
    asked = len(kiosk.server.sent)
    status, _ = settled(azure.plan("azure.compute.snapshot_disk", disk="d", resource_group=group))
    assert (status, len(kiosk.server.sent)) == ("partial_error", asked)
