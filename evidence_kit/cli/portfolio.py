"""`portfolio`: all cases below a folder on one page, or as JSON."""

import os
import sys
from pathlib import Path

import typer

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import write_new
from evidence_kit.errors import UsageError

_FORMATS = ("html", "json")


def portfolio(
    folder: Path = typer.Argument(..., metavar="DIR", help="A folder that holds cases."),
    form: str = typer.Option("html", "--format", help="`html` or `json`."),
    out: Path | None = typer.Option(None, "-o", "--out", help="A new file to write to; stdout otherwise."),
    clocks: list[str] = typer.Option([], "--clocks", help="A clock set of your own (YAML); repeat for more."),
    inventory: str | None = typer.Option(None, "--inventory", help="Inventory whose agreements have clocks."),
) -> None:
    """Tell all cases of an organisation: coverage, time to sealed evidence, what is open and what is overdue.

    Nothing is verified: it is what the cases say about themselves.
    """
    from evidence_kit.cli.clocks import in_force
    from evidence_kit.report.portfolio import page
    from evidence_kit.report.portfolio.reading import read_portfolio
    from evidence_kit.vaults.local import LocalVault

    if form not in _FORMATS:
        raise UsageError(f"unknown format `{form}`", hint="there is `html` and `json`")
    if out is not None and os.path.lexists(out):
        raise UsageError(f"`{out}` exists", hint="choose another file; nothing is overwritten")
    made = read_portfolio(folder, LocalVault, in_force(clocks, inventory).clocks, now=settings.now())
    text = page.html(made) if form == "html" else page.as_json(made)
    if out is None:
        sys.stdout.write(text)
    else:
        write_new(out, text)
        output.data(f"portfolio: {out}")
    output.note(f"portfolio {output.plural(len(made.cases), 'case')}, {made.late} overdue")
