"""What is to be read of a bag: every artifact of its ledger, with the digest that its manifest seals."""

import json
from collections.abc import Iterator, Mapping

from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.records.record import Artifact
from evidence_kit.custody import bag, strict
from evidence_kit.custody.extsort import LineSorter
from evidence_kit.custody.ledger import Entry
from evidence_kit.errors import ChainError, DigestError, MissingError
from evidence_kit.model.ports import Vault


def artifacts(vault: Vault, root: str) -> Iterator[Artifact]:
    """Yield the artifacts of a bag in the order of their paths, as its manifest lists them. Memory stays flat.

    A ledger and a manifest that differ on an artifact raise. A bag without a seal has only its ledger.
    """
    sorter = LineSorter()
    units = {ended.unit.id: ended.unit for ended in bagfiles.units(vault, root, lambda _, line: _keep(sorter, line))}
    sealed = _manifest(vault, root)
    for path, fields in _sorted(sorter):
        sha256 = strict.field(fields, "sha256", str)
        if sealed is not None:
            _require_listed(f"{root}/{path}", sha256, _at(sealed, path, root))
        unit = units.get(strict.field(fields, "unit", str))
        if unit is None:
            raise ChainError(f"`{root}/{path}` belongs to a unit that the ledger does not plan")
        yield Artifact(
            path=f"{root}/{path}",
            sha256=sha256,
            source=unit.source,
            provider=unit.target.provider,
            target=unit.target.id,
            region=unit.region,
            bytes=strict.field(fields, "bytes", int),
        )
    for left in sealed or ():
        raise _not_in_ledger(f"{root}/{left.path}")


def _keep(sorter: LineSorter, entry: Entry) -> None:
    """Keep what a line of the ledger says of an artifact, to be had in the order of paths."""
    if found := bagfiles.stored(entry):
        unit, fields = found
        said = strict.field(fields, "artifact", dict)
        path = strict.field(said, "path", str)
        kept = {"unit": unit, "sha256": said.get("sha256"), "bytes": said.get("bytes")}
        sorter.add(f"{path}\t{json.dumps(kept)}\n".encode())


def _sorted(sorter: LineSorter) -> Iterator[tuple[str, Mapping[str, object]]]:
    for line in sorter:
        path, _, rest = line.decode().partition("\t")
        yield path, json.loads(rest)


def _manifest(vault: Vault, root: str) -> Iterator[bag.Listed] | None:
    if vault.stat(f"{root}/{bag.MANIFEST}") is None:
        return None

    def listed() -> Iterator[bag.Listed]:
        with vault.open(f"{root}/{bag.MANIFEST}") as stream:
            yield from bag.read_manifest(stream)

    return listed()


def _at(sealed: Iterator[bag.Listed], path: str, root: str) -> str | None:
    """Return what the manifest says of `path`; both are read in the same order, once, and neither has more."""
    listed = next(sealed, None)
    if listed is not None and listed.path < path:
        raise _not_in_ledger(f"{root}/{listed.path}")
    return listed.sha256 if listed is not None and listed.path == path else None


def _not_in_ledger(path: str) -> MissingError:
    """Say that sealed evidence would be left out of every answer, as by a ledger that was cut short."""
    return MissingError(f"`{path}` is in the manifest and not in the ledger", hint="`evidence-kit verify` says more")


def _require_listed(path: str, recorded: str, sealed: str | None) -> None:
    if sealed is None:
        raise MissingError(
            f"`{path}` is in the ledger and not in the manifest", hint="`evidence-kit verify` says more"
        )
    if sealed != recorded:
        raise DigestError(
            f"`{path}`: the ledger says SHA-256 {recorded}, the manifest {sealed}",
            hint="`evidence-kit verify` says what else changed; nothing was derived from it",
        )
