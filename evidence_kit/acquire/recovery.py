"""What a crash left in an unsealed bag: what the ledger acknowledged is checked and kept, the rest is set aside.

Nothing that was received is deleted: torn tails, unsigned files and staged fragments move to `record/torn/<n>/`.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from evidence_kit.acquire.context import Memory
from evidence_kit.acquire.scope import planned_unit
from evidence_kit.custody import attest, bag, ledger, strict
from evidence_kit.custody.bag import Listed
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.ledger import Chain, Entry
from evidence_kit.custody.verify import files
from evidence_kit.errors import ChainError, DigestError
from evidence_kit.model.exchange import Exchange, Recorded, Request
from evidence_kit.model.time import parse_instant
from evidence_kit.model.unit import Unit
from evidence_kit.vaults.local import LocalVault

_KNOWN = ".work/known.txt"


@dataclass(slots=True)
class Torn:
    """What was set aside, for the ledger's `resumed` line."""

    folder: str
    ledger_bytes: int = 0
    attestation_bytes: int = 0
    files: int = 0

    def to_json(self) -> dict[str, object]:
        """Return plain data; `folder` is empty when there was nothing."""
        some = self.ledger_bytes or self.attestation_bytes or self.files
        return {
            "folder": self.folder if some else "",
            "ledgerBytes": self.ledger_bytes,
            "attestationBytes": self.attestation_bytes,
            "files": self.files,
        }


@dataclass(slots=True)
class Recovered:
    """A bag that is consistent again: where its ledger stands and what is still to do."""

    chain: Chain
    torn: Torn
    plan_complete: bool = False
    closed: bool = False
    open: dict[str, Unit] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)


def recover(vault: LocalVault, root: str, keys: Mapping[str, PublicKey]) -> Recovered:
    """Bring the bag at `root` to the state that its ledger acknowledges.

    Every acknowledged artifact must still be what one of `keys`, the acquisition's own, signed: the ledger of an
    unsealed bag is protected by nothing but these signatures.
    """
    torn = Torn(f"{root}/record/torn/{1 + len(vault.folders(f'{root}/record/torn'))}")
    chain = _mend_ledger(vault, root, torn)
    found = _read(vault, root, chain, torn)
    _mend_attestations(vault, root, _check_artifacts(vault, root, keys), torn)
    _set_strangers_aside(vault, root, torn)
    return found


def _mend_ledger(vault: LocalVault, root: str, torn: Torn) -> Chain:
    chain, end = Chain(), 0
    path = f"{root}/{bag.LEDGER}"
    try:
        with vault.open(path) as stream:
            for entry in ledger.read(stream, chain):
                end = entry.end
    except ledger.Torn:
        torn.ledger_bytes = _cut(vault, path, end, f"{torn.folder}/exchanges.jsonl")
    vault.append(path, b"")  # syncs it: what a killed run had written last may never have reached the disk
    return chain


def _cut(vault: LocalVault, path: str, end: int, kept: str) -> int:
    """Keep the tail of a journal under another name, then shorten it; return how much that was.

    In this order: a second crash in between leaves the tail twice, not nowhere.
    """
    with vault.open(path) as stream:
        stream.seek(end)
        tail = stream.read()
    if tail:
        vault.put(kept, tail)
        vault.cut(path, end)
    return len(tail)


def _read(vault: LocalVault, root: str, chain: Chain, torn: Torn) -> Recovered:
    found = Recovered(chain, torn)
    with vault.open(f"{root}/{bag.LEDGER}") as stream:
        for entry in ledger.read(stream):
            _take(vault, root, entry, found)
    for unit in list(found.memory):
        if unit not in found.open:
            del found.memory[unit]
    return found


def _take(vault: LocalVault, root: str, entry: Entry, found: Recovered) -> None:
    if entry.kind == ledger.PLANNED:
        unit = planned_unit(entry.fields)
        found.open[unit.id] = unit
    elif entry.kind == ledger.UNIT:
        found.open.pop(entry.text("unit"), None)
        # A finished unit's answers are not needed again; forgetting them keeps memory to the open units.
        found.memory.pop(entry.text("unit"), None)
    elif entry.kind == ledger.PLAN_CLOSED:
        found.plan_complete = True
    elif entry.kind == ledger.CLOSED:
        found.closed = True
    elif entry.kind == ledger.EXCHANGE and isinstance(entry.fields.get("artifact"), dict):
        _remember(vault, root, entry, found)


