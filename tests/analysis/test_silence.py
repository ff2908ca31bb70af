"""Silence: rarely told of a stream without a hole, always of a hole of the stated size, and never called a proof."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.counted import collect, opened

from evidence_kit.analysis.coverage import read_coverage
from evidence_kit.analysis.rhythm import known_reasons, read_series
from evidence_kit.analysis.silence import (
    FALSE_ALARMS,
    HOUR,
    Known,
    Series,
    shortest,
    shortest_daily,
    shortest_thin,
    silences,
)
from evidence_kit.cli import reconciled
from evidence_kit.errors import UsageError
from evidence_kit.model.time import Window

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
FORTNIGHT = 14 * 24


def series(counts, start=MONDAY):
    return Series(source="s", target="t", region="r", stream="", start=start, counts=tuple(counts))


def told(counts, known=()):
    return list(silences([series(counts)], known))


def without(counts, first, hours):
    return [*counts[:first], *([0] * hours), *counts[first + hours :]]


@pytest.mark.parametrize("hours", [24, 72, 240])
@pytest.mark.parametrize("empty", [0.01, 0.05, 0.15, 0.4])
def test_streams_without_a_hole_are_told_of_less_often_than_stated(hours, empty) -> None:
    rolled = random.Random(f"{hours} {empty}")
    streams = 1_500

    alarms = sum(bool(told([int(rolled.random() >= empty) for _ in range(hours)])) for _ in range(streams))

    assert alarms <= 3 * 2 * FALSE_ALARMS * streams  # two questions; thrice, for these are a sample


# Of hours that differ by less than ten times, none is thin.
@given(st.lists(st.integers(51, 500), min_size=24, max_size=300), st.data())
@settings(max_examples=60, deadline=None)
def test_every_hole_of_the_stated_size_is_told(counts, data) -> None:
    least = shortest(len(counts))
    hours = data.draw(st.integers(least, len(counts) // 4))
    first = data.draw(st.integers(0, len(counts) - hours))

    (found,) = told(without(counts, first, hours))

    assert found.window == Window(MONDAY + first * HOUR, MONDAY + (first + hours) * HOUR)
    assert found.hours == hours


@given(st.lists(st.integers(1, 9), min_size=1, max_size=300), st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_a_stream_that_never_pauses_is_never_told(counts, scale) -> None:
    assert told([scale * count for count in counts]) == []


def test_the_basis_is_said_in_numbers() -> None:
    counts = without([14 + hour % 9 for hour in range(235)], 100, 3)

    (found,) = told(counts)

    assert found.basis == "232 hours with at least 14 events each, and 0 for 3 hours"
    assert found.explanations == ()
    assert "deleted records look like this, and so does a pause" in "\n".join(reconciled.lines((), [found]))


def test_two_holes_are_both_told() -> None:
    counts = without(without([5] * 240, 30, 4), 150, 6)

    assert [found.hours for found in told(counts)] == [4, 6]


def test_a_stream_that_sleeps_at_night_is_told_of_a_missing_morning_only() -> None:
    days = [0 if hour % 24 < 7 else 20 for hour in range(FORTNIGHT)]

    (found,) = told(without(days, 2 * 24 + 9, 6))

    assert told(days) == []
    assert found.window.start == MONDAY + timedelta(days=2, hours=9)
    assert found.basis == "the same hours of 9 other weekdays with at least 20 events each, and 0 for 6 hours"


def test_a_stream_that_rests_on_weekends_is_not_told_of() -> None:
    assert told([0 if (hour // 24) % 7 >= 5 or hour % 24 < 7 else 20 for hour in range(FORTNIGHT)]) == []


def thinned(counts, first, hours, left):
    return [*counts[:first], *([left] * hours), *counts[first + hours :]]


def test_a_stream_that_all_but_falls_silent_is_told_in_numbers() -> None:
    (found,) = told(thinned([400 + hour % 7 for hour in range(240)], 100, 4, 3))

    assert (found.window.start, found.hours) == (MONDAY + timedelta(hours=100), 4)
    assert found.basis == "236 hours with at least 400 events each, and at most 3 for 4 hours"
    assert found.explanations == ()


@pytest.mark.parametrize(
    ("first", "hours", "left"),
    [(100, 1, 3), (100, 4, 41), (100, 80, 3)],
    ids=["an hour by itself", "not a tenth of the others", "more than a quarter of all"],
)
def test_what_need_not_be_a_gap_is_not_told_as_one(first, hours, left) -> None:
    assert told(thinned([400 + hour % 7 for hour in range(240)], first, hours, left)) == []


def test_a_stream_that_is_quiet_every_night_is_not_told_of_its_nights() -> None:
    assert told([2 if hour % 24 < 6 else 300 for hour in range(FORTNIGHT)]) == []


@pytest.mark.parametrize("hours", [24, 72, 240])
def test_the_poorest_hours_stand_side_by_side_less_often_than_stated(hours) -> None:
    long, chance = shortest_thin(hours), random.Random(hours)
    found = 0
    for _ in range(20_000):
        found += max(poor := chance.sample(range(hours), long)) - min(poor) + 1 == long
    assert found / 20_000 <= 2 * FALSE_ALARMS


def test_years_of_hours_are_looked_at_in_moments() -> None:
    chance = random.Random(1)
    assert told([chance.randrange(1, 10**9) for _ in range(5 * 366 * 24)]) == []


def test_too_few_hours_say_nothing() -> None:
    assert told([9, 9, 0, 0, 0, 9]) == []
    assert shortest(6) == 7
    assert (shortest_thin(6), shortest_thin(12)) == (7, 13)
    assert shortest_daily(2, 48) == 49


def test_more_hours_never_ask_for_a_longer_hole() -> None:
    asked = [shortest(hours) for hours in (24, 48, 96, 300, 1_000, 20_000)]

    assert asked == sorted(asked, reverse=True)


def test_known_reasons_are_named_and_do_not_hide_the_silence() -> None:
    window = Window(MONDAY + 99 * HOUR, MONDAY + 101 * HOUR)
    here = Known(source="s", target="t", region="r", stream=None, window=window, reason="StopLogging")
    elsewhere = Known(source="s", target="t", region="other", stream=None, window=window, reason="elsewhere")

    (found,) = told(without([5] * 240, 100, 4), (here, elsewhere))

    assert found.explanations == ("StopLogging",)


@pytest.mark.parametrize(
    ("first", "said"), [(0, "it starts where the window starts"), (236, "it ends where the window ends")]
)
def test_the_edges_of_the_window_are_named(first, said) -> None:
    (found,) = told(without([5] * 240, first, 4))

    assert found.explanations[0].startswith(said)


def test_hours_that_were_not_collected_are_no_silence() -> None:
    counts = [*[5] * 100, *[None] * 10, *[5] * 100]

    assert told(counts) == []
    assert "the hour before it was not collected whole" in told(without(counts, 110, 4))[0].explanations


def test_a_lone_weekend_is_named() -> None:
    (found,) = told(without([5] * 144, 5 * 24, 24))

    assert "it falls on a weekend, and no other weekend was collected" in found.explanations


def test_a_series_starts_at_a_whole_hour() -> None:
    with pytest.raises(UsageError, match="whole hour"):
        series([1], MONDAY + timedelta(minutes=1))


def test_series_count_an_hour_once_and_leave_out_what_was_not_collected(tmp_path) -> None:
    case = opened(tmp_path / "case")
    window = Window(MONDAY, MONDAY + 3 * HOUR + timedelta(minutes=30))
    collect(case, "aws.cloudtrail.lookup", [("LookupEvents", b'{"Events": []}')], window=window)
    unit = next(iter(read_coverage(case.vault).rows)).cells[0].window
    name = f"aws.cloudtrail.lookup|111122223333|us-east-1|-|{unit.to_json()['start']}/{unit.to_json()['end']}"
    rows = [
        (name, "first", "2026-11-02T01", 4), (name, "second", "2026-11-02T01", 6),
        (name, "second", "2026-11-02T03", 1), (name, "second", "no time", 1),
    ]  # fmt: skip

    (found,) = read_series(read_coverage(case.vault), lambda _: rows)

    assert (found.start, found.counts) == (MONDAY, (0, 6, 0, None))


def test_a_gap_of_a_trail_is_a_known_reason(small_case) -> None:
    found = read_coverage(small_case.vault)
    assert known_reasons(found) == ()
