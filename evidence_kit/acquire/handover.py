"""Handing a case over: offered by the custodian, accepted or rejected by the receiver, each signed by its author."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from evidence_kit.acquire.case import keeper_of, read_description, require_sound_log
from evidence_kit.custody import checkpoint, log, statement, strict
from evidence_kit.custody.log import Offer, Person, State
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.errors import EmptyError, SignatureError, UsageError
from evidence_kit.model.check import Report
from evidence_kit.signers.file import KeySigner
from evidence_kit.signers.keyring import KeyRing
from evidence_kit.vaults.local import LocalVault

API_VERSION = "evidence-kit/prepared-event.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a hand-over is about: whereto, why, on what, in which state."""

    purpose: str
    medium: str = ""
    condition: str = ""
    location: str = ""


def offer(vault: LocalVault, ring: KeyRing, key: str | None, *, to: Person, terms: Terms, at: datetime) -> int:
    """Offer the case to `to`; return the event. Everything in it must be sealed."""
    keeper = keeper_of(vault, ring, key)
    with vault.lock(), vault.working():
        state = require_sound_log(keeper, at=at)
        if unsealed := [known.id for known in state.acquisitions.values() if known.seal_sha256 is None]:
            raise UsageError(
                f"acquisition {unsealed[0]} is not sealed", hint="`evidence-kit resume` seals it; then hand over"
            )
        items = [{"bag": known.bag, "seal": known.seal_sha256} for known in state.acquisitions.values()]
        transfer = {"to": {"name": to.name, "keyid": to.keyid}, **_terms(terms), "items": items}
        state = keeper.append(log.OFFERED, at=at, subjects=[subject_of(state)], fields={"transfer": transfer})
        ring.remember(state.origin, _note(vault))
        return state.tree.size - 1


def withdraw(vault: LocalVault, ring: KeyRing, key: str | None, *, reason: str, at: datetime) -> int:
    """Take the open offer back; return the event."""
    keeper = keeper_of(vault, ring, key)
    with vault.lock(), vault.working():
        state = require_sound_log(keeper, at=at)
        fields = {"transfer": {"offer": _named(_open_offer(state))}, "reason": reason}
        return keeper.append(log.WITHDRAWN, at=at, subjects=[subject_of(state)], fields=fields).tree.size - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """How an acceptance went: the verification it rests on, and what the giver is to be sent."""

    seq: int | None  # None: it did not verify, and nothing was written
    report: Report
    receipt: bytes = b""


def accept(
    vault: LocalVault,
    ring: KeyRing,
    key: str | None,
    *,
    trust: Trust,
    terms: Terms,
    last: bytes | None,
    despite: str = "",
    at: datetime,
) -> Accepted:
    """Take the case over after checking all of it; with `despite`, a reason, even if it does not verify.

    The log is held against the checkpoint that the receiver last saw, given or remembered. From here on the
    receiver's own log key signs the checkpoints, and this one is cosigned with the receiver's witness key.
    """
    keeper = keeper_of(vault, ring, key, keeps_log=False)
    keeper = replace(keeper, witness=ring.witness(keeper.actor))
    with vault.lock():
        with vault.working():
            pass  # an acceptance that was interrupted leaves the working folder, which is no defect of the case
        state = keeper.state()
        pending = _offer_to(state, keeper.signer.keyid)
        last = last or ring.remembered(state.origin)
        report = _examined(vault, trust, last)
        if not report.authentic and not despite:
            return Accepted(seq=None, report=report)
        received = {
            "sealState": "intact" if report.authentic else "broken",
            **result(report),
            **({"despite": despite} if not report.authentic else {}),
            "checkedFrom": checkpoint.parse(last)[0].size if last else None,
            **_terms(terms),
        }
        keeper = replace(keeper, log_signer=_log_key(vault, ring))
        fields = {"transfer": {"offer": _named(pending)}, "received": received, **keeper.pen(state.origin)}
        with vault.working():
            after = keeper.append(log.ACCEPTED, at=at, subjects=[subject_of(state)], fields=fields)
        note = _note(vault)
        ring.remember(state.origin, note)
        return Accepted(seq=after.tree.size - 1, report=report, receipt=prepared(_last_line(vault), note))


def reject(
    vault: LocalVault, ring: KeyRing, key: str | None, *, trust: Trust, reason: str, last: bytes | None, at: datetime
) -> tuple[bytes, Report]:
    """Return the signed rejection of the open offer, for the giver to record; nothing is written here."""
    keeper = keeper_of(vault, ring, key, keeps_log=False)
    state = keeper.state()
    pending = _offer_to(state, keeper.signer.keyid)
    report = _examined(vault, trust, last or ring.remembered(state.origin))
    fields = {"transfer": {"offer": _named(pending)}, "reason": reason, "found": result(report)}
    line = keeper.prepare(log.REJECTED, at=at, subjects=[subject_of(state)], fields=fields)
    return prepared(line), report


