"""Texts about records say no more than the records do, and what leads to a file still leads there."""

from dataclasses import replace

import pytest
from support.case_reports import report_of, run
from support.casemaker import make_case

from evidence_kit.analysis.minimise import DROPPED, Minimiser
from evidence_kit.playbook.model import Policy
from evidence_kit.report.case.holding import Finding, Pointer
from evidence_kit.report.case.model import Event, Unread
from evidence_kit.report.runs.audience import Sieve, said_of

RAW = '{"user":"maria","who":{"name":"maria.rossi"},"ip":"203.0.113.9","ok":"yes"}'


@pytest.fixture
def sieve():
    made = Sieve(Minimiser(("user", "name", "ok"), ("ip",), b"k" * 32))
    made({"raw": RAW, "actor": "user maria"})
    return made


def test_a_record_loses_the_fields_and_its_columns_their_values(sieve):
    row = sieve({"raw": RAW, "actor": "user maria", "src_ip": "203.0.113.9"})
    assert row["actor"] == f"user {DROPPED}"
    assert row["src_ip"].startswith("pseudonym:")


def test_a_text_loses_the_longest_value_first(sieve):
    assert sieve.text("asked maria.rossi, then maria") == f"asked {DROPPED}, then {DROPPED}"


def test_a_short_value_is_not_looked_for_in_words(sieve):
    assert sieve.text("yesterday") == "yesterday"


def test_a_pseudonym_in_a_text_is_that_of_the_record(sieve):
    row = sieve({"raw": RAW, "src_ip": "203.0.113.9"})
    assert sieve.text("from 203.0.113.9") == f"from {row['src_ip']}"


@pytest.fixture
def shown(sieve, real):
    pointer = Pointer("bags/maria/record/exchanges.jsonl", 7)
    finding = Finding(
        kind="k", message="maria", source="s", unit="u", window=None, facts=(("by", "maria"),), pointer=pointer
    )
    event = Event(
        seq=1, at="", type="x", actor="maria", keyid="", summary="said maria", subjects=(("a/maria", "0" * 64),),
        stamped="", pointer=pointer,
    )  # fmt: skip
    told = replace(run(), steps=(replace(run().steps[0], reason="by maria"),))
    whole = replace(
        real, findings=(finding,), events=(event,), overrides=(), runs=(told,), unread=(Unread("p", "maria"),)
    )
    return sieve.report(whole)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return report_of(make_case(tmp_path_factory.mktemp("real") / "case", pages=1, names=()))


def test_every_part_about_records_is_looked_through(shown):
    assert (shown.findings[0].message, shown.findings[0].facts) == (DROPPED, (("by", DROPPED),))
    assert shown.runs[0].steps[0].reason == f"by {DROPPED}"
    assert shown.unread[0].why == DROPPED


def test_what_leads_to_a_file_and_who_signed_stay(shown):
    assert shown.findings[0].pointer.path == "bags/maria/record/exchanges.jsonl"
    (event,) = shown.events
    assert (event.summary, event.actor, event.subjects[0][0]) == (f"said {DROPPED}", "maria", "a/maria")


def test_it_is_said_for_whom_a_report_is_and_what_is_not_in_it():
    policy = Policy(purpose="p", drop=("a", "b"), pseudonymise=("c",))
    assert said_of(policy, "internal") == ""
    assert said_of(policy, "partner") == "for: partner; without a, b; pseudonyms for c"
    assert said_of(Policy(purpose="p"), "public") == "for: public"
