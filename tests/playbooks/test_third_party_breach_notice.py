"""`third-party-breach-notice` on the hybrid incident: the supplier's platform handed out a session to a stranger."""

from datetime import timedelta

import pytest
from playbooks.seeds.partners_estate import (
    ACME_DOMAIN,
    AWARE,
    NO,
    PARTNER_AWARE,
    YES,
    clocks,
    gaps,
    hand_over,
    hours,
    inventory,
    let_in_the_supplier,
    moment,
    running_estates,
    table,
    warnings,
)
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.incident import SHOP

BOOK = "third-party-breach-notice"
ROLE = f"arn:aws:iam::{SHOP}:role/{cast.DELIVERY_ROLE}"
INPUTS = {
    "partner": "supplier-acme",
    "identities": [cast.ACME_ACCOUNT, ACME_DOMAIN],
    "compromised_since": moment(1),
    "partner_networks": [f"{cast.SUPPLIER}/32"],
}
NO_READS = "Google Cloud has no read on record, which it logs only if told to; nobody can say what was read"
NOT_WHOLE = "A partner's log is not whole, or may not be had"
NOTHING_HANDED_OVER = "The partner has handed over no evidence"
MAIL = "From: security@acme-supplier.example\nSubject: Incident\n\nSomebody had access to our platform.\n"
DONE = Reply(fields={"done_by_all_at": AWARE})


@pytest.fixture(scope="module")
def estates(clouds):
    clouds.close()  # moto is one a process
    with running_estates() as found:
        let_in_the_supplier(found)
        yield found


@pytest.fixture(scope="module")
def noticed(estates, tmp_path_factory):
    """A notice with an indicator; the credentials are pulled, and the partner hands over nothing."""
    answers = {
        "pull": Reply(choices=("now",)),
        "pulled": DONE,
        "duties": Reply(choices=("eu_controller", "nis2"), fields={"aware_at": AWARE}),
    }
    at = table(tmp_path_factory.mktemp("noticed"), estates, inventory(estates), answers, approve_hold=YES)
    told = {"received_at": AWARE, "partner_aware_at": PARTNER_AWARE}
    answers["notice"] = Reply(acquisition=hand_over(at, "supplier-acme", {"notice.eml": MAIL}), fields=told)
    asked = at.play(BOOK, {**INPUTS, "indicators": [cast.ATTACKER], "window": hours(0, 3)})
    assert asked.waiting
    at.lab.now.ahead = timedelta(days=6)
    return at, at.resume(asked.run)


@pytest.mark.slow
def test_finds_by_what_the_supplier_gets_in_and_nothing_that_is_others(noticed):
    _, ended = noticed
    assert outputs(ended, "reach") == {
        "rows": 2,
        "grants": [ROLE, "7c1e"],
        "names": [cast.DELIVERY_ROLE, "7c1e"],
        "providers": ["aws", "azure"],
    }


def test_finds_what_its_identities_did_since_then_and_from_which_new_address(noticed):
    _, ended = noticed
    assert outputs(ended, "used") == {
        "rows": 3,
        "ips": [cast.SUPPLIER, cast.ATTACKER],
        "new_ips": [cast.ATTACKER],
        "credentials": [cast.BAD_SESSION],
        "resources": [
            ROLE,
            f"arn:aws:s3:::{cast.FEATURES}/{cast.NEW_FILE}",
            f"arn:aws:s3:::{cast.FEATURES}/{cast.OVERWRITTEN}",
        ],
    }
    assert outputs(ended, "seen")["choice"] == "indicator"
    assert outputs(ended, "intruder")["credentials"] == [
        cast.API_KEY,
        cast.BAD_SESSION,
        cast.APP_SECRET_ID,
        cast.APP_ID,
    ]
    assert outputs(ended, "intruder")["providers"] == ["github", "acme_supplier", "aws", "azure"]


