"""A leaked key of a service account: a project's audit logs on loopback, what is found in them, and what is not."""

from dataclasses import replace

import pytest
from playbooks.seeds import gcp_key_leak as seed
from playbooks.seeds.cloud_desk import AWARE, NO, YES, Told, clocks, gaps_of
from playbooks.seeds.gcp_estate import EXCLUSIONS, LOG_BUCKET, OFFICE, WINDOW, estate, serving
from support.playing import outcomes, outputs

from evidence_kit.playbook.run.questions import Reply

ID = "gcp-sa-key-leak"
INPUTS = {"service_account": seed.EXPORTER, "key_id": seed.LEAKED, "window": WINDOW, "known_networks": [OFFICE]}
UNPROVEN = (
    "log_integrity",
    "check_warn",
    "Google signs none of these logs, so that they are whole rests on its word",
)
NO_REPORT = ("report", "skipped", "nothing here writes reports")
QUIET = {"name": "quiet", "filter": 'LOG_ID("cloudaudit.googleapis.com/data_access")'}
ENDS = {
    "log_setup": "success",
    "identities": "success",
    "machines": "success",
    "activity": "success",
    "reads": "success",
    "findings": "success",
    "log_integrity": "partial",
    "pivot": "success",
    "foreign": "success",
    "made": "success",
    "data_read": "success",
    "logging_changes": "success",
    "disabled": "success",
    "blind": "success",
    "personal_data": "success",
    "approve_keep": "success",
    "keep_logs": "success",
    "hold_case": "success",
    "complete": "success",
    "tell": "skipped",
    "report": "skipped",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("gcp")) as found:
        yield found


def test_a_leaked_key_leads_to_what_it_made_granted_and_read_and_both_clocks_start(shop, tmp_path):
    shop.put(estate([*seed.benign(), *seed.theft()], lists={EXCLUSIONS: [{"exclusions": [QUIET]}]}))
    shop.keeping.log_buckets[LOG_BUCKET] = {"name": "_Default", "retentionDays": 30}
    told = Told()
    answers = {"personal_data": Reply(choices=("eu", "california"), fields={"aware_at": AWARE})}
    table = shop.table(tmp_path, answers, told, approve_keep=YES)

    ended = table.play(ID, {**INPUTS, "channel": "bridge"})

    assert outcomes(ended) == {**ENDS, "reads": "partial", "complete": "partial", "tell": "success"}
    found = outputs(ended, "pivot")
    assert found["keys"] == [seed.LEAKED, seed.MINTED]
    assert found["acted_as"] == [seed.RUNNER]
    assert found["chains"] == [f"{seed.RUNNER} by {seed.DEPLOYER}"]
    assert set(found["ips"]) == {seed.DESK, seed.THIEF, seed.SECOND}
    assert outputs(ended, "foreign")["choice"] == "foreign"
    assert outputs(ended, "made")["resources"] == [
        f"{seed.AT}/serviceAccounts/{seed.AGENT}",
        seed.MINER,
        f"{seed.AT}/exclusions/quiet",
    ]
    assert outputs(ended, "made")["grants"] == [
        f"roles/owner to {seed.OWNER}",
        f"roles/iam.serviceAccountTokenCreator to {seed.OWNER}",
    ]
    assert outputs(ended, "data_read")["resources"] == list(seed.STOLEN)
    assert outputs(ended, "logging_changes")["actors"] == [seed.DEPLOYER]
    assert outputs(ended, "disabled") == {"rows": 1, "at": ["2026-11-21T10:00:00Z"], "by": [seed.GOOGLE]}
    assert gaps_of(ended) == {
        UNPROVEN,
        NO_REPORT,
        ("reads", "excluded_at_source", "gcp.logging.data_access"),
        ("complete", "check_warn", "Not everything could be had"),
    }
    assert clocks(table) == [("eu.gdpr.art33", AWARE), ("us.ca.civ-1798-82.residents", AWARE)]
    assert shop.keeping.log_buckets[LOG_BUCKET]["retentionDays"] == 400
    assert ["2 keys, 1 accounts acted as, 2 rights granted, 3 things read." in one for one in told.shown] == [True]
    assert not any(secret in told.shown[0] for secret in (seed.LEAKED, seed.THIEF, seed.STOLEN[0]))
    assert table.verify().exit() == 0


