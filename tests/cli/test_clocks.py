"""`clocks` as people use it."""

import json
from datetime import datetime, timedelta

import pytest

OWN = """\
apiVersion: evidence-kit/clocks.v1
kind: ClockSet
name: ours
clocks:
  - id: acme.board
    title: Tell the board
    authority: the board
    mustAct: the CISO
    startsOn: severity one was declared
    within: {elapsed: PT2H}
    content: [what is known]
    source: {url: "https://acme.example/policy", read: all of it}
    reviewed: 2020-01-01
    status: unverified
"""
INVENTORY = """\
apiVersion: evidence-kit/inventory.v1
kind: Inventory
targets:
  - name: acme
    provider: acme
    id: tenant-7
    agreement: {reference: DPA-2025-118, evidence: [audit_logs], notifyWithin: PT24H}
"""


def begin(run, case, clock="eu.gdpr.art33", at="3h", *more):
    told = run("clocks", "start", case, clock, "--at", at, "--why", "the SOC was sure", *more)
    assert told.code == 0, told.err
    return told


def test_a_case_without_clocks_says_so_and_that_this_is_no_advice(run, opened) -> None:
    told = run("clocks", opened)

    assert told.code == 0
    assert "no clock was started" in told.out
    assert "not legal advice" in told.out


def test_a_passed_deadline_is_the_first_line_and_no_failure(run, opened) -> None:
    begin(run, opened, "us.ca.civ-1798-82.residents")
    begin(run, opened, "eu.gdpr.art33", "80h")
    told = run("clocks", opened)

    assert told.code == 0
    assert told.out.splitlines()[0] == "OVERDUE  eu.gdpr.art33 by 8 hours"
    assert "OVERDUE by 8 hours; elapsed time, to the minute" in told.out


def test_what_is_shown_is_what_a_person_needs_to_act(run, opened) -> None:
    begin(run, opened, "us.sec.8k-1.05", "0s")
    out = " ".join(run("clocks", opened).out.split())

    for said in (
        "until the authority closes at 17:30", "until the end of the day", "UNVERIFIED, second-hand, reviewed",
        "the registrant → the Securities and Exchange Commission", "nature, scope and timing", "https://www.sec.gov/",
        "the SOC was sure (alice@example.com, event 1)", "not legal advice",
    ):  # fmt: skip
        assert said in out


def test_json_has_all_readings_digests_and_what_waits(run, opened) -> None:
    begin(run, opened, "eu.dora.art19.initial", "5h")
    told = run("clocks", opened, "--json")
    said = json.loads(told.out)
    (clock,) = said["clocks"]

    assert (told.code, said["overdue"]) == (0, ["eu.dora.art19.initial"])
    assert clock["deadline"] == clock["readings"][0]["at"] == min(one["at"] for one in clock["readings"])
    assert clock["secondsLeft"] <= -3600
    assert [one["id"] for one in said["waiting"]] == ["eu.dora.art19.intermediate", "eu.dora.art19.final"]
    assert said["sets"][0]["name"] == "standard.yaml"
    assert clock["started"]["by"] == "alice@example.com"


def test_met_is_recorded_and_starts_what_follows(run, opened) -> None:
    begin(run, opened, "eu.dora.art19.initial", "5h")
    told = run("clocks", "met", opened, "eu.dora.art19.initial", "--at", "2h", "--what", "portal, no. 7")
    out = run("clocks", opened).out

    assert told.code == 0
    assert "`eu.dora.art19.intermediate` runs from then: 72 hours" in told.err
    assert "OVERDUE" not in out
    assert "when `eu.dora.art19.initial` was met: portal, no. 7" in out


def test_what_was_met_late_stays_late(run, opened) -> None:
    begin(run, opened, "eu.gdpr.art33", "100h")
    run("clocks", "met", opened, "eu.gdpr.art33", "--at", "1h", "--what", "sent")

    assert "LATE by 1 day 3 hours" in run("clocks", opened).out


