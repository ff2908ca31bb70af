"""`playbook schema` and `playbook export`: playbooks for editors and for other programs."""

import json
from pathlib import Path

import typer

from evidence_kit.cli import output
from evidence_kit.cli.files import write_new
from evidence_kit.cli.playbooks_given import FOLDERS, library
from evidence_kit.errors import UsageError
from evidence_kit.model.time import parse_instant

_FORMS = ("cacao",)


def schema() -> None:
    """Print the JSON Schema of playbooks, for an editor; `playbook lint` knows more."""
    from evidence_kit.playbook.schema import schema as made

    output.document(made())


def export(
    playbook: str = typer.Argument(..., help="A playbook's id, or the path of its file."),
    to: str = typer.Option(..., "--to", help="`cacao`: CACAO 2.0, as JSON."),
    out: Path | None = typer.Option(None, "-o", "--out", help="A new file to write to; stdout otherwise."),
    at: str | None = typer.Option(
        None, "--at", help="When it was last changed, where its `reviewed` does not say (RFC 3339)."
    ),
    folders: list[Path] = FOLDERS,
) -> None:
    """Write a playbook in another language; every word of it is in there, and the same file gives the same bytes."""
    from evidence_kit.playbook.cacao import export as made

    if to not in _FORMS:
        raise UsageError(f"unknown form `{to}`", hint=f"there is {', '.join(f'`{name}`' for name in _FORMS)}")
    found = made(library(folders).find(playbook), at=parse_instant(at) if at else None)
    if out is None:
        output.document(found)
        return
    write_new(out, json.dumps(found, indent=2, ensure_ascii=True) + "\n", hint="nothing is overwritten")
    output.note(f"exported  {out}  {output.plural(len(found['workflow']), 'object')} in its workflow")
