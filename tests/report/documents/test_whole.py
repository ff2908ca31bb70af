"""The whole report as a document: what stands in its Markdown stands in it, cut where that is cut, and is text."""

import pytest
from support.case_reports import HOSTILE, full, large, poisoned

from evidence_kit.report.case import markdown
from evidence_kit.report.case.telling import Heading, Listing, tell
from evidence_kit.report.documents.blocks import Paragraph, Table, lines
from evidence_kit.report.documents.templating import MAX_TEXT
from evidence_kit.report.documents.whole import document
from evidence_kit.report.verdict.text import visible


def texts(made) -> list[str]:
    return ["".join(span.text for span in line) for block in made.blocks for line in lines(block)]


@pytest.fixture
def everything(real):
    return full(real.report)


def test_every_heading_and_every_cell_of_the_report_is_in_the_document(everything) -> None:
    found = set(texts(document(everything)))
    for one in tell(everything):
        if isinstance(one, Heading):
            assert one.text in found
        if isinstance(one, Listing):
            assert {" ".join(cell.split()) for row in (one.titles, *one.rows) for cell in row} <= found


def test_a_cell_of_dashes_is_a_row_like_others(everything) -> None:
    answer = everything.answers[0]
    said = texts(document(_with_answer(everything, rows=(("---",), ("-",)), columns=("dash",))))
    assert answer.name in " ".join(said)
    assert {"---", "-"} <= set(said)


def test_what_is_left_out_is_counted(real) -> None:
    made = document(large(real.report, 1_000))
    table = next(block for block in reversed(made.blocks) if isinstance(block, Table))
    after = made.blocks[made.blocks.index(table) + 1]
    assert len(table.rows) == markdown.ROWS
    assert isinstance(after, Paragraph)
    assert after.line[0].text.startswith("… and 800 more; `manifest-sha256.txt`")


def test_a_long_text_is_cut_and_says_how_long_it_is(everything) -> None:
    said = texts(document(_with_answer(everything, rows=(("x" * 5_000,),), columns=("long",))))
    assert f"{'x' * MAX_TEXT}… (5,000 characters in the case)" in said


def test_hostile_text_is_text(everything) -> None:
    found = texts(document(poisoned(everything)))
    assert visible(" ".join(HOSTILE.split())) in found
    assert all(text.isprintable() for text in found)


def test_a_document_of_a_report_names_no_template(everything) -> None:
    assert "template" not in document(everything).origin
    assert document(everything).as_of == "2026-11-21T22:30:00Z"


def _with_answer(report, **more):
    from dataclasses import replace

    return replace(report, answers=(replace(report.answers[0], **more),))
