"""Entra's logs beyond seven days: what the licence keeps, what it has let expire, and what nobody can tell."""

from datetime import timedelta

import pytest
from support.lab import END, LATER
from support.microsoft import collect, stored

from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.sandbox.microsoft.faults import Fault

AUDITS, SIGN_INS = "entra.directory_audits", "entra.signins.interactive"
WINDOW = Window(END - timedelta(days=10), END)
SKUS = "/v1.0/subscribedSkus"


def sku(plan, status="Enabled"):
    return {"capabilityStatus": status, "servicePlans": [{"servicePlanName": "EXCHANGE"}, {"servicePlanName": plan}]}


def ends(lab):
    """Return when the last unit of each status ends."""
    found = {}
    for line in lab.ledger():
        if line["type"] == "unit":
            end = parse_instant(line["unit"].rpartition("/")[2])
            found[line["status"]] = max(end, found.get(line["status"], end))
    return found


@pytest.mark.parametrize("source", [AUDITS, SIGN_INS])
@pytest.mark.parametrize("skus", [[], [sku("AAD_BASIC")], [sku("AAD_PREMIUM", "Deleted")]])
def test_a_tenant_without_a_licence_has_let_all_but_seven_days_expire(source, skus, kiosk, lab):
    kiosk.graph.lists[SKUS] = skus
    collect(lab, kiosk, source, window=WINDOW)
    found = ends(lab)
    assert set(found) == {UnitStatus.EXPIRED_RETENTION, UnitStatus.COMPLETE}
    age = LATER - found[UnitStatus.EXPIRED_RETENTION]
    assert timedelta(days=7) - timedelta(minutes=5) < age < timedelta(days=7) + timedelta(minutes=5)
    assert [line["request"]["operation"] for line in lab.exchanges()].count("ListSubscribedSkus") == 1


@pytest.mark.parametrize("plan", ["AAD_PREMIUM", "AAD_PREMIUM_P2"])
def test_a_tenant_with_a_licence_is_asked_for_the_whole_window(plan, kiosk, lab):
    kiosk.graph.lists[SKUS] = [sku("X"), sku(plan, "Warning")]
    collect(lab, kiosk, AUDITS, window=WINDOW)
    assert set(ends(lab)) == {UnitStatus.COMPLETE}


def test_where_licences_cannot_be_read_an_old_silence_is_no_success(kiosk, lab):
    kiosk.server.faults.add(Fault(kind="status", path="subscribedSkus", status=403, code="Forbidden", times=None))
    collect(lab, kiosk, AUDITS, window=WINDOW)
    found = ends(lab)
    assert set(found) == {UnitStatus.EXPIRED_RETENTION, UnitStatus.COMPLETE}
    assert found[UnitStatus.EXPIRED_RETENTION] <= LATER - timedelta(days=7)
    assert {finding["kind"] for finding in lab.findings()} == {"retention_unknown"}
    assert stored(lab), "what was answered is kept all the same"


def test_records_that_are_there_show_that_they_are_kept(kiosk, lab):
    kiosk.graph.lists[SKUS] = []
    kiosk.server.faults.add(Fault(kind="status", path="subscribedSkus", status=403, code="Forbidden", times=None))
    at = END - timedelta(days=9, minutes=-5)
    kiosk.graph.lists["/v1.0/auditLogs/directoryAudits"] = [
        {"id": "old", "activityDateTime": f"{at:%Y-%m-%dT%H:%M:%S}Z"}
    ]
    window = Window(END - timedelta(days=9), END - timedelta(days=9) + timedelta(hours=1))
    collect(lab, kiosk, AUDITS, window=window)
    assert set(ends(lab)) == {UnitStatus.COMPLETE}
    assert lab.findings() == []


def test_licences_are_not_asked_for_within_seven_days(kiosk, lab):
    collect(lab, kiosk, AUDITS, window=Window(END - timedelta(days=2), END))
    assert not any("subscribedSkus" in one.target for one in kiosk.server.sent)
