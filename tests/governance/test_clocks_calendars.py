"""Business days, federal holidays, and the ends of local days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.governance.clocks import calendars
from evidence_kit.governance.clocks.calendars import us_federal

DAYS = st.dates(date(1990, 1, 1), date(2199, 12, 31))
ZONES = st.sampled_from(
    ["UTC", "Europe/Brussels", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Asia/Beirut"]
)


def test_the_holidays_of_2026_and_2027_are_those_that_the_office_of_personnel_management_publishes() -> None:
    assert sorted(us_federal(2026)) == [
        *(date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16), date(2026, 5, 25), date(2026, 6, 19)),
        *(date(2026, 7, 3), date(2026, 9, 7), date(2026, 10, 12), date(2026, 11, 11), date(2026, 11, 26)),
        date(2026, 12, 25),
    ]
    assert date(2027, 12, 24) in us_federal(2027)
    assert date(2027, 12, 31) in us_federal(2027), "new year 2028 falls on a Saturday"
    assert date(2028, 1, 1) not in us_federal(2028)


def test_every_working_day_from_2022_to_2099_is_the_one_of_an_independent_calendar() -> None:
    holidays = pytest.importorskip("holidays", reason="the oracle `holidays` is not installed")
    oracle = holidays.country_holidays("US", years=range(2021, 2101))
    day = date(2022, 1, 1)
    while day.year < 2100:
        ours = calendars.is_business_day(day, us_federal)
        assert ours == (day.weekday() < 5 and day not in oracle), day
        day += timedelta(days=1)


@given(day=DAYS)
def test_no_observed_holiday_is_on_a_weekend_and_each_year_has_ten_to_twelve(day) -> None:
    found = us_federal(day.year)

    assert all(one.weekday() < 5 and one.year == day.year for one in found)
    assert 9 <= len(found) <= 12


@given(day=DAYS, count=st.integers(1, 30))
def test_the_nth_business_day_is_one_and_has_as_many_business_days_behind_it(day, count) -> None:
    found = calendars.business_day_after(day, count, us_federal)
    between = (day + timedelta(days=one) for one in range(1, (found - day).days + 1))

    assert calendars.is_business_day(found, us_federal)
    assert sum(calendars.is_business_day(one, us_federal) for one in between) == count


@given(day=DAYS, first=st.integers(0, 40), then=st.integers(0, 40))
def test_months_add_up_to_the_same_month_and_never_past_its_end(day, first, then) -> None:
    found = calendars.months_after(day, first)

    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == first
    assert found.day <= day.day
    assert calendars.months_after(found, then).month == calendars.months_after(day, first + then).month


@pytest.mark.parametrize(
    ("day", "count", "found"),
    [
        (date(2027, 1, 31), 1, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
    ],
)
def test_a_month_without_such_a_date_ends_on_its_last(day, count, found) -> None:
    assert calendars.months_after(day, count) == found


@given(day=DAYS, zone=ZONES)
def test_a_day_is_over_when_the_next_begins_however_long_it_was(day, zone) -> None:
    over = calendars.end_of(day, zone)

    assert over.tzinfo is UTC
    assert calendars.local_day(over - timedelta(microseconds=1), zone) <= day
    assert calendars.local_day(over, zone) > day


def test_days_at_the_change_of_summer_time_have_23_and_25_hours() -> None:
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    lasting = [
        calendars.end_of(one, "Europe/Brussels") - calendars.end_of(one - timedelta(1), "Europe/Brussels")
        for one in (spring, autumn)
    ]

    assert lasting == [timedelta(hours=23), timedelta(hours=25)]


def test_a_local_time_that_comes_twice_is_the_first() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC).astimezone(ZoneInfo("Europe/Brussels")).time()

    assert calendars.at(date(2026, 10, 25), time(2, 30, fold=1), "Europe/Brussels").hour == 0
    assert calendars.at(date(2026, 10, 25), second, "Europe/Brussels").hour == 0
