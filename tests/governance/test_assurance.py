"""What a partner has shown of itself, as the inventory has it."""

from datetime import date, timedelta

import pytest

from evidence_kit.errors import UsageError
from evidence_kit.governance.inventory import parse_inventory

HEAD = "apiVersion: evidence-kit/inventory.v1\nkind: Inventory\ntargets:\n  - {name: acme, provider: acme, id: t-7, "
WHOLE = """assurance: {soc2: {issued: 2026-05-31, reference: type 2},
  iso27001: {issued: 2025-09-01, expires: 2028-08-31},
  subprocessors: [Hosting Ltd], incidents: [{happened: 2026-02-03, notifiedAfter: PT20H, summary: keys}],
  contacts: {security: soc@acme.example.com}, confirmed: 2026-10-01}"""


def entry(said):
    (found,) = parse_inventory(f"{HEAD}{said}}}\n".encode(), name="i.yaml").entries
    return found


def test_all_that_is_written_is_read():
    found = entry(WHOLE).assurance
    assert found.papers["soc2"].issued == date(2026, 5, 31)
    assert found.papers["iso27001"].expires == date(2028, 8, 31)
    assert found.subprocessors == ("Hosting Ltd",)
    assert [(one.happened, one.notified_after) for one in found.incidents] == [
        (date(2026, 2, 3), timedelta(hours=20))
    ]
    assert (found.contacts, found.confirmed) == ({"security": "soc@acme.example.com"}, date(2026, 10, 1))


def test_nothing_written_is_not_the_same_as_none():
    assert entry("assurance: {confirmed: 2026-10-01}").assurance.incidents is None
    assert entry("assurance: {incidents: none, subprocessors: none}").assurance.incidents == ()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("incidents: []", "`incidents` is empty"),
        ("incidents: [{summary: x}]", "a day on which it happened"),
        ("subprocessors: []", "`subprocessors` is empty"),
        ("soc2: {reference: x}", "a day on which it was issued"),
        ("soc2: {issued: 2026-02-30}", "is not a day"),
        ("soc3: {issued: 2026-02-01}", "unknown field `soc3`"),
        ('contacts: {security: ""}', "says nothing"),
        ("incidents: [{happened: 2026-02-03, notifiedAfter: soon}]", "not a duration"),
    ],
)
def test_what_is_written_wrongly_is_said(said, message):
    with pytest.raises(UsageError, match=message):
        entry(f"assurance: {{{said}}}")


def test_a_partner_has_an_agreement_or_is_no_cloud():
    assert entry("owner: x").is_partner
    cloud = HEAD.replace("provider: acme, id: t-7, ", 'provider: aws, id: "111122223333"')
    (own,) = parse_inventory(f"{cloud}}}\n".encode(), name="i.yaml").entries
    (theirs,) = parse_inventory(
        f"{cloud}, agreement: {{reference: R, evidence: [audit_logs]}}}}\n".encode(), name="i.yaml"
    ).entries
    assert (own.is_partner, theirs.is_partner) == (False, True)
