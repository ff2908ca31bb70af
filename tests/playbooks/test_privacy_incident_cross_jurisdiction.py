"""`privacy-incident-cross-jurisdiction`, called by another playbook after somebody exported customers."""

from datetime import timedelta

import pytest
from playbooks.seeds.partners_estate import (
    AWARE,
    NO,
    PARTNER_AWARE,
    YES,
    Moving,
    clocks,
    hand_over,
    lines,
    warnings,
)
from playbooks.seeds.privacy_crm import CALLER, COUNTS, EXPORTS, ROPA, SINCE, THIEF, running_crm
from support.playing import Table, outcomes, outputs

from evidence_kit.playbook.run.opening import again
from evidence_kit.playbook.run.questions import Reply

BOOK = "privacy-incident-cross-jurisdiction"
HIGH = "2026-11-20T20:00:00Z"
WRITTEN = {"nature": "an export", "contact": "the privacy desk", "consequences": "fraud", "measures": "keys pulled"}
PERSON = "customers/"
UNSEEN = "Of some of the resources the case holds no event, which does not show that nobody was there"
UNLOOKED = "Nobody has looked what the data are in some places; somebody who knows them has to say"


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    with running_crm(tmp_path_factory.mktemp("crm"), looked=True) as found:
        yield found


def seated(estate, root, answers, **approvals):
    return Table(
        root=root,
        entries=estate.entries,
        answers=answers,
        approvals=approvals,
        specs=estate.specs,
        now=Moving(),
        secret=estate.secret,
    ).open()


def within(at, ended):
    """Return the run of the playbook that the other one called."""
    return again(f"{ended.run}.privacy", at.tools())


@pytest.fixture(scope="module")
def exported(estate, tmp_path_factory):
    """People of three laws, told of by everybody who was asked."""
    answers = {
        "people": Reply(choices=("eu", "uk", "california"), fields={"aware_at": AWARE}),
        "our_part": Reply(choices=("controller",)),
        "risk": Reply(
            choices=("high",), fields={"high_risk_at": HIGH, "lead_authority": "CNIL", "reasons": "addresses"}
        ),
        "other_duties": Reply(choices=("none",), fields={"partner_aware_at": PARTNER_AWARE}),
        "transfer": Reply(choices=("stays",)),
        "draft": Reply(fields=WRITTEN),
    }
    at = seated(estate, tmp_path_factory.mktemp("exported"), answers, approve_hold=YES)
    answers["ropa"] = Reply(acquisition=hand_over(at, "crm", {"ropa.jsonl": ROPA}))
    answers["subject_counts"] = Reply(acquisition=hand_over(at, "crm", {"counts.csv": COUNTS}))
    ended = at.play(CALLER, {"window": SINCE})
    return at, ended, within(at, ended)


def test_counts_what_the_case_holds_and_keeps_names_to_itself(exported):
    at, _, called = exported
    assert outputs(called, "touched") == {
        "rows": 2,
        "events": 4,  # of six, two of which are about orders
        "changes": 1,
        "first_seen": "2026-11-20T08:00:00Z",
        "silent": [EXPORTS],
    }
    (kept,) = at.lab.root.glob("derived/playbooks/*/touched.jsonl")
    assert THIEF not in kept.read_text()


def test_says_what_the_data_are_and_where_the_people_live(exported):
    _, _, called = exported
    assert outputs(called, "contents") == {"rows": 1, "kinds": ["SensitiveData:S3Object/Personal"]}
    assert outputs(called, "counts") == {"rows": 3, "residencies": ["DE", "FR", "US-CA"], "people": 1540}


def test_starts_the_clock_of_every_law_that_a_person_named(exported):
    at, _, _ = exported
    assert sorted(clocks(at)) == [
        ("contract.crm", PARTNER_AWARE),
        ("eu.gdpr.art33", AWARE),
        ("eu.gdpr.art34", HIGH),
        ("uk.gdpr.art33", AWARE),
        ("us.ca.civ-1798-82.residents", AWARE),
    ]