def record(vault: LocalVault, ring: KeyRing, key: str | None, *, document: bytes, trust: Trust, at: datetime) -> int:
    """Write an event down that somebody else has signed: a rejection, an approval, the receipt of a hand-over."""
    line, note = _read_prepared(document)
    keeper = keeper_of(vault, ring, key)
    with vault.lock(), vault.working():
        state = require_sound_log(keeper, at=at)
        event = log.parse_event(line, state.tree.size)
        event.envelope.verify_among(lambda keyid: trust.identity(keyid, event.certificate))
        after = keeper.record(line, note)
        ring.remember(after.origin, _note(vault))
        return after.tree.size - 1


def _terms(terms: Terms) -> Mapping[str, object]:
    said = {
        "purpose": terms.purpose,
        "medium": terms.medium,
        "condition": terms.condition,
        "location": terms.location,
    }
    return {name: value for name, value in said.items() if value}


def subject_of(state: State) -> statement.Subject:
    """Return what every event about the whole case is about; the log's root in the event covers the rest."""
    return statement.Subject(log.CASE, state.case_sha256)


def _open_offer(state: State) -> Offer:
    if state.custody.offer is None:
        raise EmptyError("no hand-over is on offer", hint="the custodian runs `evidence-kit custody transfer` first")
    return state.custody.offer


def _offer_to(state: State, keyid: str) -> Offer:
    pending = _open_offer(state)
    if pending.to.keyid != keyid:
        raise UsageError(
            f"the case is offered to {pending.to.name[:80]!a} (key {pending.to.keyid[:12]}), not to key {keyid[:12]}",
            hint="choose that key with `--key`, or have the custodian withdraw the offer and offer anew",
        )
    return pending


def _named(pending: Offer) -> Mapping[str, object]:
    return {"seq": pending.seq, "leaf": pending.leaf}


def result(report: Report) -> Mapping[str, object]:
    """Return what an event tells of a verification."""
    return {
        "verdict": report.exit().name,
        "checks": {check.id: check.status.value for check in report.checks},
        "defects": len(report.defects),
    }


def examine(
    vault: LocalVault, ring: KeyRing, key: str | None, *, trust: Trust, last: bytes | None, at: datetime
) -> tuple[int, Report]:
    """Verify everything and write down what came of it, good or bad; return the event and the report."""
    keeper = keeper_of(vault, ring, key)
    with vault.lock():
        report = _examined(vault, trust, last)
        with vault.working():
            state = require_sound_log(keeper, at=at)
            said = {**result(report), "checkedFrom": checkpoint.parse(last)[0].size if last else None}
            after = keeper.append(log.VERIFIED, at=at, subjects=[subject_of(state)], fields={"verification": said})
        return after.tree.size - 1, report


def _examined(vault: LocalVault, trust: Trust, last: bytes | None) -> Report:
    options = Options(each_signature=True, last_checkpoint=last)
    return verify_case(vault, name=str(vault.root), trust=trust, options=options)


def _log_key(vault: LocalVault, ring: KeyRing) -> KeySigner:
    """Return the receiver's own key for this log, which may be there from an earlier time in custody."""
    serial = strict.field(read_description(vault), "uuid", str)
    return ring.open_log_key(serial) if ring.has_log_key(serial) else ring.create_log_key(serial)


def _note(vault: LocalVault) -> bytes:
    with vault.open(log.CHECKPOINT) as stream:
        return stream.read(checkpoint.MAX_CHECKPOINT + 1)


def _last_line(vault: LocalVault) -> bytes:
    entry = vault.stat(log.LOG)
    with vault.open(log.LOG) as stream:
        stream.seek(max(0, (entry.size if entry else 0) - log.MAX_EVENT - 1))
        return stream.read().removesuffix(b"\n").rpartition(b"\n")[2]


def prepared(line: bytes, note: bytes | None = None) -> bytes:
    """Return the file in which an event travels to whoever keeps the log."""
    document = {"apiVersion": API_VERSION, "event": line.decode()}
    return strict.encode(document | ({"checkpoint": note.decode()} if note else {})) + b"\n"


def _read_prepared(data: bytes) -> tuple[bytes, bytes | None]:
    try:
        document = strict.decode(data)
        version = strict.field(document, "apiVersion", str)
        line = strict.field(document, "event", str).encode()
        note = strict.field(document, "checkpoint", str).encode() if "checkpoint" in document else None
    except SignatureError as error:
        raise UsageError(f"this is not a prepared event: {error.message}") from error
    if version != API_VERSION:
        raise UsageError(f"this is not a prepared event: expected `{API_VERSION}`")
    return line, note
