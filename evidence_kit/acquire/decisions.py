"""What people decide about a case: holds, approvals, countersignatures, disposal, and a change of keys."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from evidence_kit.acquire.case import keeper_of, require_sound_log
from evidence_kit.acquire.handover import prepared, subject_of
from evidence_kit.custody import bag, log, seal, statement, strict
from evidence_kit.custody.log import Keeper, State
from evidence_kit.custody.trust import Trust
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.model.ports import Signer
from evidence_kit.signers.keyring import KeyRing
from evidence_kit.vaults.local import LocalVault

Fields = Mapping[str, object]


def decide(vault: LocalVault, ring: KeyRing, key: str | None, kind: str, fields: Fields, *, at: datetime) -> int:
    """Add an event about the whole case; return its place in the log."""
    keeper = keeper_of(vault, ring, key)
    with vault.lock(), vault.working():
        state = require_sound_log(keeper, at=at)
        return keeper.append(kind, at=at, subjects=[subject_of(state)], fields=fields).tree.size - 1


def approval(action: str, reason: str) -> Fields:
    """Return the fields of an approval; it counts for the next such action only."""
    if action not in log.ACTIONS.values():
        raise UsageError(
            f"`{action}` needs no approval", hint=f"known are: {', '.join(sorted(log.ACTIONS.values()))}"
        )
    return {"approval": {"action": action, "reason": reason}}


def prepare(vault: LocalVault, ring: KeyRing, key: str | None, kind: str, fields: Fields, *, at: datetime) -> bytes:
    """Sign an event on a machine that does not keep the log, for its keeper to `custody record`."""
    keeper = keeper_of(vault, ring, key, keeps_log=False)
    return prepared(keeper.prepare(kind, at=at, subjects=[subject_of(keeper.state())], fields=fields))


def disposal(state_of: State, scope: str, *, method: str, authority: str, certificate: bytes | None) -> Fields:
    """Return the fields of a disposal of one bag, or of the whole `case`."""
    if scope != log.WHOLE_CASE and scope not in {known.bag for known in state_of.acquisitions.values()}:
        raise EmptyError(f"there is no `{scope[:80]}` in this case", hint="name an acquisition, or none for the case")
    said: dict[str, object] = {"scope": scope, "method": method, "authority": authority}
    if certificate is not None:
        said["certificate"] = {"sha256": hashlib.sha256(certificate).hexdigest(), "bytes": len(certificate)}
    return {"disposal": said}


def countersign(vault: LocalVault, keeper: Keeper, acquisition: str, signer: Signer, *, at: datetime) -> str:
    """Sign what the seal of `acquisition` says beside the collector who sealed it; return where that lies.

    `signer` may be the actor's second key, such as ML-DSA-65; the event is the actor's.
    """
    with vault.lock(), vault.working():
        state = require_sound_log(keeper, at=at)
        known = state.acquisitions.get(acquisition)
        if known is None or known.seal_sha256 is None:
            raise EmptyError(f"there is no sealed acquisition `{acquisition[:80]}` in this case")
        with vault.open(f"{known.bag}/{bag.SEAL}") as stream:
            first = seal.parse(stream.read(strict.MAX_DOCUMENT + 1))
        path = f"{known.bag}/{bag.SEAL_FOLDER}/{signer.keyid}.sigstore.json"
        if first.keyid == signer.keyid or vault.stat(path) is not None:
            raise UsageError(f"key {signer.keyid[:12]} has signed this seal already")
        own = keeper.certificate if signer.keyid == keeper.signer.keyid else None
        body = seal.sign(first.payload, signer, certificate=own)
        vault.put(path, body)
        subjects = [statement.Subject(path, hashlib.sha256(body).hexdigest())]
        fields = {"countersignature": {"acquisition": acquisition, "keyid": signer.keyid}}
        keeper.append(log.COUNTERSIGNED, at=at, subjects=subjects, fields=fields)
        return path


def override(keeper: Keeper, refusals: Sequence[str], reason: str, *, at: datetime) -> int:
    """Set agreements or limits aside for the acquisition that follows; the caller holds the case's lock.

    Somebody else must have agreed on record, and the approval is used up by it.
    """
    state = require_sound_log(keeper, at=at)
    given = state.custody.approved.get(log.ACTIONS[log.OVERRIDDEN], {})
    people = sorted(name for keyid, name in given.items() if keyid != keeper.signer.keyid)
    if not people:
        raise UsageError(
            "nobody else has approved setting this aside",
            hint="an approver runs `evidence-kit custody approve CASE override --reason …` first",
        )
    said = {"refusals": list(refusals), "reason": reason, "approver": ", ".join(people)}
    return keeper.append(log.OVERRIDDEN, at=at, subjects=[subject_of(state)], fields={"override": said}).tree.size - 1


def rotate(vault: LocalVault, keeper: Keeper, name: str, new: Signer, *, at: datetime) -> int:
    """Pass the actor's part in this case to another key of theirs; both keys sign."""
    with vault.lock(), vault.working():
        state = require_sound_log(keeper, at=at)
        proof = new.sign(log.rotation(state.case, keeper.signer.keyid, new.keyid))
        said = {
            "name": name,
            "keyid": new.keyid,
            "publicKey": new.public_key_pem.decode(),
            "proof": strict.to_base64(proof),
        }
        return keeper.append(log.ROTATED, at=at, subjects=[subject_of(state)], fields={"newKey": said}).tree.size - 1


def trusted_person(trust: Trust, said: str) -> log.Person:
    """Return the person whom the caller's trust policy knows by name or key id."""
    fitting = [known for known in trust.keys.values() if said in {known.name, known.key.keyid}]
    usable = [known for known in fitting if known.revoked is None]
    if len(usable) == 1:
        return log.Person(name=usable[0].name, keyid=usable[0].key.keyid)
    if usable:
        raise UsageError(f"the trust policy has several keys of `{said[:80]}`", hint="name the key by its id")
    raise UsageError(
        f"the trust policy knows nobody called `{said[:80]}`",
        hint="add their key first: `evidence-kit trust add --name NAME --role custodian --key FILE`",
    )
