"""`controls`: lists, shows, packs and says what a change of rules affects."""

import json
import shutil
import subprocess
from importlib.resources import files

import pytest
from support.casemaker import make_case

from evidence_kit.governance.controls.book import frameworks
from evidence_kit.governance.controls.vocabulary import FACTS

PERIOD = ("--since", "2026-11-01T00:00:00Z", "--until", "2026-12-01T00:00:00Z")


@pytest.fixture
def case(tmp_path):
    made = make_case(tmp_path / "case")
    (tmp_path / "trust.yaml").write_bytes(made.trust_text)
    return made.root


def test_list_and_show_say_the_same_in_words_and_in_json(run) -> None:
    listed, told = run("controls", "list"), json.loads(run("controls", "list", "--json").out)

    assert (
        [line.split()[0] for line in listed.out.splitlines()] == [one["name"] for one in told] == list(frameworks())
    )
    for name in frameworks():
        said = json.loads(run("controls", "show", name, "--json").out)
        words = run("controls", "show", name).out
        assert all(f"\n{control['name']}  " in words for control in said["controls"])
        assert said["sha256"] in words
        assert said["status"] in words


def test_facts_say_what_they_do_not_prove(run) -> None:
    said = json.loads(run("controls", "facts", "--json").out)
    words = run("controls", "facts").out

    assert [one["name"] for one in said] == list(FACTS)
    assert words.count("does not prove") == len(FACTS)


def test_a_pack_is_made_and_can_be_checked_with_sha256sum(run, case, tmp_path) -> None:
    told = run("controls", "pack", "soc2", case, *PERIOD, "-o", "pack", "--seed", "audit-1", "--trust", "trust.yaml")
    assert told.code == 0, told.err
    said = json.loads((tmp_path / "pack" / "pack.json").read_text())
    checked = subprocess.run(
        ["sha256sum", "--quiet", "-c", "manifest-sha256.txt"], cwd=tmp_path / "pack", capture_output=True, check=False
    )

    assert checked.returncode == 0, checked.stderr
    assert said["sampling"]["seed"] == "audit-1"
    assert said["cases"][0]["verdict"] == "OK"
    assert told.out.startswith("pack      pack")
    assert "missing" in told.out.splitlines()[1]
    assert "unverified" in told.err


def test_without_a_trust_policy_nothing_counts_as_verified(run, case, tmp_path) -> None:
    told = run("controls", "pack", "gdpr", case, *PERIOD, "-o", "pack", "--json")
    rows = {row["fact"]: row["standing"] for row in json.loads(told.out)["rows"]}

    assert told.code == 0
    assert "not verified" in told.err
    assert rows["custody_unbroken"] == rows["evidence_intact"] == "missing"


def test_a_seed_is_chosen_and_recorded_where_nobody_gives_one(run, case, tmp_path) -> None:
    seeds = set()
    for name in ("one", "two"):
        told = run("controls", "pack", "ccpa", case, *PERIOD, "-o", name)
        seeds.add(json.loads((tmp_path / name / "pack.json").read_text())["sampling"]["seed"])
        assert "an auditor who draws a sample gives `--seed`" in told.err
    assert len(seeds) == 2


def test_a_pack_can_be_made_again_from_what_it_records(run, case, tmp_path) -> None:
    run("controls", "pack", "iso27001", case, *PERIOD, "-o", "one", "--seed", "s", "--trust", "trust.yaml")
    run("controls", "pack", "iso27001", case, *PERIOD, "-o", "two", "--seed", "s", "--trust", "trust.yaml")
    one, two = (json.loads((tmp_path / name / "pack.json").read_text()) for name in ("one", "two"))

    assert one.pop("madeAt") <= two.pop("madeAt")
    assert one == two
    for path in (tmp_path / "one" / "populations").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / "populations" / path.name).read_bytes()


def test_a_change_of_rules_names_the_cases(run, case, tmp_path) -> None:
    text = (files("evidence_kit.governance.controls") / "frameworks" / "soc2.yaml").read_text()
    assert text.count("fact: verified_since") > 1
    (tmp_path / "old.yaml").write_text(text.replace("fact: verified_since", "fact: sealed", 1))
    told = run("controls", "affected", case, "--old", "old.yaml", *PERIOD)
    said = json.loads(run("controls", "affected", case, "--old", "old.yaml", *PERIOD, "--json").out)

    assert told.code == 0, told.err
    assert [(one["name"], one["kind"]) for one in said["changes"]] == [("CC7.3", "changed")]
    assert [(one["name"], one["control"], one["affected"]) for one in said["cases"]] == [
        ("IR-2026-014", "CC7.3", True)
    ]
    assert "affected: case IR-2026-014, CC7.3" in told.out


def test_rules_that_did_not_change_affect_nobody(run, case, tmp_path) -> None:
    text = (files("evidence_kit.governance.controls") / "frameworks" / "soc2.yaml").read_bytes()
    (tmp_path / "old.yaml").write_bytes(text)
    told = run("controls", "affected", case, "--old", "old.yaml", *PERIOD)

    assert (told.code, told.out) == (0, "")
    assert "no rule differs" in told.err


@pytest.mark.parametrize("command", [("pack", "soc2", "-o", "out"), ("affected", "--old", "old.yaml")])
def test_a_case_that_is_given_twice_hides_nothing_but_is_refused(run, case, tmp_path, command) -> None:
    shutil.copytree(case, tmp_path / "copy")
    (tmp_path / "old.yaml").write_bytes(
        (files("evidence_kit.governance.controls") / "frameworks" / "soc2.yaml").read_bytes()
    )
    told = run("controls", *command, case, "copy", *PERIOD)

    assert (told.code, "case `IR-2026-014` is given twice" in told.err) == (2, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "soc3"), 2),
        (("show", "nowhere.yaml"), 2),
        (("pack", "soc2", "nocase", "--since", "3d", "-o", "out"), 4),
        (("pack", "soc2", "case", "--since", "3d", "--until", "4d", "-o", "out"), 2),
        (("pack", "soc2", "case", "--since", "3d", "-o", "out", "--seed", "ü"), 2),
        (("pack", "soc2", "case", "--since", "3d", "-o", "case/derived/out"), 2),
        (("pack", "soc2", "case", "--since", "3d", "-o", "out", "--inventory", "nowhere.yaml"), 2),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(run, case, tmp_path, arguments, code) -> None:
    told = run("controls", *arguments)

    assert told.code == code, told.err
    assert not (tmp_path / "out").exists()
