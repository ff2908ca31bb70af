"""Models on Azure OpenAI called with a key that leaked: from where, what else was touched, and what is in no log."""

import pytest
from playbooks.seeds import azure_openai as seed
from playbooks.seeds.azure_estate import OFFICE, WINDOW, serving
from playbooks.seeds.cloud_desk import AWARE, NO, YES, Told, clocks, gaps_of
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply

ID = "azure-openai-misuse"
FOUND_AT = "2026-11-21T11:00:00Z"
INPUTS = {"window": WINDOW, "known_networks": [OFFICE]}
UNPROVEN = (
    "log_integrity",
    "check_warn",
    "Microsoft signs none of these logs, so that they are whole rests on its word",
)
NO_REPORT = ("report", "skipped", "nothing here writes reports")
NO_TEXT = (
    "complete",
    "check_warn",
    "The text of no prompt is in these logs, and what Microsoft keeps to watch for abuse cannot be read by customers",
)
UNLOGGED = ("complete", "check_warn", "An account does not log its calls, so that nobody can say who called it")
REFUSED = ("approve_hold", "refused", "boss refused")
ENDS = {
    "log_setup": "success",
    "frozen": "success",
    "calls": "success",
    "gateway": "success",
    "changes": "success",
    "around": "success",
    "log_integrity": "partial",
    "callers": "success",
    "foreign": "success",
    "outside": "success",
    "keys_fetched": "success",
    "models_changed": "success",
    "logging_changes": "success",
    "touched": "success",
    "texts": "success",
    "blind": "success",
    "personal_data": "success",
    "serious": "success",
    "approve_keep": "success",
    "keep_logs": "success",
    "approve_hold": "success",
    "hold_case": "success",
    "complete": "partial",
    "tell": "skipped",
    "report": "skipped",
}
UNKEPT = {"approve_keep": "skipped", "keep_logs": "skipped", "approve_hold": "denied", "hold_case": "skipped"}


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("azure")) as found:
        yield found


def answers(personal, serious):
    """Return what people say."""
    return {
        "personal_data": Reply(choices=(personal,), fields={"aware_at": AWARE}),
        "serious": Reply(choices=(serious,), fields={"aware_at": FOUND_AT}),
    }


def test_calls_with_a_leaked_key_are_told_apart_from_the_shops_and_no_prompt_is_a_gap(office, tmp_path):
    office.put(seed.tenant(attacked=True, logged=False))
    kept = {"retentionInDays": 90, "totalRetentionInDays": 90}
    office.keeping.tables["shop-logs/AzureDiagnostics"] = {"properties": kept}
    told = Told()
    table = office.table(tmp_path, answers("eu", "serious"), told, approve_keep=YES, approve_hold=YES)

    ended = table.play(
        ID, {**INPUTS, "workspace_name": "shop-logs", "resource_group": "shop-rg", "channel": "bridge"}
    )

    assert outcomes(ended) == {**ENDS, "tell": "success"}
    callers = outputs(ended, "callers")
    assert (callers["ips"], callers["total"]) == ([seed.SHOP, seed.STRANGER], 8 + seed.STOLEN)
    assert (callers["identities"], callers["deployments"]) == ([seed.ASSISTANT], ["chat"])
    assert outputs(ended, "foreign")["choice"] == "foreign"
    assert outputs(ended, "outside") == {
        "rows": 1,
        "total": seed.STOLEN,
        "keyed": seed.STOLEN,
        "with_what": ["a key"],
        "actions": ["ChatCompletions_Create"],
        "deployments": ["chat"],
        "first": ["2026-11-21T07:30:00Z"],
    }
    assert outputs(ended, "keys_fetched")["what"] == [f"listKeys by {seed.ROBIN} from {seed.AWAY}"]
    assert outputs(ended, "models_changed")["what"] == [f"raiPolicies/write by {seed.ROBIN} from {seed.AWAY}"]
    assert outputs(ended, "logging_changes")["actions"] == ["Microsoft.Insights/diagnosticSettings/write"]
    assert outputs(ended, "touched") == {"rows": 2, "resources": [seed.SECRET, seed.FILE]}
    assert outputs(ended, "texts")["total"] == 0
    assert outputs(ended, "blind")["unlogged"] == [seed.LAB.lower()]
    assert outputs(ended, "blind")["lets_keys_in"] == [seed.TALK.lower()]
    assert gaps_of(ended) == {
        UNPROVEN,
        NO_REPORT,
        NO_TEXT,
        UNLOGGED,
        ("complete", "check_warn", "Calls from outside were made with a key, which names nobody"),
    }
    assert clocks(table) == [("eu.gdpr.art33", AWARE), ("eu.aiact.art73", FOUND_AT)]
    assert kept["totalRetentionInDays"] == 730
    assert "5 of 13 calls from outside, of these 5 with a key; 1 fetches of keys" in told.shown[0]
    assert table.verify().exit() == 0


@pytest.mark.slow
def test_the_shops_own_calls_lead_nowhere_and_prompts_that_a_gateway_keeps_are_no_gap(office, tmp_path):
    office.put(seed.tenant(attacked=False, prompts=True))
    table = office.table(tmp_path, {}, Told(), approve_hold=NO)

    ended = table.play(ID, INPUTS)

    assert outcomes(ended) == {
        **ENDS,
        **UNKEPT,
        "personal_data": "skipped",
        "serious": "skipped",
        "complete": "success",
    }
    assert (outputs(ended, "callers")["ips"], outputs(ended, "callers")["total"]) == ([seed.SHOP], 8)
    assert outputs(ended, "foreign")["choice"] == "known"
    assert (outputs(ended, "outside")["total"], outputs(ended, "touched")["resources"]) == (0, [])
    assert outputs(ended, "keys_fetched")["what"] == outputs(ended, "models_changed")["what"] == []
    assert outputs(ended, "texts")["total"] == 2
    assert outputs(ended, "blind")["unlogged"] == []
    assert gaps_of(ended) == {UNPROVEN, NO_REPORT, REFUSED}
    assert clocks(table) == []
    assert office.keeping.changes == []
    assert table.verify().exit() == 0


@pytest.mark.slow
def test_where_no_call_was_recorded_that_is_said_and_the_question_is_still_put(office, tmp_path):
    office.put(seed.silent())
    table = office.table(tmp_path, answers("none", "not_serious"), Told(), approve_hold=NO)

    ended = table.play(ID, INPUTS)

    assert outcomes(ended) == {**ENDS, **UNKEPT}
    assert (outputs(ended, "callers")["total"], outputs(ended, "foreign")["choice"]) == (0, "nobody")
    assert gaps_of(ended) == {
        UNPROVEN,
        NO_REPORT,
        NO_TEXT,
        UNLOGGED,
        REFUSED,
        ("complete", "check_warn", "No call of any model is on record"),
    }
    assert clocks(table) == []
    assert table.verify().exit() == 0
