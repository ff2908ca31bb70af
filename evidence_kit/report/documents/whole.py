"""The whole report of a case as a document, from which a PDF is made: the same parts as in Markdown."""

from collections.abc import Iterator
from itertools import islice

from evidence_kit.model.time import rfc3339
from evidence_kit.report.case.markdown import ROWS
from evidence_kit.report.case.model import CaseReport
from evidence_kit.report.case.telling import Command, Heading, Listing, Sentence, Told, tell
from evidence_kit.report.documents import blocks
from evidence_kit.report.documents.blocks import Block, Items, Line, Paragraph, Span, Table
from evidence_kit.report.documents.templating import MAX_TEXT
from evidence_kit.report.documents.writing import Document
from evidence_kit.report.verdict.text import visible


def document(report: CaseReport) -> Document:
    """Return it; the same report gives the same document, whose time is that of the report."""
    return Document(
        name="report",
        title=report.title or "Report",
        case=report.case,
        as_of=rfc3339(report.made_at),
        tool=report.tool,
        template_sha256="",
        is_own_template=False,
        blocks=tuple(block for one in tell(report) for block in _blocks(one)),
    )


def _blocks(one: Told) -> Iterator[Block]:
    match one:
        case Heading(level, text):
            yield blocks.Heading(level, _line(text))
        case Sentence(text, ""):
            yield Paragraph(_line(text))
        case Sentence(text, stressed):
            yield Paragraph((Span(visible(stressed), "strong"), Span(" "), *_line(text)))
        case Listing():
            rows = iter(one.rows)
            shown = tuple(tuple(map(_line, row)) for row in islice(rows, ROWS))
            yield Table(tuple(map(_line, one.titles)), shown)
            if left := sum(1 for _ in rows):
                yield Paragraph(_line(f"… and {left:,} more{f'; {one.more}' if one.more else ''}"))
        case Command(typed):
            yield Items(tuple((Span(visible(line), "typed"),) for line in typed if line))


def _line(text: str) -> Line:
    """Return a text on one line; a long one is cut, as in every document."""
    cut = f"{text[:MAX_TEXT]}… ({len(text):,} characters in the case)" if len(text) > MAX_TEXT else text
    return (Span(visible(" ".join(cut.split()))),)
