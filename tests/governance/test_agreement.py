"""What an agreement allows, what a policy limits, and that the clause is named when either is in the way."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.casemaker import SPEC

from evidence_kit.errors import UsageError
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.governance.permitted import refusals
from evidence_kit.governance.policy import ACTS, Policy, parse_policy
from evidence_kit.model.time import Window

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=2), NOW)
HEAD = "apiVersion: evidence-kit/inventory.v1\nkind: Inventory\ntargets:\n"
ACME = """
  - name: acme
    provider: acme
    id: tenant-7
    owner: supply-chain
    labels: {tier: critical}
    params: {org: acme.example.com}
    secrets: {token: secret://env/ACME_TOKEN}
    jurisdiction: {data: [EU], subjects: [EU, US-CA]}
    agreement:
      reference: DPA-2025-118
      legalBasis: [gdpr-6-1-f]
      evidence: {audit_logs: "Annex 2, 4.1", access_logs: "Annex 2, 4.2"}
      notifyWithin: PT24H
      latency: PT1H
      transfer: scc-2021
      contactRole: supplier-security
      expires: 2026-11-22
"""
AUDIT = replace(SPEC, name="acme.audit", provider="acme", evidence=("audit_logs",), windowed=True)
ORDERS = replace(SPEC, name="acme.orders", provider="acme", evidence=("orders", "audit_logs"), windowed=True)


def entries(text=ACME):
    return parse_inventory((HEAD + text).encode(), name="i.yaml").entries


def test_a_period_of_nothing_is_on_record_as_one():
    (acme,) = entries(ACME.replace("latency: PT1H", "latency: PT0S"))
    assert acme.agreement.to_json()["latency"] == "PT0H"


def refused(*specs, at=NOW, text=ACME, **more):
    return [one.text for one in refusals(specs, entries(text), WINDOW, at=at, **more)]


def test_what_the_inventory_says_of_a_partner_is_read():
    (acme,) = entries()
    assert acme.target.access == {"param.org": "acme.example.com", "secret.token": "secret://env/ACME_TOKEN"}
    assert acme.to_json() == {
        "name": "acme (tenant-7)",
        "owner": "supply-chain",
        "labels": {"tier": "critical"},
        "jurisdiction": {"data": ["EU"], "subjects": ["EU", "US-CA"]},
        "agreement": {
            "reference": "DPA-2025-118",
            "evidence": {"audit_logs": "Annex 2, 4.1", "access_logs": "Annex 2, 4.2"},
            "legalBasis": ["gdpr-6-1-f"],
            "notifyWithin": "PT24H",
            "latency": "PT1H",
            "transfer": "scc-2021",
            "contactRole": "supplier-security",
            "expires": "2026-11-22",
        },
    }


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("secret://env/ACME_TOKEN", "hunter2-is-my-token", "does not say where the secret is kept"),
        ("audit_logs: ", "audit_log: ", "unknown class of evidence `audit_log`"),
        ("reference: DPA-2025-118", 'reference: " "', "`reference` says nothing"),
        ("expires: 2026-11-22", "expires: 2026-13-22", "is not a day"),
        ("expires: 2026-11-22", "expires: next year", "is not a day"),
        ("legalBasis: [gdpr-6-1-f]", "legalBasis: []", "`legalBasis` is empty"),
        ('{audit_logs: "Annex 2, 4.1", access_logs: "Annex 2, 4.2"}', "[]", "`evidence` is empty"),
        ("data: [EU]", "dta: [EU]", "unknown field `dta`"),
        ("provider: acme", "provider: Acme!", "no name of a provider"),
        ("notifyWithin: PT24H", "notifyWithin: a day", "a day"),
        ("latency: PT1H", "latency: soon", "soon"),
    ],
)
def test_what_is_written_wrongly_is_said_and_no_secret_repeated(wrong, right, said):
    with pytest.raises(UsageError) as caught:
        entries(ACME.replace(wrong, right))
    assert said in caught.value.message
    assert "hunter2" not in caught.value.message + str(caught.value.hint)


def test_what_the_agreement_allows_is_not_refused():
    assert refused(AUDIT) == []


def test_what_it_does_not_allow_is_refused_with_its_clause():
    (said,) = refused(AUDIT, ORDERS)
    assert said.startswith("acme.orders at acme (tenant-7): takes orders; ")
    assert said.endswith("allows audit_logs by Annex 2, 4.1, access_logs by Annex 2, 4.2 (DPA-2025-118)")


def test_a_source_that_says_nothing_of_what_it_takes_is_refused():
    assert "no declared class" in refused(replace(AUDIT, evidence=()))[0]


def test_the_last_day_of_an_agreement_counts_and_the_next_does_not():
    assert refused(AUDIT, at=NOW.replace(hour=23, minute=59)) == []
    assert refused(AUDIT, at=NOW + timedelta(days=1)) == [
        "acme (tenant-7): the agreement ended on 2026-11-22 (DPA-2025-118)"
    ]


def test_a_target_without_an_agreement_is_our_own():
    assert refused(ORDERS, text=ACME[: ACME.index("    agreement")]) == []


def test_another_providers_source_is_no_matter_of_this_agreement():
    assert refused(replace(ORDERS, provider="other")) == []


POLICY = b"""apiVersion: evidence-kit/policy.v1
kind: Policy
name: retail-group
maxWindow: P1D
residency: {EU: [EU, CH]}
minimise: {drop: [device.serial], pseudonymise: [actor.email]}
retention: P730D
allow: [read, notify]
"""


def limits(text=POLICY):
    return parse_policy(text, name="p.yaml")


def test_a_window_longer_than_the_policy_allows_is_refused():
    (said,) = refused(AUDIT, policy=limits(), vault="CH")
    assert said == "all targets: a window of 2 days is longer than the 1 day allowed (retail-group, maxWindow)"
    assert refused(replace(AUDIT, windowed=False), policy=limits(), vault="CH") == []


@pytest.mark.parametrize(("vault", "said"), [("US", "not in a vault in US"), ("", "whose place nobody named")])
def test_data_may_not_be_kept_where_the_policy_does_not_say(vault, said):
    found = refused(replace(AUDIT, windowed=False), policy=limits(), vault=vault)
    assert len(found) == 1
    assert said in found[0]
    assert "retail-group, residency" in found[0]


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        (b"allow: [read, notify]", b"allow: [delete]", "unknown act `delete`"),
        (b"allow: [read, notify]", b"allow: []", "`allow` is empty"),
        (b"maxWindow: P1D", b"maxWindow: long", "long"),
        (b"minimise: {drop", b"minimise: {dropp", "unknown field `dropp`"),
        (b"kind: Policy", b"kind: Inventory", "kind: Policy"),
        (b"name: retail-group\n", b"", "`name` is missing"),
    ],
)
def test_a_policy_is_read_strictly(wrong, right, said):
    with pytest.raises(UsageError, match=said):
        limits(POLICY.replace(wrong, right))


ASKED = [
    {"max_window": timedelta(days=2)},
    {"retention": timedelta(days=1000)},
    {"allow": ACTS},
    {"residency": {"EU": ("EU", "US")}},
]


@pytest.mark.parametrize("wider", ASKED)
def test_nothing_on_top_of_a_policy_can_widen_it(wider):
    narrow = {"allow": ("read",), **wider}
    with pytest.raises(UsageError, match=r"more than|does not|allows"):
        limits().narrowed(Policy(name="playbook", **narrow))


days = st.one_of(st.none(), st.integers(1, 400).map(lambda n: timedelta(days=n)))
acts = st.sets(st.sampled_from(ACTS), min_size=1).map(lambda found: tuple(sorted(found)))
policies = st.builds(Policy, name=st.just("p"), max_window=days, retention=days, allow=acts)


@given(policies, policies)
def test_two_policies_together_allow_no_more_than_either(one, other):
    try:
        both = one.narrowed(other)
    except UsageError:
        return
    for part in (one, other):
        assert set(both.allow) <= set(part.allow)
        assert part.max_window is None or (both.max_window is not None and both.max_window <= part.max_window)
        assert part.retention is None or (both.retention is not None and both.retention <= part.retention)
