"""Instants and half-open windows: aware UTC or nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from evidence_kit.errors import UsageError

_AGE = re.compile(r"(\d{1,5})([smhdw])")
_AGE_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PERIOD = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,7})S)?)?")
_FRACTION = re.compile(r"\.(\d{6})\d+")


def require_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; a naive time is an error, for nobody can know what it meant."""
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise UsageError(
            f"`{moment.isoformat(sep=' ')}` has no time zone",
            hint=f"write `{moment.isoformat()}Z`, or an age such as `3d`",
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise UsageError(f"`{moment.isoformat()}` lies outside the years 1 to 9999 in UTC") from error


def parse_instant(text: str, *, now: datetime | None = None) -> datetime:
    """Read RFC 3339 (`2026-11-18T00:00:00Z`) or, when `now` is given, an age (`2d`, `36h`)."""
    if now is not None and _AGE.fullmatch(text):
        return require_utc(now) - parse_age(text)
    try:
        # Nanoseconds are legal RFC 3339; datetime holds microseconds, and this value only draws a boundary.
        moment = datetime.fromisoformat(_FRACTION.sub(r".\1", text))
    except ValueError as error:
        raise UsageError(
            f"`{text}` is not a time", hint="write `2026-11-18T00:00:00Z`, or an age such as `3d`"
        ) from error
    return require_utc(moment)


def parse_age(text: str) -> timedelta:
    """Read an age as people write it: `5m`, `36h`, `2d`."""
    age = _AGE.fullmatch(text)
    if age is None:
        raise UsageError(f"`{text}` is not a length of time", hint="write `5m`, `36h` or `2d`")
    return timedelta(**{_AGE_UNIT[age[2]]: int(age[1])})


def parse_period(text: str) -> timedelta:
    """Read an ISO 8601 duration of days, hours, minutes and seconds (`P90D`, `PT15M`)."""
    match = _PERIOD.fullmatch(text)
    if not match or not any(match.groups()):
        raise UsageError(f"`{text}` is not a duration", hint="write `P90D`, `PT6H` or `PT15M`")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def rfc3339(moment: datetime) -> str:
    """Write aware UTC as RFC 3339 with `Z`; fractions only where there are any."""
    return f"{require_utc(moment).replace(tzinfo=None).isoformat()}Z"


def is_rfc3339(text: str) -> bool:
    """Say whether `text` is an instant exactly as `rfc3339` writes it."""
    try:
        return rfc3339(parse_instant(text)) == text
    except UsageError:
        return False


def epoch_ms(moment: datetime) -> int:
    """Return the first whole millisecond since the Unix epoch that is not before `moment`, without floating point.

    With both bounds rounded up, `[start, end)` holds the same whole milliseconds before and after.
    """
    return -((datetime(1970, 1, 1, tzinfo=UTC) - require_utc(moment)) // timedelta(milliseconds=1))


def compact(moment: datetime) -> str:
    """Write aware UTC without punctuation, for file names: `20261118T000000Z`."""
    whole = require_utc(moment).replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{whole.replace('-', '').replace(':', '')}Z"


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span `[start, end)` of aware UTC time; never empty, never reversed."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", require_utc(self.start))
        object.__setattr__(self, "end", require_utc(self.end))
        if self.end <= self.start:
            raise UsageError(
                f"the window ends ({rfc3339(self.end)}) before it starts ({rfc3339(self.start)})",
                hint="`--since` comes first, `--until` is later and not included",
            )

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def split(self, step: timedelta) -> Iterator["Window"]:
        """Cut into adjoining windows aligned to multiples of `step` since the Unix epoch, start and end kept.

        Alignment makes two overlapping requests share their inner units.
        """
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        start, last = self.start - epoch, self.end - epoch
        while start < last:
            end = min(last, (start // step + 1) * step)
            yield Window(epoch + start, epoch + end)
            start = end

    def to_json(self) -> dict[str, str]:
        """Return `{"start": …, "end": …}`."""
        start, end = _ends(self.start, self.end)
        return {"start": start, "end": end}


@lru_cache(maxsize=256)
def _ends(start: datetime, end: datetime) -> tuple[str, str]:
    """Write both ends of a window, which is told anew with everything that is found in it."""
    return rfc3339(start), rfc3339(end)


def spelled(lasting: timedelta) -> str:
    """Return a period for people: in days, with the hours that are left."""
    days, rest = divmod(lasting, timedelta(days=1))
    hours = rest / timedelta(hours=1)
    said = [f"{days} day{'' if days == 1 else 's'}"] if days else []
    said += [f"{hours:g} hour{'' if hours == 1 else 's'}"] if hours or not days else []
    return " and ".join(said)
