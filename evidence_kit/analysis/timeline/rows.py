"""The rows of a time line: read from the table `evidence` in one order, a part at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence_kit.analysis.moments import digits_of, instant
from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.clocks import Clock

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

COLUMNS = (
    "time", "action", "actor", "credential", "src_ip", "user_agent", "resource", "outcome", "provider", "target",
    "region", "source", "witnesses", "event_id", "artifact", "line", "raw", "case",
)  # fmt: skip
_QUOTED = ", ".join(f'"{name}"' for name in COLUMNS)
_PART = 1_000  # rows in memory at once
# What two sources must say alike to be witnesses of one event: CloudTrail's history and its files do.
_ALIKE = ('"case"', "family", "event_id", "time_ns", "action", "actor", "src_ip", "outcome", "target", "region")
_SAME = " AND ".join(f"e.{name} IS NOT DISTINCT FROM a.{name}" for name in _ALIKE)
_KEY = ", ".join(_ALIKE)
# A unit's id, and with it a measured clock, begins with the first part of the source's name. Events are told once:
# where one source has several texts for one id and time, its records differ, and all of them are shown.
_SHIFTED = f"""
    every AS (
        SELECT e.*, e.time_ns - coalesce(c.shift_ns, 0) AS at_ns, coalesce(c.shift_ns, 0) AS shift_ns,
            regexp_extract(e.source, '^[^.]*\\.[^.]*') AS family
        FROM evidence e LEFT JOIN (
            SELECT unnest($clock_cases) AS clock_case, unnest($clocks) AS clock, unnest($shifts) AS shift_ns
        ) c ON c.clock_case = e."case" AND c.clock = split_part(e.source, '.', 1)
    ), several AS (
        SELECT {_KEY} FROM every WHERE event_id IS NOT NULL AND time_ns IS NOT NULL GROUP BY ALL HAVING count(*) > 1
    ), by_source AS (
        SELECT {", ".join(f"e.{name}" for name in _ALIKE)}, e.source,
            min(sha256(e.raw)) <> max(sha256(e.raw)) AS differs, min({{
                'later': e.source LIKE '%lookup%', 'source': e.source, 'artifact': e.artifact, 'line': e.line
            }}) AS told
        FROM every e JOIN several a ON {_SAME} GROUP BY ALL
    ), alike AS (
        SELECT {_KEY}, list(source ORDER BY source) AS sources, min(told) AS told
        FROM by_source GROUP BY {_KEY} HAVING NOT bool_or(differs)
    ), shifted AS (
        SELECT e.*, coalesce(a.sources, [e.source]) AS sources,
            array_to_string(coalesce(a.sources, [e.source]), ' ') AS witnesses
        FROM every e LEFT JOIN alike a ON {_SAME}
        WHERE a.told IS NULL OR (a.told.source = e.source AND a.told.artifact = e.artifact AND a.told.line = e.line)
    )
"""  # noqa: S608 - names of ours
# Equal instants stand as their places in the evidence do, so that every run gives the same order.
_ORDER = 'at_ns, "case", source, artifact, line'


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One record in its place; `at` is its time by one common clock, `fields` are the columns of `evidence`."""

    at_ns: int | None
    at: str
    shift_ns: int
    fields: Mapping[str, object]

    def text(self, name: str) -> str:
        """Return a column as text, empty where there is nothing."""
        value = self.fields.get(name)
        return "" if value is None else str(value)

    @property
    def place(self) -> str:
        """Return which record of which artifact this is."""
        return f"{self.text('artifact')}:{self.text('line')}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The table `evidence` of an open connection, with the clocks that its times are set by."""

    connection: "duckdb.DuckDBPyConnection"
    clocks: Sequence[Clock] = ()
    minimise: "Callable[[Mapping[str, object]], Mapping[str, object]] | None" = None  # a policy's, for working copies

    def events(self, asked: Asked, *, limit: int | None = None) -> Iterator[Event]:
        """Yield the records that have a time, oldest first."""
        condition, values = asked.condition(self.addresses)
        where = f"at_ns IS NOT NULL AND {condition}"
        yield from self._read(where, values, f"ORDER BY {_ORDER}", limit)

    def untimed(self, asked: Asked) -> Iterator[Event]:
        """Yield the records that no time can be told of, whatever the period; they stand in no order of time."""
        parts, values = asked.who(self.addresses)
        where = " AND ".join(["at_ns IS NULL", *parts])
        yield from self._read(where, values, 'ORDER BY "case", source, artifact, line', None)

    def count(self, asked: Asked) -> tuple[int, int]:
        """Return how many records have a time and fit, and how many fit but for having none."""
        condition, values = asked.condition(self.addresses)
        parts, who = asked.who(self.addresses)
        timed = self._count(f"at_ns IS NOT NULL AND {condition}", values)
        return timed, self._count(" AND ".join(["at_ns IS NULL", *parts]), who)

    def _count(self, where: str, values: Mapping[str, object]) -> int:
        (count,) = self.one(f"SELECT count(*) FROM shifted WHERE {where}", values)  # noqa: S608 - values are bound
        return int(str(count))

    def addresses(self) -> Iterator[str]:
        """Yield every address that the evidence names."""
        for (address,) in self.all("SELECT DISTINCT src_ip FROM shifted WHERE src_ip IS NOT NULL", {}):
            yield str(address)

    def all(self, sql: str, values: Mapping[str, object]) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a question of ours over `shifted`, which is `evidence` by one common clock."""
        with self.connection.cursor() as cursor:
            cursor.execute(*self._asked(sql, values))
            while part := cursor.fetchmany(_PART):
                yield from part

    @contextmanager
    def batches(self, sql: str, *, size: int) -> "Iterator[pa.RecordBatchReader]":
        """Give the rows of a question of ours over `shifted` as Arrow, a batch at a time."""
        with self.connection.cursor() as cursor:
            asked, values = self._asked(sql, {})
            yield cursor.sql(asked, params=values).to_arrow_reader(size)

    def one(self, sql: str, values: Mapping[str, object]) -> tuple[object, ...]:
        """Return the only row of a question."""
        (row,) = self.all(sql, values)
        return row

    def _asked(self, sql: str, values: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        known = {
            "clock_cases": [clock.case for clock in self.clocks],
            "clocks": [clock.name for clock in self.clocks],
            "shifts": [clock.shift_ns for clock in self.clocks],
        }
        return f"WITH {_SHIFTED} {sql}", {**known, **values}

    def _read(self, where: str, values: Mapping[str, object], order: str, limit: int | None) -> Iterator[Event]:
        bound = "" if limit is None else f" LIMIT {limit:d}"
        sql = f"SELECT at_ns, shift_ns, {_QUOTED} FROM shifted WHERE {where} {order}{bound}"  # noqa: S608 - values are bound
        for at_ns, shift_ns, *found in self.all(sql, values):
            fields: Mapping[str, object] = dict(zip(COLUMNS, found, strict=True))
            fields = self.minimise(fields) if self.minimise else fields
            ns = at_ns if isinstance(at_ns, int) else None
            digits = digits_of(str(fields["time"] or ""))
            yield Event(
                at_ns=ns,
                at="" if ns is None else instant(ns, digits),
                shift_ns=int(str(shift_ns)),
                fields=fields,
            )
