"""The custody log and record on a terminal, or piped."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evidence_kit.cli import output
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.analysis.history import Told
    from evidence_kit.vaults.local import LocalVault

FORMATS = ("text", "md", "json")
_PIPED = 100  # columns of a record that no terminal shows
_NAME = 28  # columns of a name; longer ones push their own line only
_SUMMARY = 24  # columns that a summary has to have beside the others


def show_events(events: "Sequence[Told]") -> None:
    """Print a line an event, aligned; on a terminal, long summaries wrap below themselves."""
    rows = [tuple(map(_flat, (str(e.seq), f"{e.at[:19]}Z", e.type, e.actor, e.summary))) for e in events]
    widths = [min(max(len(row[at]) for row in rows), _NAME) for at in range(4)]
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for seq, at, kind, actor, summary in rows:
        head = f"{seq:>{widths[0]}}  {at:{widths[1]}}  {kind:{widths[2]}}  {actor:{widths[3]}}  "
        _show(head, summary, columns)


def _flat(text: str) -> str:
    """Return what the log says on one line, without control characters."""
    return output.safe(" ".join(text.split()))


def _show(head: str, summary: str, columns: int) -> None:
    if not columns or len(head) + len(summary) <= columns:
        output.data((head + summary).rstrip())
        return
    if columns - len(head) >= _SUMMARY:
        indent = " " * len(head)
        output.data(textwrap.fill(summary, columns, initial_indent=head, subsequent_indent=indent))
        return
    output.data(head.rstrip())
    indent = " " * 6
    output.data(textwrap.fill(summary, max(columns, 40), initial_indent=indent, subsequent_indent=indent))


def show_record(vault: "LocalVault", form: str) -> None:
    """Print the whole record."""
    if form not in FORMATS:
        raise UsageError(f"unknown format `{form}`", hint=f"known are: {', '.join(FORMATS)}")
    from evidence_kit.report.custody import markdown as custody_markdown
    from evidence_kit.report.custody import record as custody_record
    from evidence_kit.report.custody import text as custody_text

    record = custody_record.build(vault)
    if form == "json":
        output.document(custody_record.as_json(record))
    elif form == "md":
        for line in custody_markdown.lines(record):
            output.data(line)
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPED
        for line in custody_text.lines(record, width=width):
            output.data(line)
