"""What the commands about partners have in common: whom they are about, what refuses them, and what they write."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import read_file
from evidence_kit.errors import EmptyError, UsageError

if TYPE_CHECKING:
    from evidence_kit.governance.inventory import Entry
    from evidence_kit.governance.permitted import Refusal
    from evidence_kit.model.dealings import Dealings
    from evidence_kit.model.ports import Vault
    from evidence_kit.model.source import SourceSpec
    from evidence_kit.model.unit import Target

Cases = Sequence[tuple[str, "Vault"]]


def entries(inventory: str | None, names: Sequence[str]) -> "tuple[Entry, ...]":
    """Return the partners of the inventory, or those called `names`."""
    from evidence_kit.governance.inventory import choose_targets, parse_inventory

    named = settings.setting("inventory", inventory)
    if named is None:
        raise UsageError("which partners?", hint="name them in an inventory: `--inventory inventory.yaml`")
    listed = parse_inventory(read_file(named), name=named)
    partners = [entry for entry in listed.entries if entry.is_partner]
    if not partners:
        raise EmptyError(
            f"`{named}` lists no partner", hint="a target with an agreement, or of a provider that is no cloud"
        )
    return listed.of(choose_targets([entry.target for entry in partners], names))


def partner_of(inventory: str | None, name: str) -> "Entry":
    """Return what the inventory has of one target, which may be a cloud of our own that somebody delivers from."""
    from evidence_kit.governance.inventory import choose_targets, parse_inventory

    named = settings.setting("inventory", inventory)
    if named is None:
        raise UsageError("which inventory?", hint="`--inventory inventory.yaml`; see docs/inventory.md")
    listed = parse_inventory(read_file(named), name=named)
    return listed.of(choose_targets(listed.targets, [name]))[0]


def refusal(against: "Sequence[Refusal]") -> UsageError:
    """Return the error that names the first clause against it, and tell the others."""
    first, *others = against
    for one in others:
        output.note(f"refused   {one.text}")
    return UsageError(
        f"refused: {first.text}",
        hint="leave it out, or have it approved: `custody approve CASE override`, then `… --override REASON`",
    )


def require_new(*paths: Path) -> None:
    """Raise UsageError where one of the files is there already, or has no folder to be written to."""
    for path in paths:
        if path.exists() or path.is_symlink():
            raise UsageError(f"`{path}` is there already", hint="give another name; nothing is overwritten")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder `{path.parent}`", hint="make it, or give another name")


def specs(connectors: Sequence[str]) -> "dict[str, SourceSpec]":
    """Return all sources, those of `--connectors` too."""
    return settings.catalogue(connectors)


def cases(folders: Sequence[str]) -> Cases:
    """Return the cases at hand, each with its id."""
    from evidence_kit.acquire.case import read_description
    from evidence_kit.vaults.local import LocalVault

    found = []
    for folder in folders:
        vault = LocalVault(Path(folder))
        found.append((str(read_description(vault).get("id", folder)), vault))
    return found


def dealings(found: Cases, target: "Target") -> "Dealings":
    """Return what the cases show of a target."""
    from evidence_kit.analysis.dealings import read_dealings

    return read_dealings(found, target)
