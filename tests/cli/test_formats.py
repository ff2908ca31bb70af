"""`verify --format`: one document on stdout, the verdict as exit code, files named for whoever reads it."""

import json
import os
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
from support.casemaker import make_case

from evidence_kit.errors import Exit

HOSTILE = (
    "line\nfeed",
    "::add-mask::x",
    "%0A",
    "\u202egpj.exe",
    "]]>&<x>",
    b"\xff\xfe\x01".decode(errors="surrogateescape"),
)
READERS = {
    "json": json.loads,
    "junit": ET.fromstring,
    "sarif": json.loads,
    "github": lambda text: [line for line in text.splitlines() if not line.startswith(("::error ", "::notice "))],
}


@pytest.fixture
def made(run, tmp_path, monkeypatch):
    """A sealed case in the working directory and its policy, outside of any CI system."""
    for name in ("GITHUB_WORKSPACE", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    case = make_case(tmp_path / "case", pages=1, names=("two words",))
    (tmp_path / "trust.yaml").write_bytes(case.trust_text)
    return case


@pytest.fixture
def verify(run, made):
    return lambda name, *more, case="case": run("verify", case, "--trust", "trust.yaml", "--format", name, *more)


def tamper(case):
    page = next(case.root.glob("bags/*/data/**/000000.json"))
    page.chmod(0o644)
    page.write_bytes(b"other")
    return page.relative_to(case.root).as_posix()


@pytest.mark.parametrize("name", READERS)
def test_a_sound_case_exits_zero_with_one_document(verify, name):
    told = verify(name)

    assert (told.code, told.err) == (Exit.OK, "")
    assert READERS[name](told.out) is not None


@pytest.mark.parametrize("name", READERS)
def test_a_case_full_of_hostile_names_breaks_no_format(verify, made, name):
    folder = next(made.root.glob("bags/*/data"))
    for hostile in HOSTILE:
        (folder / hostile).write_bytes(b"")

    told = verify(name)

    assert (told.code, told.err) == (Exit.UNEXPECTED, "")
    read = READERS[name](told.out)
    if name == "github":
        assert read == []
        assert told.out.count("::error ") == len(HOSTILE)


def test_the_defect_is_named_in_every_format(verify, made):
    page = tamper(made)

    junit, sarif, github = (verify(name) for name in ("junit", "sarif", "github"))

    assert {junit.code, sarif.code, github.code} == {Exit.DIGEST}
    (result,) = json.loads(sarif.out)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == f"case/{page}"
    assert f'file="case/{page}"' in junit.out
    assert f"::error file=case/{page},title=DIGEST%3A" in github.out


def test_a_bag_alone_is_named_by_its_own_folder(verify, made):
    page = tamper(made)

    told = verify("github", case=f"case/{made.bag}")

    assert told.code == Exit.DIGEST
    assert f"::error file=case/{page},title=DIGEST%3A" in told.out


def test_files_are_named_from_the_workspace_of_the_runner(verify, made, monkeypatch):
    page = tamper(made)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(made.root.parent.parent))

    assert f"::error file={made.root.parent.name}/case/{page}," in verify("github").out


def test_a_case_outside_the_working_directory_is_named_absolutely(verify, made, tmp_path, monkeypatch):
    page = tamper(made)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    told = verify("github", "--trust", str(tmp_path / "trust.yaml"), case="../case")

    assert f"::error file={tmp_path}/case/{page}," in told.out


def test_the_summary_is_appended_where_the_runner_wants_it(verify, tmp_path, monkeypatch):
    target = tmp_path / "summary.md"
    target.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))

    assert verify("junit").code == 0
    assert target.read_text() == "before\n"
    assert verify("github").code == 0
    assert target.read_text().startswith("before\n### evidence-kit verify\n")


def test_a_summary_that_cannot_be_written_changes_no_verdict(verify, made, tmp_path, monkeypatch):
    tamper(made)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))

    told = verify("github")

    assert told.code == Exit.DIGEST
    assert told.err == "cannot write the job summary: is a directory\n"


def test_a_runner_without_utf8_gets_the_whole_document(made, tmp_path):
    (next(made.root.glob("bags/*/data")) / "\u65e5\u672c").write_bytes(b"")
    command = [sys.executable, "-m", "evidence_kit", "verify", "case", "--trust", "trust.yaml", "--format", "github"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}

    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)

    assert (run.returncode, run.stderr) == (Exit.UNEXPECTED, b"")
    assert "\u65e5\u672c" in run.stdout.decode()


def test_an_unknown_format_is_refused_with_the_known_ones(verify):
    told = verify("xml")

    assert told.code == Exit.USAGE
    assert "known are: human, json, junit, sarif, github" in told.err


def test_json_is_the_same_by_either_option(run, made):
    assert run("verify", "case", "--trust", "trust.yaml", "--json").out == run(
        "verify", "case", "--trust", "trust.yaml", "--format", "json"
    ).out  # fmt: skip