@pytest.mark.slow
def test_a_key_that_was_used_from_the_office_alone_leads_nowhere_and_starts_no_clock(shop, tmp_path):
    shop.put(estate(list(seed.benign())))
    table = shop.table(tmp_path, {}, Told(), approve_keep=NO)

    ended = table.play(ID, INPUTS)

    assert outcomes(ended) == {
        **ENDS,
        "personal_data": "skipped",
        "approve_keep": "denied",
        "keep_logs": "skipped",
        "hold_case": "skipped",
    }
    found = outputs(ended, "pivot")
    assert (found["keys"], found["acted_as"], found["ips"]) == ([seed.LEAKED], [], [seed.DESK])
    assert outputs(ended, "foreign")["choice"] == "known"
    assert outputs(ended, "made") == {"rows": 0, "resources": [], "grants": []}
    assert outputs(ended, "data_read")["resources"] == []
    assert gaps_of(ended) == {UNPROVEN, NO_REPORT, ("approve_keep", "refused", "boss refused")}
    assert clocks(table) == []
    assert shop.keeping.changes == []
    assert table.verify().exit() == 0


@pytest.mark.slow
def test_where_reads_are_not_logged_nobody_says_that_nothing_was_read(shop, tmp_path):
    changes = [call for call in (*seed.benign(), *seed.theft()) if not call.reads]
    shop.put(estate(changes, audited=False))
    shop.keeping.log_buckets[LOG_BUCKET] = {"name": "_Default", "retentionDays": 30}
    table = shop.table(tmp_path, {"personal_data": Reply(choices=("none",), fields={"aware_at": AWARE})}, Told())
    table.approvals = {"approve_keep": YES}

    ended = table.play(ID, INPUTS)

    assert outcomes(ended) == {**ENDS, "complete": "partial"}
    assert outputs(ended, "reads")["records"] == 0
    assert outputs(ended, "blind")["what"] == ["reads"]
    assert outputs(ended, "pivot")["keys"] == [seed.LEAKED, seed.MINTED]
    assert outputs(ended, "pivot")["acted_as"] == []  # tokens are asked for in a log that is off
    said = "The project logs no reads, so that nobody can say what was read, unless a folder above it logs them"
    assert gaps_of(ended) == {UNPROVEN, NO_REPORT, ("complete", "check_warn", said)}
    assert clocks(table) == []  # a person said that there are no personal data
    assert table.verify().exit() == 0


@pytest.mark.slow
def test_without_the_id_of_the_key_all_that_the_account_did_counts(shop, tmp_path):
    keyless = [replace(call, key="") for call in (*seed.benign(), *seed.theft()) if call.who == seed.EXPORTER]
    shop.put(estate(keyless))
    table = shop.table(tmp_path, {}, Told(), approve_keep=NO)

    ended = table.play(ID, {name: value for name, value in INPUTS.items() if name != "key_id"})

    found = outputs(ended, "pivot")
    assert (found["accounts"], found["keys"]) == ([seed.EXPORTER], [seed.MINTED])
    assert outputs(ended, "foreign")["choice"] == "foreign"


@pytest.mark.slow
def test_a_project_whose_audit_settings_cannot_be_seen_is_a_gap_and_the_question_is_still_put(shop, tmp_path):
    found = estate(list(seed.benign()))
    found.lists = {path: pages for path, pages in found.lists.items() if "cloudasset" not in path}
    shop.put(found)
    table = shop.table(tmp_path, {"personal_data": Reply(choices=("unknown",), fields={"aware_at": AWARE})}, Told())
    table.approvals = {"approve_keep": NO}

    ended = table.play(ID, INPUTS)

    assert outputs(ended, "blind")["what"] == ["setup_unknown"]
    assert outcomes(ended)["personal_data"] == "success"
    assert ("complete", "check_warn", "Whether reads are logged is not known") in gaps_of(ended)
    assert clocks(table) == []