def test_both_events_are_in_the_custody_log(run, opened) -> None:
    begin(run, opened)
    run("clocks", "met", opened, "eu.gdpr.art33", "--at", "1h", "--what", "sent")
    events = json.loads(run("custody", "log", opened, "--json").out)

    assert [event["name"] for event in events] == ["case.opened", "clock.started", "clock.met"]
    assert events[1]["clock"]["why"] == "the SOC was sure"
    assert events[2]["clock"]["started"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("eu.gdpr.art3", "--at", "1h", "--why", "x"), 2, "no clock `eu.gdpr.art3`"),
        (("eu.gdpr.art33", "--at", "2030-01-01T00:00:00Z", "--why", "x"), 2, "has not come yet"),
        (("eu.gdpr.art33", "--at", "2026-11-18T10:00:00", "--why", "x"), 2, "no time zone"),
        (("eu.gdpr.art33", "--at", "yesterday", "--why", "x"), 2, "is not a time"),
        (("eu.gdpr.art33", "--at", "1h", "--why", " "), 2, "says nothing"),
        (("eu.gdpr.art33", "--at", "1h", "--why", "x", "--correct"), 4, "nothing to correct"),
        (("eu.gdpr.art33", "--why", "x"), 2, "--at"),
    ],
)
def test_a_start_that_cannot_be_is_refused(run, opened, arguments, code, said) -> None:
    told = run("clocks", "start", opened, *arguments)

    assert told.code == code
    assert said in told.err


def test_meeting_what_does_not_run_names_what_does(run, opened) -> None:
    begin(run, opened)
    told = run("clocks", "met", opened, "eu.gdpr.art34", "--at", "1h", "--what", "x")

    assert told.code == 4
    assert "these run: eu.gdpr.art33" in told.err


def test_an_organisation_s_clocks_and_its_agreements_can_be_started(run, opened, tmp_path) -> None:
    (tmp_path / "clocks.yaml").write_text(OWN)
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    files = ("--set", "clocks.yaml", "--inventory", "inventory.yaml")
    begin(run, opened, "acme.board", "1h", *files)
    begin(run, opened, "contract.acme", "1h", *files)
    told = run("clocks", opened, *files)

    assert "UNVERIFIED, unverified, reviewed 2020-01-01, STALE: review it again" in " ".join(told.out.split())
    assert "acme → us, the other party" in told.out
    assert "no clock set at hand has it" in run("clocks", opened).out


def test_a_set_may_come_from_the_environment(run, tmp_path, monkeypatch) -> None:
    (tmp_path / "clocks.yaml").write_text(OWN)
    monkeypatch.setenv("EVIDENCE_KIT_CLOCKS", "clocks.yaml")

    assert "acme.board" in run("clocks", "known").out
    assert {"acme.board", "eu.gdpr.art33"} <= {one["id"] for one in json.loads(run("clocks", "known", "--json").out)}


def test_what_a_person_wrote_into_the_log_moves_no_cursor(run, opened) -> None:
    run("clocks", "start", opened, "eu.gdpr.art33", "--at", "1h", "--why", "a\x1b[2J\u202eb\nOVERDUE  forged")
    out = run("clocks", opened).out

    assert "\x1b" not in out
    assert "\u202e" not in out
    assert not [line for line in out.splitlines() if line.startswith("OVERDUE")]


def test_a_folder_that_is_no_case_and_none_at_all_are_errors(run, tmp_path) -> None:
    assert run("clocks", tmp_path).code == 4
    assert "which case?" in run("clocks").err


def test_a_case_whose_log_is_torn_is_an_error_and_not_an_empty_list(run, opened) -> None:
    begin(run, opened)
    path = opened / "custody" / "log.jsonl"
    path.write_bytes(path.read_bytes()[:-5])

    assert run("clocks", opened).code == 14


def test_times_are_kept_to_the_second_and_never_later_than_said(run, opened) -> None:
    begin(run, opened)
    (clock,) = json.loads(run("clocks", opened, "--json").out)["clocks"]
    started, recorded = (datetime.fromisoformat(one) for one in (clock["startedAt"], clock["started"]["recordedAt"]))

    assert started.microsecond == 0
    assert timedelta(hours=3) <= recorded - started < timedelta(hours=3, seconds=1)


def test_a_correction_and_an_entry_that_reads_otherwise_now_are_shown(run, opened, tmp_path) -> None:
    begin(run, opened, "eu.gdpr.art33", "3h")
    begin(run, opened, "eu.gdpr.art33", "4h", "--correct")
    (tmp_path / "clocks.yaml").write_text(OWN.replace("acme.board", "eu.gdpr.art33") + "    replaces: true\n")
    out = " ".join(run("clocks", opened, "--set", "clocks.yaml").out.split())

    assert "was said by alice@example.com in event 1" in out
    assert "CHANGED the entry reads otherwise now" in out
    assert out.startswith("OVERDUE eu.gdpr.art33 by 2 hours")
