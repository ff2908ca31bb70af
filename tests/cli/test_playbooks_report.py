"""`playbook run` with a report step: the reports are written and kept, and what cannot be written is a failure."""

import json
import sys

import pytest
from support.deck import HEAD, INVENTORY

from evidence_kit.errors import Exit

STEP = "  - {id: tell, type: report, formats: [FORMS], audience: partner}\n"
SMALL = (
    HEAD[: HEAD.index("inputs:")]
    + "policy: {purpose: testing, minimise: {pseudonymise: [sourceIPAddress]}}\nsteps:\n"
)


@pytest.fixture
def play(run, opened, tmp_path):
    """Run a playbook of one report step on the open case."""
    (tmp_path / "inventory.yaml").write_bytes(INVENTORY)

    def call(forms):
        (tmp_path / "test-book.yaml").write_text(SMALL + STEP.replace("FORMS", forms))
        given = ("--case", opened, "--inventory", tmp_path / "inventory.yaml", "--work", tmp_path / "work", "--json")
        return run("playbook", "run", tmp_path / "test-book.yaml", *given)

    return call


def test_the_reports_are_kept_in_the_case_which_verifies(run, play, opened) -> None:
    told = play("html, json")
    (step,) = json.loads(told.out)["steps"]

    assert (told.code, step["outcome"]) == (Exit.OK, "success"), told.err
    page, data = ((opened / path).read_text() for path in step["outputs"]["files"])
    assert page.startswith("<!DOCTYPE html>")
    assert json.loads(data)["incident"]["asked"] == "for: partner; pseudonyms for sourceIPAddress"
    assert json.loads(data)["runs"][0]["steps"][0]["reason"] == "it has begun, and has not ended"
    assert run("verify", opened).code in {Exit.OK, Exit.EMPTY}


def test_a_format_that_cannot_be_written_here_fails_the_step_and_the_others_are_kept(play, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)  # what an import finds where the extra `pdf` is not installed
    told = play("pdf, md")
    (step,) = json.loads(told.out)["steps"]

    assert step["outcome"] == "failed"
    assert "no report as `pdf`: PDF needs the extra `pdf`; `md` was written" in step["reason"]


def test_a_report_step_writes_pdf(play, opened) -> None:
    pytest.importorskip("fpdf", reason="the extra `pdf` (fpdf2) is not installed")
    (step,) = json.loads(play("pdf").out)["steps"]

    assert step["outcome"] == "success"
    (path,) = step["outputs"]["files"]
    assert (opened / path).read_bytes().startswith(b"%PDF-")
