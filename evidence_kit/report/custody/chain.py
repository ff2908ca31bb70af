"""What the custody record says of each event in the chain of custody."""

from collections.abc import Iterator, Mapping

from evidence_kit.custody import log
from evidence_kit.report.custody.spec import Spec, event

_MOVEMENTS: Mapping[str, str] = {
    log.OFFERED: "move",
    log.ACCEPTED: "move",
    log.EXPORTED: "copy",
    log.DISCLOSED: "copy of a part",
}
_COLUMNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "purpose": (
        (log.OFFERED, "transfer.purpose"),
        (log.ACCEPTED, "received.purpose"),
        (log.EXPORTED, "export.purpose"),
        (log.DISCLOSED, "disclosure.purpose"),
        (log.REJECTED, "reason"),
        (log.WITHDRAWN, "reason"),
        (log.HELD, "hold.reason"),
        (log.RELEASED, "hold.reason"),
        (log.APPROVED, "approval.reason"),
        (log.OVERRIDDEN, "override.reason"),
        (log.REQUESTED, "request.scope"),
        (log.RENEWED, "renewal.reason"),
        (log.CLOCK_STARTED, "clock.why"),
        (log.CLOCK_MET, "clock.what"),
        (log.PLAY_ANSWERED, "answer.reason"),
    ),
    "authority": (
        (log.HELD, "hold.authority"),
        (log.RELEASED, "hold.authority"),
        (log.DISCLOSED, "disclosure.authority"),
        (log.DISPOSED, "disposal.authority"),
        (log.REQUESTED, "request.legalBasis"),
    ),
    "medium or transport": (
        (log.OFFERED, "transfer.medium"),
        (log.EXPORTED, "export.medium"),
        (log.RECEIVED, "receipt.channel"),
    ),
    "condition": ((log.OFFERED, "transfer.condition"), (log.ACCEPTED, "received.condition")),
    "seals": ((log.OFFERED, "transfer.items[].{bag,seal}"), (log.ACCEPTED, "received.sealState")),
    "kept at": ((log.ACCEPTED, "received.location"),),
    "outcome": (
        (log.SEALED, "acquisition.{id,artifacts,unitsMissing}"),
        (log.ACCEPTED, "received.{verdict,defects}"),
        (log.REJECTED, "found.{verdict,defects}"),
        (log.VERIFIED, "verification.{verdict,defects}"),
        (log.TIMESTAMPED, "timestamps[].{authority,result,genTime}"),
        (log.APPROVED, "approval.action"),
        (log.OVERRIDDEN, "override.{refusals,approver}"),
        (log.REQUESTED, "request.{id,deadline}"),
        (log.RECEIVED, "receipt.{request,files,status}"),
        (log.HELD, "hold.id"),
        (log.RELEASED, "hold.id"),
        (log.EXPORTED, "export.{scope,plain,cipher}"),
        (log.DISCLOSED, "disclosure.{artifacts,redacted,sha256}"),
        (log.DERIVED, "derived.{by,rows,sqlSha256}"),
        (log.DISPOSED, "disposal.{scope,method,certificate}"),
        (log.COUNTERSIGNED, "countersignature.{acquisition,keyid}"),
        (log.ROTATED, "newKey.{name,keyid}"),
        (log.RENEWED, "renewal.{algorithm,sha512,files}"),
        (log.CLOCK_STARTED, "clock.{id,startsAt,deadline,entry}"),
        (log.CLOCK_MET, "clock.{id,metAt,started}"),
        (log.PLAY_STARTED, "playbook.{run,inputs,targets}"),
        (log.PLAY_RESUMED, "playbook.{run,torn}"),
        (log.PLAY_STEP, "playbook.{run,step,outcome,gaps}"),
        (log.PLAY_ANSWERED, "answer.{run,step,question,by,choices,approved,fields}"),
        (log.PLAY_ENDED, "playbook.{run,outcome}"),
    ),
    "said": ((log.NOTE, "note"),),
}


def chain() -> Iterator[Spec]:
    """Yield what each event of the chain has; an event shows the labels that its type knows."""
    for label, path in {"number": "seq", "type": "type", "date and time": "at", "by": "actor.name"}.items():
        yield event("custody", label, "", path)
    yield event("custody", "about", "", "subject[].{name,digest}")
    for kind in (log.OFFERED, log.EXPORTED, log.DISCLOSED):
        yield event("custody", "from", kind, "actor.name")
    for kind in (log.ACCEPTED, log.REJECTED):
        yield event("custody", "from", kind, "transfer.offer.seq", "giver")
        yield event("custody", "to", kind, "actor.name")
    yield event("custody", "to", log.OFFERED, "transfer.to.{name,keyid}")
    yield event("custody", "to", log.WITHDRAWN, "transfer.offer.seq", "receiver")
    yield event("custody", "encrypted to", log.EXPORTED, "export.recipients")
    yield event("custody", "to", log.DISCLOSED, "disclosure.recipient")
    yield event("custody", "to", log.REQUESTED, "request.partner.{name,id}")
    yield event("custody", "from", log.RECEIVED, "receipt.deliveredBy")
    for kind in _MOVEMENTS:
        yield event("custody", "copy or move", kind, "type", "movement")
    for label, places in _COLUMNS.items():
        for kind, path in places:
            yield event("custody", label, kind, path)
    yield event("custody", "accepted despite", log.ACCEPTED, "received.despite", "rare")
    yield event("custody", "signer's key", "", "actor.keyid")
    yield event("custody", "time-stamped", "", "timestamps[].genTime", "stamped")


def movement(kind: str) -> str:
    """Return whether this kind of event moves the evidence or copies it."""
    return _MOVEMENTS.get(kind, "")
