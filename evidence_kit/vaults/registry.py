"""Which vault reads what a person names: a folder, an archive, a bucket."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.model.ports import Vault

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to verify: a case, or a bag in the folder `name` of its vault, whose paths begin at `base`."""

    vault: Vault
    name: str
    is_bag: bool
    base: str


def open_subject(said: str, environ: Mapping[str, str]) -> Subject:
    """Return what `said` names; EmptyError where nothing is."""
    if scheme := _SCHEME.match(said):
        return _objects(said, scheme[1], environ)
    path = Path(said).absolute()
    if path.is_dir():
        return _folder(said, path)
    if path.exists():
        return _archive(said, path)
    raise EmptyError(f"`{said}` is not there", hint="name a case, a bag, an archive of one, or `s3://BUCKET/PREFIX`")


def _folder(said: str, path: Path) -> Subject:
    from evidence_kit.vaults.local import LocalVault

    if (path / "bagit.txt").exists() and not (path / "case.json").exists():
        return Subject(LocalVault(path.parent), path.name, is_bag=True, base=str(path.parent))
    return Subject(LocalVault(path), said, is_bag=False, base=str(path))


def _archive(said: str, path: Path) -> Subject:
    from evidence_kit.vaults.archive import ArchiveVault

    vault = ArchiveVault(path)
    return Subject(vault, vault.bag or said, is_bag=vault.bag is not None, base=str(path))


def _objects(said: str, scheme: str, environ: Mapping[str, str]) -> Subject:
    from evidence_kit.vaults import objects

    if scheme not in objects.SCHEMES:
        known = ", ".join(f"`{name}://`" for name in objects.SCHEMES)
        raise UsageError(f"cannot read from `{scheme[:20]}://`", hint=f"a folder, an archive, or {known}")
    bucket, prefix = objects.split(said)
    vault = objects.ObjectVault.at(bucket, prefix, environ)
    if next(vault.walk(""), None) is None:
        raise EmptyError(f"nothing is stored at `{said}`", hint="check bucket and prefix")
    if vault.stat("case.json") is None and vault.stat("bagit.txt") is not None:
        parent, _, name = prefix.rpartition("/")
        if not name:
            raise UsageError(
                "a bag needs a folder of its own", hint="its name is the acquisition's, which the seal says"
            )
        return Subject(
            objects.ObjectVault.at(bucket, parent, environ),
            name,
            is_bag=True,
            base=said.rstrip("/").rpartition("/")[0],
        )
    return Subject(vault, said, is_bag=False, base=said)
