"""`report`: one file about a case, with the verdict of the caller's own policy, also where that verdict is bad."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.casemaker import trust_text
from support.sealed_records import TRAIL, case_of, event, trail

from evidence_kit.analysis.pivots.loading import load_pivots
from evidence_kit.errors import Exit
from evidence_kit.signers.file import KeySigner, generate


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A case of three events, the policy that trusts it, and where its tables are kept."""
    base = tmp_path_factory.mktemp("report")
    events = [event(at, eventTime=f"2026-11-18T22:00:0{at}Z") for at in range(3)]
    case = case_of(base / "case", {TRAIL: {"a.json.gz": trail(events)}})
    trust = base / "trust.yaml"
    trust.write_bytes(case.trust_text)
    return case, trust, base / "work"


@pytest.fixture
def report(run, made):
    """Write a report of the case, or of the one that is named."""
    case, trust, work = made

    def call(*options, root=case.root, policy=trust):
        return run("report", root, "--trust", policy, "--work", work, *options)

    return call


@pytest.fixture
def broken(made, tmp_path):
    """A copy of the case with one byte changed."""
    case, _, _ = made
    root = tmp_path / "broken"
    shutil.copytree(case.root, root)
    victim = next(path for path in (root / case.bag / "data").rglob("*") if path.is_file())
    victim.chmod(0o644)
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    return root


def as_json(told):
    assert told.code == Exit.OK, told.err
    return json.loads(told.out)


@pytest.mark.parametrize(("form", "begins"), [("html", "<!DOCTYPE html>"), ("md", "# Case "), ("json", "{")])
def test_each_format_goes_to_a_file_or_to_stdout(report, tmp_path, form, begins) -> None:
    out = tmp_path / "made"
    told = report("--format", form, "--out", out)
    assert (told.code, told.out) == (Exit.OK, f"report: {out}\n")
    assert "verdict   Authentic and complete (OK 0)" in told.err
    assert out.read_text().startswith(begins)
    assert report("--format", form).out.startswith(begins)


def test_a_broken_case_gets_a_report_that_says_so(report, broken, tmp_path) -> None:
    told = report("--format", "json", "--work", tmp_path / "work", root=broken)
    assert "Verification failed (DIGEST 10)" in told.err
    found = as_json(told)
    assert found["verdict"]["name"] == "DIGEST"
    assert found["verdict"]["checks"]
    assert len(found["artifacts"]) == 1
    assert "a.json.gz" in found["incident"]["absent"]


def test_a_question_that_a_broken_case_cannot_answer_is_told(report, broken, tmp_path) -> None:
    found = as_json(report("--format", "json", "--query", "SELECT 1", "--work", tmp_path / "work", root=broken))
    assert found["answers"] == []
    assert [one["part"] for one in found["unread"]] == ["the answer to `SELECT 1`"]


def test_a_case_that_the_policy_does_not_trust_gets_a_report_that_says_so(report, tmp_path) -> None:
    policy = tmp_path / "others.yaml"
    policy.write_bytes(trust_text(KeySigner(generate("p256"))))
    told = report("--format", "json", policy=policy)
    assert as_json(told)["verdict"]["headline"] == "Not trusted"
    assert "verdict   Not trusted (UNTRUSTED 15)" in told.err


def test_without_a_policy_there_is_no_report(run, made, tmp_path) -> None:
    told = run("report", made[0].root, "--out", tmp_path / "made.html")
    assert told.code == Exit.UNTRUSTED
    assert not (tmp_path / "made.html").exists()


def test_a_question_is_answered_in_the_report(report) -> None:
    sql = "SELECT action, count(*) AS n FROM evidence GROUP BY 1"
    (found,) = as_json(report("--format", "json", "--query", sql))["answers"]
    assert (found["columns"], found["rows"], found["sql"]) == (["action", "n"], [["GetObject", "3"]], sql)


def test_a_saved_question_is_answered_by_its_name(report) -> None:
    name, saved = next((name, one) for name, one in load_pivots().items() if not one.parameters)
    (found,) = as_json(report("--format", "json", "--query", name))["answers"]
    assert found["name"] == saved.question


