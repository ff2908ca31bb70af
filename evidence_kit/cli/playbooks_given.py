"""What the commands about playbooks are given alike: inputs, an inventory, and folders of playbooks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import settings
from evidence_kit.cli.files import read_file
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.governance.inventory import Inventory
    from evidence_kit.playbook.library import Library

SET = typer.Option([], "--set", help="An input of the playbook: `name=value`; a list with commas between.")
FOLDERS = typer.Option([], "--playbooks", help="A folder of playbooks of your own.", metavar="DIR")


def library(folders: Sequence[Path]) -> "Library":
    """Return the playbooks that come with the kit, and the organisation's own."""
    from evidence_kit.playbook.library import Library

    return Library(folders)


def inventory_of(given: str | None) -> "tuple[Inventory, bytes, str]":
    """Return the inventory, its bytes, and its name; UsageError where none is given."""
    from evidence_kit.governance.inventory import parse_inventory

    named = settings.setting("inventory", given)
    if named is None:
        raise UsageError("which inventory?", hint="`--inventory inventory.yaml`; see docs/inventory.md")
    text = read_file(named)
    return parse_inventory(text, name=named), text, named


def pairs(given: Sequence[str]) -> dict[str, object]:
    """Return what `--set` gives, by name."""
    return {name: _window(value) if value.startswith("{") else value for name, value in texts(given).items()}


def texts(given: Sequence[str]) -> dict[str, str]:
    """Return what `--set` gives, by name, as it was written."""
    found: dict[str, str] = {}
    for item in given:
        name, separator, found[name] = item.partition("=")
        if not separator:
            raise UsageError(f"`--set {item}` is not `name=value`")
    return found


def _window(text: str) -> object:
    """Return a value that is written as a mapping, such as a window."""
    from evidence_kit.model.document import parse_document

    return parse_document(f"value: {text}".encode(), name="--set").data["value"]
