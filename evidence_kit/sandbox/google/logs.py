"""Log entries and the part of Google's query language that a collector uses on them."""

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Entry = Mapping[str, Any]
MOST = 1000  # entries a page; more is refused
USUAL = 50
_CLAUSE = re.compile(r"\s*([A-Za-z][\w.]*)\s*(>=|<=|=|<|>)\s*")
_VALUE = re.compile(r'\s*"((?:[^"\\]|\\.)*)"')
_WORD = re.compile(r"\s*(AND|OR)\b")


class BadFilter(ValueError):  # noqa: N818 - answered as INVALID_ARGUMENT
    """A filter beyond the subset."""


class _Reader:
    """Reads a filter: comparisons joined by AND, each with one value or several joined by OR."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def clauses(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        while True:
            yield from self._clause()
            if self._at >= len(self._text.rstrip()):
                return
            if self._take(_WORD)[1] != "AND":
                raise BadFilter(f"OR between clauses at {self._at}")

    def _clause(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        bracketed = self._skip("(")
        match = self._take(_CLAUSE)
        yield match[1], match[2], self._values()
        if bracketed and not self._skip(")"):
            raise BadFilter(f"no `)` at {self._at}")

    def _values(self) -> tuple[str, ...]:
        several = self._skip("(")
        values = [self._take(_VALUE)[1]]
        while several and not self._skip(")"):
            if self._take(_WORD)[1] != "OR":
                raise BadFilter(f"AND between values at {self._at}")
            values.append(self._take(_VALUE)[1])
        return tuple(values)

    def _skip(self, char: str) -> bool:
        found = re.compile(r"\s*" + re.escape(char)).match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found is not None

    def _take(self, what: re.Pattern[str]) -> re.Match[str]:
        found = what.match(self._text, self._at)
        if found is None:
            raise BadFilter(f"cannot read the filter at {self._at}: {self._text[self._at : self._at + 40]}")
        self._at = found.end()
        return found


def matching(entries: Sequence[Entry], resources: Sequence[str], text: str) -> list[Entry]:
    """Return the entries of `resources` that a filter fits, oldest first, ties by insert id."""
    clauses = list(_Reader(text).clauses()) if text.strip() else []
    found = [
        entry
        for entry in entries
        if any(entry["logName"].startswith(f"{resource}/logs/") for resource in resources)
        and all(_fits(entry, *clause) for clause in clauses)
    ]
    return sorted(found, key=lambda entry: (entry["timestamp"], entry["insertId"]))


def _fits(entry: Entry, path: str, sign: str, values: tuple[str, ...]) -> bool:
    found: Any = entry
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if path in {"timestamp", "receiveTimestamp"}:
        ours, theirs = datetime.fromisoformat(str(found)), datetime.fromisoformat(values[0])
        return {
            ">=": ours >= theirs,
            "<=": ours <= theirs,
            "<": ours < theirs,
            ">": ours > theirs,
            "=": ours == theirs,
        }[sign]
    if sign != "=":
        raise BadFilter(f"`{sign}` on `{path}`")
    return str(found) in values


def make_entries(
    log: str,
    count: int,
    *,
    start: datetime,
    end: datetime,
    resource: str = "projects/shop-prod-1",
    kind: str = "audited_resource",
    seed: int = 7,
) -> tuple[Entry, ...]:
    """Return `count` audit entries spread over `[start, end)`, the first exactly at its start."""
    draw = random.Random(f"{log} {kind} {seed}")  # noqa: S311 - repeatable noise
    span = (end - start) // timedelta(microseconds=1)
    moments = [0, *(draw.randrange(span) for _ in range(count - 1))]
    return tuple(
        {
            "insertId": f"{draw.randrange(16**12):012x}{number:06x}",
            "logName": f"{resource}/logs/{log.replace('/', '%2F')}",
            "timestamp": _instant(start + timedelta(microseconds=moment)),
            "receiveTimestamp": _instant(start + timedelta(microseconds=moment, seconds=1)),
            "severity": draw.choice(("INFO", "NOTICE", "ERROR")),
            "resource": {"type": kind, "labels": {"project_id": resource.rpartition("/")[2]}},
            "protoPayload": {
                "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
                "serviceName": draw.choice(
                    ("aiplatform.googleapis.com", "bigquery.googleapis.com", "k8s.io", "storage.googleapis.com")
                ),
                "methodName": draw.choice(("Get", "List", "Delete", "Zur\u00fccksetzen")),
                "authenticationInfo": {"principalEmail": f"user{draw.randrange(9)}@example.com"},
            },
        }
        for number, moment in enumerate(moments)
    )


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def encoded(answer: Mapping[str, Any]) -> bytes:
    """Return an answer as Google writes it: indented, not ASCII, ended by a line feed."""
    return json.dumps(answer, indent=2, ensure_ascii=False).encode() + b"\n"
