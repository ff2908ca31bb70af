"""Entries that come late: a second pass brings them, says which they are, and counts none of the others twice."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from support.google import ACTIVITY, PROJECT, sources
from support.lab import Clock

from evidence_kit.acquire.open_work import find_unsettled
from evidence_kit.analysis.passes import changes
from evidence_kit.collectors.registry import build
from evidence_kit.errors import EmptyError, Exit, UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.sandbox.google.logs import make_entries

ADMIN = "gcp.logging.admin_activity"
SPECS = {ADMIN: sources()[ADMIN]}
SETTLE = SPECS[ADMIN].settle


@pytest.fixture
def recent(google):
    """A window that has not settled when it is first collected, with entries in it."""
    now = google.lab.now().replace(microsecond=0)
    google.lab.window = Window(now - timedelta(minutes=50), now - timedelta(minutes=10))
    google.fill(ACTIVITY, 1200, start=google.lab.window.start, end=google.lab.window.end)
    return google


def arrive_late(google, count, *, received):
    """Let entries of the window be received at `received`."""
    window = google.lab.window
    made = make_entries(ACTIVITY, count, start=window.start, end=window.end, seed=99)
    late = tuple({**entry, "receiveTimestamp": rfc3339(received)} for entry in made)
    google.estate.entries = (*google.estate.entries, *late)
    return {entry["insertId"] for entry in late}


def pass_time(google, **hours):
    google.lab.now = Clock(google.lab.now() + timedelta(**hours))


def reconcile(google):
    now = google.lab.now()
    vault = google.lab.vault
    work = find_unsettled(vault, lambda unit: unit.window.end + SETTLE <= now)
    with vault.lock(), vault.working():
        return work.run(google.lab.engine(build(SPECS)))


def ids(google, bag):
    return Counter(
        entry["insertId"]
        for _, body in google.lab.bodies(source=ADMIN, root=bag)
        for entry in json.loads(body).get("entries", [])
    )


def test_a_reconcile_brings_the_late_ones_names_them_and_counts_the_others_once(recent):
    (first,) = recent.collect(ADMIN).outcomes
    assert first.status is UnitStatus.COMPLETE_UNSETTLED
    late = arrive_late(recent, 7, received=recent.lab.now() + timedelta(hours=2))
    pass_time(recent, hours=3)
    (second,) = reconcile(recent).outcomes
    assert (second.status, second.records) == (UnitStatus.COMPLETE, 1207)
    before, after = recent.lab.bags
    assert set(ids(recent, after)) - set(ids(recent, before)) == late
    (change,) = changes(recent.lab.vault, SPECS)
    assert (change.both, change.late, change.gone) == (1200, 7, 0)
    (finding,) = recent.lab.findings()
    assert finding["kind"] == "received_late"
    assert set(finding["facts"]["insertIds"].split(", ")) == late
    with pytest.raises(EmptyError):
        reconcile(recent)


def test_without_late_entries_the_second_pass_has_nothing_to_tell(recent):
    recent.collect(ADMIN)
    pass_time(recent, hours=3)
    reconcile(recent)
    (change,) = changes(recent.lab.vault, SPECS)
    assert (change.both, change.late, change.gone) == (1200, 0, 0)
    assert recent.lab.findings() == []


def test_what_came_after_a_settled_pass_is_had_by_asking_for_what_was_received_since(recent):
    """Google takes entries for weeks after they happened: a window that counts as settled can still grow."""
    pass_time(recent, hours=3)
    passed_at = recent.lab.now()
    assert recent.collect(ADMIN).outcomes[0].status is UnitStatus.COMPLETE
    late = arrive_late(recent, 5, received=passed_at + timedelta(days=3))
    pass_time(recent, days=4)
    asked = len(recent.asked())
    result = recent.collect(ADMIN, params={"received_since": rfc3339(passed_at)})
    assert [(one.status, one.records) for one in result.outcomes] == [(UnitStatus.COMPLETE, 5)]
    assert set(ids(recent, recent.lab.bags[-1])) == late
    (question,) = recent.asked()[asked:]
    assert question.asked["filter"].count(" AND timestamp") == 2, "the bounds of the window are still said"
    assert f'receiveTimestamp>="{rfc3339(passed_at)}"' in question.asked["filter"]
    assert changes(recent.lab.vault, SPECS) == (), "another unit, and no second pass over the first"
    assert recent.lab.verify().exit(require_complete=True) is Exit.OK


def test_that_nothing_came_late_is_complete_because_google_said_so(recent):
    pass_time(recent, hours=3)
    result = recent.collect(ADMIN, params={"received_since": rfc3339(recent.lab.now())})
    assert [(one.status, one.records) for one in result.outcomes] == [(UnitStatus.COMPLETE, 0)]


def test_a_time_that_cannot_be_read_stops_the_plan(recent):
    with pytest.raises(UsageError, match="not a time"):
        recent.collect(ADMIN, params={"received_since": "yesterday"})


def test_every_log_can_be_asked_for_what_came_late():
    logs = [spec for spec in sources().values() if spec.mechanism == "gcp.logging"]
    assert all([param.name for param in spec.params] == ["received_since"] for spec in logs)


@pytest.mark.parametrize("times", [{}, {"timestamp": "soon", "receiveTimestamp": "later"}])
def test_an_entry_without_readable_times_is_kept_and_says_nothing_of_lateness(google, times):
    entry = {"insertId": "x", "logName": f"projects/{PROJECT}/logs/a", **times}
    from evidence_kit.collectors.gcp.lateness import Lateness

    late = Lateness(SETTLE)
    late.read({"entries": [entry, "no entry"]})
    late.read({"entries": None})
    assert list(late.remarks()) == []
