"""A Log Analytics workspace whose rows are a function of the second: millions of them, none held.

It reads the Kusto that the collector writes and no other, and it cuts answers off as the service does: with status
200, the rows that fit, and an error beside them.
"""

import json
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from evidence_kit.sandbox.microsoft.entra import TENANT
from evidence_kit.sandbox.microsoft.faults import Reply, error
from evidence_kit.sandbox.microsoft.server import Asked

MAX_ROWS = 500_000
MAX_BYTES = 64_000_000
TICKS = 10_000_000  # a second; the service counts time in hundreds of nanoseconds
INGESTION = 90 * TICKS  # from an event to where it can be asked for
KINDS = ("read", "write", "list")
WORKSPACE = "2d8a4b6e-5c1f-4e7a-8b3d-9f0e1c2a3b06"
_PATH = re.compile(r"/v1/workspaces/([^/]+)/query")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WIDTHS = {"1h": 3600, "1s": 1}

_QUERY = re.compile(
    r"(?P<table>\w+)"
    r"\n\| where TimeGenerated >= datetime\((?P<start>[^)]+)\) and TimeGenerated < datetime\((?P<end>[^)]+)\)"
    r'(?P<where>(?:\n\| where \(\w+ == "[^"]*"\))*)'
    r"(?:\n\| where hash\(_ItemId, (?P<shards>\d+)\) == (?P<shard>\d+))?"
    r"(?:\n\| summarize Rows=count\(\), (?:Bytes=sum\(_BilledSize\)|Late=countif\(ingestion_time\(\) >= "
    r"datetime\((?P<since>[^)]+)\)\)) by TimeGenerated=bin\(TimeGenerated, (?P<bin>1h|1s)\))?"
)
_EQUAL = re.compile(r'\((\w+) == "([^"]*)"\)')


@dataclass(frozen=True, slots=True)
class Row:
    """One row: when it happened, when it could be asked for, and what identifies it."""

    tick: int
    ingested: int
    item: str
    kind: str
    number: int
    said: Mapping[str, str] | None = None  # by column, where the row was given and not made

    def value(self, name: str) -> object:
        """Return what stands in a column, for conditions."""
        return getattr(self, name.lower(), None) if self.said is None else self.said.get(name)


