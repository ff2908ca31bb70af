"""Opening a case, and the keeper with whom everything is later written into its log."""

import hashlib
import re
import uuid
from datetime import datetime

from evidence_kit.acquire.description import Description, encoded
from evidence_kit.acquire.environment import TOOL
from evidence_kit.custody import log, statement, strict
from evidence_kit.custody.log import Keeper
from evidence_kit.errors import AccessError, EmptyError, SignatureError, UsageError
from evidence_kit.model.ports import Signer, Vault
from evidence_kit.signers.keyring import KeyRing
from evidence_kit.vaults.local import LocalVault

__all__ = [
    "Description",
    "add_note",
    "forget_leftovers",
    "keeper_of",
    "open_case",
    "read_description",
    "require_sound_log",
]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def open_case(vault: LocalVault, ring: KeyRing, key: str | None, said: Description, *, at: datetime) -> Keeper:
    """Create the case folder, its description and the first custody event."""
    if not _ID.fullmatch(said.id):
        raise UsageError(
            f"`{said.id[:80]}` cannot be a case id", hint="letters, digits, `.`, `_` and `-`; at most 64"
        )
    if vault.root.exists() and any(vault.root.iterdir()):
        raise UsageError(
            f"`{vault.root}` exists and is not empty", hint="choose another folder; cases are never overwritten"
        )
    actor, signer = ring.open(key)
    serial = str(uuid.uuid4())
    body = encoded(said, serial=serial, examiner={"name": actor, "keyid": signer.keyid}, at=at)
    log_signer = ring.create_log_key(serial)
    vault.create()
    keeper = _keeper(vault, ring, actor, signer, log_signer)
    with vault.lock(), vault.working():
        vault.put(log.CASE, body)
        keeper.open_case(
            case=said.id,
            case_sha256=hashlib.sha256(body).hexdigest(),
            origin=f"evidence-kit/{said.id}/{serial}",
            at=at,
        )
    return keeper


def read_description(vault: LocalVault) -> dict[str, object]:
    """Return `case.json`; EmptyError where there is no case."""
    if vault.stat(log.CASE) is None:
        raise EmptyError(f"`{vault.root}` is not a case", hint="open one with `evidence-kit init`")
    with vault.open(log.CASE) as stream:
        data = stream.read(strict.MAX_DOCUMENT + 1)
    try:
        return strict.decode(data)
    except SignatureError as error:
        raise SignatureError(f"`{log.CASE}`: {error.message}") from error


def keeper_of(vault: LocalVault, ring: KeyRing, key: str | None, *, keeps_log: bool = True) -> Keeper:
    """Return the keeper of an existing case; the checkpoint must be what this machine's log key signed.

    Whoever does not keep the log, such as the receiver of a hand-over, can prepare events but not write them.
    """
    document = read_description(vault)
    actor, signer = ring.open(key)
    log_signer = ring.open_log_key(strict.field(document, "uuid", str)) if keeps_log else signer
    return _keeper(vault, ring, actor, signer, log_signer)


def _keeper(vault: LocalVault, ring: KeyRing, actor: str, signer: Signer, log_signer: Signer) -> Keeper:
    certificate = ring.certificate(actor)
    return Keeper(vault=vault, signer=signer, actor=actor, log_signer=log_signer, tool=TOOL, certificate=certificate)


def require_sound_log(keeper: Keeper, *, at: datetime) -> log.State:
    """Return the state of the log after mending what a crash left; a log under another key is refused."""
    keeper.repair(at=at)
    state = keeper.state()
    if state.log_key is None or state.log_key.keyid != keeper.log_signer.keyid:
        raise AccessError(
            "the custody log belongs to another log key",
            hint=f"custody is with {state.custody.holder.name[:80]!a}; continue on the machine where it was accepted",
        )
    forget_leftovers(keeper.vault, state)
    return state


def forget_leftovers(vault: Vault, state: log.State) -> None:
    """Remove what a crash left half written outside of any bag: an answer or derived data, on which nothing rests.

    While a bag is unsealed the same files may be evidence, which recovery sets aside.
    """
    if isinstance(vault, LocalVault) and all(known.seal_sha256 for known in state.acquisitions.values()):
        for path in vault.leftovers():
            vault.forget(path)


def add_note(vault: LocalVault, keeper: Keeper, text: str, *, at: datetime) -> int:
    """Add a signed note; return its place in the log."""
    if not text.strip():
        raise UsageError("an empty note says nothing")
    subject = statement.Subject("note", hashlib.sha256(text.encode()).hexdigest())
    with vault.lock(), vault.working():
        require_sound_log(keeper, at=at)
        return keeper.append(log.NOTE, at=at, subjects=[subject], fields={"note": text}).tree.size - 1
