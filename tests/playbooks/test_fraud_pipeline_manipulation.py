"""Fraud that gets through: another model, poisoned data, changed rules, or nothing that was recorded."""

import pytest
from playbooks.seeds.hybrid_estate import FEED, failed
from playbooks.seeds.partners_estate import YES, clocks, gaps, hours, inventory, running_estates, table, warnings
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.incident import ATTACKER_IP, PLANTED_KEY

ID = "fraud-pipeline-manipulation"
INPUTS = {
    **FEED,
    "endpoint": "fraud-score",
    "pipeline_roles": [cast.RETRAINING_ROLE],
    "known_networks": list(cast.NETWORKS),
}
AWARE, MATERIAL = "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"
LOSSES = Reply(choices=("money", "eu"), fields={"aware_at": AWARE, "material_at": MATERIAL})
TARGETS = ("shop", "code", "supplier-acme")
SAMPLED = "Only a sample of orders and scores was kept, so that most decisions have to be made again to be judged"


@pytest.fixture(scope="module")
def estates(clouds):
    """All four estates, of which this playbook sees three."""
    clouds.close()  # moto is one a process
    with running_estates() as found:
        yield found


def edits(number):
    """Return what the fraud lead says of the rules."""
    return Reply(fields={"strange_edits": number})


def play(tmp_path, estates, first, last, number=0, **more):
    """Play it over some hours of the incident."""
    answers = {"rule_history": edits(number), "losses": LOSSES}
    at = table(tmp_path, estates, inventory(estates, *TARGETS), answers, approve_hold=YES)
    return at, at.play(ID, {**INPUTS, "window": hours(first, last), **more})


@pytest.mark.slow
def test_a_model_put_in_by_hand_and_poisoned_data_are_told_apart_and_both_found(estates, tmp_path):
    at, ended = play(tmp_path, estates, 0, 26)

    found = outputs(ended, "changes")
    assert (found["configs"], found["outside_configs"]) == ([cast.MODEL_CONFIG, "fraud-score-7b"], ["fraud-score-7b"])
    assert (found["outside_keys"], found["outside_ips"]) == ([PLANTED_KEY], [ATTACKER_IP])
    assert found["pipeline_ips"] == [cast.PIPELINE]
    assert outputs(ended, "scores")["scored"] == ["before", cast.MODEL_CONFIG, "fraud-score-7b"]
    assert outputs(ended, "scores")["fell"] == ["fraud-score-7b"]
    assert outputs(ended, "supplier_data")["models"] == [cast.MODEL]
    assert outputs(ended, "cause")["choice"] == "model_and_data"

    assert ended.outcome == "partial"
    assert outcomes(ended) == {
        "endpoint_state": "partial", "decisions": "partial", "activity": "success", "app_logs": "success",
        "code": "success", "rule_history": "success", "supplier_data": "partial", "changes": "success",
        "scores": "success", "cause": "success", "losses": "success", "approve_hold": "success",
        "hold_case": "success", "complete": "partial", "tell": "skipped", "report": "skipped",
    }  # fmt: skip
    assert gaps(ended, "endpoint_state", "decisions", "activity", "app_logs", "code") == {
        ("endpoint_state", "sampled_at_source", "aws.sagemaker.capture_state", "111122223333"),
        ("decisions", "sampled_at_source", "aws.sagemaker.data_capture", "111122223333"),
    }
    assert warnings(ended) == [SAMPLED, "Not everything could be had"]
    assert clocks(at) == [("eu.gdpr.art33", AWARE), ("us.sec.8k-1.05", MATERIAL)]
    assert failed(at) == []


@pytest.mark.slow
def test_before_anybody_touched_the_endpoint_the_poisoned_data_are_the_cause(estates, tmp_path):
    _, ended = play(tmp_path, estates, 0, 5)
    assert outputs(ended, "changes")["outside_configs"] == []
    assert outputs(ended, "cause")["choice"] == "data"


@pytest.mark.slow
def test_where_model_and_data_are_sound_strange_rules_are_the_cause(estates, tmp_path):
    at, ended = play(tmp_path, estates, 23.5, 26, number=2)
    assert outputs(ended, "cause")["choice"] == "rules"
    assert clocks(at) == [("eu.gdpr.art33", AWARE), ("us.sec.8k-1.05", MATERIAL)]


@pytest.mark.slow
def test_where_nothing_was_recorded_nobody_is_asked_what_was_lost(estates, tmp_path):
    at, ended = play(tmp_path, estates, 23.5, 26)
    assert outputs(ended, "cause")["choice"] == "nothing"
    ends = outcomes(ended)
    assert (ends["losses"], ends["approve_hold"], ends["hold_case"]) == ("skipped", "skipped", "skipped")
    assert (clocks(at), failed(at)) == ([], [])