def test_every_step_ends_and_what_nobody_looked_at_is_said(exported):
    at, ended, called = exported
    assert outcomes(called) == {
        **dict.fromkeys(("classification", "touched", "contents", "unlooked", "ropa", "subject_counts"), "success"),
        **dict.fromkeys(("counts", "people", "our_part", "risk", "other_duties", "transfer", "draft"), "success"),
        **dict.fromkeys(("approve_hold", "hold_case"), "success"),
        **dict.fromkeys(("tell", "report"), "skipped"),
        "complete": "partial",
    }
    assert outputs(called, "unlooked")["places"] == ["crm crm"]
    assert warnings(called) == [UNSEEN, UNLOOKED]
    assert outputs(ended, "privacy")["places"] == ["eu", "uk", "california"]
    assert outputs(ended, "privacy")["people"] == 1540
    assert outcomes(ended) == {"log": "success", "privacy": "partial"}
    assert at.verify().exit() == 0


@pytest.mark.slow
def test_a_processor_tells_its_controller_and_a_duty_without_a_time_starts_nothing(estate, tmp_path):
    answers = {
        "people": Reply(choices=("eu",), fields={"aware_at": AWARE}),
        "our_part": Reply(choices=("processor",)),
        "risk": Reply(choices=("unlikely",), fields={"reasons": "encrypted"}),
        "other_duties": Reply(
            choices=("nis2", "dora", "ai_act_widespread", "cards", "investors"),
            fields={
                "dora_aware_at": AWARE,
                "major_at": HIGH,
                "ai_link_at": HIGH,
                "cards_at": AWARE,
                "material_at": HIGH,
            },
        ),
        "transfer": Reply(choices=("no_basis",)),
        "draft": Reply(fields=WRITTEN),
    }
    at = seated(estate, tmp_path, answers, approve_hold=YES)
    answers["ropa"] = Reply(acquisition=hand_over(at, "crm", {"ropa.jsonl": ROPA}))
    people = lines(*({"residency": f"P{number}", "people": 1} for number in range(301)))
    answers["subject_counts"] = Reply(acquisition=hand_over(at, "crm", {"people.jsonl": people}))
    called = at.play(BOOK, {"resources": [PERSON], "window": SINCE})
    assert clocks(at) == [
        ("eu.gdpr.art33-2", AWARE),
        ("eu.dora.art19.aware", AWARE),
        ("eu.dora.art19.initial", HIGH),
        ("eu.aiact.art73.widespread", HIGH),
        ("pci.12.10", AWARE),
        ("us.sec.8k-1.05", HIGH),
    ]
    assert sum("was not started" in line for line in at.heard.lines) == 2  # both of NIS2
    assert warnings(called) == [
        UNSEEN,
        "More rows than there are places; hand in counts, not people",
        "The evidence must not travel, as nobody has named a basis",
    ]
    assert called.outcome == "partial"
    assert at.verify().exit() == 0


@pytest.mark.slow
def test_nobodys_data_start_no_clock_and_what_was_not_handed_in_is_a_gap(tmp_path):
    answers = {
        "people": Reply(choices=("none",), fields={"aware_at": AWARE}),
        "our_part": Reply(choices=("controller",)),
        "other_duties": Reply(choices=("none",)),
    }
    with running_crm(tmp_path, looked=False) as found:
        at = seated(found, tmp_path / "table", answers, approve_hold=NO)
        hand_over(at, "crm", {"complaint.eml": "Subject: my data\n\nWhere are they?\n"})
        asked = at.play(BOOK, {"resources": [PERSON], "window": SINCE})
        at.lab.now.ahead = timedelta(days=2)
        called = at.resume(asked.run)
    assert {name: outcome for name, outcome in outcomes(called).items() if outcome != "success"} == {
        **dict.fromkeys(("counts", "risk", "transfer", "draft", "hold_case", "tell", "report"), "skipped"),
        **dict.fromkeys(("ropa", "subject_counts"), "timed_out"),
        "approve_hold": "denied",
        "complete": "partial",
    }
    assert outputs(called, "classification")["records"] == 0
    assert outputs(called, "unlooked")["places"] == ["aws shop"]  # Macie is off, which is no clean bill
    assert warnings(called) == [
        UNSEEN,
        UNLOOKED,
        "The record of processing is not at hand",
        "Nobody has counted the people",
    ]
    assert clocks(at) == []
    assert at.verify().exit() == 0
