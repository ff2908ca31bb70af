"""What goes wrong between us and Microsoft: each ends as what it is, and nothing that arrived is lost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.microsoft import MOMENT, collect, records, resume, stored, torn

from evidence_kit.collectors.web.wire import WebWire, same_host
from evidence_kit.errors import Exit
from evidence_kit.model.exchange import Stop
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.sandbox.microsoft.faults import Fault
from evidence_kit.sandbox.microsoft.fixtures import sign_ins

SIGN_INS = "entra.signins.interactive"
PATH = "signIns"


@pytest.fixture
def busy(kiosk):
    """Seven interactive sign-ins, three a page."""
    kiosk.graph.lists["/beta/auditLogs/signIns"] = list(sign_ins("interactiveUser", 7, MOMENT, timedelta(seconds=1)))
    kiosk.graph.page = 3
    return kiosk


def only(lab):
    (outcome,) = [line for line in lab.ledger() if line["type"] == "unit"]
    return UnitStatus(outcome["status"]), str(outcome["reason"])


def ends(lab):
    return only(lab)[0]


def errors(lab):
    return [line["error"] for line in lab.exchanges() if line.get("error")]


def test_2500_sign_ins_come_in_three_pages_past_a_429(kiosk, lab):
    rows = list(sign_ins("interactiveUser", 2500, MOMENT, timedelta(milliseconds=100)))
    kiosk.graph.lists["/beta/auditLogs/signIns"] = rows
    kiosk.server.faults.add(Fault(kind="throttle", path="skiptoken", after="0"))
    collect(lab, kiosk, SIGN_INS)
    assert ends(lab) is UnitStatus.COMPLETE
    assert records(lab) == {row["id"]: 1 for row in rows}
    assert stored(lab) == kiosk.evidence
    assert len(stored(lab)) == 3
    assert errors(lab) == ["HTTP 429"]
    assert lab.verify().exit(require_complete=True) is Exit.OK


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="throttle", path=PATH, times=2),
        Fault(kind="throttle_in_body", path=PATH),
        Fault(kind="status", path=PATH, status=503),
        Fault(kind="status", path=PATH, status=504, code="GatewayTimeout", times=2),
        Fault(kind="status", path=PATH, status=500, code="InternalServerError"),
        Fault(kind="short", path=PATH),
        Fault(kind="html", path=PATH),
        Fault(kind="not_object", path=PATH),
        Fault(kind="expired_token", path=PATH),
        Fault(kind="throttle", path="organization"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.path}",
)
@pytest.mark.parametrize("skip", [0, 1])
def test_what_passes_is_tried_again_and_put_on_record(fault, skip, busy, lab):
    busy.server.faults.add(replace(fault, skip=skip if fault.path == PATH else 0))
    collect(lab, busy, SIGN_INS)
    assert ends(lab) is UnitStatus.COMPLETE
    assert set(records(lab).values()) == {1}
    assert len(records(lab)) == 7
    assert len(errors(lab)) == fault.times


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(kind="throttle", times=None), UnitStatus.PARTIAL_THROTTLED),
        (Fault(kind="throttle", after="86400"), UnitStatus.PARTIAL_THROTTLED),
        (Fault(kind="status", status=503, times=None), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="status", status=504, times=None), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="short", times=None), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="html", times=None), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="not_object", times=None), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="expired_token", times=None), UnitStatus.DENIED),
        (Fault(kind="loop", times=None), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="elsewhere"), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="expired_page"), UnitStatus.PARTIAL_TRUNCATED),
        (Fault(kind="status", status=404, code="ResourceNotFound"), UnitStatus.PARTIAL_ERROR),
        (Fault(kind="status", status=400, code="BadRequest"), UnitStatus.PARTIAL_ERROR),
    ],
    ids=lambda value: f"{value.kind}-{value.after}-{value.code}" if isinstance(value, Fault) else "",
)
def test_what_does_not_pass_ends_the_unit_as_what_it_is_and_keeps_the_first_page(fault, status, busy, lab):
    busy.server.faults.add(replace(fault, path=PATH, skip=1))
    collect(lab, busy, SIGN_INS)
    assert ends(lab) is status
    assert {f"interactiveUser-0000{number}" for number in range(3)} <= set(records(lab))
    # Bodies cut short, or of a portal, are sent with status 200, and are no evidence.
    assert not set(stored(lab)) - set(busy.evidence)
    assert lab.verify().exit() is Exit.OK


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        ((403, "Authorization_RequestDenied", "Insufficient privileges"), UnitStatus.DENIED, "AuditLog.Read.All"),
        (
            (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "Neither tenant is B2C or premium"),
            UnitStatus.NOT_LICENSED,
            "NonPremium",
        ),
        ((403, "Forbidden", "Your tenant is not licensed for this feature."), UnitStatus.NOT_LICENSED, "licensed"),
        ((403, "AccessBlocked", "blocked by Conditional Access"), UnitStatus.DENIED_BY_POLICY, "Conditional"),
        ((404, "ResourceNotFound", "nothing"), UnitStatus.NOT_CONFIGURED, "nothing"),
    ],
)
def test_a_refusal_says_what_is_missing_and_stores_nothing(fault, status, says, kiosk, lab):
    code, name, message = fault
    kiosk.server.faults.add(Fault(kind="status", path=PATH, status=code, code=name, message=message))
    collect(lab, kiosk, SIGN_INS)
    assert ends(lab) is status
    assert says in only(lab)[1]
    assert stored(lab) == []


def test_a_link_to_another_host_is_not_followed_and_no_token_goes_there(busy, lab):
    busy.server.faults.add(Fault(kind="elsewhere", path=PATH))
    collect(lab, busy, SIGN_INS)
    assert only(lab) == (UnitStatus.PARTIAL_ERROR, "a page link leads to 'graph.example.com', another host")
    assert all("example.com" not in line["request"]["host"] for line in lab.exchanges())


def test_a_page_that_comes_twice_is_kept_twice_and_loses_none(busy, lab):
    busy.server.faults.add(Fault(kind="duplicate", path="skiptoken"))
    collect(lab, busy, SIGN_INS)
    assert ends(lab) is UnitStatus.COMPLETE
    assert len(records(lab)) == 7
    assert sorted(records(lab).values()) == [1, 1, 1, 1, 2, 2, 2]
    assert stored(lab) == busy.evidence


def test_windows_that_touch_lose_nothing_at_their_border(kiosk, lab):
    border = MOMENT.replace(hour=6, minute=0)
    rows = list(sign_ins("interactiveUser", 5, border - timedelta(seconds=2), timedelta(seconds=1)))
    kiosk.graph.lists["/beta/auditLogs/signIns"] = rows
    collect(lab, kiosk, SIGN_INS, window=Window(border - timedelta(hours=6), border + timedelta(hours=5)))
    assert set(lab.outcomes().values()) == {UnitStatus.COMPLETE}
    assert len(lab.outcomes()) == 2
    assert records(lab) == {**{row["id"]: 1 for row in rows}, rows[2]["id"]: 2}


def test_an_answer_that_is_too_large_ends_the_unit_and_is_on_record(busy, lab, monkeypatch):
    monkeypatch.setitem(WebWire.__init__.__kwdefaults__, "largest", 500)
    collect(lab, busy, SIGN_INS)
    assert only(lab)[0] is UnitStatus.PARTIAL_ERROR
    assert "answers with more than 500 bytes" in only(lab)[1]
    assert errors(lab) == ["too large"]
    assert stored(lab) == []


@pytest.mark.parametrize("after", [1, 2])
def test_a_torn_run_is_continued_with_what_it_had(after, busy, lab):
    torn(lab, busy, SIGN_INS, after)
    resume(lab, busy, SIGN_INS)
    assert ends(lab) is UnitStatus.COMPLETE
    assert set(records(lab).values()) == {1}
    assert len(records(lab)) == 7
    assert lab.verify().exit(require_complete=True) is Exit.OK


@pytest.mark.parametrize("kind", ["throttle", "status", "short", "html", "expired_token"])
@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("azure.activity.subscription", "eventtypes"),
        ("azure.resource_graph", "ResourceGraph"),
        ("m365.audit_query", "auditLog/queries"),
        ("m365.audit_query", "records"),
        ("m365.activity_feed", "subscriptions/content"),
        ("m365.activity_feed", "/audit/"),
    ],
)
def test_every_mechanism_outlives_what_passes(kind, source, path, kiosk, lab):
    kiosk.server.faults.add(Fault(kind=kind, path=path))
    collect(lab, kiosk, source)
    assert set(lab.outcomes().values()) <= {
        UnitStatus.COMPLETE, UnitStatus.COMPLETE_UNSETTLED, UnitStatus.NOT_ENABLED,
    }  # fmt: skip
    assert stored(lab)
    assert set(stored(lab)) <= set(kiosk.evidence)
    assert errors(lab)


@pytest.mark.parametrize(
    ("link", "same"),
    [
        ("https://graph.microsoft.com/v1.0/x?$skiptoken=a", True),
        ("https://graph.microsoft.com:443/v1.0/x", True),
        ("https://GRAPH.microsoft.com/v1.0/x", True),
        ("http://graph.microsoft.com/v1.0/x", False),
        ("https://graph.microsoft.com:8443/v1.0/x", False),
        ("https://graph.microsoft.com.example.com/x", False),
        ("https://mallory@graph.microsoft.com/x", False),
        ("https://graph.microsoft.com@example.com/x", False),
        ("https://[graph/x", False),
        ("https://graph.microsoft.com:99999/x", False),
        ("/v1.0/x", False),
    ],
)
def test_a_link_is_followed_only_to_the_same_place(link, same):
    if same:
        assert same_host(link, "https://graph.microsoft.com/v1.0/y") == link
        return
    with pytest.raises(Stop) as stopped:
        same_host(link, "https://graph.microsoft.com/v1.0/y")
    assert stopped.value.status is UnitStatus.PARTIAL_ERROR
