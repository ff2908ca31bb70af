"""Where a custody log stands: read line by line, each held against all that came before."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from evidence_kit.custody import bag, checkpoint, names, strict
from evidence_kit.custody.checkpoint import Witness
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.ledger import is_torn, raw_lines
from evidence_kit.custody.log import kinds
from evidence_kit.custody.log.events import Event, parse_event
from evidence_kit.custody.log.handover import Custody
from evidence_kit.custody.merkle import Frontier
from evidence_kit.errors import ChainError, EvidenceKitError

Report = Callable[[EvidenceKitError, str], None]


@dataclass(slots=True, kw_only=True)
class Acquisition:
    """What the log says of one acquisition."""

    id: str
    bag: str
    keys: dict[str, PublicKey] = field(default_factory=dict)
    seal_sha256: str | None = None
    countersigned: dict[str, str] = field(default_factory=dict)  # path → SHA-256


@dataclass(slots=True)
class State:
    """Where the log stands after its last readable line."""

    tree: Frontier = field(default_factory=Frontier)
    case: str = ""
    case_sha256: str = ""
    origin: str = ""
    log_keys: list[tuple[int, PublicKey]] = field(default_factory=list)  # by the event that named each
    witnesses: dict[str, Witness] = field(default_factory=dict)
    custody: Custody = field(default_factory=Custody)
    last_at: datetime | None = None
    acquisitions: dict[str, Acquisition] = field(default_factory=dict)
    behind: tuple[int, bytes] = (0, Frontier().root())  # size and root before the last line
    torn: bytes = b""
    whole: int = 0  # bytes up to the end of the last whole line

    @property
    def log_key(self) -> PublicKey | None:
        """Return the key that signs the checkpoint over all that is there."""
        return self.log_keys[-1][1] if self.log_keys else None

    def log_key_at(self, size: int) -> PublicKey | None:
        """Return the key that signed the checkpoint when the log had `size` events."""
        known = [key for seq, key in self.log_keys if seq < size]
        return known[-1] if known else None

    def apply(self, event: Event) -> None:
        """Take in what `event` says; ChainError where it contradicts what stands."""
        if (event.seq == 0) != (event.type == kinds.OPENED):
            raise ChainError(f"event {event.seq} is {event.type[:40]!a}; a log opens with `{kinds.OPENED}`, once")
        if event.type == kinds.OPENED:
            self._open(event)
        elif strict.field(event.said.predicate, "case", str) != self.case:
            raise ChainError(f"event {event.seq} belongs to another case")
        if self.last_at and event.at < self.last_at:
            raise ChainError(f"event {event.seq} is dated before the event that it follows")
        self.last_at = event.at
        self.custody.apply(event)
        if event.type in {kinds.STARTED, kinds.RESUMED, kinds.SEALED}:
            self._acquisition(event)
        if event.type == kinds.COUNTERSIGNED:
            self._countersigned(event)
        if event.type in {kinds.OPENED, kinds.ACCEPTED}:
            self._take_pen(event)
        if "witness" in event.said.predicate:
            self._add_witness(event)

    def require_head(self, event: Event) -> None:
        """Raise ChainError unless `event` was signed over exactly the lines before it."""
        head = strict.field(event.said.predicate, "log", dict)
        if (strict.field(head, "size", int), strict.field(head, "root", str)) != (
            self.tree.size,
            self.tree.root().hex(),
        ):
            raise ChainError(f"event {event.seq} was signed over other lines than those before it")

    def _open(self, event: Event) -> None:
        said = event.said.predicate
        self.case = strict.field(said, "case", str)
        self.case_sha256 = event.said.subject(kinds.CASE).sha256
        self.origin = strict.field(strict.field(said, "logKey", dict), "origin", str)

    def _take_pen(self, event: Event) -> None:
        """Note the log key of whoever opened the case or accepted it; from here on it signs the checkpoints."""
        said = strict.field(event.said.predicate, "logKey", dict)
        if strict.field(said, "origin", str) != self.origin:
            raise ChainError(f"event {event.seq} names a log key for another log")
        self.log_keys.append((event.seq, PublicKey.from_text(strict.field(said, "publicKey", str))))

    def _add_witness(self, event: Event) -> None:
        said = strict.field(event.said.predicate, "witness", dict)
        key = PublicKey.from_text(strict.field(said, "publicKey", str))
        self.witnesses[key.keyid] = Witness(name=strict.field(said, "name", str), key=key)

    def _acquisition(self, event: Event) -> None:
        said = strict.field(event.said.predicate, "acquisition", dict)
        name = strict.field(said, "id", str)
        if not names.is_safe(name) or "/" in name:
            raise ChainError(f"event {event.seq}: {name[:80]!a} cannot be the name of an acquisition")
        if event.type == kinds.STARTED:
            if name in self.acquisitions:
                raise ChainError(f"event {event.seq} starts acquisition {name!a} a second time")
            self.acquisitions[name] = Acquisition(id=name, bag=f"bags/{name}")
        known = self.acquisitions.get(name)
        if known is None or known.seal_sha256:
            raise ChainError(f"event {event.seq}: acquisition {name!a} is not open")
        if event.type in {kinds.STARTED, kinds.RESUMED}:
            key = PublicKey.from_text(strict.field(said, "publicKey", str))
            known.keys[key.keyid] = key
        else:
            known.seal_sha256 = event.said.subject(f"{known.bag}/seal/seal.sigstore.json").sha256

    def _countersigned(self, event: Event) -> None:
        said = strict.field(event.said.predicate, "countersignature", dict)
        known = self.acquisitions.get(strict.field(said, "acquisition", str))
        if known is None or known.seal_sha256 is None:
            raise ChainError(f"event {event.seq} countersigns what was not sealed")
        keyid = strict.field(said, "keyid", str)
        if not names.is_safe(keyid) or "/" in keyid:
            raise ChainError(f"event {event.seq}: {keyid[:80]!a} cannot be the id of a key")
        path = f"{known.bag}/{bag.SEAL_FOLDER}/{keyid}.sigstore.json"
        known.countersigned[path] = event.said.subject(path).sha256


def scan(stream: BinaryIO, *, report: Report, seen: Callable[[Event], None] | None = None) -> State:
    """Read a whole log; `report(error, where)` gets every structural defect, `seen` every readable event.

    Signatures and roles are the caller's to judge, for only a trust policy knows the keys.
    """
    state = State()
    for number, (line, whole) in enumerate(raw_lines(stream, limit=strict.MAX_DOCUMENT)):
        where = f"{kinds.LOG}:{number + 1}"
        if is_torn(line, is_whole=whole):
            state.torn = line
            report(ChainError(f"the last line is torn after {len(line):,} bytes: writing was interrupted"), where)
            break
        try:
            event = parse_event(line, number)
            state.require_head(event)
            state.apply(event)
            if seen:
                seen(event)
        except EvidenceKitError as error:
            report(error, where)
        state.behind = (state.tree.size, state.tree.root())
        state.tree.add(line)
        state.whole += len(line) + 1
    return state


def require_checkpoint(note: bytes, state: State, *, covers: tuple[int, bytes] | None = None) -> None:
    """Raise unless the log's own key signed `note`, and signed it over `covers`, by default all that is there."""
    size, root = covers or (state.tree.size, state.tree.root())
    key = state.log_key_at(size)
    if key is None:
        raise ChainError("the log names no key for its checkpoint")
    head = checkpoint.verify(note, origin=state.origin, key=key, witnesses=tuple(state.witnesses.values())).head
    if head.size != size:
        raise ChainError(f"the checkpoint covers {head.size} events, the log has {size}")
    if head.root != root:
        raise ChainError("the checkpoint was signed over other lines than those in the log")
