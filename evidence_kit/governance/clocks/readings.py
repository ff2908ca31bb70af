"""When a clock ends, by every reading that somebody could defend. The earliest comes first, and is the deadline.

Pure: the same clock and the same start give the same instants anywhere. Nobody is told that a later one is safe.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from evidence_kit.governance.clocks import calendars
from evidence_kit.governance.clocks.entry import Clock, Within
from evidence_kit.model.time import require_utc, rfc3339

EU, WEEKEND_NOON = "eu-1182-71", "weekend-noon"
RULES: Mapping[str, str] = {
    EU: "Regulation (EEC, Euratom) No 1182/71: the hour or day of the event is not counted",
    WEEKEND_NOON: "what would end on a weekend ends at noon of the next working day, for whom that is allowed",
}
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_TWO_DAYS = timedelta(days=2)
_NO_HOLIDAYS = calendars.CALENDARS[calendars.WEEKDAYS]


@dataclass(frozen=True, slots=True)
class Reading:
    """One instant, exclusive: what is done before it is in time by this reading."""

    at: datetime
    said: str
    zones: tuple[str, ...] = ()  # in which days were counted so

    def to_json(self) -> dict[str, object]:
        """Return plain data."""
        return {"at": rfc3339(self.at), "reading": self.said, "zones": list(self.zones)}


def readings(clock: Clock, starts_at: datetime) -> tuple[Reading, ...]:
    """Return every reading of `clock`, earliest first; none where the law gives no number."""
    start = require_utc(starts_at)
    found = [*_of(clock.within, clock, start)]
    for other in clock.otherwise:
        found += [replace(one, said=f"{one.said}; {other.says}") for one in _of(other.within, clock, start)]
    if WEEKEND_NOON in clock.rules and found:
        found += _noon(clock, min(one.at for one in found))
    return _distinct(found)


def _distinct(found: list[Reading]) -> tuple[Reading, ...]:
    """Return the readings in order, those that several zones share once."""
    zones: dict[tuple[datetime, str], tuple[str, ...]] = {}
    for one in found:
        zones[one.at, one.said] = (*zones.get((one.at, one.said), ()), *one.zones)
    return tuple(Reading(at, said, where) for (at, said), where in sorted(zones.items(), key=lambda item: item[0]))


def _of(within: Within, clock: Clock, start: datetime) -> Iterator[Reading]:
    if within.elapsed is not None:
        yield from _elapsed(within.elapsed, clock, start)
    for count, how in (
        (within.business_days, _business),
        (within.calendar_days, _days),
        (within.months, _months),
    ):
        if count:
            yield from _each_zone(how, count, clock, start)


def _each_zone(
    how: Callable[[int, Clock, datetime, str], Iterator[Reading]], count: int, clock: Clock, start: datetime
) -> Iterator[Reading]:
    for zone in clock.zones:
        yield from how(count, clock, start, zone)


def _elapsed(lasting: timedelta, clock: Clock, start: datetime) -> Iterator[Reading]:
    yield Reading(start + lasting, "elapsed time, to the minute")
    if EU not in clock.rules:
        return
    # In UTC: no zone of the Union is off by half an hour.
    hour = start.replace(minute=0, second=0, microsecond=0)
    end = hour + _HOUR + lasting
    yield Reading(end, "the hour of the event not counted (Reg. 1182/71, art. 3(1))")
    if lasting >= _TWO_DAYS:
        for zone in clock.zones:
            second = calendars.business_day_after(calendars.local_day(start, zone), 2, _NO_HOLIDAYS)
            said = "at least two working days (Reg. 1182/71, art. 3(5), contested for hours; only weekends known)"
            yield Reading(max(end, calendars.end_of(second, zone)), said, (zone,))


def _business(count: int, clock: Clock, start: datetime, zone: str) -> Iterator[Reading]:
    holidays = calendars.CALENDARS[clock.calendar or calendars.WEEKDAYS]
    last = calendars.business_day_after(calendars.local_day(start, zone), count, holidays)
    said = f"business days ({clock.calendar or calendars.WEEKDAYS}), the event's own not counted"
    if clock.closes is not None:
        closes = f"until the authority closes at {clock.closes.isoformat('minutes')}"
        yield Reading(calendars.at(last, clock.closes, zone), f"{said}, {closes}", (zone,))
    yield Reading(calendars.end_of(last, zone), f"{said}, until the end of the day", (zone,))


def _days(count: int, clock: Clock, start: datetime, zone: str) -> Iterator[Reading]:
    yield Reading(start + count * _DAY, f"{count} times 24 hours")
    yield from _until(calendars.local_day(start, zone) + count * _DAY, clock, start, zone)


def _months(count: int, clock: Clock, start: datetime, zone: str) -> Iterator[Reading]:
    last = calendars.months_after(calendars.local_day(start, zone), count)
    clock_time = calendars.local_time(start, zone)
    yield Reading(calendars.at(last, clock_time, zone), "the same time of the same date", (zone,))
    yield from _until(last, clock, start, zone)


def _until(last: date, clock: Clock, start: datetime, zone: str) -> Iterator[Reading]:
    """Yield the end of the last day, and what a weekend makes of it."""
    yield Reading(calendars.end_of(last, zone), "end of the last day, the event's own not counted", (zone,))
    if EU not in clock.rules:
        return
    second = calendars.business_day_after(calendars.local_day(start, zone), 2, _NO_HOLIDAYS)
    moved = max(calendars.rolled(last, _NO_HOLIDAYS), second)
    if moved != last:
        said = "end of the next working day (Reg. 1182/71, art. 3(4) and (5); only weekends known)"
        yield Reading(calendars.end_of(moved, zone), said, (zone,))


def _noon(clock: Clock, earliest: datetime) -> Iterator[Reading]:
    for zone in clock.zones:
        day = calendars.local_day(earliest, zone)
        moved = calendars.rolled(day, _NO_HOLIDAYS)
        if moved != day:
            said = "noon of the next working day, for whom that is allowed"
            yield Reading(calendars.at(moved, time(12), zone), said, (zone,))
