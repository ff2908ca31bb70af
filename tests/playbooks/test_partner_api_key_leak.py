"""`partner-api-key-leak` on the hybrid incident: a supplier's key that a developer pushed to a public repository."""

from datetime import timedelta

import pytest
from playbooks.seeds.partners_estate import (
    AWARE,
    PARTNER_AWARE,
    YES,
    clocks,
    gaps,
    hand_over,
    hours,
    inventory,
    lines,
    moment,
    running_estates,
    table,
    warnings,
)
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.incident import DATA, SHOP

BOOK = "partner-api-key-leak"
ACME = "shop-example-at-acme"
ENTERPRISE = ("partner_logs", "out_of_scope", "github.enterprise_audit", "shop-example")
INPUTS = {"partner": "supplier-acme", "key": cast.API_KEY, "known_networks": [f"{cast.SUPPLIER}/32"]}
ALWAYS = {"tell": "skipped", "report": "skipped", "complete": "partial"}
UNLOGGED = "A gateway of ours logged nothing, so that calls through it left no trace"
UNMEASURED = "The partner's log does not say how much each call returned"
UNSAID = "The partner has put nothing in writing; a log from an API carries no signature of its own"
INCOMPLETE = "Not everything could be had"


@pytest.fixture(scope="module")
def estates(clouds):
    clouds.close()  # moto is one a process
    with running_estates() as found:
        yield found


@pytest.fixture(scope="module")
def leaked(estates, tmp_path_factory):
    """The whole incident, with a partner who answers; the case, and how the run ended."""
    answers = {
        "agreement": Reply(choices=("beyond",), fields={"partner_aware_at": PARTNER_AWARE}),
        "personal_data": Reply(choices=("eu_controller", "california"), fields={"aware_at": AWARE}),
    }
    at = table(tmp_path_factory.mktemp("leaked"), estates, inventory(estates), answers, approve_hold=YES)
    asked = at.play(BOOK, {**INPUTS, "secret": "checkout/psp", "window": hours(0, 16)})
    assert asked.outcome == "waiting"
    keys = lines(
        {"id": cast.API_KEY, "scopes": "features:write deliveries:read"}, {"id": "ak_live_shop_0001", "scopes": "all"}
    )
    given = hand_over(at, "supplier-acme", {"keys.jsonl": keys, "statement.txt": "One address was not yours.\n"})
    at.answers = {**at.answers, "attestation": Reply(acquisition=given)}
    return at, at.go_on(at.resume(asked.run))


@pytest.mark.slow
def test_finds_what_the_key_was_used_for_from_elsewhere(leaked):
    _, ended = leaked
    assert outputs(ended, "key_use")["ips"] == [cast.SUPPLIER, cast.ATTACKER]
    assert outputs(ended, "misuse") == {
        "rows": 2,
        "calls": ["deliveries.list deliveries", f"credentials.issue {cast.FEATURES}"],
        "ips": [cast.ATTACKER],
        "sessions": [cast.BAD_SESSION],
        "first_seen": "2026-11-20T11:59:00Z",  # by the supplier's clock
        "last_seen": "2026-11-20T12:11:00Z",
    }


def test_follows_the_address_and_the_session_into_every_other_estate(leaked):
    _, ended = leaked
    found = outputs(ended, "elsewhere")
    assert found["providers"] == ["github", "aws", "azure", "gcp"]
    assert found["credentials"] == [cast.BAD_SESSION, cast.APP_SECRET_ID, cast.APP_ID, cast.ROBOT_KEY]
    assert found["actions"][:2] == ["git.clone", "PutObject"]
    assert found["resources"] == [
        cast.REPO,
        f"arn:aws:s3:::{cast.FEATURES}/{cast.NEW_FILE}",
        f"arn:aws:s3:::{cast.FEATURES}/{cast.OVERWRITTEN}",
        "Azure Resource Manager",
        cast.OPENAI,
        cast.ROBOT_PATH,
        cast.VERTEX_MODEL,
        cast.ENDPOINT,
    ]


def test_finds_where_the_key_became_public_who_reads_it_and_when_it_was_revoked(leaked):
    _, ended = leaked
    assert outputs(ended, "exposed") == {"rows": 2, "places": [cast.REPO], "first_seen": "2026-11-20T10:58:00Z"}
    assert outputs(ended, "revoked") == {"rows": 1, "revoked_at": "2026-11-21T01:27:00Z", "used_after": 1}
    assert outputs(ended, "scopes")["scopes"] == ["features:write deliveries:read"]
    assert outputs(ended, "secret_reads")["actors"] == [
        f"arn:aws:sts::{account}:assumed-role/checkout-api/checkout-api-us-east-1" for account in (SHOP, DATA)
    ]


