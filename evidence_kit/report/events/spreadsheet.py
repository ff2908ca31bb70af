"""CSV (RFC 4180) that a spreadsheet opens without computing, calling or fetching anything that evidence says."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.rows import Evidence
from evidence_kit.report.disclosure.package import Package
from evidence_kit.report.events.files import Written, write
from evidence_kit.report.events.formulas import defused
from evidence_kit.report.events.rows import NAMES, columns
from evidence_kit.report.verdict.text import visible

SAID = (
    "a cell that a spreadsheet would take for a formula begins with `'`; control and bidi characters are spelled out"
)


def export(evidence: Evidence, package: Package) -> tuple[Written, ...]:
    """Write all records, those without a time last."""
    events = chain(evidence.events(Asked()), evidence.untimed(Asked()))
    rows = (list(columns(event).values()) for event in events)
    return (write(package, "events.csv", lines(NAMES, rows), of_header=1),)


def lines(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield the header, then the rows."""
    for row in chain([names], rows):
        out = io.StringIO(newline="")
        csv.writer(out).writerow([cell(value) for value in row])
        yield out.getvalue().encode()


def cell(value: object) -> str:
    """Return a value as a cell that stays text; whole numbers and fractions stay numbers."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = defused(str(value))
    return text if text.isprintable() else visible(text)
