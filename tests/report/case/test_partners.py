"""Partners stand in a report with what was agreed, as the latest order on record has it."""

from datetime import UTC, date, datetime, timedelta

from support.casemaker import TARGET, WINDOW

from evidence_kit.acquire.scope import Order
from evidence_kit.analysis.history import Told
from evidence_kit.custody import log
from evidence_kit.governance.agreement import Agreement, Jurisdiction
from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.permitted import standing
from evidence_kit.model.unit import Target
from evidence_kit.report.case.partners import partners

ACME = Target(provider="acme", id="acme", name="Acme")
AGREED = Agreement(
    reference="DPA-7",
    evidence={"audit": "4.2"},
    legal_basis=("contract",),
    notify_within=timedelta(hours=24),
    expires=date(2027, 1, 1),
)


def started(seq, *entries, **order):
    asked = Order(
        sources=("s",),
        targets=tuple(entry.target for entry in entries),
        window=WINDOW,
        params={},
        governance=standing(entries, None, ""),
    ).to_json()
    return told(seq, {"acquisition": {"order": {**asked, **order}}})


def told(seq, fields, kind=log.STARTED):
    at = datetime(2026, 11, 21, tzinfo=UTC).isoformat()
    return Told(seq=seq, at=at, type=kind, actor="a", keyid="k", summary="", fields=fields)


def test_a_partner_stands_with_what_was_agreed_and_where_the_log_says_so() -> None:
    entry = Entry(target=ACME, owner="procurement", agreement=AGREED, jurisdiction=Jurisdiction(("EU",), ("US-CA",)))
    (found,) = partners([started(4, entry)])
    assert (found.name, found.provider, found.owner) == (ACME.label, "acme", "procurement")
    assert str(found.pointer) == f"{log.LOG}:5"
    assert (found.reference, found.evidence, found.legal_basis) == ("DPA-7", (("audit", "4.2"),), ("contract",))
    assert (found.notify_within, found.expires, found.data, found.subjects) == (
        "PT24H",
        "2027-01-01",
        ("EU",),
        ("US-CA",),
    )


def test_what_a_later_order_says_stands() -> None:
    agreed, not_any_more = Entry(target=ACME, agreement=AGREED), Entry(target=ACME)
    (found,) = partners([started(1, agreed), started(3, not_any_more)])
    assert (found.reference, str(found.pointer)) == ("", f"{log.LOG}:4")


def test_a_target_without_an_agreement_is_listed_too() -> None:
    found = partners([started(1, Entry(target=TARGET), Entry(target=ACME, agreement=AGREED))])
    assert [(one.provider, one.reference) for one in found] == [("acme", "DPA-7"), ("aws", "")]


def test_an_order_that_cannot_be_read_and_other_events_name_nobody() -> None:
    assert partners([started(1, Entry(target=ACME), window="always"), told(2, {}), told(3, {}, log.NOTE)]) == ()