def test_says_how_far_the_suppliers_clock_is_ahead_at_the_least(leaked):
    _, ended = leaked
    assert outputs(ended, "offset")["seconds"] == 415  # seven minutes, less the five seconds until the session's use


def test_takes_the_branch_of_a_misused_key_and_names_what_is_missing(leaked):
    at, ended = leaked
    assert outcomes(ended) == {
        **dict.fromkeys(("gateways", "azure_gateways", "own_logs", "log_integrity"), "success"),
        **dict.fromkeys(("key_use", "foreign", "misuse", "elsewhere", "offset", "exposed", "revoked"), "success"),
        **dict.fromkeys(("secret_reads", "unlogged", "attestation", "scopes", "agreement"), "success"),
        **dict.fromkeys(("personal_data", "approve_hold", "hold_case"), "success"),
        **ALWAYS,
        "partner_logs": "partial",
    }
    assert outputs(ended, "foreign")["choice"] == "foreign"
    assert outputs(ended, "unlogged")["what"] == ["gateway_log", "other_partners"]
    assert gaps(ended, "partner_logs", "own_logs") == {ENTERPRISE}
    assert warnings(ended) == [
        UNLOGGED,
        UNMEASURED,
        "The key was used after the partner had revoked it",
        "The partner's clock is ahead of ours, so its records come later here than they happened",
        INCOMPLETE,
    ]
    assert at.verify().exit() == 0


def test_starts_the_clocks_that_people_gave_a_time_for(leaked):
    at, _ = leaked
    assert clocks(at) == [
        ("contract.supplier-acme", PARTNER_AWARE),
        ("eu.gdpr.art33", AWARE),
        ("us.ca.civ-1798-82.residents", AWARE),
    ]


@pytest.mark.slow
def test_a_key_that_only_the_supplier_used_asks_nobody_and_starts_no_clock(estates, tmp_path):
    at = table(tmp_path, estates, inventory(estates, "supplier-acme", "code"), approve_hold=YES)
    asked = at.play(BOOK, {**INPUTS, "window": hours(0, 0.9)})
    assert asked.waiting
    at.lab.now.ahead = timedelta(days=4)  # the partner never answers
    ended = at.resume(asked.run)
    assert outcomes(ended) == {
        **dict.fromkeys(("own_logs", "gateways", "azure_gateways", "log_integrity", "secret_reads"), "skipped"),
        **dict.fromkeys(("misuse", "elsewhere", "offset", "scopes", "agreement", "personal_data"), "skipped"),
        **dict.fromkeys(("key_use", "foreign", "exposed", "revoked", "unlogged"), "success"),
        **dict.fromkeys(("approve_hold", "hold_case"), "success"),
        **ALWAYS,
        "partner_logs": "partial",
        "attestation": "timed_out",
    }
    assert outputs(ended, "foreign")["choice"] == "known"
    assert outputs(ended, "key_use")["ips"] == [cast.SUPPLIER]
    assert outputs(ended, "exposed")["places"] == []
    assert "Nothing shows that the key has been revoked" in warnings(ended)
    assert UNSAID in warnings(ended)
    assert clocks(at) == []
    assert at.verify().exit() == 0


@pytest.mark.slow
def test_a_log_that_the_agreement_does_not_allow_is_a_gap_and_no_proof_of_innocence(estates, tmp_path):
    agreed = {"reference": "supply agreement", "evidence": ["usage"], "legalBasis": ["contract"]}
    text = inventory(estates, "supplier-acme", "code", **{ACME: {"agreement": agreed}})
    answers = {
        "agreement": Reply(choices=("unknown",), fields={"partner_aware_at": moment(3)}),
        "personal_data": Reply(choices=("none",), fields={"aware_at": AWARE}),
    }
    at = table(tmp_path, estates, text, answers, approve_hold=Reply(approved=False, reason="not now"))
    answers["attestation"] = Reply(acquisition=hand_over(at, "supplier-acme", {"statement.txt": "No.\n"}))
    ended = at.play(BOOK, {**INPUTS, "window": hours(0, 3)})
    assert outputs(ended, "foreign")["choice"] == "nobody"
    assert {name: outcome for name, outcome in outcomes(ended).items() if outcome not in {"skipped", "success"}} == {
        "partner_logs": "partial",
        "approve_hold": "denied",
        "complete": "partial",
    }
    assert gaps(ended, "partner_logs") == {("partner_logs", "refused", "", ""), ENTERPRISE}
    assert warnings(ended) == [
        "No call with this key is on record, which does not show that there was none",
        "The partner's own log is not whole",
        "Nothing shows that the key has been revoked",
        INCOMPLETE,
    ]
    assert clocks(at) == []  # the agreement has no term, and nobody's data are concerned
    assert any("`partner_tells_us` was not started" in line for line in at.heard.lines)
    assert ended.outcome == "partial"
    assert at.verify().exit() == 0