def test_takes_the_branch_of_a_breach_that_reached_us_and_names_what_is_missing(noticed):
    at, ended = noticed
    assert outcomes(ended) == {
        **dict.fromkeys(("access_state", "own_logs", "log_integrity", "notice", "reach", "used", "seen"), "success"),
        **dict.fromkeys(("intruder", "unseen", "pull", "pulled", "duties"), "success"),
        **dict.fromkeys(("approve_hold", "hold_case"), "success"),
        **dict.fromkeys(("tell", "report"), "skipped"),
        **dict.fromkeys(("partner_logs", "complete"), "partial"),
        "their_evidence": "timed_out",
    }
    assert gaps(ended, "access_state", "partner_logs", "own_logs") == {
        ("partner_logs", "out_of_scope", "github.enterprise_audit", "shop-example")
    }
    assert outputs(ended, "unseen")["what"] == ["data_access", "partner_log"]
    assert warnings(ended) == [NO_READS, NOT_WHOLE, NOTHING_HANDED_OVER]
    assert at.verify().exit() == 0


def test_starts_the_clocks_that_people_gave_a_time_for(noticed):
    at, _ = noticed
    assert clocks(at) == [
        ("contract.supplier-acme", PARTNER_AWARE),
        ("eu.gdpr.art33", AWARE),
        ("eu.nis2.art23.early-warning", AWARE),
        ("eu.nis2.art23.notification", AWARE),
    ]


@pytest.mark.slow
def test_a_supplier_that_came_from_its_own_network_alone_is_the_usual(estates, tmp_path):
    answers = {
        "pull": Reply(choices=("later",)),
        "duties": Reply(choices=("none",), fields={"aware_at": AWARE}),
    }
    at = table(tmp_path, estates, inventory(estates, "shop", "supplier-acme"), answers, approve_hold=NO)
    mail = hand_over(at, "supplier-acme", {"notice.eml": MAIL})
    logs = hand_over(at, "supplier-acme", {"audit_logs/all.jsonl": '{"id": "1", "action": "none"}\n'})
    answers["notice"] = Reply(acquisition=mail, fields={"received_at": AWARE})
    answers["their_evidence"] = Reply(acquisition=logs)
    given = {**INPUTS, "compromised_since": moment(0), "indicators": [cast.ATTACKER], "window": hours(0, 0.9)}
    ended = at.play(BOOK, given)
    assert outputs(ended, "seen")["choice"] == "usual"
    assert outputs(ended, "used")["ips"] == [cast.SUPPLIER]
    assert outputs(ended, "used")["credentials"] == [cast.GOOD_SESSION]
    assert {name for name, outcome in outcomes(ended).items() if outcome == "skipped"} == {
        *("intruder", "pulled", "hold_case", "tell", "report"),
    }
    assert outcomes(ended)["approve_hold"] == "denied"
    assert outcomes(ended)["complete"] == "success"
    assert clocks(at) == []
    assert at.verify().exit() == 0


@pytest.mark.slow
def test_identities_that_nothing_names_are_said_to_be_no_answer(estates, tmp_path):
    answers = {
        "pull": Reply(choices=("now",)),
        "duties": Reply(choices=("california",), fields={"aware_at": AWARE, "material_at": PARTNER_AWARE}),
    }
    at = table(tmp_path, estates, inventory(estates, "demand"), answers, approve_hold=YES)
    asked = at.play(BOOK, {**INPUTS, "identities": ["000011112222"], "window": hours(0, 3)})
    for days in (6, 12):  # the partner is asked only once nobody has handed in the notice
        at.lab.now.ahead = timedelta(days=days)
        ended = at.resume(asked.run)
    assert outputs(ended, "seen")["choice"] == "unused"
    assert [outcomes(ended)[name] for name in ("notice", "pulled", "their_evidence")] == ["timed_out"] * 3
    assert outcomes(ended)["partner_logs"] == "skipped"
    assert outcomes(ended)["complete"] == "partial"
    assert warnings(ended) == [
        "The notice itself is not on record",
        "Nothing here names the partner; look again at `identities` before taking that for an answer",
        NO_READS,
        "The credentials were to be taken away, and nobody has said that they are",
        NOTHING_HANDED_OVER,
    ]
    assert clocks(at) == [("us.ca.civ-1798-82.residents", AWARE), ("us.sec.8k-1.05", PARTNER_AWARE)]
