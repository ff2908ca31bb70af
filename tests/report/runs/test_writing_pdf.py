"""The report step as PDF: kept in the case as bytes that can be made again, and for others no more than the rest."""

import io
import sys
from dataclasses import replace

import pytest
from support.casemaker import NOW
from support.told_runs import EU, REPORT, STEPS, kept, told

fpdf = pytest.importorskip("fpdf", reason="the extra `pdf` (fpdf2) is not installed")
pypdf = pytest.importorskip("pypdf", reason="pypdf, which reads the text back, is not installed")

from support.deck import HEAD  # noqa: E402 - after what may be missing

from evidence_kit.playbook.language import FORMATS  # noqa: E402
from evidence_kit.report.case.reading import read_case  # noqa: E402
from evidence_kit.report.runs.writing import WRITERS  # noqa: E402

MINIMISED = HEAD.replace("policy: {", "policy: {minimise: {drop: [userAgent], pseudonymise: [sourceIPAddress]}, ")
PDF = REPORT.replace("[html]", "[pdf, json]")


def text_of(body: bytes) -> str:
    """Return what the pages say without blanks: where a line breaks is the page's business."""
    return "".join("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(body)).pages).split())


def pdf_of(table) -> bytes:
    (path,) = (table.lab.root / "derived" / "playbooks").rglob("tell*.pdf")
    return path.read_bytes()


def test_every_format_that_a_playbook_may_ask_for_is_written():
    assert set(WRITERS) == set(FORMATS)


def test_the_pdf_is_kept_with_its_digest_on_record_and_says_what_the_run_did(tmp_path):
    table, ended = told(tmp_path, STEPS + PDF)
    assert ended.results["tell"].outcome == "success", ended.results["tell"].reason
    assert [path.rsplit(".", 1)[1] for path in ended.results["tell"].outputs["files"]] == ["pdf", "json"]
    found = text_of(pdf_of(table))
    for said in (*ended.results, "boss", "2026-11-20T00:00:00Z", "203.0.113.9", "Authenticandcomplete"):
        assert said in found
    assert table.verify().exit() == 0


def test_the_same_report_gives_the_same_bytes(tmp_path):
    table, _ = told(tmp_path, STEPS + PDF)
    one, other = (
        b"".join(WRITERS["pdf"](read_case(table.lab.vault, report=table.verify(), now=NOW, specs={})))
        for _ in range(2)
    )
    assert one == other
    assert one.startswith(b"%PDF-")


def test_a_pdf_for_others_shows_no_value_of_a_field_that_the_policy_takes_out(tmp_path):
    answers = {"persons": replace(EU, reason="203.0.113.9 is the intruder")}
    table, ended = told(tmp_path, STEPS + PDF + "    audience: regulator\n", head=MINIMISED, answers=answers)
    assert ended.results["tell"].outcome == "success"
    found = text_of(pdf_of(table))
    assert "istheintruder" in found
    for value in ("203.0.113.9", "198.51.100.7", "aws-cli"):
        assert value not in found


def test_without_the_extra_the_step_fails_by_name_and_the_other_formats_are_kept(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fpdf", None)  # what an import finds where it is not installed
    table, ended = told(tmp_path, STEPS + PDF)
    assert ended.results["tell"].outcome == "failed"
    assert "no report as `pdf`: PDF needs the extra `pdf`; `json` was written" in ended.results["tell"].reason
    assert len(kept(table, ".json")) == 1
