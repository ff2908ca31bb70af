"""Sealing: manifests over what the ledger acknowledged, one signature over the manifests, one custody event."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from evidence_kit.acquire.scope import read_status
from evidence_kit.custody import bag, ledger, log, seal, statement, strict
from evidence_kit.custody.bag import Listed
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.ledger import Chain
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.merkle import Frontier
from evidence_kit.custody.seal import Sealed
from evidence_kit.custody.verify import files
from evidence_kit.errors import ChainError
from evidence_kit.model.time import parse_instant
from evidence_kit.vaults.local import LocalVault, translated

_BEGINS = re.compile(rb'\{"seq":\d+,"prev":"([0-9a-f]{64})","type":"([^"]*)"')


@dataclass(slots=True)
class Totals:
    """What a closed ledger adds up to."""

    artifacts: int = 0
    bytes: int = 0
    units: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBag:
    """What the operator is told about a fresh seal."""

    acquisition: str
    bag: str
    totals: Totals
    seal_sha256: str


def seal_bag(
    *,
    vault: LocalVault,
    keeper: Keeper,
    acquisition: log.Acquisition,
    record: Mapping[str, object],
    sealed_at: str,
) -> SealedBag:
    """Seal the bag of `acquisition`, whose ledger is closed. Safe to call again after a crash within it.

    A seal that is whole already is not made twice: only the custody event that was to follow is.
    """
    root = acquisition.bag
    if vault.stat(f"{root}/{bag.SEAL}") is not None:
        with vault.open(f"{root}/{bag.SEAL}") as stream:
            whole = stream.read(strict.MAX_DOCUMENT + 1)
        vault.publish(f"{root}/{bag.SEAL}", [whole])  # a killed run may have put it there and never synced it
        return _announce(vault, keeper, acquisition)
    totals, chain = _write_manifest(vault, root)
    case = keeper.state().case
    vault.publish(
        f"{root}/{bag.ACQUISITION}", _acquisition(vault, root, {**record, "totals": asdict(totals)}, chain.head)
    )
    vault.publish(f"{root}/bagit.txt", [bag.BAGIT_TXT])
    vault.publish(f"{root}/bag-info.txt", [_bag_info(acquisition.id, case, sealed_at, totals, keeper.tool)])
    keys = b"".join(key.pem for key in acquisition.keys.values())
    vault.publish(f"{root}/{bag.ACQUISITION_KEYS}", [keys])
    _write_tagmanifest(vault, root)
    tree = _tree(vault, root)
    if tree.size != totals.artifacts:
        raise ChainError(f"{totals.artifacts} artifacts but {tree.size} attestations; this bag cannot be sealed")
    sealed = Sealed(
        acquisition=acquisition.id,
        case=case,
        sealed_at=sealed_at,
        keys=len(acquisition.keys),
        payload_bytes=totals.bytes,
        artifacts=totals.artifacts,
        artifacts_root=tree.root().hex(),
        ledger_size=chain.size,
        ledger_head=chain.head,
        units=totals.units,
        units_missing=totals.missing,
    )
    subjects = [statement.Subject(name, files.digest(vault, f"{root}/{name}")[0]) for name in bag.SEALED]
    vault.publish(f"{root}/{bag.SEAL}", [seal.make(subjects, sealed, keeper.signer, certificate=keeper.certificate)])
    return _announce(vault, keeper, acquisition)


def _announce(vault: LocalVault, keeper: Keeper, acquisition: log.Acquisition) -> SealedBag:
    path = f"{acquisition.bag}/{bag.SEAL}"
    with vault.open(path) as stream:
        envelope = seal.parse(stream.read(strict.MAX_DOCUMENT + 1))
    _, sealed = seal.read(envelope.verify(PublicKey.from_pem(keeper.signer.public_key_pem)))
    digest, _ = files.digest(vault, path)
    said = {"id": acquisition.id, "artifacts": sealed.artifacts, "unitsMissing": sealed.units_missing}
    keeper.append(
        log.SEALED,
        at=parse_instant(sealed.sealed_at),
        subjects=[statement.Subject(path, digest)],
        fields={"acquisition": said},
    )
    _make_read_only(vault, acquisition.bag)
    totals = Totals(sealed.artifacts, sealed.payload_bytes, sealed.units, sealed.units_missing)
    return SealedBag(acquisition=acquisition.id, bag=acquisition.bag, totals=totals, seal_sha256=digest)


def _acquisition(vault: LocalVault, root: str, document: Mapping[str, object], head: str) -> Iterator[bytes]:
    """Yield `acquisition.json`: the record, then how each unit ended, streamed from the ledger.

    That was read a moment ago. If its chain ends with `head` again it is the same, so only ends of units are decoded.
    """
    yield strict.encode(document)[:-1] + b',"units":['
    separator, before = b"\n", ledger.GENESIS
    with vault.open(f"{root}/{bag.LEDGER}") as stream:
        for line, _ in ledger.raw_lines(stream):
            begins = _BEGINS.match(line)
            if begins is None or begins[1] != before.encode() or before == head:
                raise ChainError("the ledger has changed while it was being sealed")
            before = hashlib.sha256(line).hexdigest()
            if begins[2] == ledger.UNIT.encode():
                fields = strict.decode_line(line, limit=ledger.MAX_LINE)
                kept = {name: value for name, value in fields.items() if name not in {"seq", "prev", "type"}}
                yield separator + strict.encode(kept)
                separator = b",\n"
    if before != head:
        raise ChainError("the ledger was cut short while it was being sealed")
    yield b"\n]}\n"


def _write_manifest(vault: LocalVault, root: str) -> tuple[Totals, Chain]:
    totals, chain = Totals(), Chain()

    def listed() -> Iterator[Listed]:
        with vault.open(f"{root}/{bag.LEDGER}") as stream:
            for entry in ledger.read(stream, chain):
                if entry.kind == ledger.PLANNED:
                    totals.units += 1
                elif entry.kind == ledger.UNIT:
                    totals.missing += not read_status(entry.fields).is_whole
                elif entry.kind == ledger.EXCHANGE and isinstance(entry.fields.get("artifact"), dict):
                    artifact = strict.field(entry.fields, "artifact", dict)
                    totals.artifacts += 1
                    totals.bytes += strict.field(artifact, "bytes", int)
                    yield Listed(strict.field(artifact, "path", str), strict.field(artifact, "sha256", str))

    vault.publish(f"{root}/{bag.MANIFEST}", bag.manifest_lines(listed()))
    return totals, chain


def _write_tagmanifest(vault: LocalVault, root: str) -> None:
    tags = ["bagit.txt", "bag-info.txt", bag.MANIFEST]
    tags += [entry.path.removeprefix(f"{root}/") for entry in vault.walk(f"{root}/record")]
    listed = (Listed(path, files.digest(vault, f"{root}/{path}")[0]) for path in tags)
    vault.publish(f"{root}/{bag.TAGMANIFEST}", bag.manifest_lines(listed))


def _tree(vault: LocalVault, root: str) -> Frontier:
    tree = Frontier()
    with vault.open(f"{root}/{bag.ATTESTATIONS}") as stream:
        for line, _ in ledger.raw_lines(stream):
            tree.add(line)
    return tree


def _bag_info(acquisition: str, case: str, sealed_at: str, totals: Totals, tool: str) -> bytes:
    return bag.bag_info(
        {
            "Bag-Software-Agent": tool,
            "Bagging-Date": sealed_at[:10],
            "External-Identifier": acquisition,
            "Internal-Sender-Identifier": case,
            "Payload-Oxum": f"{totals.bytes}.{totals.artifacts}",
        }
    )


def _make_read_only(vault: LocalVault, root: str) -> None:
    with translated(f"write-protect `{root}`"):
        for entry in vault.walk(root):
            if entry.kind == "file":
                os.chmod(vault.root / entry.path, 0o444)  # noqa: PTH101 - one call, no Path object a file
