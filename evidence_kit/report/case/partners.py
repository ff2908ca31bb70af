"""Whom evidence was taken from, and what was agreed with them, as the orders on record have it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from evidence_kit.acquire.scope import Order
from evidence_kit.analysis.history import Told
from evidence_kit.analysis.requested import read_answers
from evidence_kit.analysis.summaries import part
from evidence_kit.custody import log
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.ports import Vault
from evidence_kit.model.unit import Target
from evidence_kit.report.case.holding import Pointer
from evidence_kit.report.case.journal import named
from evidence_kit.report.case.model import Asked, Partner


def partners(told: Sequence[Told]) -> tuple[Partner, ...]:
    """Return every target that was ordered from, by name; what a later order says of it stands."""
    found: dict[str, Partner] = {}
    for one in told:
        if one.type != log.STARTED:
            continue
        try:
            order = Order.from_json(part(one.fields, "acquisition", "order"))
        except EvidenceKitError:  # an order of another program; `verify` does not ask for one either
            continue
        said = {named(item, "name"): item for item in _targets(order.governance)}
        for target in order.targets:
            found[target.label] = _partner(target, said.get(target.label, {}), Pointer(log.LOG, one.seq + 1))
    return tuple(found[name] for name in sorted(found))


def _targets(governance: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    listed = governance.get("targets")
    yield from (part(item) for item in (listed if isinstance(listed, list) else ()))


def _partner(target: Target, said: Mapping[str, object], pointer: Pointer) -> Partner:
    agreed, where = part(said, "agreement"), part(said, "jurisdiction")
    return Partner(
        name=target.label,
        provider=target.provider,
        owner=named(said, "owner"),
        reference=named(agreed, "reference"),
        evidence=tuple((str(name), str(clause)) for name, clause in part(agreed, "evidence").items()),
        legal_basis=_texts(agreed.get("legalBasis")),
        notify_within=named(agreed, "notifyWithin"),
        transfer=named(agreed, "transfer"),
        contact_role=named(agreed, "contactRole"),
        expires=named(agreed, "expires"),
        data=_texts(where.get("data")),
        subjects=_texts(where.get("subjects")),
        pointer=pointer,
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def requests(vault: Vault, at: datetime) -> tuple[Asked, ...]:
    """Return what partners were asked for, and what of it has not come by `at`."""
    return tuple(
        Asked(
            id=one.asked.id,
            partner=one.asked.partner.get("name") or one.asked.partner.get("id", ""),
            deadline=one.asked.deadline.isoformat(),
            is_late=one.asked.is_late(at),
            deliveries=len(one.deliveries),
            missing=tuple(one.missing()),
        )
        for one in read_answers(vault)
    )
