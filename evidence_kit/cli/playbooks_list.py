"""`playbook list`: which playbooks there are."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output

if TYPE_CHECKING:
    from evidence_kit.playbook.model import Playbook


def list_playbooks(
    folders: list[Path] = typer.Option([], "--playbooks", help="A folder of playbooks of your own.", metavar="DIR"),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """List the playbooks that come with the kit, and your own."""
    from evidence_kit.playbook.library import Library

    found = list(Library(folders).all())
    if as_json:
        output.document([_as_json(one) for one in found])
        return
    width = max((len(one.id) for one in found), default=0)
    for one in found:
        output.data(f"{one.id:{width}}  {one.version:8} {one.title}")


def _as_json(one: "Playbook") -> dict[str, object]:
    return {
        "name": one.id,
        "version": one.version,
        "title": one.title,
        "steps": len(one.steps),
        "sha256": one.digest,
    }
