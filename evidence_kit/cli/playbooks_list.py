"""`playbook list` and `show`: which playbooks there are, and what is in one."""

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


def show(
    playbook: str = typer.Argument(..., help="A playbook's id, or the path of its file."),
    folders: list[Path] = typer.Option([], "--playbooks", help="A folder of playbooks of your own.", metavar="DIR"),
) -> None:
    """Show a playbook: what it needs to know, whom it asks, and its steps in the order in which they can run."""
    from evidence_kit.playbook.graph import waves
    from evidence_kit.playbook.library import Library

    found = Library(folders).find(playbook)
    output.data(f"{found.id} {found.version}  {found.title}")
    output.data(found.description.strip())
    output.data("")
    for name, one in found.inputs.items():
        needed = "required" if one.required else f"{one.default}" if one.default is not None else "may be left out"
        output.data(f"input     {name} ({one.type}, {needed}): {one.description}")
    for name, one_set in found.targets.items():
        where = f" where {one_set.where}" if one_set.where else ""
        output.data(f"targets   {name}: {', '.join(one_set.providers)}{where}")
    for number, wave in enumerate(waves(found.steps), start=1):
        output.data("")
        for step in wave:
            needs = f"  after {', '.join(need.step for need in step.needs)}" if step.needs else ""
            output.data(f"wave {number:2}   {step.id} ({step.type}) {step.name}{needs}")
