"""Which vault reads what a person names: a folder, an archive, a bucket."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.model.ports import Vault

if TYPE_CHECKING:
    from evidence_kit.vaults.deposit import BucketVault, Door, Lock

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to verify: a case, or a bag in the folder `name` of its vault, whose paths begin at `base`."""

    vault: Vault
    name: str
    is_bag: bool
    base: str
    bucket: str = ""  # `s3://BUCKET/PREFIX` of a case that lies in one


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
    return Subject(vault, said, is_bag=False, base=said, bucket=f"{bucket}/{prefix}".rstrip("/"))


def open_bucket(said: str, lock: "Lock", environ: Mapping[str, str]) -> "tuple[BucketVault, str]":
    """Return the vault into which a case can be put, once, and how it is called; UsageError for anything else."""
    from evidence_kit.vaults.deposit import BucketVault
    from evidence_kit.vaults.objects import ObjectVault, split

    bucket, prefix = split(said)
    store = ObjectVault.at(bucket, prefix, environ).store
    return BucketVault(store, open_door(said, lock, environ)), f"{bucket}/{prefix}".rstrip("/")


def open_door(said: str, lock: "Lock", environ: Mapping[str, str]) -> "Door":
    """Return the provider's own way into what `said` names."""
    from evidence_kit.vaults.objects import ObjectVault, split

    bucket, prefix = split(said)
    scheme, _, name = bucket.partition("://")
    if scheme == "s3":
        from evidence_kit.vaults.amazon import AmazonDoor

        return AmazonDoor.at(name, prefix, lock, environ)
    if scheme == "gs":
        from evidence_kit.vaults.google import GoogleDoor

        return GoogleDoor.at(name, prefix, lock, environ)
    from evidence_kit.vaults.microsoft import MicrosoftDoor

    return MicrosoftDoor.at(ObjectVault.at(bucket, prefix, environ).store, lock)
