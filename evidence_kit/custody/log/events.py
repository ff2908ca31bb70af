"""One event of the custody log, decoded."""

from dataclasses import dataclass
from datetime import datetime

from evidence_kit.custody import dsse, statement, strict
from evidence_kit.custody.log.kinds import ROLES
from evidence_kit.custody.merkle import leaf_hash
from evidence_kit.errors import ChainError, SignatureError
from evidence_kit.model.time import is_rfc3339, parse_instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the log, decoded; `envelope` still has to be held against a trusted key."""

    seq: int
    type: str
    at: datetime
    envelope: dsse.Envelope
    said: statement.Statement
    leaf: str  # RFC 6962 leaf hash of the line, in hex: how later events name this one
    actor: str
    certificate: bytes | None = None  # DER, where the actor's key is vouched for by an authority

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles of which the signer needs one."""
        return ROLES.get(self.type, ("custodian",))


def parse_event(line: bytes, number: int) -> Event:
    """Read one line of the log, given without its line feed."""
    envelope = dsse.parse_line(line)
    said = statement.parse(envelope.payload, expected=statement.CUSTODY_EVENT)
    if strict.field(said.predicate, "seq", int) != number:
        raise ChainError(f"event {said.predicate['seq']} stands at place {number}")
    actor = strict.field(said.predicate, "actor", dict)
    if strict.field(actor, "keyid", str) != envelope.keyid:
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
        leaf=leaf_hash(line).hex(),
        actor=strict.field(actor, "name", str),
        certificate=strict.from_base64(strict.field(actor, "certificate", str)) if "certificate" in actor else None,
    )
