"""`forensic-readiness-check` on three clouds whose logging is as it should be, and on the same a month later."""

import json
from datetime import timedelta

import pytest
from playbooks.seeds.partners_estate import Moving, clocks, gaps, hand_over, warnings
from playbooks.seeds.readiness_estates import ACCOUNT, AI, TRAIL, running_estates
from support.playing import Table, outcomes, outputs

from evidence_kit.playbook.run.questions import Reply
from evidence_kit.sandbox.google.faults import Fault

BOOK = "forensic-readiness-check"
ALL = [
    *("aws-ai-abuse", "aws-credential-compromise", "aws-guardduty-triage", "aws-s3-exfiltration"),
    *("azure-openai-misuse", "cloud-ransomware", "entra-account-or-consent-compromise"),
    *("fraud-pipeline-manipulation", "gcp-sa-key-leak", "partner-api-key-leak", "partner-audit-evidence"),
    *("supplier-data-poisoning", "third-party-breach-notice", "vertex-ai-abuse-or-tamper"),
]
STILL = ["aws-credential-compromise", "aws-guardduty-triage"]  # whose trail still runs


def checked(*sources):
    """Return what `sources check --json` says of some sources."""
    told = [{"name": name, "verdict": verdict, "units": 1, "reasons": []} for name, verdict in sources]
    return json.dumps([{"name": "shop", "provider": "aws", "caller": "ir", "sources": told}], indent=2)


def seated(estates, root):
    return Table(root=root, entries=estates.entries, specs=estates.specs, now=Moving()).open()


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A check in which nothing is missing."""
    folder = tmp_path_factory.mktemp("ready")
    with running_estates(folder, ready=True) as estates:
        at = seated(estates, folder / "table")
        told = checked(("aws.cloudtrail.lookup", "complete"), ("aws.macie.findings", "nothing"))
        at.answers = {"dry_run": Reply(acquisition=hand_over(at, "shop", {"sources.json": told}))}
        return at, at.play(BOOK, {})


@pytest.fixture(scope="module")
def neglected(ready, tmp_path_factory):
    """A month later: somebody has switched off what can be switched off, and a collector lost its right."""
    (before,) = ready[0].lab.root.glob("derived/playbooks/*/settings.jsonl")
    folder = tmp_path_factory.mktemp("neglected")
    with running_estates(folder, ready=False) as estates:
        at = seated(estates, folder / "table")
        told = checked(("aws.cloudtrail.lookup", "impossible"), ("aws.cloudtrail.s3", "complete"))
        at.answers = {
            "dry_run": Reply(acquisition=hand_over(at, "shop", {"sources.json": told})),
            "previous": Reply(acquisition=hand_over(at, "shop", {"settings.jsonl": before.read_text()})),
            "accept": Reply(choices=("fix",), fields={"due": "2026-12-31T00:00:00Z"}),
        }
        return at, at.play(BOOK, {"compare": True})


def test_everything_logged_lets_every_playbook_run(ready):
    at, ended = ready
    assert outputs(ended, "facts")["ready"] == ALL
    assert (outputs(ended, "facts")["not_ready"], outputs(ended, "facts")["lacking"]) == ([], [])
    assert outputs(ended, "facts")["percent"] == 100
    assert {name for name, outcome in outcomes(ended).items() if outcome == "skipped"} == {
        *("previous", "changed", "accept", "tell", "report"),
    }
    assert outcomes(ended)["complete"] == "success"
    assert warnings(ended) == []
    assert at.verify().exit() == 0


def test_says_of_each_playbook_whether_it_could_run_and_of_each_setting_what_is_missing(neglected):
    _, ended = neglected
    assert outputs(ended, "facts")["ready"] == STILL
    assert outputs(ended, "facts")["not_ready"] == [name for name in ALL if name not in STILL]
    assert outputs(ended, "facts")["lacking"] == [
        *("agreements not: ", "azure_logs not: shop-assistants", "captured not: shop", "data_events not: shop"),
        *("gcp_reads not: demand", "locks not: shop", "prompts not: shop", "recorder not: shop"),
        *("retention not: shop-prod-1", "vertex_requests not: demand"),
    ]
    assert outputs(ended, "facts")["percent"] == 14
    assert outputs(ended, "let_in")["refused"] == ["aws.cloudtrail.lookup at shop"]


def test_tells_what_has_changed_since_the_last_check_and_nothing_else(neglected):
    _, ended = neglected
    told = {what.split(" ")[0] for what in outputs(ended, "changed")["settings"]}
    assert told == {
        *("aws.bedrock.logging", "aws.cloudtrail.selectors", "aws.config.recorders", "aws.s3.posture"),
        *("aws.sagemaker.capture_state", "azure.diagnostic_settings", "gcp.asset.inventory", "gcp.logging.config"),
        "gcp.vertex.request_logging",
    }  # and not aws.logs.config, which is as it was
    setting = f"{AI}/providers/Microsoft.Insights/diagnosticSettings/to-soc"
    assert f"azure.diagnostic_settings shop-assistants {setting}" in outputs(ended, "changed")["settings"]


def test_what_is_missing_is_a_gap_and_somebody_has_to_put_it_right(neglected):
    at, ended = neglected
    assert outcomes(ended) == {
        **dict.fromkeys(("azure_settings", "gcp_settings", "dry_run", "previous", "facts", "let_in"), "success"),
        **dict.fromkeys(("settings", "changed", "accept"), "success"),
        **dict.fromkeys(("tell", "report"), "skipped"),
        **dict.fromkeys(("aws_settings", "complete"), "partial"),
    }
    assert gaps(ended, "aws_settings") == {
        ("aws_settings", "excluded_at_source", "aws.cloudtrail.selectors", ACCOUNT)
    }
    assert ended.results["aws_settings"].gaps[0].reason == f"{TRAIL} records no data events"
    assert warnings(ended) == [
        "Not every playbook could be run today",
        "Some collectors would not be let in",
        "Settings have changed since the last check; find out who did it, and why",
    ]
    assert clocks(at) == []
    assert at.verify().exit() == 0


@pytest.mark.slow
def test_settings_that_may_not_be_read_count_as_missing(tmp_path):
    with running_estates(tmp_path, ready=True) as estates:
        nowhere = tuple(entry for entry in estates.entries if entry.target.provider != "aws")
        at = seated(estates, tmp_path / "table")
        at.entries = nowhere
        estates.google.faults.add(Fault(kind="denied", path="/assets", times=None))
        asked = at.play(BOOK, {})
        for days in (4, 12):
            at.lab.now.ahead = timedelta(days=days)
            ended = at.resume(asked.run)
    assert "gcp_reads unknown: demand" in outputs(ended, "facts")["lacking"]
    assert outcomes(ended)["dry_run"] == outcomes(ended)["accept"] == "timed_out"
    assert outputs(ended, "accept")["choice"] == "open"
    assert warnings(ended) == [
        "Not every playbook could be run today",
        "Nobody has tried whether the collectors are let in",
        "Nobody has decided what is done about it",
        "Some settings could not be read, and count as missing",
    ]
