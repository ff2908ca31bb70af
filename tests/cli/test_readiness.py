"""`readiness`: an answer, a signed baseline, and an exit code that says whether something got worse."""

import json

import pytest
from support.lab import DATA

from evidence_kit.errors import Exit


@pytest.fixture
def bare(run, cloud, tmp_path):
    """A key, and an inventory of one account in one region that is looked at for one playbook."""
    assert run("keys", "new", "--name", "alice@example.com").code == 0
    text = cloud.inventory
    (tmp_path / "inventory.yaml").write_text(text)
    return (
        "readiness",
        "--inventory",
        tmp_path / "inventory.yaml",
        "--playbook",
        "gcp-sa-key-leak",
        "--since",
        "10d",
    )


@pytest.mark.slow
def test_a_baseline_is_signed_and_the_next_look_is_held_against_it(run, bare, cloud, tmp_path) -> None:
    told = run(*bare, "--source", "aws.iam.account", "--out", tmp_path / "base.json")
    assert told.code == Exit.OK, told.err
    assert told.out.startswith("cannot   gcp-sa-key-leak")
    assert "signed by alice@example.com" in told.err
    cloud.simulator.forbidden[DATA] = {"iam:ListAccessKeys": "explicitDeny"}
    try:
        told = run(*bare, "--source", "aws.iam.account", "--baseline", tmp_path / "base.json", "--json")
    finally:
        cloud.simulator.forbidden.clear()
    assert told.code == Exit.INCOMPLETE
    lost = [one for one in json.loads(told.out)["changes"] if one["kind"] == "permission_lost"]
    assert [one["said"] for one in lost] == ["lacks iam:ListAccessKeys"]


def test_a_baseline_that_is_not_signed_is_refused_before_anybody_is_asked(run, bare, cloud, tmp_path) -> None:
    (tmp_path / "base.json").write_text("{}")
    assert run(*bare, "--baseline", tmp_path / "base.json").code == Exit.UNTRUSTED
    assert cloud.door.sent == []


def test_a_signer_that_is_no_key_is_usage_and_not_a_signature_that_fails(run, bare, tmp_path) -> None:
    (tmp_path / "base.json").write_text("{}")
    (tmp_path / "no.pem").write_text("no")
    told = run(*bare, "--baseline", tmp_path / "base.json", "--baseline-signer", "no.pem")
    assert (told.code, "`no.pem`: " in told.err) == (Exit.USAGE, True)
    assert "a public key in PEM" in told.err


def test_nothing_is_overwritten(run, bare, cloud, tmp_path) -> None:
    (tmp_path / "base.json").write_text("mine")
    assert run(*bare, "--out", tmp_path / "base.json").code == Exit.USAGE
    assert cloud.door.sent == []


def test_without_an_inventory_it_is_usage(run) -> None:
    assert run("readiness").code == Exit.USAGE


def test_an_unknown_playbook_is_usage(run, bare) -> None:
    assert run(*bare[:-3], "nothing").code == Exit.USAGE
