"""Windows as a provider takes them: its format, what its bounds include, and no moment lost between the two."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from evidence_kit.errors import UsageError
from evidence_kit.model.time import Window, parse_instant, parse_period, rfc3339

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
_RESOLUTIONS = {
    "rfc3339": SECOND,
    "rfc3339ms": timedelta(milliseconds=1),
    "epoch_s": SECOND,
    "epoch_ms": timedelta(milliseconds=1),
    "date": DAY,
}
# Directives of strftime from fine to coarse; the finest there is says how exact a text is.
_FINEST = (
    (("%f",), timedelta(microseconds=1)),
    (("%S", "%s", "%T", "%X", "%c"), SECOND),
    (("%M", "%R"), timedelta(minutes=1)),
    (("%H", "%I"), timedelta(hours=1)),
)
_MILLIS = 1e11  # larger numbers are not seconds: they would lie beyond the year 5000


@dataclass(frozen=True, slots=True)
class Terms:
    """How one connector's provider wants a window."""

    format: str
    bounds: str
    overlap: timedelta

    @classmethod
    def of(cls, window: Mapping[str, Any]) -> "Terms":
        """Read the terms of a connector."""
        overlap = parse_period(str(window.get("overlap", "PT0S")))
        return cls(str(window["format"]), str(window.get("bounds", "[)")), overlap)

    @property
    def resolution(self) -> timedelta:
        """Return the smallest step that the format can tell."""
        if self.format in _RESOLUTIONS:
            return _RESOLUTIONS[self.format]
        return next((step for marks, step in _FINEST if any(mark in self.format for mark in marks)), DAY)

    def asked(self, window: Window) -> tuple[datetime, datetime]:
        """Return the bounds to send, such that the provider gives every moment of `[start, end)`.

        Rounding goes outwards. A provider that excludes its first bound may compare in its own, coarser steps,
        hence a whole step. One that includes its last bound may compare exactly, so that nothing less than the end
        will do; but where a day or an hour is named, it is included as a whole.
        """
        step = self.resolution
        start, end = _floor(window.start - self.overlap, step), -_floor_back(window.end, step)
        if self.bounds[0] == "(":
            start -= step
        last = _EPOCH + end
        if self.bounds[1] == "]" and step > SECOND:
            last -= step
        return start, last

    def covers(self, window: Window) -> Window:
        """Return the span in which records may lie that were rightly given for `window`."""
        start, end = self.asked(window)
        return Window(start, end + self.resolution)

    def text(self, moment: datetime) -> str:
        """Write a bound."""
        if self.format == "epoch_s":
            return str((moment - _EPOCH) // SECOND)
        if self.format == "epoch_ms":
            return str((moment - _EPOCH) // timedelta(milliseconds=1))
        if self.format == "rfc3339":
            return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
        if self.format == "rfc3339ms":
            return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
        if self.format == "date":
            return f"{moment:%Y-%m-%d}"
        return moment.strftime(self.format.replace("%s", str((moment - _EPOCH) // SECOND)))

    def value(self, moment: datetime) -> str | int:
        """Return a bound as a JSON body takes it: numbers as numbers."""
        text = self.text(moment)
        return int(text) if self.format in {"epoch_s", "epoch_ms"} else text


def _floor(moment: datetime, step: timedelta) -> datetime:
    return _EPOCH + (moment - _EPOCH) // step * step


def _floor_back(moment: datetime, step: timedelta) -> timedelta:
    """Return the negative of the first multiple of `step` that is not before `moment`."""
    return (_EPOCH - moment) // step * step


def halved(window: Window, smallest: timedelta) -> tuple[Window, ...]:
    """Cut a window in two at the multiple of `smallest` nearest its middle; nothing if none lies within."""
    middle = _floor(window.start + (window.end - window.start) / 2, smallest)
    middle = middle if middle > window.start else middle + smallest
    if middle >= window.end:
        return ()
    return Window(window.start, middle), Window(middle, window.end)


def when(value: object) -> datetime | None:
    """Read the time of a record: RFC 3339 with its zone, or seconds or milliseconds since 1970; else None."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            return parse_instant(value)
        number = float(value)  # type: ignore[arg-type] # whatever is no number raises TypeError
        return _EPOCH + timedelta(seconds=number / 1000 if abs(number) > _MILLIS else number)
    except (UsageError, ValueError, TypeError, OverflowError):
        return None


def edges(moments: list[datetime]) -> tuple[str, str]:
    """Return the first and the last of some moments as text; empty where there are none."""
    return (rfc3339(min(moments)), rfc3339(max(moments))) if moments else ("", "")
