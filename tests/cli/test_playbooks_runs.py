"""`playbook runs` and the part of `report` about runs: what is on record, step by step, and who decided."""

import json
import shutil

import pytest
from support.casemaker import trust_text
from support.told_runs import STEPS, told

from evidence_kit.errors import Exit


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A case with one run that has ended, and how it did."""
    return told(tmp_path_factory.mktemp("runs"), STEPS)


@pytest.fixture
def root(made):
    return made[0].lab.root


def test_all_runs_are_listed_a_line_each(run, root, made) -> None:
    told = run("playbook", "runs", root)
    assert told.out == f"{made[1].run}  test-book 1.0.0  success    7 of 7 steps ended\n"


def test_one_run_is_shown_with_the_ends_of_its_steps_and_who_decided(run, root, made) -> None:
    told = run("playbook", "runs", root, made[1].run)

    assert told.code == Exit.OK
    assert "  1 ─ * take     collect  success\n" in told.out
    assert "never: its condition is not met" in told.out
    assert "persons: eu; aware_at: 2026-11-20T00:00:00Z, two customers (event " in told.out


def test_a_list_and_one_run_as_json_have_names(run, root, made) -> None:
    listed = json.loads(run("playbook", "runs", root, "--json").out)
    one = json.loads(run("playbook", "runs", root, made[1].run, "--json").out)

    assert listed == [one]
    assert (one["name"], one["outcome"], len(one["decisions"])) == (made[1].run, "success", 3)
    assert {step["name"]: step["outcome"] for step in one["steps"]}["never"] == "skipped"


def test_the_picture_of_a_run_has_its_outcomes(run, root, made, tmp_path) -> None:
    out = tmp_path / "a.svg"
    assert run("playbook", "runs", root, made[1].run, "--svg", out).code == Exit.OK
    assert (
        "never, query, after far, if steps.far.outputs.choice == &quot;near&quot;, ended skipped" in out.read_text()
    )
    assert run("playbook", "runs", root, "--svg", tmp_path / "b.svg").code == Exit.USAGE


def test_a_run_that_is_not_there_and_a_case_without_runs_are_empty(run, root, opened) -> None:
    assert run("playbook", "runs", root, "nothing").code == Exit.EMPTY
    assert run("playbook", "runs", opened).code == Exit.EMPTY


def test_a_part_that_cannot_be_read_is_told_and_is_no_success(run, tmp_path) -> None:
    table, ended = told(tmp_path, STEPS)
    path = table.lab.root / "custody" / "runs" / ended.run / "journal.jsonl"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-20])
    found = run("playbook", "runs", table.lab.root, ended.run)

    assert found.code == Exit.INCOMPLETE
    assert "is torn" in found.err
    assert "* take     collect  success" in found.out


def test_a_line_of_the_custody_log_that_cannot_be_read_is_told(run, made, tmp_path) -> None:
    root = tmp_path / "broken"
    shutil.copytree(made[0].lab.root, root)
    path = root / "custody" / "log.jsonl"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"payload"', b'"pxyload"', 1))
    found = run("playbook", "runs", root)

    assert found.code == Exit.INCOMPLETE
    assert "warning: " in found.err


@pytest.mark.parametrize("form", ["html", "md", "json"])
def test_a_report_of_the_case_tells_its_runs(run, root, made, tmp_path, form) -> None:
    policy = tmp_path / "trust.yaml"
    policy.write_bytes(trust_text(made[0].lab.signer))
    found = run("report", root, "--trust", policy, "--no-timeline", "--format", form)

    assert found.code == Exit.OK
    assert "test-book 1.0.0" in found.out
    assert "its condition is not met" in found.out
    assert "two customers" in found.out
    assert "<script>alert" not in found.out or form == "json"
