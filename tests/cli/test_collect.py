"""Collect, resume, coverage and verify, as a person runs them against the sandbox."""

import json

import pytest
from support.casemaker import SOURCE, Case, PagesFromMemory

from evidence_kit.model.exchange import Closed
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.faults import Fault

LOOKUP = "aws.cloudtrail.lookup"
FILES = "aws.cloudtrail.s3"
DIGEST = "aws.cloudtrail.digest"
ONE = ("--region", "us-east-1", "--target", "shop")


@pytest.fixture
def collected(run, opened, window, inventory):
    """A case with both CloudTrail witnesses of one region."""
    told = run("collect", LOOKUP, FILES, DIGEST, "--case", opened, *window, *inventory, *ONE)
    assert told.code == 0, told.err
    return opened


def test_collect_ends_with_the_case_and_verify_accepts_it(run, opened, window, inventory) -> None:
    told = run("collect", LOOKUP, "--case", opened, *window, *inventory, *ONE)

    assert told.out.splitlines()[-1] == f"case: {opened}"
    assert "sealed" in told.err
    verified = run("verify", opened, "--each-signature", "--require-complete")
    assert verified.code == 0
    assert verified.out.startswith("OK  ")


def test_collect_as_json_is_one_document(run, opened, window, inventory) -> None:
    said = json.loads(run("collect", LOOKUP, "--case", opened, *window, *inventory, *ONE, "--json").out)

    assert said["unitsMissing"] == 0
    assert said["artifacts"] > 0
    assert said["exit"] == 0


def test_one_changed_byte_fails_and_says_where_it_came_from(run, collected) -> None:
    artifact = next(collected.glob(f"bags/*/data/{LOOKUP}/**/*.json"))
    body = bytearray(artifact.read_bytes())
    body[40] ^= 1
    artifact.chmod(0o644)
    artifact.write_bytes(body)

    told = run("verify", collected)

    assert told.code == 10
    assert told.out.startswith("FAILED")
    assert "LookupEvents request" in told.out
    assert str(artifact.relative_to(collected)) in told.out
    said = json.loads(run("verify", collected, "--format", "json").out)
    assert said["verdict"]["name"] == "DIGEST"


def test_a_bag_verifies_alone_and_says_what_that_leaves_open(run, collected) -> None:
    told = run("verify", next(collected.glob("bags/*")))

    assert told.code == 0
    assert "not checked: events" in told.out


