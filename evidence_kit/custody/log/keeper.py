"""Writing the custody log: each event signed by whoever acts, the checkpoint by the log's own key."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from evidence_kit.custody import checkpoint, dsse, names, statement, strict
from evidence_kit.custody.log import kinds
from evidence_kit.custody.log.events import parse_event
from evidence_kit.custody.log.state import State, require_checkpoint, scan
from evidence_kit.errors import ChainError, EvidenceKitError, MissingError, SignatureError, UsageError
from evidence_kit.model.ports import Signer, Vault
from evidence_kit.model.time import rfc3339

# Half of what a reader accepts: a torn line, kept in base64 within an event, has to fit again.
MAX_EVENT = strict.MAX_DOCUMENT // 2
# What one person may sign on another machine, for the keeper of the log to write down.
PREPARED = frozenset({kinds.ACCEPTED, kinds.REJECTED, kinds.APPROVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Appends to one case's log: who acts, and the log's own key."""

    vault: Vault
    signer: Signer
    actor: str
    log_signer: Signer
    tool: str
    certificate: bytes | None = None  # DER, where an authority vouches for the signer's key
    witness: Signer | None = None  # cosigns the checkpoints after events that announce it

    def state(self) -> State:
        """Read the log; any defect stops here, for nothing may be built on a broken log."""

        def stop(error: EvidenceKitError, where: str) -> None:
            raise ChainError(f"{where}: {error.message}", hint="`evidence-kit verify` lists all defects") from error

        with self.vault.open(kinds.LOG) as stream:
            return scan(stream, report=stop)

    def open_case(self, *, case: str, case_sha256: str, origin: str, at: datetime) -> None:
        """Write the first event, which endorses the log's own key."""
        if self.log_signer.keyid == self.signer.keyid:
            raise SignatureError("the log needs a key of its own")
        opened = State(case=case, origin=origin)
        subject = statement.Subject(kinds.CASE, case_sha256)
        self._write(opened, self._signed(opened, kinds.OPENED, at, [subject], self.pen(origin)))

    def pen(self, origin: str) -> Mapping[str, object]:
        """Return the field by which an event makes this keeper's log key the one that signs the checkpoints."""
        pem = self.log_signer.public_key_pem.decode()
        return {"logKey": {"origin": origin, "keyid": self.log_signer.keyid, "publicKey": pem}}

    def append(
        self,
        kind: str,
        *,
        at: datetime,
        subjects: Sequence[statement.Subject],
        fields: Mapping[str, object],
    ) -> State:
        """Add one event and renew the checkpoint; return the state after."""
        state = self.state()
        self._is_behind(state)
        self._write(state, self._signed(state, kind, at, subjects, fields))
        return state

    def prepare(
        self,
        kind: str,
        *,
        at: datetime,
        subjects: Sequence[statement.Subject],
        fields: Mapping[str, object],
    ) -> bytes:
        """Return the next line of the log, signed, for whoever keeps the log to `record`."""
        state = self.state()
        line = self._signed(state, kind, at, subjects, fields)
        _require_fit(state, line)
        return line

    def record(self, line: bytes, note: bytes | None = None) -> State:
        """Add an event that somebody else has prepared and signed.

        An acceptance passes the pen, so it comes with the `note`, the checkpoint, that its author has signed.
        """
        state = self.state()
        self._is_behind(state)
        kind = parse_event(line, state.tree.size).type
        if kind not in PREPARED:
            raise UsageError(f"`{kind[:40]}` is not an event that one person prepares for another")
        if (kind == kinds.ACCEPTED) != (note is not None):
            raise UsageError("an acceptance, and nothing else, comes with the checkpoint that its author signed")
        if note is None:
            self._write(state, line)
            return state
        _require_fit(state, line)
        state.tree.add(line)
        require_checkpoint(note, state)
        self.vault.append(kinds.LOG, line + b"\n")
        self.vault.publish(kinds.CHECKPOINT, [note])
        self.retain(state)
        return state

    def _signed(
        self,
        state: State,
        kind: str,
        at: datetime,
        subjects: Sequence[statement.Subject],
        fields: Mapping[str, object],
    ) -> bytes:
        if state.last_at and at < state.last_at:
            at = state.last_at  # a clock that was set back must not make the log contradict itself
        actor = {"name": self.actor, "keyid": self.signer.keyid}
        if self.certificate is not None:
            actor["certificate"] = strict.to_base64(self.certificate)
        predicate = {
            "case": state.case,
            "seq": state.tree.size,
            "type": kind,
            "at": rfc3339(at),
            "actor": actor,
            "tool": self.tool,
            "log": {"size": state.tree.size, "root": state.tree.root().hex()},
            **fields,
        }
        if self.witness is not None:
            key = {"keyid": self.witness.keyid, "publicKey": self.witness.public_key_pem.decode()}
            predicate["witness"] = {"name": witness_name(self.actor), **key}
        return dsse.sign_line(statement.build(statement.CUSTODY_EVENT, subjects, predicate), self.signer)

    def _write(self, state: State, line: bytes) -> None:
        _require_fit(state, line)
        self.vault.append(kinds.LOG, line + b"\n")
        state.tree.add(line)
        self.renew_checkpoint(state)
        if self.witness is not None:
            self.retain(state)

    def renew_checkpoint(self, state: State) -> None:
        """Sign the log as it stands."""
        head = checkpoint.Checkpoint(state.origin, state.tree.size, state.tree.root())
        note = checkpoint.sign(head, self.log_signer)
        if self.witness is not None and state.last_at is not None:
            note = checkpoint.cosign(note, name=witness_name(self.actor), signer=self.witness, at=state.last_at)
        self.vault.publish(kinds.CHECKPOINT, [note])

    def retain(self, state: State) -> str:
        """Keep the checkpoint as it stands, for what is said of it later; return where."""
        path = f"{kinds.CHECKPOINTS}/{state.tree.size}"
        if self.vault.stat(path) is None:
            with self.vault.open(kinds.CHECKPOINT) as stream:
                note = stream.read(checkpoint.MAX_CHECKPOINT + 1)
            require_checkpoint(note, state)
            self.vault.commit([(self.vault.stage([note]), path)])
        return path

    def repair(self, *, at: datetime) -> bool:
        """Mend what a crash between two writes left: a torn last line, a checkpoint one event behind.

        The torn bytes go into the log as an event of their own. Return whether anything was mended.
        """
        found: list[EvidenceKitError] = []
        with self.vault.open(kinds.LOG) as stream:
            state = scan(stream, report=lambda error, _: found.append(error))
        if len(found) > bool(state.torn):
            raise ChainError(f"the custody log is broken: {found[0].message}", hint="`evidence-kit verify` says more")
        behind = self._is_behind(state)
        if state.torn:
            tail = self.vault.cut(kinds.LOG, state.whole)
            fields = {"torn": {"bytes": len(tail), "base64": strict.to_base64(tail)}}
            subject = statement.Subject("torn", hashlib.sha256(tail).hexdigest())
            self._write(state, self._signed(state, kinds.REPAIRED, at, [subject], fields))
            return True
        if behind:
            self.vault.append(kinds.LOG, b"")  # syncs it: what a killed run wrote last may not be on the disk
            self.renew_checkpoint(state)
        return behind

    def _is_behind(self, state: State) -> bool:
        """Say whether the checkpoint is one event behind; ChainError if the log is not what it was signed over.

        Signing a log that was cut short would make the cut look like history.
        """
        try:
            with self.vault.open(kinds.CHECKPOINT) as stream:
                note = stream.read(checkpoint.MAX_CHECKPOINT + 1)
        except MissingError:
            if state.tree.size == 1:
                return True  # the crash came between the first event and its checkpoint
            raise
        if checkpoint.parse(note)[0].size == state.behind[0]:
            require_checkpoint(note, state, covers=state.behind)
            return True
        require_checkpoint(note, state)
        return False


def _require_fit(state: State, line: bytes) -> None:
    """Take `line` into `state`: what this log would not accept when it is read again must not be written into it."""
    if len(line) > MAX_EVENT:
        raise UsageError(
            f"an event of {len(line):,} bytes is larger than the {MAX_EVENT:,} a log line may have",
            hint="a note: put the text into a file; a collection: divide the inventory",
        )
    event = parse_event(line, state.tree.size)
    try:
        state.require_head(event)
        state.apply(event)
    except ChainError as error:
        raise UsageError(f"the custody log does not allow this: {error.message}") from error


def witness_name(actor: str) -> str:
    """Return the name under which `actor` cosigns; a C2SP key name has neither spaces nor plus signs."""
    return names.safe_component(actor).replace("+", "_").replace("=", "_")
