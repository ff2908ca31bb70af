"""People let a hostile application in: who, what it read, what it left behind, and what the logs do not tell."""

import pytest
from playbooks.seeds import azure_consent as seed
from playbooks.seeds.azure_estate import OFFICE, WINDOW, serving
from playbooks.seeds.cloud_desk import AWARE, NO, YES, Told, clocks, gaps_of
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.microsoft.faults import Fault

ID = "entra-account-or-consent-compromise"
KNOWN_SINCE = "2026-11-21T11:00:00Z"
INPUTS = {"window": WINDOW, "known_networks": [OFFICE]}
UNPROVEN = (
    "log_integrity",
    "check_warn",
    "Microsoft signs none of these logs, so that they are whole rests on its word",
)
NO_REPORT = ("report", "skipped", "nothing here writes reports")
NO_READS = (
    "complete",
    "check_warn",
    "No read of any mail is on record; the licence may not include it, or auditing is off",
)
REFUSED = ("approve_hold", "refused", "boss refused")
ENDS = {
    "asked": "success",
    "app_state": "success",
    "directory": "success",
    "signins": "success",
    "risk": "success",
    "mail": "success",
    "cloud": "success",
    "log_integrity": "partial",
    "suspects": "success",
    "consented": "success",
    "spread": "success",
    "footholds": "success",
    "places": "success",
    "foreign": "success",
    "mail_read": "success",
    "mail_rules": "success",
    "cloud_changes": "success",
    "blind": "success",
    "hold_mailboxes": "success",
    "personal_data": "success",
    "significant": "success",
    "approve_hold": "success",
    "hold_case": "success",
    "complete": "partial",
    "tell": "skipped",
    "report": "skipped",
}


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("azure")) as found:
        yield found


def answers(personal, significant):
    """Return what people say."""
    return {
        "personal_data": Reply(choices=(personal,), fields={"aware_at": AWARE}),
        "significant": Reply(choices=(significant,), fields={"aware_at": KNOWN_SINCE}),
        "hold_mailboxes": Reply(fields={"placed_at": AWARE}),
    }


def test_a_consent_leads_to_everybody_who_gave_it_to_new_secrets_and_to_the_mail_that_was_read(office, tmp_path):
    office.put(seed.tenant(attacked=True))
    told = Told()
    table = office.table(tmp_path, answers("eu", "significant"), told, approve_hold=YES)

    ended = table.play(ID, {**INPUTS, "user": seed.MIRA, "channel": "bridge"})

    assert outcomes(ended) == {**ENDS, "tell": "success"}
    assert outputs(ended, "suspects")["app_ids"] == [seed.EVIL_APP]
    assert outputs(ended, "consented")["people"] == ["id-zoe", seed.MIRA, seed.NOAH]
    assert outputs(ended, "consented")["scopes"] == ["Mail.Read offline_access"]
    assert outputs(ended, "spread")["choice"] == "campaign"
    assert outputs(ended, "footholds")["what"] == [
        "Add service principal credentials: Till",
        "Add app role assignment to service principal: Till",
    ]
    assert outputs(ended, "footholds")["reached"] == [seed.TILL]
    assert outputs(ended, "places")["ips"] == [seed.DESK, seed.THIEF, seed.SERVER]
    assert outputs(ended, "places")["secrets"] == [seed.NEW_SECRET]
    assert outputs(ended, "foreign")["choice"] == "foreign"
    assert outputs(ended, "mail_read") == {
        "rows": 3,
        "mailboxes": [seed.MIRA, seed.NOAH],
        "items": 104,
        "throttled": [seed.NOAH],
    }
    assert outputs(ended, "mail_rules")["what"] == [f"New-InboxRule by {seed.MIRA} from {seed.THIEF}"]
    assert outputs(ended, "cloud_changes")["what"] == [
        f"Microsoft.Storage/storageAccounts/listKeys/action from {seed.THIEF}"
    ]
    cut = "Microsoft stopped recording reads of a mailbox because there were too many"
    assert gaps_of(ended) == {UNPROVEN, NO_REPORT, ("complete", "check_warn", cut)}
    assert clocks(table) == [
        ("eu.gdpr.art33", AWARE),
        ("eu.nis2.art23.early-warning", KNOWN_SINCE),
        ("eu.nis2.art23.notification", KNOWN_SINCE),
    ]
    assert "3 people let it in, 2 new secrets, owners or rights, 2 mailboxes with 104 items" in told.shown[0]
    assert seed.MIRA not in told.shown[0]
    assert table.verify().exit() == 0


@pytest.mark.slow
def test_a_person_who_signed_in_at_the_desk_alone_leads_nowhere_and_nobody_is_asked(office, tmp_path):
    office.put(seed.tenant(attacked=False, reads=False))
    table = office.table(tmp_path, {}, Told(), approve_hold=NO)

    ended = table.play(ID, {**INPUTS, "user": seed.ROBIN})

    assert outcomes(ended) == {
        **ENDS,
        "hold_mailboxes": "skipped",
        "personal_data": "skipped",
        "significant": "skipped",
        "approve_hold": "denied",
        "hold_case": "skipped",
    }
    assert outputs(ended, "suspects")["principals"] == []
    assert (outputs(ended, "spread")["choice"], outputs(ended, "foreign")["choice"]) == ("no_consent", "known")
    # What the person did as ever is named, and stays for people to judge.
    assert outputs(ended, "footholds")["what"] == ["Add service principal credentials: Travel Planner"]
    assert outputs(ended, "mail_read")["mailboxes"] == []
    assert outputs(ended, "blind")["what"] == ["mail_reads"]
    assert gaps_of(ended) == {UNPROVEN, NO_REPORT, NO_READS, REFUSED}
    assert clocks(table) == []
    assert table.verify().exit() == 0


@pytest.mark.slow
def test_where_the_mail_log_cannot_be_searched_that_is_a_gap_and_nothing_is_said_of_mail(office, tmp_path):
    office.put(seed.tenant(attacked=True))
    office.server.faults.add(Fault(kind="status", path="auditLog/queries", status=403, code="Forbidden", times=None))
    table = office.table(tmp_path, answers("none", "not_significant"), Told(), approve_hold=NO)

    ended = table.play(ID, {**INPUTS, "app_id": seed.TRAVEL_APP})

    assert outputs(ended, "consented")["everyone"] == ["everyone"]
    assert outputs(ended, "spread")["choice"] == "campaign"
    assert outputs(ended, "foreign")["choice"] == "known"  # the application's own server is known
    assert outputs(ended, "blind")["what"] == ["mail_log", "mail_reads"]
    assert outcomes(ended)["mail"] == "denied"
    assert gaps_of(ended) == {
        UNPROVEN,
        NO_REPORT,
        NO_READS,
        REFUSED,
        ("mail", "denied", "m365.audit_query"),
        (
            "complete",
            "check_warn",
            "The audit log of Microsoft 365 gave nothing at all, so that nothing is known about mail",
        ),
        ("complete", "check_warn", "Not everything could be had"),
    }
    assert clocks(table) == []
    assert table.verify().exit() == 0


def test_without_a_person_and_an_application_nothing_is_taken(office, tmp_path):
    office.put(seed.tenant(attacked=True))
    table = office.table(tmp_path, {}, Told(), approve_hold=NO)

    ended = table.play(ID, INPUTS)

    assert outcomes(ended)["asked"] == "failed"
    assert {name for name, end in outcomes(ended).items() if end != "skipped"} == {"asked", "complete"}
    assert ended.outcome == "failed"
    assert ended.outcome == "failed"
    assert table.events("acquisition.started") == []
