"""Opening a case, and the keeper with whom everything is later written into its log."""

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from evidence_kit.acquire.environment import TOOL
from evidence_kit.custody import log, statement, strict
from evidence_kit.custody.log import Keeper
from evidence_kit.errors import AccessError, EmptyError, SignatureError, UsageError
from evidence_kit.model.time import rfc3339
from evidence_kit.signers.keyring import KeyRing
from evidence_kit.vaults.local import LocalVault, translated

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
API_VERSION = "evidence-kit/case.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a person says about a case when it is opened."""

    id: str
    title: str
    purpose: str
    authority: str
    jurisdictions: Sequence[str] = ()
    retention: str = ""


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
    log_signer = ring.create_log_key(serial)
    with translated(f"create `{vault.root}`"):
        vault.root.mkdir(parents=True, exist_ok=True)
    document = {
        "apiVersion": API_VERSION,
        "id": said.id,
        "uuid": serial,
        "title": said.title,
        "purpose": said.purpose,
        "legalAuthority": said.authority,
        "jurisdictions": list(said.jurisdictions),
        "retention": said.retention,
        "examiner": {"name": actor, "keyid": signer.keyid},
        "openedAt": rfc3339(at),
    }
    body = strict.encode(document) + b"\n"
    keeper = Keeper(vault=vault, signer=signer, actor=actor, log_signer=log_signer, tool=TOOL)
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


def keeper_of(vault: LocalVault, ring: KeyRing, key: str | None) -> Keeper:
    """Return the keeper of an existing case; the checkpoint must be what this machine's log key signed."""
    document = read_description(vault)
    actor, signer = ring.open(key)
    log_signer = ring.open_log_key(strict.field(document, "uuid", str))
    return Keeper(vault=vault, signer=signer, actor=actor, log_signer=log_signer, tool=TOOL)


def require_sound_log(keeper: Keeper, *, at: datetime) -> log.State:
    """Return the state of the log after mending what a crash left; a log under another key is refused."""
    keeper.repair(at=at)
    state = keeper.state()
    if state.log_key is None or state.log_key.keyid != keeper.log_signer.keyid:
        raise AccessError("the custody log belongs to another log key", hint="`evidence-kit verify` says more")
    return state


def add_note(vault: LocalVault, keeper: Keeper, text: str, *, at: datetime) -> int:
    """Add a signed note; return its place in the log."""
    if not text.strip():
        raise UsageError("an empty note says nothing")
    subject = statement.Subject("note", hashlib.sha256(text.encode()).hexdigest())
    with vault.lock(), vault.working():
        require_sound_log(keeper, at=at)
        return keeper.append(log.NOTE, at=at, subjects=[subject], fields={"note": text}).tree.size - 1
