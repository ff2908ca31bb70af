"""Who has custody: offers, acceptances, rejections, holds and disposal, as the log tells them.

A hand-over is two signed events, and the pen passes with the evidence: whoever accepts names the log key that signs
the checkpoints from then on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evidence_kit.custody import strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.log import kinds
from evidence_kit.custody.log.events import Event
from evidence_kit.errors import ChainError, SignatureError

WHOLE_CASE = "case"
_ROTATION = "evidence-kit key rotation\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone by name and key."""

    name: str
    keyid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An open hand-over: which event offered it, and to whom."""

    seq: int
    leaf: str
    to: Person


@dataclass(slots=True)
class Custody:
    """Who holds the evidence after the last event, and what is pending."""

    holder: Person = Person(name="", keyid="")
    offer: Offer | None = None
    holds: dict[str, str] = field(default_factory=dict)  # hold id → its reason
    disposed: dict[str, int] = field(default_factory=dict)  # bag folder or `case` → the event
    approved: dict[str, dict[str, str]] = field(default_factory=dict)  # action → key and name of who agreed since
    rejected: list[int] = field(default_factory=list)
    overridden: dict[int, str] = field(default_factory=dict)  # event → why an agreement was set aside
    broken: list[int] = field(default_factory=list)  # acceptances that found defects and say so

    def apply(self, event: Event) -> None:
        """Take in what `event` says; ChainError where it cannot follow what stands."""
        said = event.said.predicate
        if event.type == kinds.OPENED:
            self.holder = Person(name=event.actor, keyid=event.envelope.keyid)
        elif event.type in {kinds.STARTED, kinds.RESUMED} and self.offer:
            raise ChainError(f"event {event.seq} collects while the case is on offer to {self.offer.to.name!a}")
        elif event.type == kinds.OFFERED:
            self._offer(event, strict.field(said, "transfer", dict))
        elif event.type in {kinds.ACCEPTED, kinds.REJECTED}:
            self._answer(event, said)
        elif event.type == kinds.WITHDRAWN:
            self._require_offer(event, strict.field(said, "transfer", dict))
            self._require_holder(event)
            self.offer = None
        elif event.type == kinds.ROTATED:
            self._rotate(event, strict.field(said, "newKey", dict))
        else:
            self._keep(event, said)

    def _offer(self, event: Event, transfer: Mapping[str, object]) -> None:
        self._require_holder(event)
        if self.offer:
            raise ChainError(f"event {event.seq} offers what event {self.offer.seq} has offered already")
        if self.disposed.get(WHOLE_CASE) is not None:
            raise ChainError(f"event {event.seq} offers a case that was disposed of")
        to = strict.field(transfer, "to", dict)
        person = Person(name=strict.field(to, "name", str), keyid=strict.field(to, "keyid", str))
        if person.keyid == self.holder.keyid:
            raise ChainError(f"event {event.seq} offers the case to whoever holds it")
        self.offer = Offer(seq=event.seq, leaf=event.leaf, to=person)

    def _answer(self, event: Event, said: Mapping[str, object]) -> None:
        offer = self._require_offer(event, strict.field(said, "transfer", dict))
        if event.envelope.keyid != offer.to.keyid:
            raise ChainError(f"event {event.seq} answers an offer that was made to {offer.to.name!a}")
        if event.type == kinds.REJECTED:
            self.rejected.append(event.seq)
        else:
            received = strict.field(said, "received", dict)
            if strict.field(received, "sealState", str) != "intact":
                self.broken.append(event.seq)
            self.holder = Person(name=event.actor, keyid=event.envelope.keyid)
        self.offer = None

    def _require_offer(self, event: Event, transfer: Mapping[str, object]) -> Offer:
        if self.offer is None:
            raise ChainError(f"event {event.seq} answers an offer, and none is open")
        named = strict.field(transfer, "offer", dict)
        if (strict.field(named, "seq", int), strict.field(named, "leaf", str)) != (self.offer.seq, self.offer.leaf):
            raise ChainError(f"event {event.seq} answers another offer than the open one, event {self.offer.seq}")
        return self.offer

    def _require_holder(self, event: Event) -> None:
        if event.envelope.keyid != self.holder.keyid:
            raise ChainError(f"event {event.seq} is not by the custodian, who is {self.holder.name!a}")

    def _rotate(self, event: Event, said: Mapping[str, object]) -> None:
        """Take over a new key that both the old one, which signs the event, and the new one have signed."""
        new = PublicKey.from_text(strict.field(said, "publicKey", str))
        if strict.field(said, "keyid", str) != new.keyid:
            raise SignatureError(f"event {event.seq} names a new key by the wrong id")
        case = strict.field(event.said.predicate, "case", str)
        proof = strict.from_base64(strict.field(said, "proof", str))
        new.verify(rotation(case, event.envelope.keyid, new.keyid), proof)
        if self.holder.keyid == event.envelope.keyid:
            self.holder = Person(name=self.holder.name, keyid=new.keyid)

    def _keep(self, event: Event, said: Mapping[str, object]) -> None:
        if event.type == kinds.HELD:
            hold = strict.field(said, "hold", dict)
            name = strict.field(hold, "id", str)
            if name in self.holds:
                raise ChainError(f"event {event.seq} places hold {name[:80]!a} a second time")
            self.holds[name] = strict.field(hold, "reason", str)
        elif event.type == kinds.RELEASED:
            name = strict.field(strict.field(said, "hold", dict), "id", str)
            if self.holds.pop(name, None) is None:
                raise ChainError(f"event {event.seq} releases hold {name[:80]!a}, which does not stand")
        elif event.type == kinds.DISPOSED:
            if self.holds:
                raise ChainError(f"event {event.seq} disposes of evidence under hold {min(self.holds)[:80]!a}")
            scope = strict.field(strict.field(said, "disposal", dict), "scope", str)
            self.disposed.setdefault(scope, event.seq)
        elif event.type == kinds.APPROVED:
            action = strict.field(strict.field(said, "approval", dict), "action", str)
            self.approved.setdefault(action, {})[event.envelope.keyid] = event.actor
        elif event.type == kinds.OVERRIDDEN:
            self.approved.pop(kinds.ACTIONS[event.type], None)
            override = strict.field(said, "override", dict)
            self.overridden[event.seq] = strict.field(override, "reason", str)


def rotation(case: str, old: str, new: str) -> bytes:
    """Return what the new key signs to show that whoever rotates holds it."""
    return f"{_ROTATION}{case}\n{old}\n{new}\n".encode()
