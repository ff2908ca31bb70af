"""Clocks in a real case: started and met by people, told from the log."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from support.casemaker import NOW
from support.people import Cast

from evidence_kit.acquire.decisions import decide
from evidence_kit.custody import log
from evidence_kit.errors import ChainError, EmptyError, Exit, UsageError
from evidence_kit.governance.clocks import recording
from evidence_kit.governance.clocks.readings import readings
from evidence_kit.governance.clocks.running import SUBJECT, overdue, running, statements, waiting
from evidence_kit.governance.clocks.sets import extended, standard
from evidence_kit.model.time import rfc3339

KNOWN = standard()
GDPR, INITIAL, INTERMEDIATE = "eu.gdpr.art33", "eu.dora.art19.initial", "eu.dora.art19.intermediate"
HOUR = timedelta(hours=1)


@pytest.fixture
def alice(tmp_path):
    cast = Cast(tmp_path)
    cast.add("alice")
    return cast.open("alice", collect=False)


def start(who, name=GDPR, *, at=NOW - 2 * HOUR, now=NOW, known=KNOWN, **more):
    return recording.start(who.vault, who.ring, None, known, name, at=at, why="the SOC was sure", now=now, **more)[0]


def meet(who, name=GDPR, *, at=NOW, now=NOW, known=KNOWN, **more):
    return recording.meet(who.vault, who.ring, None, known, name, at=at, what="sent by portal", now=now, **more)


def told(who, known=KNOWN):
    return running(statements(who.vault), known.clocks)


def test_a_clock_runs_from_the_time_that_a_person_said_and_not_from_the_event(alice) -> None:
    seq = start(alice)
    (found,) = told(alice)

    assert found.started.at == NOW - 2 * HOUR
    assert found.deadline == NOW + 70 * HOUR
    assert (found.started.seq, found.started.by, found.started.said) == (seq, "alice", "the SOC was sure")
    assert found.readings == readings(KNOWN.clocks[GDPR], NOW - 2 * HOUR)


def test_nothing_starts_a_clock_but_an_event_about_it(alice) -> None:
    decide(alice.vault, alice.ring, None, log.NOTE, {"note": "clock.started eu.gdpr.art33"}, at=NOW)

    assert told(alice) == ()


def test_the_event_keeps_by_which_words_the_clock_was_started(alice) -> None:
    start(alice)
    events = []
    with alice.vault.open(log.LOG) as stream:
        log.scan(stream, report=lambda error, _: pytest.fail(str(error)), seen=events.append)
    said = events[-1].said.predicate[SUBJECT]

    assert said["entry"] == KNOWN.clocks[GDPR].digest
    assert said["sets"] == [{"name": name, "sha256": digest} for name, digest in KNOWN.files]
    assert said["deadline"] == rfc3339(NOW + 70 * HOUR)
    assert events[-1].type == "clock.started"


def test_a_clock_is_overdue_at_its_earliest_reading_and_not_before(alice) -> None:
    start(alice)
    found = told(alice)
    deadline = found[0].deadline

    assert overdue(found, deadline - timedelta(microseconds=1)) == ()
    assert overdue(found, deadline) == found
    assert found[0].left(deadline + HOUR) == -HOUR


def test_a_clock_that_was_met_is_no_longer_overdue_and_says_if_it_was_late(alice) -> None:
    start(alice, at=NOW - 100 * HOUR)
    meet(alice, at=NOW - HOUR)
    (found,) = told(alice)

    assert not overdue((found,), NOW)
    assert found.left(NOW + 1000 * HOUR) == -27 * HOUR


def test_meeting_one_starts_the_next_from_the_time_that_was_said(alice) -> None:
    start(alice, INITIAL, at=NOW - 3 * HOUR)
    assert [one.id for one in waiting(told(alice), KNOWN.clocks)] == [INTERMEDIATE, "eu.dora.art19.final"]
    _, begun = meet(alice, INITIAL, at=NOW - 2 * HOUR)
    following, first = told(alice)

    assert [one.id for one in begun] == [INTERMEDIATE]
    assert (following.id, following.deadline) == (INTERMEDIATE, NOW + 70 * HOUR)
    assert following.started.kind == "clock.met"
    assert first.met is not None

    meet(alice, INTERMEDIATE, at=NOW - HOUR)
    assert [one.id for one in told(alice) if one.met is None] == ["eu.dora.art19.final"]


def test_a_clock_that_runs_is_corrected_and_not_started_twice(alice) -> None:
    first = start(alice)
    with pytest.raises(UsageError, match=f"by event {first}"):
        start(alice, at=NOW - 3 * HOUR)
    start(alice, at=NOW - 30 * HOUR, correct=True)
    (found,) = told(alice)

    assert found.started.at == NOW - 30 * HOUR
    assert [one.seq for one in found.earlier] == [first]


def test_what_follows_another_can_be_corrected_too(alice) -> None:
    start(alice, INITIAL)
    meet(alice, INITIAL, at=NOW - HOUR)
    start(alice, INTERMEDIATE, at=NOW - 2 * HOUR, correct=True)
    found = next(one for one in told(alice) if one.id == INTERMEDIATE)

    assert found.started.at == NOW - 2 * HOUR
    assert [one.kind for one in found.earlier] == ["clock.met"]


def test_there_is_nothing_to_correct_or_to_meet_where_nothing_runs(alice) -> None:
    with pytest.raises(EmptyError, match="nothing to correct"):
        start(alice, correct=True)
    with pytest.raises(EmptyError, match="no clock"):
        meet(alice)


def test_after_it_was_met_a_clock_can_start_anew(alice) -> None:
    start(alice)
    meet(alice)
    start(alice)

    assert [one.met is None for one in told(alice)] == [True, False]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (NOW + timedelta(seconds=2), "has not come yet"),
        (datetime(1969, 12, 31, tzinfo=UTC), "before 1970"),
        (datetime(1, 1, 1, tzinfo=UTC), "before 1970"),
    ],
)
def test_nobody_starts_a_clock_at_a_time_that_cannot_be(alice, at, said) -> None:
    with pytest.raises(UsageError, match=said):
        start(alice, at=at)
    assert told(alice) == ()


def test_nothing_is_met_before_it_started(alice) -> None:
    start(alice)

    with pytest.raises(UsageError, match="cannot be met at"):
        meet(alice, at=NOW - 3 * HOUR)


@pytest.mark.parametrize("why", ["", "  ", "x" * 2001])
def test_a_reason_says_something_and_is_no_document(alice, why) -> None:
    with pytest.raises(UsageError, match="--why"):
        recording.start(alice.vault, alice.ring, None, KNOWN, GDPR, at=NOW, why=why, now=NOW)


def test_an_entry_that_was_changed_since_is_marked_and_one_that_is_gone_is_still_listed(alice) -> None:
    start(alice)
    text = b"""\
