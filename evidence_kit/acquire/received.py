"""Asking a partner and taking what comes: the request into the log, and the receipt out of the sealed bag."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from evidence_kit.acquire.case import require_sound_log
from evidence_kit.custody import bag, ledger, log, receipt, request, seal, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.log import Acquisition, Event, Keeper
from evidence_kit.custody.request import Request
from evidence_kit.errors import ChainError, DigestError, EmptyError, EvidenceKitError, SignatureError, UsageError
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import rfc3339
from evidence_kit.vaults.local import LocalVault

_CHUNK = 1 << 20
_PROOFS = ("signature_verified", "signature_differs", "signature_not_checked")
_VERIFY = "`evidence-kit verify` says what else is not as it was sealed"
_MISSING = ("not_delivered", "not_taken", "object_not_obtained")


def ask(keeper: Keeper, asked: Request, text: bytes, name: str, *, at: datetime) -> bytes:
    """Sign a request and note it in the log, as an event of its own; the caller holds the case's lock."""
    envelope = request.sign(asked, text, f"{name}.md", keeper.signer)
    require_sound_log(keeper, at=at)
    subject = statement.Subject(f"{name}.json", hashlib.sha256(envelope).hexdigest())
    keeper.append(log.REQUESTED, at=at, subjects=[subject], fields={"request": asked.to_json()})
    return envelope


def requests(vault: Vault) -> dict[str, tuple[Request, str]]:
    """Return every request of a case by its id, with the SHA-256 of its envelope."""
    found: dict[str, tuple[Request, str]] = {}

    def seen(event: Event) -> None:
        if event.type == log.REQUESTED:
            asked = Request.from_json(strict.field(event.said.predicate, "request", dict))
            found[asked.id] = (asked, event.said.subjects[0].sha256)

    with vault.open(log.LOG) as stream:
        log.scan(stream, report=_raise, seen=seen)
    return found


def _raise(error: EvidenceKitError, _: str) -> None:
    raise error