def test_another_persons_trust_file_makes_it_untrusted(run, collected, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EVIDENCE_KIT_HOME", str(tmp_path / "mallory"))
    run("keys", "new", "--name", "mallory@example.com")

    told = run("verify", collected)

    assert told.code == 15


def test_a_checkpoint_from_before_is_extended_and_a_rollback_is_seen(run, collected, tmp_path) -> None:
    log, checkpoint = collected / "custody/log.jsonl", collected / "custody/checkpoint"
    before = (log.read_bytes(), checkpoint.read_bytes())
    run("custody", "note", collected, "later")
    (tmp_path / "kept").write_bytes(checkpoint.read_bytes())
    assert run("verify", collected, "--last-checkpoint", tmp_path / "kept").code == 0

    log.write_bytes(before[0])
    checkpoint.write_bytes(before[1])

    assert run("verify", collected).code == 0
    assert run("verify", collected, "--last-checkpoint", tmp_path / "kept").code == 14


def test_coverage_draws_the_gap_and_names_both_witnesses(run, collected) -> None:
    told = run("coverage", collected)

    assert "╳" in told.out
    assert "not logged" in told.out
    assert "in the event history only" in told.out
    said = json.loads(run("coverage", collected, "--json").out)
    assert said["crossCheck"]["only_files"] == 0
    assert said["crossCheck"]["only_lookup"] > 0
    assert said["crossCheck"]["both"] > 0


@pytest.mark.slow
def test_a_denied_source_seals_incomplete_and_resume_completes_the_case(
    run, opened, window, inventory, cloud
) -> None:
    cloud.door.faults.add(Fault(kind="denied", service="cloudtrail", operation="LookupEvents", times=1))
    told = run("collect", LOOKUP, FILES, "--case", opened, *window, *inventory, *ONE)
    assert told.code == 3
    assert "denied" in told.err
    assert run("verify", opened).code == 0
    assert run("verify", opened, "--require-complete").code == 3

    again = run("resume", opened)

    assert again.code == 0, again.err
    assert run("verify", opened, "--require-complete").code == 0
    assert run("resume", opened).code == 4


class Unsettled(PagesFromMemory):
    """A source of somebody's own, which may still get more."""

    def acquire(self, unit, ctx):
        yield from super().acquire(unit, ctx)
        yield Closed(status=UnitStatus.COMPLETE_UNSETTLED, reason="more may come")


def test_a_second_pass_without_its_connector_names_the_source(run, tmp_path) -> None:
    case = Case(tmp_path / "case")
    case.open()
    case.collect(Unsettled())
    told = run("collect", "--reconcile", "--case", case.root)
    assert (told.code, f"unknown source `{SOURCE}`" in told.err) == (2, True)


@pytest.mark.slow
def test_a_plan_collects_nothing_and_names_the_permissions(run, opened, window, inventory) -> None:
    told = run("collect", LOOKUP, "--case", opened, *window, *inventory, "--plan")

    assert told.code == 0
    assert "cloudtrail:LookupEvents" in told.out
    assert not (opened / "bags").exists()
    said = json.loads(run("collect", LOOKUP, *window, *inventory, "--plan", "--json").out)
    assert said["sources"][0]["name"] == LOOKUP


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "2026-11-18 00:00"), "has no time zone"),
        (("--since", "2026-11-20T00:00:00Z", "--until", "2026-11-19T00:00:00Z"), "before it starts"),
        (("--since", "yesterday"), "is not a time"),
        (("--since", "2d", "--region", "us-est-1"), "did you mean `us-"),
        (("--since", "2d", "--target", "shpo"), "did you mean `shop`"),
        (("--since", "2d", "--set", "x=1"), "no chosen source has a parameter"),
        (("--since", "2d", "--set", "x"), "is not `name=value`"),
    ],
)
def test_what_cannot_be_carried_out_is_said_before_anything_is_collected(
    run, opened, inventory, arguments, said
) -> None:
    told = run("collect", LOOKUP, "--case", opened, *inventory, *arguments)

    assert told.code == 2
    assert said in told.err
    assert not (opened / "bags").exists()


def test_an_inventory_fault_is_told_with_line_and_column(run, opened, tmp_path, cloud) -> None:
    path = tmp_path / "bad.yaml"
    target = "{name: shop, provider: aws, id: 111122223333}"
    path.write_text(f"apiVersion: evidence-kit/inventory.v1\nkind: Inventory\ntargets:\n  - {target}\n")
    told = run("collect", LOOKUP, "--case", opened, "--inventory", path)

    assert told.code == 2
    assert "bad.yaml:4:" in told.err
    assert 'write it in quotes: "111122223333"' in told.err


def test_without_credentials_nothing_is_collected(run, opened, monkeypatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    told = run("collect", LOOKUP, "--case", opened)

    assert told.code == 5
    assert not (opened / "bags").exists()


def test_an_own_account_needs_no_inventory(run, opened, window, cloud) -> None:
    told = run("collect", "aws.iam.account", "--case", opened, *window, "--region", "us-east-1")

    assert told.code == 0, told.err


def test_a_case_of_another_machine_is_not_written_to(run, collected, tmp_path, monkeypatch) -> None:
    for path in (tmp_path / "home/logs").iterdir():
        path.unlink()

    told = run("custody", "note", collected, "x")

    assert told.code == 5
    assert "log key" in told.err
