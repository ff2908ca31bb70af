"""`playbook show`: what is in a playbook, with a picture of its steps."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output
from evidence_kit.cli.files import write_new
from evidence_kit.cli.playbooks_given import FOLDERS, library

if TYPE_CHECKING:
    from evidence_kit.playbook.model import Playbook


def show(
    playbook: str = typer.Argument(..., help="A playbook's id, or the path of its file."),
    folders: list[Path] = FOLDERS,
    svg: Path | None = typer.Option(None, "--svg", help="A new file for the picture, as a drawing."),
) -> None:
    """Show a playbook: what it needs to know, whom it asks, and its steps in the order in which they can run."""
    from evidence_kit.playbook import picture

    found = library(folders).find(playbook)
    if svg is not None:
        write_new(svg, picture.svg(found).text, hint="nothing is overwritten")
    for line in _lines(found):
        output.data(line)


def _lines(found: "Playbook") -> Iterator[str]:
    from evidence_kit.playbook import picture

    yield f"{found.id} {found.version}  {found.title}"
    yield found.description.strip()
    yield ""
    for name, one in found.inputs.items():
        needed = "required" if one.required else f"{one.default}" if one.default is not None else "may be left out"
        yield f"input     {name} ({one.type}, {needed}): {one.description}"
    for name, one_set in found.targets.items():
        where = f" where {one_set.where}" if one_set.where else ""
        yield f"targets   {name}: {', '.join(one_set.providers)}{where}"
    yield f"may       {', '.join(sorted(found.policy.allow))}"
    for use in found.clocks.values():
        yield f"clock     {use.use} if {' '.join(use.when.split())}"
    yield ""
    yield from picture.lines(found)
    yield ""
    yield picture.LEGEND
