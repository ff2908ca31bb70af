"""An `evidence` table in memory, and rules written as in a file, for tests of Sigma."""

import json
from collections.abc import Iterable, Mapping

import duckdb

from evidence_kit.analysis.sigma import book, matching
from evidence_kit.analysis.sigma.words import Told
from evidence_kit.errors import UsageError

TRAIL = "aws.cloudtrail.s3"
_TABLE = """CREATE TABLE evidence (time TEXT, time_ns BIGINT, action TEXT, actor TEXT, credential TEXT, src_ip TEXT,
    user_agent TEXT, resource TEXT, outcome TEXT, provider TEXT, target TEXT, region TEXT, source TEXT,
    artifact TEXT, line BIGINT, raw TEXT)"""


class Evidence:
    """Records of one artifact, asked by SQL; `refuse` makes statements fail that hold that text."""

    def __init__(self, *records: object, source: str = TRAIL, refuse: str = "") -> None:
        self._connection = duckdb.connect()
        self._connection.execute(_TABLE)
        self._refuse = refuse
        self.add(records, source)

    def add(self, records: Iterable[object], source: str, **columns: str) -> None:
        for line, record in enumerate(records, start=1):
            raw = record if isinstance(record, str) else json.dumps(record)
            row = {"time": "2026-11-21T00:00:00Z", **columns, "source": source, "artifact": f"{source}.json"}
            names = [*row, "line", "raw"]
            self._connection.execute(
                f"INSERT INTO evidence ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                [*row.values(), line, raw],
            )

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """Answer as the sandbox does: one SELECT, and an error of ours for whatever DuckDB refuses."""
        if self._refuse and self._refuse in sql:
            raise UsageError("stopped after 60 seconds")
        try:
            return self._connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise UsageError(str(error)) from error

    def sift(self, *rules: bytes, limit: int = 20) -> list[Told]:
        read, refused = book.read_rules((f"{number}.yml", text) for number, text in enumerate(rules))
        return [*matching.run(read, self.ask, limit=limit), *refused]

    def lines(self, selection: Mapping[str, object] | list[object], condition: str = "selection") -> list[int]:
        """Return the lines that one selection fits."""
        (told,) = self.sift(rule(selection, condition))
        assert told.reason == "", told.reason
        return [match.line for match in told.matches]

    def why(self, selection: object, condition: str = "selection") -> str:
        """Return why a rule was not run."""
        (told,) = self.sift(rule(selection, condition))
        assert told.end.value == "not_translated", told
        return told.reason


def rule(selection: object, condition: str = "selection", **logsource: str) -> bytes:
    """Return a rule file; JSON is YAML."""
    said = {
        "title": "a rule",
        "logsource": logsource or {"product": "aws", "service": "cloudtrail"},
        "detection": {"selection": selection, "condition": condition},
    }
    return json.dumps(said).encode()
