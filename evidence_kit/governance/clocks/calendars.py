"""Days on which an authority works, and instants at which local days end. Computed from rules, never listed."""

import calendar
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_SATURDAY, _SUNDAY = calendar.SATURDAY, calendar.SUNDAY
_DAY = timedelta(days=1)
_JUNETEENTH_SINCE = 2021  # Pub. L. 117-17
_KING_SINCE = 1986  # Pub. L. 98-144

Holidays = Callable[[int], frozenset[date]]


@cache
def us_federal(year: int) -> frozenset[date]:
    """Return the days of one year on which federal offices observe a holiday of 5 U.S.C. 6103(a).

    One on a Saturday is observed on the Friday before, one on a Sunday on the Monday after; the first of January may
    so fall into the year before. Closings by order of a President cannot be computed: they only make a period longer.
    """
    fixed = (_observed(day) for of in (year, year + 1) for day in _fixed(of))
    floating = (
        _nth(year, 2, calendar.MONDAY, 3),
        _last(year, 5, calendar.MONDAY),
        _nth(year, 9, calendar.MONDAY, 1),
        _nth(year, 10, calendar.MONDAY, 2),
        _nth(year, 11, calendar.THURSDAY, 4),
        *([_nth(year, 1, calendar.MONDAY, 3)] if year >= _KING_SINCE else []),
    )
    return frozenset(day for day in (*fixed, *floating) if day.year == year)


def _fixed(year: int) -> Iterator[date]:
    yield date(year, 1, 1)
    if year >= _JUNETEENTH_SINCE:
        yield date(year, 6, 19)
    yield date(year, 7, 4)
    yield date(year, 11, 11)
    yield date(year, 12, 25)


def _observed(day: date) -> date:
    return day - _DAY if day.weekday() == _SATURDAY else day + _DAY if day.weekday() == _SUNDAY else day


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))


def _last(year: int, month: int, weekday: int) -> date:
    end = date(year, month, calendar.monthrange(year, month)[1])
    return end - timedelta(days=(end.weekday() - weekday) % 7)


def _none(_: int) -> frozenset[date]:
    """Return no holiday: an authority's national ones are not known here, and leaving them out errs early."""
    return frozenset()


US_FEDERAL, WEEKDAYS = "us-federal", "weekdays"
CALENDARS: Mapping[str, Holidays] = {US_FEDERAL: us_federal, WEEKDAYS: _none}


def is_business_day(day: date, holidays: Holidays) -> bool:
    """Say whether the authority works on `day`."""
    return day.weekday() not in {_SATURDAY, _SUNDAY} and day not in holidays(day.year)


def business_day_after(day: date, count: int, holidays: Holidays) -> date:
    """Return the `count`-th business day after `day`, which is itself not counted."""
    while count:
        day += _DAY
        count -= is_business_day(day, holidays)
    return day


def rolled(day: date, holidays: Holidays) -> date:
    """Return `day`, or the next business day where it is none."""
    return day if is_business_day(day, holidays) else business_day_after(day, 1, holidays)


def months_after(day: date, count: int) -> date:
    """Return the same date `count` months on, or the last of a month that has no such date."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def local_time(moment: datetime, zone: str) -> time:
    """Return what the clock on the wall shows in `zone` at `moment`."""
    return moment.astimezone(ZoneInfo(zone)).time()


def local_day(moment: datetime, zone: str) -> date:
    """Return on which day `moment` falls in `zone`."""
    return moment.astimezone(ZoneInfo(zone)).date()


def at(day: date, clock: time, zone: str) -> datetime:
    """Return the instant of a local time, in UTC; of one that comes twice, the first."""
    return datetime.combine(day, clock.replace(fold=0), ZoneInfo(zone)).astimezone(UTC)


def end_of(day: date, zone: str) -> datetime:
    """Return the instant at which `day` is over in `zone`, whether it had 23, 24 or 25 hours."""
    return at(day + _DAY, time(), zone)
