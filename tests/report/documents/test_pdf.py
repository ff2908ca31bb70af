"""PDF: the same bytes each time, every text readable back, and what a font does not have written out."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from support.case_reports import full

fpdf = pytest.importorskip("fpdf", reason="the extra `pdf` (fpdf2) is not installed")
pypdf = pytest.importorskip("pypdf", reason="pypdf, which reads the text back, is not installed")

from evidence_kit.errors import UsageError  # noqa: E402 - after what may be missing
from evidence_kit.report.documents.blocks import Paragraph, Span, Table, lines  # noqa: E402
from evidence_kit.report.documents.making import make  # noqa: E402
from evidence_kit.report.documents.pdf import render  # noqa: E402
from evidence_kit.report.documents.whole import document as whole_of  # noqa: E402


def read(body: bytes):
    return pypdf.PdfReader(io.BytesIO(body))


def squeezed(text: str) -> str:
    """Return a text without blanks: where a line breaks is the page's business."""
    return "".join(text.split())


def text_of(body: bytes) -> str:
    pages = [page.extract_text() for page in read(body).pages]
    total = len(pages)
    return squeezed(" ".join(text.removesuffix(f"{at} / {total}") for at, text in enumerate(pages, 1)))


def test_two_runs_give_the_same_bytes(document) -> None:
    assert render(document) == render(document)


def test_another_event_gives_another_file(document) -> None:
    assert render(document) != render(replace(document, as_of="2026-11-22T00:00:00Z"))


def test_the_date_in_the_file_is_that_of_the_last_event(document, real) -> None:
    told = read(render(document)).metadata
    assert told.creation_date.isoformat().replace("+00:00", "Z") == real.report.events[-1].at
    assert told.modification_date is None
    assert document.title in told.title


def test_paragraphs_and_headings_read_back(document) -> None:
    found = text_of(render(document))
    for block in document.blocks:
        if isinstance(block, Table):
            continue
        for line in lines(block):
            for span in line:
                assert squeezed(span.text) in found, span.text


def test_every_cell_stands_in_the_file(real, record) -> None:
    words = [f"{letter}{number}" for letter in "ABC" for number in range(40)]
    cells = tuple((Span(word),) for word in words)
    table = Table(cells[:3], tuple(cells[at : at + 3] for at in range(3, len(cells), 3)))
    made = replace(make("summary", real.report, record), blocks=(table,))
    found = text_of(render(made))
    assert [word for word in words if word not in found] == []


def test_hostile_text_is_shown_and_is_nothing_else(hostile) -> None:
    body = render(hostile)
    found = text_of(body)
    assert squeezed("</script></style><img src=x onerror=alert(1)>") in found
    assert squeezed("=HYPERLINK('http://192.0.2.1/')") in found
    assert "\\u202e" in found
    assert "\\x1b" in found
    assert not {"\u202e", "\x1b", "\x07"} & set(found)
    reader = read(body)
    assert set(reader.trailer["/Root"]) == {"/Type", "/Pages", "/Lang", "/PageLayout", "/OpenAction"}
    assert reader.trailer["/Root"]["/OpenAction"][1] == "/FitH"  # how to show the first page, and no script
    assert not any("/Annots" in page for page in reader.pages)


def test_a_character_that_the_font_does_not_have_is_written_out_and_counted(real, record) -> None:
    block = Paragraph((Span("\u05d0\u65e5 gr\u00fc\u00dfe \u20ac"),))
    found = text_of(render(replace(make("summary", real.report, record), blocks=(block,))))
    assert "\\u05d0\\u65e5gr\u00fc\u00dfe\u20ac" in found
    assert squeezed("2 characters that this font does not have") in found


@pytest.mark.parametrize("text", ["before {nb} after", "before " + "\x7f" * 5 + " after"])
def test_no_text_turns_into_the_number_of_pages(real, record, text) -> None:
    block = Paragraph((Span(text),))
    body = render(replace(make("summary", real.report, record), blocks=(block,)))
    assert squeezed(text.replace("\x7f", "\\x7f")) in text_of(body)


@pytest.mark.slow
def test_a_hundred_pages_are_numbered_to_the_last(real, record) -> None:
    table = Table(((Span("a"),),), tuple(((Span(f"row {number}"),),) for number in range(8_000)))
    pages = read(render(replace(make("summary", real.report, record), blocks=(table,)))).pages
    assert len(pages) > 100
    assert pages[-1].extract_text().endswith(f"{len(pages)} / {len(pages)}")


def test_a_cell_longer_than_a_page_goes_on_on_the_next(real, record) -> None:
    table = Table(((Span("a"),), (Span("b"),)), (((Span("word " * 3_000 + "END"),), (Span("x"),)),))
    body = render(replace(make("summary", real.report, record), blocks=(table,)))
    assert len(read(body).pages) > 1
    assert "END" in text_of(body)


def test_a_row_that_fits_on_a_page_is_not_torn_and_titles_come_again(real, record) -> None:
    rows = tuple(((Span(f"BEGIN{number} " + "word " * 300 + f"END{number}"),), (Span("x"),)) for number in range(12))
    table = Table(((Span("first"),), (Span("second"),)), rows)
    pages = read(render(replace(make("summary", real.report, record), blocks=(table,)))).pages
    found = [page.extract_text() for page in pages]
    assert len(found) > 2
    for number in range(12):
        (on,) = [text for text in found if f"BEGIN{number} " in text]
        assert f"END{number}" in on
    assert all("second" in text for text in found if "BEGIN" in text)


def test_a_word_is_broken_only_where_a_page_has_no_room_for_it(real, record) -> None:
    table = Table(((Span("when"),), (Span("what"),)), (((Span("2026-11-21T21:30:00Z"),), (Span("word " * 100),)),))
    (page,) = read(render(replace(make("summary", real.report, record), blocks=(table,)))).pages
    assert "2026-11-21T21:30:00Z" in page.extract_text()


def test_the_whole_report_is_the_same_bytes_each_time_and_reads_back(real) -> None:
    report = full(real.report)
    body = render(whole_of(report))
    assert body == render(whole_of(report))
    found = text_of(body)
    for said in (report.verdict.headline, report.events[0].keyid[:12], "the trail was stopped", "key-leak"):
        assert squeezed(said) in found


def test_a_font_of_ones_own_shows_its_letters(real, record) -> None:
    found = sorted(Path("/usr/share/fonts").rglob("DejaVuSans.ttf"))
    if not found:
        pytest.skip("DejaVuSans.ttf is not installed")
    block = Paragraph((Span("\u0416\u03a9\u05d0 \U0001f600"),))
    made = replace(make("summary", real.report, record), blocks=(block,))
    body = render(made, found[0])
    assert "\u0416\u03a9" in text_of(body)
    assert body == render(made, found[0])


def test_what_is_no_font_is_refused(document, tmp_path) -> None:
    (tmp_path / "a.ttf").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="cannot be used as a font"):
        render(document, tmp_path / "a.ttf")
    with pytest.raises(UsageError, match="cannot be used as a font"):
        render(document, tmp_path / "nowhere.ttf")
