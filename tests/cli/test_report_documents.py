"""`report --document`: one document, in the format that is asked for, with what is left for a person counted."""

import json

import pytest
from support.sealed_records import TRAIL, case_of, event, trail

from evidence_kit.errors import Exit
from evidence_kit.report.documents.making import NAMES


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A case and the policy that trusts it."""
    base = tmp_path_factory.mktemp("documents")
    case = case_of(base / "case", {TRAIL: {"a.json.gz": trail([event(1)])}})
    (base / "trust.yaml").write_bytes(case.trust_text)
    return case, base / "trust.yaml"


@pytest.fixture
def document(run, made):
    """Write a document about the case."""
    case, trust = made
    return lambda name, *options: run("report", case.root, "--trust", trust, "--document", name, *options)


@pytest.mark.parametrize("name", NAMES)
def test_each_document_is_markdown_unless_said_otherwise(document, name) -> None:
    told = document(name)
    assert told.code == Exit.OK, told.err
    assert told.out.startswith("# ")
    assert "to fill in" in told.err
    assert "verdict   Authentic and complete (OK 0)" in told.err


def test_json_names_what_is_left_to_fill_in(document) -> None:
    found = json.loads(document("certification", "--format", "json").out)
    assert found["name"] == "certification"
    assert "signature" in found["blanks"]


def test_a_pdf_goes_to_a_file_and_is_the_same_twice(document, tmp_path) -> None:
    pytest.importorskip("fpdf", reason="the extra `pdf` (fpdf2) is not installed")
    for name in ("a.pdf", "b.pdf"):
        assert document("custody-record", "--format", "pdf", "--out", tmp_path / name).code == Exit.OK
    first, second = ((tmp_path / name).read_bytes() for name in ("a.pdf", "b.pdf"))
    assert first.startswith(b"%PDF-")
    assert first == second


def test_a_template_of_ones_own_is_used(document, tmp_path) -> None:
    (tmp_path / "summary.md").write_text("# Ours\n")
    assert document("summary", "--templates", tmp_path).out.startswith("# Ours\n")


@pytest.mark.parametrize(
    "options",
    [("nothing",), ("summary", "--format", "html"), ("summary", "--format", "pdf"), ("summary", "--out", ".")],
)
def test_what_cannot_be_made_is_a_usage_error(document, options) -> None:
    assert document(*options).code == Exit.USAGE


def test_nothing_is_put_into_a_case(document, made) -> None:
    assert document("summary", "--out", made[0].root / "summary.md").code == Exit.USAGE