def _remember(vault: LocalVault, root: str, entry: Entry, found: Recovered) -> None:
    """Keep what a collector that runs again would otherwise ask for a second time."""
    memory = found.memory.setdefault(entry.text("unit"), Memory())
    artifact = strict.field(entry.fields, "artifact", dict)
    if artifact.get("kind") == "object":
        name = strict.field(artifact, "originalName", str)
        size, digest = strict.field(artifact, "bytes", int), strict.field(artifact, "sha256", str)
        memory.downloads[name] = (size, digest)
        return
    exchange = _exchange(entry)
    path = f"{root}/{strict.field(artifact, 'path', str)}"
    memory.answers[exchange.request.digest].append(_answer(vault, path, exchange))
    memory.pages += 1


def _answer(vault: LocalVault, path: str, exchange: Exchange) -> Callable[[], Recorded]:
    def read() -> Recorded:
        with vault.open(path) as stream:
            body = stream.read()
        return Recorded(status=exchange.status or 200, headers=exchange.headers, body=body, exchange=exchange)

    return read


def _exchange(entry: Entry) -> Exchange:
    request = strict.field(entry.fields, "request", dict)
    headers = strict.field(entry.fields, "headers", dict)
    return Exchange(
        request=Request(
            method=strict.field(request, "method", str),
            host=strict.field(request, "host", str),
            path=strict.field(request, "path", str),
            operation=strict.field(request, "operation", str),
            digest=strict.field(request, "digest", str),
        ),
        sent_at=parse_instant(entry.text("sentAt")),
        received_at=parse_instant(entry.text("receivedAt")),
        attempt=strict.field(entry.fields, "attempt", int),
        status=strict.field(entry.fields, "status", int),
        headers={str(name): str(value) for name, value in headers.items()},
        request_id=entry.text("requestId"),
        replayed=True,
        peer=strict.field(entry.fields, "peer", str) if "peer" in entry.fields else "",
    )


def _artifacts(vault: LocalVault, root: str) -> Iterator[Listed]:
    with vault.open(f"{root}/{bag.LEDGER}") as stream:
        for entry in ledger.read(stream):
            artifact = entry.fields.get("artifact")
            if entry.kind == ledger.EXCHANGE and isinstance(artifact, dict):
                yield Listed(strict.field(artifact, "path", str), strict.field(artifact, "sha256", str))


def _check_artifacts(vault: LocalVault, root: str, keys: Mapping[str, PublicKey]) -> int:
    """Check every acknowledged artifact against its attestation and its bytes; return where the last one ends.

    Attestations stand in the order of the ledger: both are written by one thread, batch by batch.
    """
    path, end = f"{root}/{bag.ATTESTATIONS}", 0
    if vault.stat(path) is None:
        vault.append(path, b"")
    with vault.open(path) as stream:
        lines = ledger.raw_lines(stream)
        for listed in _artifacts(vault, root):
            line, whole = next(lines, (b"", False))
            if not whole:
                raise ChainError(f"`{path}` says nothing about `{listed.path}`")
            if (listed.path, listed.sha256) != attest.attested(line, keys):
                raise ChainError(f"`{path}` and the ledger do not tell the same about `{listed.path}`")
            _require_unaltered(vault, root, listed)
            end += len(line) + 1
    return end


def _require_unaltered(vault: LocalVault, root: str, listed: Listed) -> None:
    found, _ = files.digest(vault, f"{root}/{listed.path}")
    if found != listed.sha256:
        raise DigestError(
            f"`{root}/{listed.path}` was altered since it was signed; this acquisition is not continued",
            hint="`evidence-kit verify` shows what else differs",
        )


def _mend_attestations(vault: LocalVault, root: str, end: int, torn: Torn) -> None:
    """Cut attestations that no ledger line acknowledges: their artifacts are taken again."""
    torn.attestation_bytes = _cut(vault, f"{root}/{bag.ATTESTATIONS}", end, f"{torn.folder}/artifacts.intoto.jsonl")


def _set_strangers_aside(vault: LocalVault, root: str, torn: Torn) -> None:
    """Move files that were put in place but never acknowledged, and staged fragments, out of the evidence."""
    vault.publish(_KNOWN, bag.manifest_lines(_artifacts(vault, root)))
    with files.Lookup(vault, _KNOWN) as lookup:
        for entry in list(vault.walk(f"{root}/data")):
            if lookup.find(entry.path.removeprefix(f"{root}/")) is None:
                _aside(vault, entry.path, torn)
    for path in vault.leftovers():
        if path != _KNOWN:
            _aside(vault, path, torn)
    vault.forget(_KNOWN)


def _aside(vault: LocalVault, path: str, torn: Torn) -> None:
    torn.files += 1
    vault.set_aside(path, f"{torn.folder}/{torn.files:06d}")
    note = {"was": path, "now": f"{torn.files:06d}"}
    vault.append(f"{torn.folder}/names.jsonl", json.dumps(note).encode() + b"\n")
