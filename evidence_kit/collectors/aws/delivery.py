"""How a service lays out the files that it delivers to S3: folders by day, times in names, how late they may come."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from evidence_kit.collectors.aws.calltree import Values, filled
from evidence_kit.collectors.aws.listing import S3Object
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, parse_instant, parse_period

_DAY = timedelta(days=1)
_BY_DAY = re.compile(r"\{(?:day|date|yyyy|mm?|dd?)\}")
# How a name's stamp is read, by its number of digits. A coarse one is where its time begins: `lookBack` reaches it.
_STAMPS = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_LONGEST = max(_STAMPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The layout of one source's files. Without `delivered`, the time of an object is when S3 last stored it."""

    folders: tuple[str, ...]
    delivered: re.Pattern[str] | None
    look_ahead: timedelta
    look_back: timedelta
    bodies: bool = True

    @classmethod
    def of(cls, spec: SourceSpec) -> "Delivery":
        """Read it from the source's settings."""
        settings = spec.settings
        folder = settings["folder"]
        delivered = settings.get("delivered")
        return cls(
            folders=tuple(map(str, folder)) if isinstance(folder, list) else (str(folder),),
            delivered=re.compile(str(delivered)) if delivered else None,
            look_ahead=parse_period(str(settings.get("lookAhead", "PT0S"))),
            look_back=parse_period(str(settings.get("lookBack", "PT0S"))),
            bodies=bool(settings.get("bodies", True)),
        )

    def window(self, asked: Window) -> Window:
        """Return the time of delivery in which files about `asked` may have come."""
        return Window(asked.start - self.look_back, asked.end + self.look_ahead)

    def time_of(self, item: S3Object) -> datetime | None:
        """Return when a file was delivered, or None if its name should tell and does not."""
        if self.delivered is None:
            return parse_instant(item.modified)
        found = self.delivered.search(item.key)
        digits = re.sub(r"\D", "", found[1])[:_LONGEST] if found else ""
        if len(digits) not in _STAMPS:
            return None
        try:
            return datetime.strptime(digits, _STAMPS[len(digits)]).replace(tzinfo=UTC)
        except ValueError:  # digits that are no date: whoever may write to the bucket may choose any name
            return None

    def prefixes(self, values: Values, window: Window | None) -> Iterator[str]:
        """Yield the prefixes under which the files of `window` lie, each once."""
        seen: set[str] = set()
        for folder in self.folders:
            for day in _days(window) if _BY_DAY.search(folder) else (None,):
                prefix = str(filled(folder, {**values, **(_names(day) if day else {})}))
                if prefix not in seen:
                    seen.add(prefix)
                    yield prefix


def _days(window: Window | None) -> Iterator[datetime]:
    if window is None:
        return
    day = window.start.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < window.end:
        yield day
        day += _DAY


def _names(day: datetime) -> Mapping[str, str]:
    return {
        "day": day.strftime("%Y/%m/%d"),
        "date": day.strftime("%Y-%m-%d"),
        "yyyy": day.strftime("%Y"),
        "mm": day.strftime("%m"),
        "dd": day.strftime("%d"),
        "m": str(day.month),  # AWS Config pads neither months nor days
        "d": str(day.day),
    }
