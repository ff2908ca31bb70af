"""Scores: what is known counts, with its age; what is not known counts nothing; nothing is made up."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.errors import UsageError
from evidence_kit.governance.assessment import assess
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.governance.shown import latest, parse_checks
from evidence_kit.governance.template import ANSWERS, TIMED, parse_template, standard
from evidence_kit.model.dealings import Answered, Dealings, Taking
from evidence_kit.model.time import rfc3339

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BARE = b"""apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - {name: acme, provider: acme, id: t-7}
"""
FULL = b"""apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - name: acme
    provider: acme
    id: t-7
    owner: supply-chain
    jurisdiction: {data: [US], subjects: [EU]}
    agreement:
      reference: DPA-2025-118
      evidence: {audit_logs: "Annex 2, 4.1"}
      notifyWithin: PT24H
      latency: PT1H
      transfer: scc-2021
      contactRole: supplier-security
      expires: 2027-12-31
    assurance:
      soc2: {issued: 2026-05-31}
      iso27001: {issued: 2026-01-31, expires: 2028-12-31}
      subprocessors: [Hosting Ltd]
      incidents: [{happened: 2026-02-03, notifiedAfter: PT20H}]
      contacts: {security: soc@acme.example.com}
      confirmed: 2026-10-01
"""
ASPECTS = ("reachable", "authorised", "fresh", "retention", "clock")
TAKING = Taking(case="IR-1", acquisition="a-1", sealed_at=NOW - timedelta(days=3), units=4, whole=4, brought=4)
ANSWER = Answered(
    case="IR-1",
    asked_at=NOW - timedelta(days=9),
    due=date(2026, 11, 20),
    answered_at=NOW - timedelta(days=8),
    whole=True,
)
DEALT = Dealings(cases=1, takings=(TAKING,), answers=(ANSWER,), cells=4, open=0)


def entry(text=FULL):
    (found,) = parse_inventory(text, name="i.yaml").entries
    return found


def checks(at=NOW - timedelta(hours=1), **verdicts):
    rows = [
        {
            "provider": "acme",
            "id": "t-7",
            "connector": "acme.audit",
            "checkedAt": rfc3339(at),
            "aspects": {name: {"verdict": verdicts.get(name, "ok"), "said": "so"} for name in ASPECTS},
        }
    ]
    return parse_checks(json.dumps(rows).encode(), name="check.json")


def answers(made):
    return {one.question.id: one for one in made.answers}


def scored(text=FULL, **more):
    known = {"checks": checks(), "dealings": DEALT, **more}
    return assess(entry(text), standard(), at=NOW, **known)


def test_a_partner_of_whom_nothing_is_known_scores_nothing():
    made = assess(entry(BARE), standard(), at=NOW)
    assert (made.score, made.known) == (0, 0)
    assert {one.state for one in made.answers} == {"missing"}


def test_a_partner_of_whom_all_is_known_and_good_scores_all():
    made = scored()
    assert {name for name, one in answers(made).items() if one.state != "good"} == set()
    assert (made.score, made.known) == (100, 100)


def test_every_answer_that_rests_on_something_says_on_what():
    assert {one.question.id for one in scored().answers if not one.found.evidence} == set()


@pytest.mark.parametrize(
    ("wrong", "right", "question", "state"),
    [
        (b"expires: 2027-12-31\n    assurance", b"expires: 2026-11-21\n    assurance", "agreement", "poor"),
        (b"expires: 2027-12-31\n    assurance", b"expires: 2027-01-10\n    assurance", "expiry", "partly"),
        (b"      expires: 2027-12-31\n    assurance", b"    assurance", "expiry", "missing"),
        (b'{audit_logs: "Annex 2, 4.1"}', b'{audit_logs: "Annex 2, 4.1", identity: ""}', "clauses", "partly"),
        (b"notifyWithin: PT24H", b"notifyWithin: PT48H", "deadline", "partly"),
        (b"notifyWithin: PT24H", b"notifyWithin: P30D", "deadline", "poor"),
        (b"      latency: PT1H\n", b"", "latency", "missing"),
        (b"      transfer: scc-2021\n", b"", "transfer", "missing"),
        (b"    owner: supply-chain\n", b"", "owner", "partly"),
        (b"soc2: {issued: 2026-05-31}", b"soc2: {issued: 2023-05-31}", "soc2", "poor"),
        (b"soc2: {issued: 2026-05-31}", b"soc2: {issued: 2027-05-31}", "soc2", "poor"),
        (b"expires: 2028-12-31", b"expires: 2026-02-01", "iso27001", "poor"),
        (b"notifiedAfter: PT20H", b"notifiedAfter: PT90H", "incidents", "poor"),
        (b", notifiedAfter: PT20H", b"", "incidents", "poor"),
        (b"      confirmed: 2026-10-01\n", b"", "subprocessors", "partly"),
        (b"confirmed: 2026-10-01", b"confirmed: 2021-10-01", "subprocessors", "poor"),
        (b"      contacts: {security: soc@acme.example.com}\n", b"", "contacts", "missing"),
    ],
)
def test_what_is_worse_or_older_scores_less(wrong, right, question, state):
    assert FULL.count(wrong) == 1
    made = scored(FULL.replace(wrong, right))
    assert answers(made)[question].state == state
    assert made.score < 100


def test_where_data_and_subjects_are_in_one_place_nothing_has_to_allow_a_transfer():
    text = FULL.replace(b"      transfer: scc-2021\n", b"").replace(b"data: [US]", b"data: [EU]")
    assert answers(scored(text))["transfer"].state == "good"


@pytest.mark.parametrize(
    ("verdict", "state"), [("ok", "good"), ("warn", "partly"), ("fail", "poor"), ("untold", "missing")]
)
def test_a_check_counts_as_it_ended(verdict, state):
    assert answers(scored(checks=checks(fresh=verdict)))["fresh"].state == state


@pytest.mark.parametrize(("days", "state"), [(1, "good"), (8, "partly"), (31, "poor")])
def test_a_check_counts_less_as_it_ages(days, state):
    found = answers(scored(checks=checks(NOW - timedelta(days=days))))["authorised"]
    assert (found.state, found.to_json(NOW)["ageDays"]) == (state, days)


def test_only_the_latest_check_of_a_connector_counts_and_none_from_the_future():
    rows = (*checks(NOW - timedelta(days=2), fresh="fail"), *checks(), *checks(NOW + timedelta(days=1), fresh="fail"))
    (found,) = latest(rows, entry().target, NOW)
    assert found.at == NOW - timedelta(hours=1)


def test_another_partners_check_is_no_answer():
    other = FULL.replace(b"id: t-7", b"id: t-8")
    assert answers(scored(other))["authorised"].state == "missing"


@pytest.mark.parametrize("text", [b"", b"{}", b"[{}]", b'[{"provider": 1}]', b"[" * 100_000])
def test_what_is_no_check_is_said(text):
    with pytest.raises(UsageError, match="partners check --json"):
        parse_checks(text, name="c.json")


@pytest.mark.parametrize(
    ("dealt", "question", "state"),
    [
        (Dealings(), "collected", "missing"),
        (Dealings(cases=1), "collected", "missing"),
        (Dealings(cases=1), "gaps", "missing"),
        (Dealings(cases=1, takings=(TAKING,), cells=4, open=1), "gaps", "partly"),
        (Dealings(cases=1, takings=(TAKING,), cells=4, open=4), "gaps", "poor"),
        (Dealings(cases=1), "answered", "missing"),
    ],
)
def test_cases_count_for_what_they_hold(dealt, question, state):
    assert answers(scored(dealings=dealt))[question].state == state


def answer(**fields):
    said = {"case": "IR-1", "asked_at": NOW - timedelta(days=9), "due": None, "answered_at": None, **fields}
    return Dealings(cases=1, answers=(Answered(**said),))


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"due": date(2026, 11, 22)}, "missing"),  # its last day still runs
        ({"due": date(2026, 11, 21)}, "poor"),
        ({}, "poor"),
        ({"asked_at": NOW - timedelta(days=1)}, "missing"),
        ({"due": date(2026, 11, 15), "answered_at": NOW, "whole": True}, "poor"),
        ({"due": date(2026, 11, 22), "answered_at": NOW, "whole": False}, "partly"),
        ({"answered_at": NOW, "whole": True}, "partly"),
        ({"asked_at": NOW - timedelta(days=2), "answered_at": NOW, "whole": True}, "good"),
    ],
)
def test_a_request_counts_by_when_and_how_it_was_answered(fields, state):
    assert answers(scored(dealings=answer(**fields)))["answered"].state == state


# -- the questions themselves ------------------------------------------------------------------------------------

TEMPLATE = """apiVersion: evidence-kit/assessment.v1
kind: Assessment
name: ours
version: "2"
questions:
  - {id: a, question: "Is it?", weight: 3, answer: inventory.agreement}
  - {id: b, question: "Did it?", weight: 1, answer: cases.collected, good: P1D, most: P9D}
