"""What the commands about partners have in common: whom they are about, and what there is to ask them with."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_kit.cli import settings
from evidence_kit.errors import EmptyError, UsageError

if TYPE_CHECKING:
    from evidence_kit.governance.inventory import Entry
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
    listed = parse_inventory(read(named), name=named)
    partners = [entry for entry in listed.entries if entry.is_partner]
    if not partners:
        raise EmptyError(
            f"`{named}` lists no partner", hint="a target with an agreement, or of a provider that is no cloud"
        )
    return listed.of(choose_targets([entry.target for entry in partners], names))


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


def read(path: str) -> bytes:
    """Return a file; UsageError where it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
