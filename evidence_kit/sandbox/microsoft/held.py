"""A Log Analytics table whose rows were given, for stories; those of `log_analytics` are made up by the second."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.sandbox.microsoft.log_analytics import INGESTION, TICKS, Row, Table, moment, ticks


def _nothing(second: int) -> int:
    del second
    return 0


@dataclass(slots=True, kw_only=True)
class Held(Table):
    """A table of texts: when each row happened, and what stands in its columns. All rows have the same ones."""

    given: Sequence[tuple[datetime, Mapping[str, str]]]
    rate: Callable[[int], int] = field(default=_nothing)

    def rows(self, start: int, end: int) -> Iterator[Row]:
        """Yield the rows of `[start, end)`, in ticks, in order of time."""
        for number, (at, said) in enumerate(sorted(self.given, key=lambda one: one[0])):
            if start <= (tick := ticks(at)) < end:
                yield Row(tick, tick + INGESTION, f"{self.name}-{number}", "", number, said)

    def columns(self) -> list[tuple[str, str]]:
        """Return the time, and the columns that the rows name."""
        return [
            ("TimeGenerated", "datetime"),
            *((name, "string") for name in (self.given[0][1] if self.given else ())),
        ]

    def writer(self) -> Callable[[Row], str]:
        """Return what writes a row as the service does."""
        return lambda row: json.dumps([moment(row.tick), *(row.said or {}).values()], separators=(",", ":"))

    def totals(self, start: int, end: int, width: int) -> dict[int, int]:
        """Count the rows by bin."""
        found: dict[int, int] = defaultdict(int)
        for row in self.rows(start, end):
            second = row.tick // TICKS
            found[second - second % width] += 1
        return dict(found)