def find_request(vault: Vault, said: str, document: bytes | None) -> Request:
    """Return the request called `said`, or the one in `document`; it has to be one that this case has made."""
    known = requests(vault)
    if document is not None:
        digest = hashlib.sha256(document).hexdigest()
        fitting = [asked for asked, sha256 in known.values() if sha256 == digest]
        if not fitting:
            raise UsageError(f"`{said}` is no request that this case has made", hint="`evidence-kit custody log`")
        return fitting[0]
    if said not in known:
        raise UsageError(f"this case has made no request `{said[:80]}`", hint="`evidence-kit custody log` names them")
    return known[said][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was written down for the partner: the signed document, and what it says."""

    document: bytes
    said: Mapping[str, object]


def make_receipt(vault: LocalVault, keeper: Keeper, acquisition: str, *, at: datetime) -> Receipt:
    """Return the receipt over a sealed delivery, made from nothing but the bag, which has to be what was sealed."""
    known = keeper.state().acquisitions.get(acquisition)
    if known is None or known.seal_sha256 is None:
        raise EmptyError(f"there is no sealed acquisition `{acquisition[:80]}` in this case")
    said = {
        "issuedAt": rfc3339(at),
        "receiver": {"name": keeper.actor, "keyid": keeper.signer.keyid},
        "case": keeper.state().case,
        "acquisition": acquisition,
        "seal": known.seal_sha256,
        **_delivery(vault, known, _sealed_head(vault, known)),
    }
    subject = statement.Subject(f"{known.bag}/{bag.SEAL}", known.seal_sha256)
    return Receipt(document=receipt.sign(subject, said, keeper.signer), said=said)


def _sealed_head(vault: LocalVault, known: Acquisition) -> str:
    """Return the head of the ledger that was sealed, from the seal that the custody log names."""
    path = f"{known.bag}/{bag.SEAL}"
    with vault.open(path) as stream:
        body = stream.read(strict.MAX_DOCUMENT + 1)
    if hashlib.sha256(body).hexdigest() != known.seal_sha256:
        raise DigestError(f"`{path}` is not the seal that the custody log names", hint=_VERIFY)
    return seal.read(seal.parse(body).payload)[1].ledger_head


def _delivery(vault: LocalVault, known: Acquisition, head: str) -> dict[str, object]:
    """Read what was delivered from the ledger of its bag, which was sealed when it ended in `head`."""
    chain = ledger.Chain()
    planned: Mapping[str, object] = {}
    ended: Mapping[str, object] = {}
    files: list[dict[str, object]] = []
    with vault.open(f"{known.bag}/{bag.LEDGER}") as stream:
        for entry in ledger.read(stream, chain):
            if entry.kind == ledger.PLANNED and "deliveredBy" in strict.field(entry.fields, "settings", dict):
                planned = entry.fields
            elif entry.kind == ledger.UNIT:
                ended = entry.fields
            elif entry.kind == ledger.EXCHANGE and isinstance(entry.fields.get("artifact"), dict):
                files.append(_file(vault, known.bag, strict.field(entry.fields, "artifact", dict)))
    if chain.head != head:
        raise ChainError(f"the ledger of `{known.bag}` is not the one that was sealed", hint=_VERIFY)
    if not planned or not ended:
        raise UsageError(f"acquisition `{known.id}` is no delivery", hint="only what `intake` took in has a receipt")
    settings = strict.field(planned, "settings", dict)
    findings = strict.field(ended, "findings", list)
    target = strict.field(planned, "target", dict)
    return {
        "request": _request_id(settings),
        "partner": {"name": str(target.get("name")), "id": str(target.get("id"))},
        **{name: str(settings.get(name, "")) for name in ("deliveredBy", "channel", "deliveredAt")},
        "status": strict.field(ended, "status", str),
        "reason": strict.field(ended, "reason", str),
        "files": files,
        "signatures": list(_signatures(findings)),
        "missing": [str(_facts(one).get("name", "")) for one in findings if _kind(one) in _MISSING],
    }


def _request_id(settings: Mapping[str, object]) -> str:
    said = settings.get("request")
    return Request.from_json(strict.decode(said.encode())).id if isinstance(said, str) and said else ""


def _file(vault: LocalVault, root: str, artifact: Mapping[str, object]) -> dict[str, object]:
    facts = artifact.get("object")
    told = facts if isinstance(facts, dict) else {}
    claimed = {name.removeprefix("claimed."): value for name, value in told.items() if name.startswith("claimed.")}
    path = strict.field(artifact, "path", str)
    own = {"sha256": strict.field(artifact, "sha256", str)}
    if others := sorted(set(claimed) - set(own)):
        found = _digests(vault, f"{root}/{path}", [*others, "sha256"])
        if found["sha256"] != own["sha256"]:  # what we changed must not look as if the partner had
            raise DigestError(f"`{root}/{path}` is not what was sealed", hint=_VERIFY)
        own |= found
    differing = [name for name, value in claimed.items() if own[name] != value]
    return {
        "name": strict.field(artifact, "originalName", str),
        "bytes": strict.field(artifact, "bytes", int),
        "sha256": own["sha256"],
        "role": str(told.get("role", "")),
        "claimed": claimed,
        "proof": "differs" if differing else "matches" if claimed else "none",
    }


def _digests(vault: LocalVault, path: str, names: Sequence[str]) -> dict[str, str]:
    """Hash what is sealed once more, with the algorithms that the partner used."""
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in names}
    with vault.open(path) as stream:
        while chunk := stream.read(_CHUNK):
            for total in sums.values():
                total.update(chunk)
    return {name: total.hexdigest() for name, total in sums.items()}


def _signatures(findings: Sequence[object]) -> Iterator[dict[str, str]]:
    for one in findings:
        if (kind := _kind(one)) in _PROOFS:
            facts = _facts(one)
            result = kind.removeprefix("signature_").replace("_", " ")
            yield {name: str(facts.get(name, "")) for name in ("name", "signed", "by")} | {"result": result}


def _kind(finding: object) -> str:
    return strict.field(finding, "kind", str) if isinstance(finding, dict) else ""


def _facts(finding: object) -> Mapping[str, object]:
    return strict.field(finding, "facts", dict) if isinstance(finding, dict) else {}


def note_receipt(keeper: Keeper, made: Receipt, name: str, *, at: datetime) -> int:
    """Note in the log that a receipt was given; the caller holds the case's lock."""
    require_sound_log(keeper, at=at)
    files = strict.field(made.said, "files", list)
    copied = ("request", "partner", "acquisition", "seal", "deliveredBy", "channel", "deliveredAt", "status")
    said = {
        **{field: made.said[field] for field in copied},
        "files": len(files),
        "bytes": sum(strict.field(one, "bytes", int) for one in files),
    }
    subject = statement.Subject(name, hashlib.sha256(made.document).hexdigest())
    return keeper.append(log.RECEIVED, at=at, subjects=[subject], fields={"receipt": said}).tree.size - 1


def check_receipt(document: bytes, pem: bytes) -> Mapping[str, object]:
    """Return what a receipt says once `pem` has signed it; SignatureError where that key has not."""
    try:
        key = PublicKey.from_pem(pem)
    except SignatureError as error:
        raise UsageError(f"this is no public key: {error.message}", hint="a PEM file, of whoever gave it") from error
    return receipt.read(document, key).predicate