"""


def test_an_organisation_can_ask_its_own_questions():
    made = assess(entry(), parse_template(TEMPLATE.encode(), name="t.yaml"), at=NOW)
    assert (made.score, made.known) == (75, 75)


def test_the_standard_questions_ask_all_that_can_be_answered():
    assert sorted(one.answer for one in standard().questions) == sorted(ANSWERS)
    assert sum(one.weight for one in standard().questions) == 100


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("inventory.agreement", "inventory.agrement", "nobody can answer `inventory.agrement`"),
        ("weight: 3", "weight: 0", "at least 1"),
        ("weight: 3", "weight: high", "is str, not int"),
        ("id: b", "id: a", "two questions are called `a`"),
        ("good: P1D, ", "", "has `good` and `most`"),
        ("good: P1D", "good: P10D", "`good` is better than `most`"),
        ("answer: inventory.agreement", "answer: inventory.agreement, good: P1D", "is not measured in time"),
        ("kind: Assessment", "kind: Policy", "kind: Assessment"),
        ("question:", "questoin:", "unknown field"),
        ('question: "Is it?"', 'question: " "', "says nothing"),
    ],
)
def test_a_template_is_read_strictly(wrong, right, said):
    with pytest.raises(UsageError, match=said):
        parse_template(TEMPLATE.replace(wrong, right, 1).encode(), name="t.yaml")


def test_a_template_without_questions_is_none():
    with pytest.raises(UsageError, match="without questions"):
        parse_template((TEMPLATE.partition("questions:")[0] + "questions: []\n").encode(), name="t.yaml")


def test_what_is_measured_in_time_is_among_what_can_be_asked():
    assert set(ANSWERS) > TIMED


@pytest.mark.slow
@given(st.sets(st.sampled_from(["ok", "warn", "fail", "untold"]), min_size=1), st.integers(0, 400))
def test_less_known_never_scores_more(verdicts, days):
    for verdict in verdicts:
        made = scored(checks=checks(NOW - timedelta(days=days), reachable=verdict))
        without = scored(checks=())
        assert without.score <= made.score <= 100
        assert without.known <= made.known
