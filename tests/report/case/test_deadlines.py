"""A report tells the clocks that people started, when each is due, and what is doubtful about it."""

from datetime import timedelta

import pytest
from support.casemaker import NOW
from support.people import Cast

from evidence_kit.governance.clocks import recording
from evidence_kit.governance.clocks.sets import standard
from evidence_kit.model.time import rfc3339
from evidence_kit.report.case.deadlines import read_deadlines

GDPR = "eu.gdpr.art33"
KNOWN = standard()
HOUR = timedelta(hours=1)


@pytest.fixture
def alice(tmp_path):
    cast = Cast(tmp_path)
    cast.add("alice")
    who = cast.open("alice", collect=False)
    recording.start(who.vault, who.ring, None, KNOWN, GDPR, at=NOW - 2 * HOUR, why="the desk was sure", now=NOW)
    return who


@pytest.mark.parametrize(("later", "state"), [(timedelta(0), "running"), (100 * HOUR, "overdue")])
def test_a_clock_is_due_at_its_earliest_reading(alice, later, state) -> None:
    (found,) = read_deadlines(alice.vault, KNOWN.clocks, NOW + later)
    assert (found.id, found.due_at, found.state) == (GDPR, rfc3339(NOW + 70 * HOUR), state)
    assert found.readings[0].startswith(found.due_at)
    assert found.title
    assert found.source


def test_what_was_met_is_no_longer_overdue(alice) -> None:
    recording.meet(alice.vault, alice.ring, None, KNOWN, GDPR, at=NOW, what="sent", now=NOW)
    assert [one.state for one in read_deadlines(alice.vault, KNOWN.clocks, NOW + 100 * HOUR)] == ["met"]


def test_a_clock_that_no_set_at_hand_has_is_told_without_a_deadline(alice) -> None:
    (found,) = read_deadlines(alice.vault, {}, NOW)
    assert (found.due_at, found.state) == ("", "running")
    assert "not known" in found.note


def test_a_clock_that_nobody_looked_at_for_long_says_so(alice) -> None:
    (found,) = read_deadlines(alice.vault, KNOWN.clocks, NOW + timedelta(days=2_000))
    assert "not reviewed for half a year" in found.note