@dataclass(slots=True, kw_only=True)
class Table:
    """A table. `rate` says how many rows begin in a second since 1970; `billed` is what each is billed for."""

    name: str
    rate: Callable[[int], int]
    billed: int | None = 80
    padding: int = 0  # bytes that each row has in an answer beyond what is billed
    plan: str = "Analytics"
    arrived: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def arrive(self, second: int, rows: int, at: datetime) -> None:
        """Let rows arrive late: they happened in `second` and can be asked for since `at`."""
        self.arrived[second] += [ticks(at)] * rows

    def rows(self, start: int, end: int) -> Iterator[Row]:
        """Yield the rows of `[start, end)`, in ticks, in order of time."""
        for second in range(start // TICKS, -(-end // TICKS)):
            several, late = self.rate(second), self.arrived.get(second, ()) if self.arrived else ()
            base = second * TICKS
            for number in range(several):
                tick = base + number * TICKS // several
                if start <= tick < end:
                    kind = KINDS[(second + number) % 3]
                    yield Row(tick, tick + INGESTION, f"{second:x}-{number:x}", kind, number)
            for number, ingested in enumerate(late):
                tick = base + TICKS - 1
                if start <= tick < end:
                    yield Row(tick, ingested, f"{second:x}-late-{number:x}", KINDS[0], number)

    def columns(self) -> list[tuple[str, str]]:
        """Return names and types of the columns."""
        columns = [("TimeGenerated", "datetime"), ("Kind", "string"), ("Item", "string"), ("Number", "long")]
        return columns + ([("Detail", "string")] if self.padding else [])

    def writer(self) -> Callable[[Row], str]:
        """Return what writes a row as the service does."""
        tail = f',"{"x" * self.padding}"]' if self.padding else "]"
        return lambda row: f'["{moment(row.tick)}","{row.kind}","{row.item}",{row.number}{tail}'

    def totals(self, start: int, end: int, width: int) -> dict[int, int]:
        """Count the rows by bin without making them, where the bounds are whole seconds."""
        found: dict[int, int] = {}
        for second in range(start // TICKS, end // TICKS):
            if some := self.rate(second) + (len(self.arrived[second]) if second in self.arrived else 0):
                found[second - second % width] = found.get(second - second % width, 0) + some
        return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query as it was understood."""

    table: Table
    start: int
    end: int
    where: tuple[tuple[str, str], ...]
    shards: int
    shard: int
    width: int
    since: int | None

    def selected(self) -> Iterator[Row]:
        """Yield the rows that are asked for."""
        for row in self.table.rows(self.start, self.end):
            if self.shards > 1 and zlib.crc32(row.item.encode()) % self.shards != self.shard:
                continue
            if all(row.value(name) == value for name, value in self.where):
                yield row


Answer = tuple[int, bytes]


@dataclass(slots=True, kw_only=True)
class Workspace:
    """The tables of one workspace. `misled` falsifies counts, `max_rows` and `max_bytes` are the service's limits."""

    tables: Mapping[str, Table]
    max_rows: int = MAX_ROWS
    max_bytes: int = MAX_BYTES
    misled: Callable[[int], int] = lambda rows: rows
    asked: list[str] = field(default_factory=list)

    def query(self, body: bytes) -> Answer:
        """Answer the body of a query request with a status and a body."""
        request = json.loads(body)
        text = str(request["query"])
        self.asked.append(text)
        match = _QUERY.fullmatch(text)
        if match is None:
            return refused("SyntaxError", "SYN0002", "Query could not be parsed")
        table = self.tables.get(match["table"])
        if table is None:
            words = f"'where' operator: Failed to resolve table or column expression named '{match['table']}'"
            return refused("SemanticError", "SEM0100", words)
        if table.plan != "Analytics":
            words = f"Table '{table.name}' is on the {table.plan} Logs plan and cannot be used in this query"
            return refused("SemanticError", "SEM0000", words)
        found = _understood(match, table, str(request.get("timespan") or ""))
        return 200, self._counted(found) if found.width else self._given(found)

    def _counted(self, asked: _Asked) -> bytes:
        rows: dict[int, int] = defaultdict(int)
        late: dict[int, int] = defaultdict(int)
        if asked.where or asked.start % TICKS or asked.end % TICKS or (asked.since and asked.table.arrived):
            for row in asked.selected():
                second = row.tick // TICKS
                rows[second - second % asked.width] += 1
                late[second - second % asked.width] += asked.since is not None and row.ingested >= asked.since
        else:
            rows.update(asked.table.totals(asked.start, asked.end, asked.width))
        billed = asked.table.billed
        third = [("Bytes", "real" if billed is None else "long")] if asked.since is None else [("Late", "long")]
        columns = [("TimeGenerated", "datetime"), ("Rows", "long"), *third]
        lines = []
        for second in sorted(rows):
            told = self.misled(rows[second])
            other = late[second] if asked.since is not None else None if billed is None else told * billed
            lines.append(json.dumps([moment(second * TICKS), told, other], separators=(",", ":")))
        return _envelope(columns, lines)

    def _given(self, asked: _Asked) -> bytes:
        """Give rows until a limit is reached, and then say so, as the service does."""
        columns, written = asked.table.columns(), asked.table.writer()
        lines: list[str] = []
        size = 0
        for row in asked.selected():
            line = written(row)
            size += len(line) + 1
            if size > self.max_bytes:
                return _envelope(columns, lines, _limit(f"{self.max_bytes} bytes", "-2133196797"))
            if len(lines) == self.max_rows:
                return _envelope(columns, lines, _limit(f"{self.max_rows} records", "-2133196798"))
            lines.append(line)
        return _envelope(columns, lines)


@dataclass(kw_only=True)
class LogAnalytics:
    """The query API in front of some workspaces of one tenant."""

    workspaces: Mapping[str, Workspace]
    tenant: str = TENANT
    api: str = "loganalytics"

    def answer(self, asked: Asked) -> Reply | None:
        """Return the answer to a query, or None for what is none."""
        match = _PATH.fullmatch(asked.path)
        if match is None or asked.method != "POST":
            return None
        if asked.tenant != self.tenant:
            return error(403, "InsufficientAccessError", "The provided credentials have insufficient access")
        if match[1] not in self.workspaces:
            return error(404, "WorkspaceNotFoundError", "The workspace could not be found")
        return Reply(*self.workspaces[match[1]].query(asked.body))


def _understood(match: re.Match[str], table: Table, timespan: str) -> _Asked:
    """Read the query; the request's own timespan bounds it once more, its end included."""
    start, end = ticks(_instant(match["start"])), ticks(_instant(match["end"]))
    if timespan:
        first, last = (ticks(_instant(part)) for part in timespan.split("/"))
        start, end = max(start, first), min(end, last + 1)
    return _Asked(
        table=table,
        start=start,
        end=end,
        where=tuple(_EQUAL.findall(match["where"])),
        shards=int(match["shards"] or 1),
        shard=int(match["shard"] or 0),
        width=_WIDTHS.get(match["bin"] or "", 0),
        since=ticks(_instant(match["since"])) if match["since"] else None,
    )


def _envelope(columns: list[tuple[str, str]], lines: list[str], error: object = None) -> bytes:
    head = json.dumps([{"name": name, "type": kind} for name, kind in columns], separators=(",", ":"))
    tail = f',"error":{json.dumps(error)}' if error else ""
    return f'{{"tables":[{{"name":"PrimaryResult","columns":{head},"rows":[{",".join(lines)}]}}]{tail}}}'.encode()


def _limit(what: str, code: str) -> Mapping[str, object]:
    words = f"The results of this query exceed the set limit of {what}, so not all records were returned"
    inner = {"code": code, "message": words, "severity": 2, "severityName": "Error"}
    engine = {
        "code": "EngineError",
        "message": "Something went wrong processing your query on the server.",
        "innererror": inner,
    }
    return {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [engine],
    }


def refused(code: str, inner: str, words: str) -> Answer:
    """Return a refusal as the service nests it."""
    error = {
        "message": "The request had some invalid properties",
        "code": "BadArgumentError",
        "innererror": {
            "code": code,
            "message": "A semantic error occurred.",
            "innererror": {"code": inner, "message": words},
        },
    }
    return 400, json.dumps({"error": error}).encode()


def ticks(at: datetime) -> int:
    """Return a time in ticks since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1) * 10


def moment(tick: int) -> str:
    """Write ticks as the service writes times: seven digits of a fraction, none where it is nothing."""
    second, fraction = divmod(tick, TICKS)
    whole = (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{fraction:07d}Z" if fraction else f"{whole}Z"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
