"""The custody log as people read it: who did what when. Reading only; trusting it takes `verify`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evidence_kit.analysis.summaries import part, summary
from evidence_kit.custody import log
from evidence_kit.custody.log import Event, State
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event for display."""

    seq: int
    at: str
    type: str
    actor: str
    keyid: str
    summary: str
    giver: str = ""  # of the offer that this answers
    receiver: str = ""
    subjects: tuple[tuple[str, str], ...] = ()  # name, SHA-256
    fields: Mapping[str, object]


@dataclass(slots=True)
class _Reader:
    """Remembers who offered to whom, for the answers name the offer only by its number."""

    told: list[Told] = field(default_factory=list)
    offers: dict[int, tuple[str, str]] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        said = event.said.predicate
        if event.type == log.OFFERED:
            self.offers[event.seq] = (event.actor, str(part(said, "transfer", "to").get("name", "")))
        named = part(said, "transfer", "offer").get("seq")
        giver, receiver = self.offers.get(named, ("", "")) if isinstance(named, int) else ("", "")
        self.told.append(
            Told(
                seq=event.seq,
                at=rfc3339(event.at),
                type=event.type,
                actor=event.actor,
                keyid=event.envelope.keyid,
                summary=summary(event, giver, receiver),
                giver=giver,
                receiver=receiver,
                subjects=tuple((subject.name, subject.sha256) for subject in event.said.subjects),
                fields={"seq": event.seq, "at": rfc3339(event.at), "signedBy": event.envelope.keyid, **said},
            )
        )


def history(vault: Vault) -> tuple[Told, ...]:
    """Return every event; a broken line raises."""
    return read_log(vault)[0]


def read_log(vault: Vault) -> tuple[tuple[Told, ...], State]:
    """Return every event, and where the log stands after the last; a broken line raises."""
    reader = _Reader()

    def stop(error: EvidenceKitError, _: str) -> None:
        raise error

    with vault.open(log.LOG) as stream:
        state = log.scan(stream, report=stop, seen=reader)
    return tuple(reader.told), state