def test_a_question_that_is_wrong_writes_no_report(report, tmp_path) -> None:
    out = tmp_path / "made.html"
    assert report("--query", "SELECT FROM WHERE", "--out", out).code == Exit.USAGE
    assert not out.exists()


def test_the_time_line_shows_what_was_chosen(report) -> None:
    found = as_json(report("--format", "json", "--address", "203.0.113.1"))["incident"]
    assert (found["total"], found["asked"]) == (1, "address 203.0.113.1")
    later = as_json(report("--format", "json", "--since", "2026-11-18T22:00:01Z"))["incident"]
    assert (later["total"], later["outside"]) == (2, 0)


def test_without_a_time_line_no_table_is_made(run, made, tmp_path) -> None:
    case, trust, _ = made
    told = run(
        "report", case.root, "--trust", trust, "--no-timeline", "--work", tmp_path / "none", "--format", "json"
    )
    assert "--no-timeline" in as_json(told)["incident"]["absent"]
    assert not (tmp_path / "none").exists()


def test_nothing_is_overwritten_and_nothing_is_put_into_a_case(report, made, tmp_path) -> None:
    there = tmp_path / "there.html"
    there.write_text("mine")
    assert report("--out", there).code == Exit.USAGE
    assert there.read_text() == "mine"
    inside = made[0].root / "report.html"
    assert report("--out", inside).code == Exit.USAGE
    assert not inside.exists()


def test_a_report_that_cannot_be_written_is_an_error_in_words(report, tmp_path) -> None:
    told = report("--out", tmp_path / "nowhere" / "made.html")
    assert told.code == Exit.USAGE
    assert "cannot write" in told.err


@pytest.mark.parametrize(
    "options", [["--format", "pdf"], ["--since", "2026-11-18"], ["--last-checkpoint", "nowhere"]]
)
def test_a_wrong_option_is_a_usage_error(report, options) -> None:
    assert report(*options).code == Exit.USAGE


def test_the_whole_report_goes_into_a_pdf(report, tmp_path) -> None:
    pypdf = pytest.importorskip("pypdf", reason="pypdf, which reads the text back, is not installed")
    assert report("--format", "pdf", "--out", tmp_path / "made.pdf").code == Exit.OK

    text = "".join(page.extract_text() for page in pypdf.PdfReader(tmp_path / "made.pdf").pages)
    for said in ("Authentic", "Chain of custody", "Artifacts", "How to verify"):
        assert said in text


def test_a_case_in_an_archive_gets_the_same_report(report, made, tmp_path) -> None:
    case, _, _ = made
    with tarfile.open(tmp_path / "case.tar", "w") as archive:
        archive.add(case.root, arcname="case")
    there = as_json(report("--format", "json"))
    packed = as_json(report("--format", "json", "--work", tmp_path / "work", root=tmp_path / "case.tar"))
    for part in ("counts", "coverage", "artifacts", "events", "incident"):
        assert packed[part] == there[part], part


def test_a_bag_is_not_a_case(report, made) -> None:
    case, _, _ = made
    assert report(root=case.root / case.bag).code == Exit.USAGE


@pytest.mark.slow
def test_the_same_case_gives_the_same_report_but_for_the_time(report) -> None:
    first, second = (as_json(report("--format", "json")) for _ in range(2))
    assert first.pop("madeAt")
    assert second.pop("madeAt")
    assert first == second


def test_help_says_what_the_exit_code_means_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from evidence_kit.cli.app import main; code = main(['report', '--help']);"
        "heavy = {'jinja2', 'duckdb', 'pyarrow', 'cryptography', 'yaml'} & set(sys.modules); print(heavy, code)"
    )
    environment = {**os.environ, "COLUMNS": "200"}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert told.stdout.splitlines()[-1] == "set() 0"
    assert "the exit code is 0 once the report is written" in " ".join(told.stdout.split())


def test_every_option_stands_in_the_documentation() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "evidence_kit", "report", "--help"], capture_output=True, text=True, check=True
    )
    documented = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
    options = set(re.findall(r"--[a-z][a-z0-9-]+", told.stdout)) - {"--help"}
    assert len(options) > 10
    assert [one for one in sorted(options) if one not in documented] == []
