"""The report of a case as Markdown; nothing that a case says can become markup."""

from collections.abc import Iterator
from itertools import islice

from evidence_kit.report.case.model import CaseReport
from evidence_kit.report.case.telling import Command, Heading, Listing, Sentence, Told, tell
from evidence_kit.report.custody.markdown import escaped
from evidence_kit.report.verdict.text import visible

ROWS = 200  # of one table; a note says how many more there are


def lines(report: CaseReport) -> Iterator[str]:
    """Yield the report line by line."""
    first, *rest = tell(report)
    yield from _lines(first)
    for one in rest:
        yield ""
        yield from _lines(one)


def _lines(one: Told) -> Iterator[str]:
    match one:
        case Heading(level, text):
            yield f"{'#' * level} {escaped(text)}"
        case Sentence(text, ""):
            yield escaped(text)
        case Sentence(text, stressed):
            yield f"**{escaped(stressed)}** {escaped(text)}"
        case Listing():
            yield from _table(one)
        case Command(typed):
            yield from (f"       {visible(line)}" for line in typed)


def _table(listing: Listing) -> Iterator[str]:
    """Yield a table of at most ROWS rows, and a note on those beyond."""
    yield f"| {' | '.join(map(escaped, listing.titles))} |"
    yield f"|{'---|' * len(listing.titles)}"
    found = iter(listing.rows)
    for row in islice(found, ROWS):
        yield f"| {' | '.join(escaped(value) for value in row)} |"
    if left := sum(1 for _ in found):
        yield ""
        yield f"… and {left:,} more{f'; {escaped(listing.more)}' if listing.more else ''}"
