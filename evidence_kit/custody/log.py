"""The custody log: one signed event a line, each sealing all lines before it, and a signed checkpoint."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from evidence_kit.custody import checkpoint, dsse, names, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.ledger import raw_lines
from evidence_kit.custody.merkle import Frontier
from evidence_kit.errors import ChainError, EvidenceKitError, MissingError, SignatureError, UsageError
from evidence_kit.model.ports import Signer, Vault
from evidence_kit.model.time import is_rfc3339, parse_instant, rfc3339

CASE = "case.json"
LOG = "custody/log.jsonl"
CHECKPOINT = "custody/checkpoint"
OPENED = "case.opened"
STARTED, RESUMED, SEALED = (f"acquisition.{step}" for step in ("started", "resumed", "sealed"))
NOTE = "note"
REPAIRED = "log.repaired"
# Who may say what; anyone trusted may add a note.
_COLLECTOR = ("collector",)
_ANYONE = ("collector", "custodian", "approver")
ROLES: Mapping[str, tuple[str, ...]] = {
    OPENED: ("collector", "custodian"),
    STARTED: _COLLECTOR,
    RESUMED: _COLLECTOR,
    SEALED: _COLLECTOR,
    NOTE: _ANYONE,
    REPAIRED: ("collector", "custodian"),
}
# Half of what a reader accepts: a torn line, kept in base64 within an event, has to fit again.
MAX_EVENT = strict.MAX_DOCUMENT // 2
Report = Callable[[EvidenceKitError, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the log, decoded; `envelope` still has to be held against a trusted key."""

    seq: int
    type: str
    at: datetime
    envelope: dsse.Envelope
    said: statement.Statement

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles of which the signer needs one."""
        return ROLES.get(self.type, ("custodian",))


@dataclass(slots=True, kw_only=True)
class Acquisition:
    """What the log says of one acquisition."""

    id: str
    bag: str
    keys: dict[str, PublicKey] = field(default_factory=dict)
    seal_sha256: str | None = None


@dataclass(slots=True)
class State:
    """Where the log stands after its last readable line."""

    tree: Frontier = field(default_factory=Frontier)
    case: str = ""
    case_sha256: str = ""
    origin: str = ""
    log_key: PublicKey | None = None
    last_at: datetime | None = None
    acquisitions: dict[str, Acquisition] = field(default_factory=dict)
    behind: tuple[int, bytes] = (0, Frontier().root())  # size and root before the last line
    torn: bytes = b""
    whole: int = 0  # bytes up to the end of the last whole line

    def apply(self, event: Event) -> None:
        """Take in what `event` says; ChainError where it contradicts what stands."""
        if (event.seq == 0) != (event.type == OPENED):
            raise ChainError(f"event {event.seq} is {event.type[:40]!a}; a log opens with `{OPENED}`, once")
        if event.type == OPENED:
            self._open(event)
        elif strict.field(event.said.predicate, "case", str) != self.case:
            raise ChainError(f"event {event.seq} belongs to another case")
        if self.last_at and event.at < self.last_at:
            raise ChainError(f"event {event.seq} is dated before the event that it follows")
        self.last_at = event.at
        if event.type in {STARTED, RESUMED, SEALED}:
            self._acquisition(event)

    def _open(self, event: Event) -> None:
        said = event.said.predicate
        self.case = strict.field(said, "case", str)
        self.case_sha256 = event.said.subject(CASE).sha256
        log_key = strict.field(said, "logKey", dict)
        self.origin = strict.field(log_key, "origin", str)
        self.log_key = PublicKey.from_text(strict.field(log_key, "publicKey", str))

    def _acquisition(self, event: Event) -> None:
        said = strict.field(event.said.predicate, "acquisition", dict)
        name = strict.field(said, "id", str)
        if not names.is_safe(name) or "/" in name:
            raise ChainError(f"event {event.seq}: {name[:80]!a} cannot be the name of an acquisition")
        if event.type == STARTED:
            if name in self.acquisitions:
                raise ChainError(f"event {event.seq} starts acquisition {name!a} a second time")
            self.acquisitions[name] = Acquisition(id=name, bag=f"bags/{name}")
        known = self.acquisitions.get(name)
        if known is None or known.seal_sha256:
            raise ChainError(f"event {event.seq}: acquisition {name!a} is not open")
        if event.type in {STARTED, RESUMED}:
            key = PublicKey.from_text(strict.field(said, "publicKey", str))
            known.keys[key.keyid] = key
        else:
            known.seal_sha256 = event.said.subject(f"{known.bag}/seal/seal.sigstore.json").sha256


def scan(stream: BinaryIO, *, report: Report, seen: Callable[[Event], None] | None = None) -> State:
    """Read a whole log; `report(error, where)` gets every structural defect, `seen` every readable event.

    Signatures and roles are the caller's to judge, for only a trust policy knows the keys.
    """
    state = State()
    for number, (line, whole) in enumerate(raw_lines(stream, limit=strict.MAX_DOCUMENT)):
        where = f"{LOG}:{number + 1}"
        if not whole:
            state.torn = line
            report(ChainError(f"the last line is torn after {len(line):,} bytes: writing was interrupted"), where)
            break
        try:
            event = parse_event(line, number)
            _require_head(event, state.tree)
            state.apply(event)
            if seen:
                seen(event)
        except EvidenceKitError as error:
            report(error, where)
        state.behind = (state.tree.size, state.tree.root())
        state.tree.add(line)
        state.whole += len(line) + 1
    return state


def parse_event(line: bytes, number: int) -> Event:
    """Read one line of the log, given without its line feed."""
    envelope = dsse.parse_line(line)
    said = statement.parse(envelope.payload, expected=statement.CUSTODY_EVENT)
    if strict.field(said.predicate, "seq", int) != number:
        raise ChainError(f"event {said.predicate['seq']} stands at place {number}")
    if strict.field(strict.field(said.predicate, "actor", dict), "keyid", str) != envelope.keyid:
        raise SignatureError(f"event {number} names an actor whose key did not sign it")
    at = strict.field(said.predicate, "at", str)
    if not is_rfc3339(at):
        raise ChainError(f"event {number} is dated {at[:40]!a}, which is not a time")
    return Event(
        seq=number,
        type=strict.field(said.predicate, "type", str),
        at=parse_instant(at),
        envelope=envelope,
        said=said,
    )


def _require_head(event: Event, tree: Frontier) -> None:
    head = strict.field(event.said.predicate, "log", dict)
    if strict.field(head, "size", int) != tree.size or strict.field(head, "root", str) != tree.root().hex():
        raise ChainError(f"event {event.seq} was signed over other lines than those before it")


def require_checkpoint(note: bytes, state: State, *, covers: tuple[int, bytes] | None = None) -> None:
    """Raise unless the log's own key signed `note`, and signed it over `covers`, by default all that is there."""
    if state.log_key is None:
        raise ChainError("the log names no key for its checkpoint")
    size, root = covers or (state.tree.size, state.tree.root())
    head = checkpoint.verify(note, origin=state.origin, key=state.log_key)
    if head.size != size:
        raise ChainError(f"the checkpoint covers {head.size} events, the log has {size}")
    if head.root != root:
        raise ChainError("the checkpoint was signed over other lines than those in the log")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Appends to one case's log: who acts, and the log's own key."""

    vault: Vault
    signer: Signer
    actor: str
    log_signer: Signer
    tool: str

    def state(self) -> State:
        """Read the log; any defect stops here, for nothing may be built on a broken log."""

        def stop(error: EvidenceKitError, where: str) -> None:
            raise ChainError(f"{where}: {error.message}", hint="`evidence-kit verify` lists all defects") from error

        with self.vault.open(LOG) as stream:
            return scan(stream, report=stop)

    def open_case(self, *, case: str, case_sha256: str, origin: str, at: datetime) -> None:
        """Write the first event, which endorses the log's own key."""
        if self.log_signer.keyid == self.signer.keyid:
            raise SignatureError("the log needs a key of its own")
        fields = {
            "logKey": {
                "origin": origin,
                "keyid": self.log_signer.keyid,
                "publicKey": self.log_signer.public_key_pem.decode(),
            }
        }
        opened = State(case=case, origin=origin)
        self._write(opened, OPENED, at, [statement.Subject(CASE, case_sha256)], fields)

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
        if state.last_at and at < state.last_at:
            at = state.last_at  # a clock that was set back must not make the log contradict itself
        self._write(state, kind, at, subjects, fields)
        return state

    def _write(
        self,
        state: State,
        kind: str,
        at: datetime,
        subjects: Sequence[statement.Subject],
        fields: Mapping[str, object],
    ) -> None:
        predicate = {
            "case": state.case,
            "seq": state.tree.size,
            "type": kind,
            "at": rfc3339(at),
            "actor": {"name": self.actor, "keyid": self.signer.keyid},
            "tool": self.tool,
            "log": {"size": state.tree.size, "root": state.tree.root().hex()},
            **fields,
        }
        payload = statement.build(statement.CUSTODY_EVENT, subjects, predicate)
        line = dsse.sign_line(payload, self.signer)
        if len(line) > MAX_EVENT:
            raise UsageError(
                f"an event of {len(line):,} bytes is larger than the {MAX_EVENT:,} a log line may have",
                hint="a note: put the text into a file; a collection: divide the inventory",
            )
        # What this log would not accept when it is read again must not be written into it.
        state.apply(parse_event(line, state.tree.size))
        self.vault.append(LOG, line + b"\n")
        state.tree.add(line)
        self.renew_checkpoint(state)

    def renew_checkpoint(self, state: State) -> None:
        """Sign the log as it stands."""
        head = checkpoint.Checkpoint(state.origin, state.tree.size, state.tree.root())
        self.vault.publish(CHECKPOINT, [checkpoint.sign(head, self.log_signer)])

    def repair(self, *, at: datetime) -> bool:
        """Mend what a crash between two writes left: a torn last line, a checkpoint one event behind.

        The torn bytes go into the log as an event of their own. Return whether anything was mended.
        """
        found: list[EvidenceKitError] = []
        with self.vault.open(LOG) as stream:
            state = scan(stream, report=lambda error, _: found.append(error))
        if len(found) > bool(state.torn):
            raise ChainError(f"the custody log is broken: {found[0].message}", hint="`evidence-kit verify` says more")
        behind = self._is_behind(state)
        if state.torn:
            tail = self.vault.cut(LOG, state.whole)
            fields = {"torn": {"bytes": len(tail), "base64": strict.to_base64(tail)}}
            subject = statement.Subject("torn", hashlib.sha256(tail).hexdigest())
            self._write(state, REPAIRED, max(at, state.last_at or at), [subject], fields)
            return True
        if behind:
            self.renew_checkpoint(state)
        return behind

    def _is_behind(self, state: State) -> bool:
        """Say whether the checkpoint is one event behind; ChainError if the log is not what it was signed over.

        Signing a log that was cut short would make the cut look like history.
        """
        try:
            with self.vault.open(CHECKPOINT) as stream:
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