apiVersion: evidence-kit/clocks.v1
kind: ClockSet
name: ours
clocks:
  - {id: eu.gdpr.art33, title: t, authority: a, mustAct: m, startsOn: s, within: {elapsed: PT48H}, status: read,
     reviewed: 2026-11-01, source: {url: "https://x.example", read: all}, replaces: true}
"""
    (same,), (other,) = told(alice), told(alice, extended(KNOWN, text, name="ours.yaml"))
    (gone,) = running(statements(alice.vault), {})

    assert (same.is_changed, other.is_changed, gone.is_changed) == (False, True, False)
    assert other.deadline == NOW + 46 * HOUR
    assert (gone.id, gone.clock, gone.deadline) == (GDPR, None, None)
    assert not overdue((gone,), NOW)


def test_a_chain_of_a_set_that_is_not_at_hand_is_still_told(alice) -> None:
    start(alice, INITIAL)
    meet(alice, INITIAL)
    meet(alice, INTERMEDIATE)
    without = running(statements(alice.vault), {})

    assert {(one.id, one.met is not None) for one in without} == {(INITIAL, True), (INTERMEDIATE, True)}


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        (log.CLOCK_STARTED, {"id": GDPR, "startsAt": "2026-11-21 10:00", "why": "x", "entry": ""}, "not a time"),
        (log.CLOCK_STARTED, {"id": GDPR, "startsAt": "9999-01-01T00:00:00Z", "why": "x", "entry": ""}, "not before"),
        (log.CLOCK_STARTED, {"id": GDPR, "startsAt": "0001-01-01T00:00:00Z", "why": "x", "entry": ""}, "not before"),
        (
            log.CLOCK_STARTED,
            {"id": GDPR, "startsAt": "2026-01-01T00:00:00Z", "why": "x", "entry": "", "corrects": 0},
            "no event before it runs",
        ),
        (log.CLOCK_MET, {"id": GDPR, "metAt": "2026-01-01T00:00:00Z", "what": "x", "started": 77}, "runs"),
        (log.CLOCK_MET, {"id": GDPR, "metAt": "2026-01-01T00:00:00Z", "what": "x"}, "runs"),
    ],
)
def test_an_event_that_says_what_cannot_be_is_an_error_and_not_left_out(alice, kind, fields, said) -> None:
    decide(alice.vault, alice.ring, None, kind, {SUBJECT: fields}, at=NOW)

    with pytest.raises(ChainError, match=said):
        told(alice)


def test_meeting_twice_is_refused_when_it_is_read(alice) -> None:
    seq = start(alice)
    meet(alice)
    said = {"id": GDPR, "metAt": "2026-11-01T00:00:00Z", "what": "again", "started": seq}
    decide(alice.vault, alice.ring, None, log.CLOCK_MET, {SUBJECT: said}, at=NOW)

    with pytest.raises(ChainError, match="no event before it runs"):
        told(alice)


def test_a_case_with_clocks_verifies_and_one_whose_start_was_moved_does_not(tmp_path) -> None:
    cast = Cast(tmp_path)
    cast.add("alice")
    alice = cast.open("alice")
    start(alice)
    assert cast.verify("alice").defects == ()

    path = alice.case / log.LOG
    before, line = path.read_bytes().rstrip(b"\n").rsplit(b"\n", 1)
    envelope = json.loads(line)
    said = base64.b64decode(envelope["payload"]).replace(rfc3339(NOW - 2 * HOUR).encode(), rfc3339(NOW).encode())
    envelope["payload"] = base64.b64encode(said).decode()
    path.write_bytes(before + b"\n" + json.dumps(envelope, separators=(",", ":")).encode() + b"\n")
    assert cast.verify("alice").exit() in {Exit.SIGNATURE, Exit.CHAIN}


def test_a_broken_log_hides_no_deadline(alice) -> None:
    start(alice)
    path = alice.case / log.LOG
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(ChainError):
        told(alice)


def test_the_most_pressing_comes_first_and_what_is_met_last(alice) -> None:
    start(alice, "eu.gdpr.art34")
    start(alice, "us.ca.civ-1798-82.residents")
    start(alice, GDPR)
    start(alice, INITIAL)
    meet(alice, INITIAL)

    assert [one.id for one in told(alice)] == [
        GDPR, INTERMEDIATE, "us.ca.civ-1798-82.residents", "eu.gdpr.art34", INITIAL,
    ]  # fmt: skip


@pytest.mark.slow
def test_a_clock_that_runs_twice_is_met_by_the_event_that_set_it_running(alice) -> None:
    for _ in range(2):
        start(alice, INITIAL)
        meet(alice, INITIAL)
    first, second = (one.started.seq for one in told(alice) if one.id == INTERMEDIATE)

    with pytest.raises(UsageError, match="runs several times") as caught:
        meet(alice, INTERMEDIATE)
    assert f"{first}, {second}" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="runs several times"):
        start(alice, INTERMEDIATE, correct=True)
    corrected = start(alice, INTERMEDIATE, correct=True, event=first)
    meet(alice, INTERMEDIATE, event=second)
    first = corrected
    assert [one.started.seq for one in told(alice) if one.id == INTERMEDIATE and one.met is None] == [first]
