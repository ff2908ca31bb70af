"""The custody log as people read it: who did what when. Reading only; trusting it takes `verify`."""

from collections.abc import Mapping
from dataclasses import dataclass

from evidence_kit.custody import log
from evidence_kit.custody.log import Event
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
    summary: str
    fields: Mapping[str, object]


def history(vault: Vault) -> tuple[Told, ...]:
    """Return every event that can be read; a broken line raises."""
    told: list[Told] = []

    def stop(error: EvidenceKitError, _: str) -> None:
        raise error

    with vault.open(log.LOG) as stream:
        log.scan(stream, report=stop, seen=lambda event: told.append(_tell(event)))
    return tuple(told)


def _tell(event: Event) -> Told:
    said = event.said.predicate
    actor = said.get("actor")
    name = str(actor.get("name", "")) if isinstance(actor, dict) else ""
    return Told(
        seq=event.seq,
        at=rfc3339(event.at),
        type=event.type,
        actor=name,
        summary=_summary(event.type, said),
        fields={"seq": event.seq, "at": rfc3339(event.at), "signedBy": event.envelope.keyid, **said},
    )


def _summary(kind: str, said: Mapping[str, object]) -> str:
    if kind == log.NOTE:
        return str(said.get("note", ""))
    acquisition = said.get("acquisition")
    if not isinstance(acquisition, dict):
        return ""
    parts = [str(acquisition.get("id", ""))]
    if kind == log.SEALED:
        parts.append(
            f"{acquisition.get('artifacts')} artifacts, {acquisition.get('unitsMissing')} units not obtained"
        )
    return ", ".join(parts)
