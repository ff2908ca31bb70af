"""A pack as a folder: the same pack three times, the populations that samples were drawn from, and a manifest."""

from collections.abc import Sequence
from pathlib import Path

from evidence_kit.errors import UsageError
from evidence_kit.governance.controls.packing import Pack
from evidence_kit.report.disclosure.package import building, hand_out
from evidence_kit.report.exports.packs import FORMATS, populations
from evidence_kit.vaults.local import LocalVault

MANIFEST = "manifest-sha256.txt"


def write(made: Pack, out: Path, cases: Sequence[LocalVault]) -> str:
    """Make the folder, outside every case; return the SHA-256 of its manifest, which `sha256sum -c` reads."""
    for vault in cases:
        if out.absolute().resolve().is_relative_to(vault.root.resolve()):
            raise UsageError(f"`{out}` lies within a case", hint="choose a folder elsewhere")
    with building(out, outside=cases[0]) as package:
        for name, form in FORMATS.items():
            package.write(f"pack.{name}", form(made))
        for path, one in populations(made).items():
            package.write(path, [one.text])
        sha256 = package.close(MANIFEST)
        hand_out(package, out)
    return sha256
