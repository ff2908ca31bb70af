"""`prove`, `export --to disclosure` and `verify` of what they make, from the command line."""

import hashlib
import json

import pytest
from support.casemaker import SOURCE, TARGET, WINDOW, Case, PagesFromMemory, artifacts
from support.disclosed import OBJECT, PAGES, RULES

from evidence_kit.acquire.case import keeper_of
from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.cli import disclose, settings
from evidence_kit.vaults.local import LocalVault

WHO = ("--recipient-name", "The Court", "--purpose", "case 7")


@pytest.fixture
def collected(run, opened):
    """A case with one sealed bag, by the key of the command line; also its folder's artifacts."""
    vault = LocalVault(opened)
    keeper = keeper_of(vault, settings.key_ring(), None)
    order = Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={})
    collectors = {SOURCE: PagesFromMemory(pages=2, names=("two words",))}
    with vault.lock(), vault.working():
        Engine(vault=vault, keeper=keeper, collectors=collectors, now=settings.now, workers=2).collect(order)
    return Case(opened, bags=[f"bags/{name}" for name in vault.folders("bags")])


def test_an_artifact_is_proved_and_the_proof_verifies(run, collected, tmp_path):
    path = next(path for path in artifacts(collected) if "two" in path)
    told = run("prove", "case", path, "-o", "proof")

    assert told.code == 0, told.err
    assert "1 artifact" in told.out
    assert "2 more artifacts" in told.err
    told = run("verify", "proof")
    assert told.code == 0, told.out
    assert "a part of its case" in told.out
    assert "whole" not in told.out.splitlines()[0]
    assert run("verify", "case").code == 0


@pytest.mark.parametrize("how", ["bag", "case", "disk", "digest"])
def test_an_artifact_can_be_named_in_four_ways(run, collected, how):
    path, body = next(iter(artifacts(collected).items()))
    said = {
        "bag": path,
        "case": f"{collected.bag}/{path}",
        "disk": f"case/{collected.bag}/{path}",
        "digest": hashlib.sha256(body).hexdigest(),
    }
    told = run("prove", "case", said[how], "-o", "proof", "--json")

    assert told.code == 0, told.err
    assert json.loads(told.out)["artifacts"] == 1


def test_a_glob_is_not_a_name(run, collected):
    assert run("prove", "case", "data/*", "-o", "proof").code == 4


def test_a_disclosure_is_redacted_and_held_against_its_case(run, collected, tmp_path):
    (tmp_path / "rules.yaml").write_bytes(RULES)
    told = run("export", "case", "--to", "disclosure", "-o", "out", "--artifact", PAGES, "--artifact", OBJECT,
               "--redact", "rules.yaml", *WHO, "--authority", "order 12", "--json")  # fmt: skip

    assert told.code == 0, told.err
    said = json.loads(told.out)
    assert (said["artifacts"], said["redacted"], said["withheld"]) == (3, 2, 0)
    assert said["sha256"] == hashlib.sha256((tmp_path / "out" / "disclosure.json").read_bytes()).hexdigest()
    told = run("verify", "out")
    assert told.code == 0, told.out
    assert "not checked" in told.out
    assert "--against" in told.out
    told = run("verify", "out", "--against", "case")
    assert told.code == 0, told.out
    assert "--against" not in told.out
    assert run("verify", "out", "--require-timestamp").code == 15
    assert run("verify", "out", "--against", f"case/{collected.bag}").code == 2


def test_a_tampered_package_fails_with_its_verdict_as_json(run, collected, tmp_path):
    run("prove", "case", next(iter(artifacts(collected))), "-o", "proof")
    (tmp_path / "proof" / "planted").write_text("x")
    told = run("verify", "proof", "--json")

    assert told.code == 12
    assert json.loads(told.out)["verdict"]["name"] == "UNEXPECTED"


@pytest.mark.parametrize("without", ["--artifact", "--recipient-name", "--purpose"])
def test_a_disclosure_says_what_to_whom_and_why(run, collected, without):
    said = {"--artifact": PAGES, "--recipient-name": "R", "--purpose": "P"}
    told = run("export", "case", "--to", "disclosure", "-o", "out",
               *(word for name, value in said.items() if name != without for word in (name, value)))  # fmt: skip

    assert told.code == 2
    assert without in told.err


def test_a_typo_in_the_rules_discloses_nothing(run, collected, tmp_path):
    (tmp_path / "rules.yaml").write_bytes(RULES.replace(b"Events.*.id", b"Event.*.id"))
    asked = ("export", "case", "--to", "disclosure", "-o", "out", "--artifact", PAGES, "--redact", "rules.yaml", *WHO)

    told = run(*asked)
    assert told.code == 2
    assert "`ids`" in told.err
    assert not (tmp_path / "out").exists()
    assert run(*asked, "--allow-unmatched").code == 0


def test_rules_that_cannot_be_read_are_a_matter_of_usage(run, collected):
    told = run(
        "export", "case", "--to", "disclosure", "-o", "out", "--artifact", PAGES, "--redact", "none.yaml", *WHO
    )

    assert told.code == 2
    assert "none.yaml" in told.err


def test_a_rule_that_also_matches_an_attestation_is_told(run, collected, tmp_path):
    (tmp_path / "rules.yaml").write_bytes(RULES.replace(b"field: Events.*.id", b"pattern: '2026-11-18'"))
    told = run(
        "export", "case", "--to", "disclosure", "-o", "out", "--artifact", PAGES, "--redact", "rules.yaml", *WHO
    )

    assert told.code == 0, told.err
    assert "warning: rule `ids`" in told.err
    assert "guessed" in told.err


def test_rules_that_take_for_ever_are_ended(monkeypatch):
    import re

    from evidence_kit.errors import UsageError

    monkeypatch.setattr(disclose, "SECONDS", 0.2)
    with pytest.raises(UsageError, match="seconds"), disclose._in_time():
        re.search(b"(a+)+$b", b"a" * 60)


def test_only_a_disclosure_is_held_against_a_case(run, opened):
    told = run("verify", "case", "--against", "case")

    assert told.code == 2
    assert "--against" in told.err


def test_a_folder_without_a_disclosure_is_still_a_case(run, opened, tmp_path):
    (opened / "disclosure.json").write_text("{}")

    assert run("verify", "case").code == 12
