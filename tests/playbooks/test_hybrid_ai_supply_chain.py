"""The hybrid incident: leaked keys in five places at once, told as one story by one playbook."""

import pytest
from playbooks.seeds.hybrid_estate import FEED, POISONED_SPAN, failed
from playbooks.seeds.partners_estate import YES, clocks, gaps, hours, inventory, running_estates, table, warnings
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.microsoft import STOLEN_CALLS
from evidence_kit.sandbox.incident import ATTACKER_IP, LEAKED_KEY, PLANTED_KEY

ID = "hybrid-ai-supply-chain"
INPUTS = {**FEED, "api_key": cast.API_KEY, "known_networks": list(cast.NETWORKS)}
AWARE, TOLD = "2026-11-21T10:00:00Z", "2026-11-21T01:20:00Z"
ANSWER = Reply(choices=("eu",), fields={"aware_at": AWARE, "supplier_aware_at": TOLD})
TAKEN = ("azure_state", "google_state", "aws_state", "code_host", "azure_activity", "google_activity", "findings")
ASKED = ("leak", "addresses", "origin", "strangers", "keys", "azure_models", "google_models", "models", "blind")


@pytest.fixture(scope="module")
def estates(clouds):
    """All four estates."""
    clouds.close()  # moto is one a process
    with running_estates() as found:
        yield found


@pytest.mark.slow
def test_one_story_out_of_five_places_with_every_key_model_and_gap_of_it(estates, tmp_path):
    at = table(tmp_path, estates, inventory(estates), {"personal_data": ANSWER}, approve_hold=YES)
    ended = at.play(ID, {**INPUTS, "window": hours(0, 26)})

    assert outputs(ended, "leak")["repositories"] == [cast.REPO]
    assert outputs(ended, "leak")["secrets"] == ["acme_supplier_api_key"]
    assert outputs(ended, "leak")["ips"] == [cast.ATTACKER]
    supplied = outputs(ended, "supplier_data")
    assert (supplied["origin"], supplied["keys"], supplied["sessions"]) == (
        "foreign",
        [cast.API_KEY],
        [cast.BAD_SESSION],
    )
    assert (supplied["models"], supplied["spans"]) == ([cast.MODEL], [POISONED_SPAN])
    strangers = outputs(ended, "strangers")
    assert set(strangers["ips"]) == {cast.ATTACKER, ATTACKER_IP}
    assert strangers["across"] == [cast.ATTACKER]
    assert set(strangers["providers"]) == {"github", cast.ACME, "aws", "azure", "gcp"}
    keys = outputs(ended, "keys")
    assert set(keys["held"]) == {
        cast.API_KEY, cast.BAD_SESSION, cast.APP_SECRET_ID, cast.APP_ID, cast.ROBOT_KEY, LEAKED_KEY, PLANTED_KEY,
        "ASIAEXAMPLEPRICEEXP7",
    }  # fmt: skip
    assert set(keys["made"]) == {f"azure {cast.APP}", f"gcp {cast.ROBOT_PATH}", f"aws {PLANTED_KEY}"}
    assert outputs(ended, "azure_models")["keys_of"] == [cast.OPENAI.lower()]
    assert outputs(ended, "azure_models")["calls"] == STOLEN_CALLS
    assert outputs(ended, "google_models")["models"] == [cast.VERTEX_MODEL]
    assert outputs(ended, "google_models")["endpoints"] == [cast.ENDPOINT]
    assert outputs(ended, "models")["models"] == [cast.MODEL, cast.VERTEX_MODEL, "fraud-score-m7-fix"]
    assert outputs(ended, "blind")["what"] == [
        "azure_prompts", "bedrock_prompts", "capture_sampled", "trail_off", "vertex_requests",
    ]  # fmt: skip

    assert ended.outcome == "partial"
    assert outcomes(ended) == {
        **dict.fromkeys((*TAKEN, *ASKED), "success"), "supplier_data": "partial", "personal_data": "success",
        "approve_hold": "success", "hold_case": "success", "complete": "partial", "tell": "skipped",
        "report": "skipped",
    }  # fmt: skip
    assert gaps(ended, *TAKEN) == set()  # what is off at the source is an answer; the step `blind` reports it
    assert warnings(ended) == ["Some of it nobody recorded; the answer of `blind` says what, and where"]
    assert clocks(at) == [("eu.gdpr.art33", AWARE), ("contract.supplier-acme", TOLD)]
    assert [one["hold"]["id"] for one in at.events("hold.placed")] == [ID]
    assert failed(at) == []


@pytest.mark.slow
def test_where_nobody_called_from_outside_nobody_is_asked_and_nothing_is_held(estates, tmp_path):
    at = table(tmp_path, estates, inventory(estates), {"personal_data": ANSWER}, approve_hold=YES)
    ended = at.play(ID, {**INPUTS, "window": hours(23.5, 26)})

    assert outputs(ended, "origin")["choice"] == "known"
    assert outputs(ended, "leak")["repositories"] == []
    assert outputs(ended, "supplier_data")["origin"] == "supplier"
    skipped = {name for name, one in outcomes(ended).items() if one == "skipped"}
    assert skipped == {
        "strangers", "keys", "azure_models", "google_models", "personal_data", "approve_hold", "hold_case", "tell",
        "report",
    }  # fmt: skip
    assert (clocks(at), at.events("hold.placed"), failed(at)) == ([], [], [])
