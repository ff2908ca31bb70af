"""A finding of GuardDuty, played to its end: by its type it goes to the playbook that fits, or to nobody."""

import pytest
from playbooks.seeds.aws_estate import AWARE, INSIDE, YES, clocks, inventory, running_cloud, table, window
from playbooks.seeds.aws_ransom import ENCRYPTED, LEDGER
from playbooks.seeds.aws_thefts import EXPORTS, FINDINGS, STOLEN
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.incident import LEAKED_KEY, PLANTED_KEY
from evidence_kit.sandbox.scoring import ENDPOINT

NAME = "aws-guardduty-triage"
TOLD = Reply(choices=("eu",), fields={"aware_at": AWARE})
REAL = {"alarm": Reply(choices=("real",)), "personal_data": TOLD, "impact": TOLD}
FALSE = {"alarm": Reply(choices=("false_alarm",), reason="the test that was announced")}
CALLS = ("credential", "exfiltration", "ai_abuse", "ransomware")
ENDS = {
    "findings": "success",
    "history": "success",
    "finding": "success",
    "route": "success",
    "identity_state": "skipped",
    "bucket_state": "skipped",
    "machine_state": "skipped",
    "alarm": "success",
    **dict.fromkeys(CALLS, "skipped"),
    "complete": "success",
}


@pytest.fixture(scope="module")
def cloud(clouds):
    """The sandbox with a finding of each kind."""
    clouds.close()
    with running_cloud() as running:
        yield running


def played(root, finding, hours, answers):
    """Play the router for one finding; return the table and how it ended."""
    at = table(root, inventory(), answers, approve_keep=YES, approve_hold=YES)
    asked = {"finding_id": finding, "window": window(*hours), "known_networks": INSIDE}
    return at, at.play(NAME, asked)


@pytest.mark.usefixtures("cloud")
def test_a_key_goes_to_the_playbook_of_keys_with_the_key_of_the_finding(tmp_path):
    at, ended = played(tmp_path, "f-key", (9, 11), REAL)

    assert outcomes(ended) == ENDS | {"identity_state": "success", "credential": "success"}
    assert outputs(ended, "finding")["kind"] == FINDINGS["f-key"][0]
    assert outputs(ended, "credential")["keys"][:2] == [LEAKED_KEY, PLANTED_KEY]
    assert [gap for one in ended.results.values() for gap in one.gaps] == []
    assert at.verify().exit() == 0


@pytest.mark.slow
@pytest.mark.usefixtures("cloud")
def test_a_bucket_that_leaks_goes_to_the_playbook_of_exfiltration_which_starts_the_clock(tmp_path):
    at, ended = played(tmp_path, "f-bucket", (17, 19), REAL)

    assert outcomes(ended) == ENDS | {"bucket_state": "success", "exfiltration": "partial"}
    assert outputs(ended, "finding")["buckets"] == [EXPORTS]
    assert outputs(ended, "exfiltration")["objects"] == [f"{EXPORTS}/{key}" for key in STOLEN]
    within = [gap.reason.partition(":")[0] for gap in ended.results["exfiltration"].gaps]
    assert within == ["access_logs", "complete", "report"]
    assert clocks(at) == [("eu.gdpr.art33", AWARE)]
    assert at.verify().exit() == 0


@pytest.mark.slow
@pytest.mark.usefixtures("cloud")
def test_calls_of_models_go_to_the_playbook_of_ai(tmp_path):
    at, ended = played(tmp_path, "f-model", (9, 11), REAL)

    assert outcomes(ended) == ENDS | {"identity_state": "success", "ai_abuse": "partial"}
    assert outputs(ended, "ai_abuse")["endpoints"] == [ENDPOINT]
    assert at.verify().exit() == 0


@pytest.mark.slow
@pytest.mark.usefixtures("cloud")
def test_deletions_go_to_the_playbook_of_ransomware_which_calls_that_of_exfiltration(tmp_path):
    at, ended = played(tmp_path, "f-ransom", (20, 22), REAL)

    assert outcomes(ended) == ENDS | {"bucket_state": "success", "ransomware": "partial"}
    assert outputs(ended, "ransomware")["encrypted"] == [f"{LEDGER}/{key}" for key in ENCRYPTED]
    (run,) = {one["playbook"]["run"] for one in at.events("playbook.ended") if one["playbook"]["run"].count(".") == 2}
    assert run.endswith(".ransomware.exfiltration")
    assert clocks(at) == [("eu.gdpr.art33", AWARE)]  # once, although two playbooks look at the same data
    assert at.verify().exit() == 0


@pytest.mark.usefixtures("cloud")
def test_where_no_playbook_fits_the_machine_is_taken_and_a_person_is_told_to_go_on(tmp_path):
    at, ended = played(tmp_path, "f-probe", (17, 18), REAL)

    assert outcomes(ended) == ENDS | {"machine_state": "success", "complete": "partial"}
    assert outputs(ended, "route")["choice"] == "other"
    (told,) = ended.results["complete"].gaps
    assert told.reason.startswith("No playbook of the kit fits this finding")
    assert (clocks(at), at.verify().exit()) == ([], 0)


@pytest.mark.usefixtures("cloud")
def test_a_false_alarm_calls_nothing_and_stays_on_record(tmp_path):
    at, ended = played(tmp_path, "f-bucket", (17, 18), FALSE)

    assert outcomes(ended) == ENDS | {"bucket_state": "success"}
    assert outputs(ended, "route")["choice"] == "exfiltration"
    assert (outputs(ended, "alarm")["choice"], ended.results["alarm"].reason) == (
        "false_alarm",
        "the test that was announced",
    )
    assert (clocks(at), at.verify().exit()) == ([], 0)


@pytest.mark.usefixtures("cloud")
def test_a_finding_that_is_not_there_asks_nobody(tmp_path):
    at, ended = played(tmp_path, "f-nowhere", (17, 18), REAL)

    assert outcomes(ended) == ENDS | {"alarm": "skipped", "complete": "partial"}
    assert outputs(ended, "route")["choice"] == "not_found"
    (told,) = ended.results["complete"].gaps
    assert told.reason.startswith("GuardDuty has no such finding in the window")
    assert at.verify().exit() == 0
