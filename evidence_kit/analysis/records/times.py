"""The times that logs write, as RFC 3339 in UTC with the precision they had, and as nanoseconds to order by.

A time without a zone is taken as UTC, which is what the providers that write such times mean by it.
"""

import re
from collections.abc import Sequence
from datetime import date
from email.utils import parsedate_tz
from functools import lru_cache

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?\s*(Z|z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?"
)
_PLAIN = re.compile(r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_CLF = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})")
_EPOCH = re.compile(r"(-?\d{1,19})(?:\.(\d{1,9}))?")
_SCIENTIFIC = re.compile(r"\d\.\d{9,17}[eE]\+?(\d{1,2})")
_NET = re.compile(r"/Date\((-?\d{1,17})(?:[+-]\d{4})?\)/")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = 86_400
_MAX_NS = (1 << 63) - 1  # the years 1678 to 2262
# What a number counts shows in its size: each limit is the year 5138, or 1973 in the next finer unit.
_UNITS = ((10**11, 0), (10**14, 3), (10**17, 6), (10**20, 9))
_MOST_MINUTES = 50_000
_TO_MINUTE, _TO_SECOND = len("2026-11-20T"), len("2026-11-20T10:00:")
_MINUTES = {f"{at // 60:02}:{at % 60:02}:": at * 60 * 10**9 for at in range(24 * 60)}
_SECONDS = {f"{at:02}Z": at * 10**9 for at in range(60)}
Instant = tuple[str, int]


class _Minutes(dict[str, int]):
    """When each minute begins that some time was in, by all that is written before the seconds."""

    def __missing__(self, said: str) -> int:
        begun = _midnight(said[:_TO_MINUTE])
        if begun is None:
            raise KeyError(said)
        if len(self) >= _MOST_MINUTES:
            self.clear()
        self[said] = found = begun + _MINUTES[said[_TO_MINUTE:]]
        return found


_KNOWN = _Minutes()


def read_times(said: Sequence[str | None]) -> tuple[Sequence[str | None], Sequence[int | None]]:
    """Return many times as texts and as nanoseconds since 1970; None where one is missing or cannot be read."""
    try:  # all of them written to the second, as nearly every log writes them
        return said, [_KNOWN[text[:_TO_SECOND]] + _SECONDS[text[_TO_SECOND:]] for text in said]  # type: ignore[index]
    except (KeyError, TypeError):
        instants = [None if text is None else read_time(text) for text in said]
    return [one and one[0] for one in instants], [one and one[1] for one in instants]


def read_time(said: str) -> Instant | None:
    """Return a time as text and as nanoseconds since 1970; None if it cannot be read."""
    minute, second = _MINUTES.get(said[_TO_MINUTE:_TO_SECOND]), _SECONDS.get(said[_TO_SECOND:])
    if minute is not None and second is not None and (midnight := _midnight(said[:_TO_MINUTE])) is not None:
        return said, midnight + minute + second
    return _read(said)


@lru_cache(maxsize=1_024)
def _midnight(said: str) -> int | None:
    """Return when a day begins whose times are all written as here; None if one of them is not."""
    first, last = f"{said}00:00:00Z", f"{said}23:59:59Z"
    if _PLAIN.fullmatch(first) is None or _read(last) is None or (begun := _read(first)) is None:
        return None
    return begun[1]


@lru_cache(maxsize=4_096)  # events come in bursts
def _read(said: str) -> Instant | None:
    if (plain := _PLAIN.fullmatch(said)) and (instant := _from_plain(said, plain)):
        return instant  # what nearly every log writes, and what is written here
    said = said.strip()
    if found := _ISO.fullmatch(said):
        return _from_iso(found)
    if found := _EPOCH.fullmatch(said):
        return _from_epoch(int(found[1]), found[2] or "")
    if found := _NET.fullmatch(said):
        return _at(int(found[1]) // 1_000, f"{int(found[1]) % 1_000:03}")
    if found := _CLF.fullmatch(said):
        day, month, year, *rest, offset = found.groups()
        if month in _MONTHS:
            return _civil((year, _MONTHS.index(month) + 1, day), rest, "", offset)
    if _SCIENTIFIC.fullmatch(said):
        return _from_epoch(int(float(said)), "")
    return _from_mail(said)


def _from_plain(said: str, plain: re.Match[str]) -> Instant | None:
    day, hour, minute, second, fraction = plain.groups()
    days = _day(day)
    if days is None:
        return None
    seconds = days * _DAY + int(hour) * 3600 + int(minute) * 60 + int(second)
    ns = seconds * 10**9 + (int(fraction.ljust(9, "0")) if fraction else 0)
    return (said, ns) if -_MAX_NS <= ns <= _MAX_NS else None


@lru_cache(maxsize=1_024)
def _day(said: str) -> int | None:
    try:
        return date.fromisoformat(said).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


def _from_iso(found: re.Match[str]) -> Instant | None:
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    return _civil((year, month, day), (hour, minute, second or "00"), fraction or "", zone or "Z")


def _civil(
    day: tuple[str, str | int, str], clock: "tuple[str, ...] | list[str]", fraction: str, zone: str
) -> Instant | None:
    try:
        days = date(int(day[0]), int(day[1]), int(day[2])).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    hour, minute, second = (int(part) for part in clock)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return None
    offset = _offset(zone)
    return None if offset is None else _at(days * _DAY + hour * 3600 + minute * 60 + second - offset, fraction)


def _offset(zone: str) -> int | None:
    """Return the seconds east of UTC."""
    if zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 24 or minutes > 59:
        return None
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


def _from_epoch(number: int, fraction: str) -> Instant | None:
    for limit, digits in _UNITS:
        if abs(number) < limit:
            seconds, rest = divmod(number, 10**digits)
            below = f"{rest:0{digits}}" if digits else ""
            return _at(seconds, below + fraction)
    return None


def _from_mail(said: str) -> Instant | None:
    try:
        found = parsedate_tz(said)
        if found is None or not 1 <= found[1] <= 12:
            return None
        days = date(found[0], found[1], found[2]).toordinal() - _EPOCH_DAY
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    hour, minute, second = found[3:6]
    if hour > 23 or minute > 59 or second > 60:
        return None
    return _at(days * _DAY + hour * 3600 + minute * 60 + second - (found[9] or 0), "")


def _at(seconds: int, fraction: str) -> Instant | None:
    ns = seconds * 10**9 + int(fraction[:9].ljust(9, "0") or 0)  # the text keeps what is finer
    if not -_MAX_NS <= ns <= _MAX_NS:
        return None
    days, clock = divmod(seconds, _DAY)
    day = date.fromordinal(days + _EPOCH_DAY).isoformat()
    below = f".{fraction}" if fraction else ""
    return f"{day}T{clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}{below}Z", ns
