"""The time line by who, from where or what: how often, since when, how fast, and whether it is new."""

from collections.abc import Iterator
from dataclasses import dataclass

from evidence_kit.analysis.moments import instant, nanoseconds
from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.rows import Evidence
from evidence_kit.errors import UsageError

BY = {"actor": "actor", "credential": "credential", "address": "src_ip", "action": "action"}
_HOUR = 3_600_000_000_000
FAILED = (
    "fail|denied|deny|error|reject|forbidden|unauthor|^[45][0-9][0-9]$"  # of all the words that providers have for it
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All records of one actor, credential, address or action in the period asked for.

    `is_new` is None where the evidence does not reach back before the period, so that nobody can tell.
    """

    key: str
    records: int
    failures: int
    first: str
    last: str
    per_hour: float
    busiest: int
    busiest_hour: str
    actors: int
    addresses: int
    actions: int
    seen_before: str
    is_new: bool | None
    artifact: str  # and line: where the first of them stands
    line: int


def groups(evidence: Evidence, asked: Asked, by: str, *, limit: int | None = None) -> Iterator[Group]:
    """Yield the groups by when each was first seen."""
    column = _column(by)
    condition, values = asked.condition(evidence.addresses)
    begins = _begins(evidence)
    since = nanoseconds(asked.since) if asked.since else None
    reaches_back = since is not None and begins is not None and begins < since
    bound = "" if limit is None else f" LIMIT {limit:d}"
    for row in evidence.all(
        _SQL.format(column=column, condition=condition, failed=FAILED) + bound, {**values, "from_ns": since}
    ):
        key, records, failures, first, last, busiest, hour, actors, addresses, actions, before, artifact, line = row
        low, high = int(str(first)), int(str(last))
        yield Group(
            key=str(key),
            records=int(str(records)),
            failures=int(str(failures)),
            first=instant(low),
            last=instant(high),
            per_hour=round(int(str(records)) * _HOUR / max(_HOUR, high - low), 1),
            busiest=int(str(busiest)),
            busiest_hour=instant(int(str(hour)) * _HOUR),
            actors=int(str(actors)),
            addresses=int(str(addresses)),
            actions=int(str(actions)),
            seen_before="" if before is None else instant(int(str(before))),
            is_new=(before is None) if reaches_back else None,
            artifact=str(artifact),
            line=int(str(line)),
        )


def without(evidence: Evidence, asked: Asked, by: str) -> int:
    """Return how many records of the period say nothing of what they are grouped by, and so stand in no group."""
    condition, values = asked.condition(evidence.addresses)
    sql = f"SELECT count(*) FROM shifted WHERE at_ns IS NOT NULL AND {_column(by)} IS NULL AND {condition}"  # noqa: S608 - values are bound
    (count,) = evidence.one(sql, values)
    return int(str(count))


def _column(by: str) -> str:
    if by not in BY:
        raise UsageError(f"cannot group by `{by}`", hint=f"there is {', '.join(f'`{name}`' for name in BY)}")
    return BY[by]


def _begins(evidence: Evidence) -> int | None:
    (found,) = evidence.one("SELECT min(at_ns) FROM shifted", {})
    return found if isinstance(found, int) else None


_SQL = """
, chosen AS (
    SELECT {column} AS key, * FROM shifted WHERE at_ns IS NOT NULL AND {column} IS NOT NULL AND {condition}
), hours AS (
    SELECT key, at_ns // 3600000000000 AS hour, count(*) AS records FROM chosen GROUP BY ALL
), busiest AS (
    SELECT key, max(records) AS records, arg_max(hour, (records, -hour)) AS hour FROM hours GROUP BY key
), earlier AS (
    SELECT {column} AS key, min(at_ns) AS at_ns FROM shifted WHERE at_ns < $from_ns GROUP BY 1
)
SELECT chosen.key, count(*) AS records, count(*) FILTER (regexp_matches(outcome, '{failed}', 'i')),
    min(chosen.at_ns), max(chosen.at_ns), any_value(busiest.records), any_value(busiest.hour),
    count(DISTINCT actor), count(DISTINCT src_ip), count(DISTINCT action), any_value(earlier.at_ns),
    arg_min(chosen.artifact, (chosen.at_ns, chosen.artifact, chosen.line)),
    arg_min(chosen.line, (chosen.at_ns, chosen.artifact, chosen.line))
FROM chosen JOIN busiest USING (key) LEFT JOIN earlier USING (key)
GROUP BY chosen.key ORDER BY min(chosen.at_ns), chosen.key
"""
