"""Where indicators were seen: in which sealed artifacts, on which lines, how often, from when until when."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.analysis.timeline.rows import Evidence
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.report.events.addresses import is_ip
from evidence_kit.report.exports.indicators import Indicator

MAX_ARTIFACTS = 100  # of one indicator, the earliest; the rest is counted
MAX_LINES = 20  # of one artifact, likewise
_PART = 1_000  # rows in memory at once
# Of every artifact, also where two witnesses hold one event: each is a place to look it up. A clock of a case begins
# with the first part of a source's name.
_SEEN = """
    WITH placed AS (
        SELECT e.*, e.time_ns - coalesce(c.shift_ns, 0) AS at_ns
        FROM evidence e LEFT JOIN (
            SELECT unnest($cases) AS clock_case, unnest($clocks) AS clock, unnest($shifts) AS shift_ns
        ) c ON c.clock_case = e."case" AND c.clock = split_part(e.source, '.', 1)
    )
    SELECT s.artifact, any_value(m.sha256), s.provider, s.target, s.source, count(*), count(s.at_ns), min(s.at_ns),
        max(s.at_ns), list_slice(list(s.line ORDER BY s.line), 1, {lines})
    FROM placed s LEFT JOIN manifest m ON m.artifact = s.artifact AND m."case" = s."case"
    WHERE list_contains($values, s.{column})
    GROUP BY s.artifact, s.provider, s.target, s.source ORDER BY min(s.at_ns) NULLS LAST, s.artifact
"""
_ROWS = (
    "raw", "action", "actor", "credential", "src_ip", "user_agent", "resource", "outcome",
)  # fmt: skip
Minimise = Callable[[Mapping[str, object]], Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One artifact in which a value stands. Times are nanoseconds by one common clock; None where none is told."""

    artifact: str
    sha256: str
    provider: str
    target: str
    source: str
    records: int
    untimed: int
    first_ns: int | None
    last_ns: int | None
    lines: tuple[int, ...]

    @property
    def places(self) -> str:
        """Return which lines of the artifact, in words."""
        more = self.records - len(self.lines)
        said = ", ".join(map(str, self.lines))
        return f"{said} and {more:,} more" if more else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighted:
    """One indicator that was found."""

    indicator: Indicator
    seen: tuple[Seen, ...]
    artifacts: int  # all of them
    records: int
    untimed: int
    first_ns: int | None
    last_ns: int | None

    @property
    def left_out(self) -> int:
        """Return how many artifacts are beyond the bound."""
        return self.artifacts - len(self.seen)


@dataclass(frozen=True, slots=True)
class Sightings:
    """All that were found, and what was not: that is said of this evidence, and of nothing beyond it."""

    found: tuple[Sighted, ...]
    absent: tuple[Indicator, ...]


def look(evidence: Evidence, indicators: Sequence[Indicator], minimise: Minimise | None = None) -> Sightings:
    """Look for each indicator; EmptyError where none was found, UsageError where a policy keeps a value in."""
    if not indicators:
        raise UsageError("which indicators?", hint="`--indicator address=198.51.100.7`, or `--saved QUESTION`")
    found: list[Sighted] = []
    absent: list[Indicator] = []
    for one in indicators:
        if minimise is not None:
            _require_allowed(evidence, one, minimise)
        seen = list(_seen(evidence, one))
        if seen:
            found.append(_sighted(one, seen))
        else:
            absent.append(one)
    if not found:
        raise EmptyError("none of the indicators stands in the evidence", hint="`evidence-kit query` shows what does")
    return Sightings(tuple(found), tuple(absent))


def _seen(evidence: Evidence, one: Indicator) -> Iterator[Seen]:
    sql = _SEEN.format(column=one.column, lines=MAX_LINES)
    values = {
        "cases": [clock.case for clock in evidence.clocks],
        "clocks": [clock.name for clock in evidence.clocks],
        "shifts": [clock.shift_ns for clock in evidence.clocks],
        "values": _spellings(evidence, one),
    }
    for artifact, sha256, provider, target, source, records, timed, first, last, lines in _rows(
        evidence, sql, values
    ):
        yield Seen(
            artifact=str(artifact),
            sha256=str(sha256 or ""),
            provider=str(provider or ""),
            target=str(target or ""),
            source=str(source or ""),
            records=_whole(records),
            untimed=_whole(records) - _whole(timed),
            first_ns=first if isinstance(first, int) else None,
            last_ns=last if isinstance(last, int) else None,
            lines=tuple(line for line in lines if isinstance(line, int)) if isinstance(lines, list) else (),
        )


def _spellings(evidence: Evidence, one: Indicator) -> list[str]:
    """Return the ways in which the evidence writes a value; only IPv6 addresses have more than one."""
    if one.kind != "address" or ":" not in one.value:
        return [one.value]
    every = _rows(evidence, "SELECT DISTINCT src_ip FROM evidence WHERE contains(src_ip, ':')", {})
    texts = (str(text) for (text,) in every)
    return [text for text in texts if is_ip(text) and str(ipaddress.ip_address(text)) == one.value]


def _rows(evidence: Evidence, sql: str, values: Mapping[str, object]) -> Iterator[tuple[object, ...]]:
    with evidence.connection.cursor() as cursor:
        cursor.execute(sql, dict(values))
        while part := cursor.fetchmany(_PART):
            yield from part


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _sighted(one: Indicator, seen: Sequence[Seen]) -> Sighted:
    return Sighted(
        indicator=one,
        seen=tuple(seen[:MAX_ARTIFACTS]),
        artifacts=len(seen),
        records=sum(place.records for place in seen),
        untimed=sum(place.untimed for place in seen),
        first_ns=min((place.first_ns for place in seen if place.first_ns is not None), default=None),
        last_ns=max((place.last_ns for place in seen if place.last_ns is not None), default=None),
    )


def _require_allowed(evidence: Evidence, one: Indicator, minimise: Minimise) -> None:
    """Raise UsageError where a policy takes the value out of working copies: this is one, and leaves the house."""
    columns = ", ".join(f's."{name}"' for name in _ROWS)
    sql = f"SELECT {columns} FROM evidence s WHERE list_contains($values, s.{one.column})"  # noqa: S608 - a closed list
    for row in _rows(evidence, sql, {"values": _spellings(evidence, one)}):
        said = dict(zip(_ROWS, row, strict=True))
        if minimise(said)[one.column] != said[one.column]:
            raise UsageError(
                f"the policy keeps this {one.kind} out of working copies",
                hint="leave the indicator out, or change the policy",
            )


def left_out(sightings: Sightings) -> dict[str, object]:
    """Return what a document over these does not hold."""
    said: dict[str, object] = {}
    if beyond := {one.indicator.said: one.left_out for one in sightings.found if one.left_out}:
        said["artifactsBeyondTheBound"] = beyond
    if untimed := sum(one.untimed for one in sightings.found):
        said["recordsWithoutATime"] = untimed
    if sightings.absent:
        said["notFound"] = [{"kind": one.kind, "value": one.said} for one in sightings.absent]
    return said
