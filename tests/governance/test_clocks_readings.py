"""When a clock ends: every reading, the earliest first."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.errors import UsageError
from evidence_kit.governance.clocks.entry import Clock, Otherwise, Within
from evidence_kit.governance.clocks.readings import EU, WEEKEND_NOON, readings
from evidence_kit.governance.clocks.sets import standard

STARTS = st.datetimes(datetime(2000, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
EUROPE = ("Europe/Athens", "Europe/Brussels", "Europe/Lisbon")
KNOWN = standard().clocks


def clock(within: Within, **more: object) -> Clock:
    said = {
        **dict.fromkeys(("title", "authority", "must_act", "starts_on", "source", "was_read"), "x"),
        "id": "x",
        "status": "read",
        "reviewed": date(2026, 11, 22),
    }
    return Clock(within=within, **{**said, **more})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def instants(one: Clock, start: str) -> list[str]:
    return [reading.at.strftime("%m-%d %H:%M") for reading in readings(one, utc(start))]


@given(start=STARTS, name=st.sampled_from(sorted(KNOWN)))
def test_readings_are_in_order_after_the_start_and_never_twice(start, name) -> None:
    found = readings(KNOWN[name], start)

    assert list(found) == sorted(found, key=lambda one: one.at)
    assert len({(one.at, one.said) for one in found}) == len(found)
    assert all(one.at > start and one.at.tzinfo is UTC for one in found)
    assert bool(found) != bool(KNOWN[name].within.promptly)


@pytest.mark.slow
@given(start=STARTS, name=st.sampled_from(sorted(KNOWN)), offset=st.integers(-14, 14))
def test_the_zone_in_which_a_person_says_the_time_changes_nothing(start, name, offset) -> None:
    elsewhere = start.astimezone(timezone(timedelta(hours=offset)))

    assert readings(KNOWN[name], elsewhere) == readings(KNOWN[name], start)


@given(start=STARTS, later=st.timedeltas(timedelta(0), timedelta(days=40)), name=st.sampled_from(sorted(KNOWN)))
def test_whoever_starts_later_has_no_earlier_deadline(start, later, name) -> None:
    first, second = readings(KNOWN[name], start), readings(KNOWN[name], start + later)

    assert not first or first[0].at <= second[0].at + timedelta(hours=1), "an hour, for the change of summer time"


@given(start=STARTS, hours=st.integers(1, 100))
def test_elapsed_time_passes_over_weekends_holidays_and_summer_time_alike(start, hours) -> None:
    found = readings(clock(Within(elapsed=timedelta(hours=hours)), rules=(EU,), zones=EUROPE), start)

    assert found[0].at == start + timedelta(hours=hours)
    assert "elapsed" in found[0].said


@pytest.mark.parametrize(
    ("start", "full_hours"), [("2020-12-22T12:17", "12-25 13:00"), ("2020-12-22T12:59", "12-25 13:00"),
                              ("2020-12-22T13:00", "12-25 14:00")]
)  # fmt: skip
def test_the_hour_of_the_event_is_not_counted_by_regulation_1182_71(start, full_hours) -> None:
    # The first two are the example that a German law firm gives for art. 3(1).
    found = readings(KNOWN["eu.gdpr.art33"], utc(start))

    assert full_hours in [one.at.strftime("%m-%d %H:%M") for one in found if "3(1)" in one.said]
    assert found[0].at == utc(start) + timedelta(hours=72)


def test_two_working_days_are_a_later_reading_and_never_the_deadline() -> None:
    friday = readings(KNOWN["eu.gdpr.art33"], utc("2026-11-20T16:30"))
    contested = [one for one in friday if "3(5)" in one.said]

    assert friday[0].at == utc("2026-11-23T16:30")
    assert {one.zones for one in contested} == {(zone,) for zone in EUROPE}
    assert min(one.at for one in contested) == utc("2026-11-24T22:00")


@pytest.mark.parametrize(
    ("determined", "due"),
    [
        ("2026-11-16T15:00", date(2026, 11, 20)),  # Monday: Friday
        ("2026-11-20T15:00", date(2026, 11, 27)),  # Friday before Thanksgiving week
        ("2026-11-21T15:00", date(2026, 11, 27)),  # Saturday: Monday is the first of the four
        ("2026-07-02T15:00", date(2026, 7, 9)),  # the fourth of July is observed on Friday
        ("2026-11-17T04:59", date(2026, 11, 20)),  # still Monday in New York
        ("2026-11-17T05:00", date(2026, 11, 23)),  # Tuesday there
    ],
)
def test_four_business_days_exclude_the_day_of_the_determination(determined, due) -> None:
    closing, midnight = readings(KNOWN["us.sec.8k-1.05"], utc(determined))

    eastern = timedelta(hours=4 if due < date(2026, 11, 1) else 5)
    assert closing.at == datetime.combine(due, time(17, 30), UTC) + eastern
    assert midnight.at == datetime.combine(due, time(), UTC) + timedelta(days=1) + eastern


def test_calendar_days_end_with_the_last_day_where_the_authority_is() -> None:
    assert instants(KNOWN["us.ca.civ-1798-82.residents"], "2026-02-20T20:00") == ["03-22 20:00", "03-23 07:00"]


@pytest.mark.parametrize(
    ("start", "earliest"), [("2026-03-28T12:00", "2026-04-28T11:00"), ("2027-01-31T12:00", "2027-02-28T12:00")]
)
def test_a_month_ends_on_the_same_date_at_the_same_local_time(start, earliest) -> None:
    found = readings(clock(Within(months=1), zones=("Europe/Brussels",)), utc(start))

    assert found[0].at == utc(earliest)


def test_a_last_day_on_a_weekend_moves_by_the_european_rule_only_as_a_later_reading() -> None:
    plain = clock(Within(calendar_days=15), zones=("Europe/Brussels",))
    european = clock(Within(calendar_days=15), zones=("Europe/Brussels",), rules=(EU,))

    assert instants(plain, "2026-11-20T15:30") == ["12-05 15:30", "12-05 23:00"]
    assert instants(european, "2026-11-20T15:30") == ["12-05 15:30", "12-05 23:00", "12-07 23:00"]


def test_two_days_include_two_working_days_by_the_european_rule() -> None:
    found = instants(clock(Within(calendar_days=2), zones=("Europe/Brussels",), rules=(EU,)), "2026-11-20T15:30")

    assert found == ["11-22 15:30", "11-22 23:00", "11-24 23:00"]


def test_noon_of_the_next_working_day_is_listed_where_the_earliest_is_on_a_weekend() -> None:
    one = clock(Within(elapsed=timedelta(hours=24)), zones=("Europe/Brussels",), rules=(WEEKEND_NOON,))

    assert instants(one, "2026-11-20T15:30") == ["11-21 15:30", "11-23 11:00"]
    assert instants(one, "2026-11-18T15:30") == ["11-19 15:30"]


def test_what_another_source_says_is_a_reading_that_names_it() -> None:
    other = Otherwise(Within(calendar_days=30), "a guide says 30 days")
    found = readings(clock(Within(months=1), otherwise=(other,)), utc("2026-12-05T10:00"))

    assert found[0].at == utc("2027-01-04T10:00")
    assert found[0].said == "30 times 24 hours; a guide says 30 days"


def test_zones_that_agree_share_a_reading() -> None:
    found = readings(clock(Within(months=1), zones=EUROPE), utc("2026-11-20T15:30"))

    assert found[0].zones == EUROPE


def test_without_a_number_there_is_no_reading_and_without_a_zone_no_start() -> None:
    assert readings(KNOWN["eu.gdpr.art34"], utc("2026-11-20T15:30")) == ()
    with pytest.raises(UsageError, match="has no time zone"):
        readings(KNOWN["eu.gdpr.art33"], datetime(2026, 11, 20))  # noqa: DTZ001 - that is the point
