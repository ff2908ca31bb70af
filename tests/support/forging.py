"""Forgeries: logs, ledgers and seals that are well made, but by the wrong hand or about the wrong thing."""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from support.casemaker import Case
from support.tampering import overwrite

from evidence_kit.custody import bag, checkpoint, dsse, ledger, log, seal, statement, strict
from evidence_kit.custody.ledger import Chain
from evidence_kit.custody.log import State
from evidence_kit.custody.merkle import Frontier
from evidence_kit.custody.seal import Sealed
from evidence_kit.signers.file import KeySigner

Payload = dict[str, Any]


def events(case: Case) -> list[Payload]:
    """Return what each event of the log says, decoded."""
    lines = (case.root / log.LOG).read_bytes().splitlines()
    return [json.loads(dsse.parse_line(line).payload) for line in lines]


def write_log(
    case: Case,
    payloads: Sequence[Payload],
    *,
    signer: KeySigner | None = None,
    log_signer: KeySigner | None = None,
    renumber: bool = True,
) -> None:
    """Write a whole log that says `payloads`, signed properly, with its checkpoint."""
    tree = Frontier()
    lines = []
    for payload in payloads:
        if renumber:
            payload["predicate"]["seq"] = tree.size
            payload["predicate"]["log"] = {"size": tree.size, "root": tree.root().hex()}
        if signer:  # whoever signs in another's place says so, or the actor alone would give them away
            payload["predicate"]["actor"]["keyid"] = signer.keyid
        lines.append(dsse.sign_line(strict.encode(payload), signer or case.signer))
        tree.add(lines[-1])
    overwrite(case.root / log.LOG, ledger.lines(lines))
    write_checkpoint(case, tree, log_signer or case.log_signer)


def write_checkpoint(case: Case, tree: Frontier, log_signer: KeySigner) -> None:
    """Sign the head of `tree` as the log's."""
    origin = events(case)[0]["predicate"]["logKey"]["origin"]
    head = checkpoint.Checkpoint(origin, tree.size, tree.root())
    overwrite(case.root / log.CHECKPOINT, checkpoint.sign(head, log_signer))


def change_log(case: Case, change: Callable[[list[Payload]], object], **signers: KeySigner) -> None:
    """Let `change` alter the list of events in place, and write the log anew."""
    said = events(case)
    change(said)
    write_log(case, said, **signers)


def state_of(case: Case) -> State:
    """Return the log's state, whatever its defects."""
    with (case.root / log.LOG).open("rb") as stream:
        return log.scan(stream, report=lambda *_: None)


def change_ledger(case: Case, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Let `change` alter the entries of the ledger in place, and chain them anew."""
    path = case.path(bag.LEDGER)
    entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    change(entries)
    chain = Chain()
    lines = []
    for entry in entries:
        fields = {name: value for name, value in entry.items() if name not in {"seq", "prev", "type"}}
        lines.append(chain.line(entry["type"], fields))
    overwrite(path, ledger.lines(lines))


def chain_of(case: Case) -> Chain:
    """Return where the ledger stands."""
    chain = Chain()
    with case.path(bag.LEDGER).open("rb") as stream:
        deque(ledger.read(stream, chain), maxlen=0)
    return chain


def stored(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the artifacts that ledger entries tell of."""
    return [entry["artifact"] for entry in entries if entry.get("artifact")]


def read_seal(case: Case) -> tuple[statement.Statement, Sealed]:
    """Return what the seal says, trusting it."""
    return seal.read(seal.parse(case.path(bag.SEAL).read_bytes()).payload)


def write_manifests(case: Case) -> None:
    """Make both manifests agree with what is on disk now."""
    _list(case, bag.MANIFEST, "data/")
    _list(case, bag.TAGMANIFEST, "record/", "bagit.txt", "bag-info.txt", bag.MANIFEST)


def _list(case: Case, manifest: str, *starts: str) -> None:
    base = case.root / case.bag
    names = sorted(str(p.relative_to(base)) for p in base.rglob("*") if p.is_file())
    listed = (bag.Listed(name, sha256(case, name)) for name in names if name.startswith(starts))
    overwrite(case.path(manifest), b"".join(bag.manifest_lines(listed)))


def sha256(case: Case, inside: str) -> str:
    """Return the digest of a file of the bag."""
    return hashlib.sha256(case.path(inside).read_bytes()).hexdigest()


def reseal(case: Case, signer: KeySigner | None = None, /, **changes: object) -> None:
    """Seal what is on disk now; `changes` go into what the seal says."""
    _, sealed = read_seal(case)
    said = Sealed(**{name: changes.get(name, getattr(sealed, name)) for name in Sealed.__slots__})
    subjects = [statement.Subject(name, sha256(case, name)) for name in bag.SEALED]
    overwrite(case.path(bag.SEAL), seal.make(subjects, said, signer or case.signer))


def relog_seal(case: Case, **signers: KeySigner) -> None:
    """Let the custody log record the seal that is on disk now."""

    def change(said: list[Payload]) -> None:
        said[-1]["subject"][0]["digest"]["sha256"] = sha256(case, bag.SEAL)

    change_log(case, change, **signers)
