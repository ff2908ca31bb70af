"""Runs rules over the records of a case: SELECTs for whatever sandbox answers them, many rules to a statement."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evidence_kit.analysis.sigma import sql
from evidence_kit.analysis.sigma.places import Place, places_for
from evidence_kit.analysis.sigma.sql import Clause
from evidence_kit.analysis.sigma.words import End, Match, Rule, Told, UnfitError
from evidence_kit.errors import EvidenceKitError, UsageError

Row = Sequence[object]
Ask = Callable[[str], Sequence[Row]]  # runs one SELECT; EvidenceKitError if it is stopped or refused
SOURCES = "SELECT source, count(*) AS records FROM evidence GROUP BY source"
_SHOWN = "artifact, line, time, source, target, action, actor"
_RULES = 40  # to a statement: one that fails is found by halving
_LENGTH = 500_000  # characters of a statement
_FIELDS = 200  # to a statement that asks which of them any record has


@dataclass(slots=True)
class _Asked:
    """One rule on its way: what it looked at, and what came of it."""

    rule: Rule
    clauses: tuple[tuple[Place, Clause], ...]
    looked_at: int = 0
    total: int = 0
    failed: str = ""
    note: str = ""
    matches: list[Match] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def told(self, limit: int) -> Told:
        """Return how it ended."""
        end = End.FAILED if self.failed else End.MATCHED if self.total else End.NO_MATCH
        reason = self.failed or ("" if self.total else self.note)
        if not self.looked_at:
            wanted = sorted({name for place, _ in self.clauses for name in place.sources})
            end, reason = End.NO_RECORDS, f"it is about {', '.join(wanted)}"
        named = {name for _, clause in self.clauses for name in clause.fields}
        return Told(
            rule=self.rule,
            end=end,
            reason=reason,
            looked_at=self.looked_at,
            unseen=tuple(sorted(named - self.seen)) if end is End.NO_MATCH else (),
            total=self.total,
            matches=tuple(sorted(self.matches, key=lambda one: (one.time, one.artifact, one.line))[:limit]),
        )


def require_pysigma() -> None:
    """Raise UsageError where the extra is not installed."""
    try:
        import sigma.rule  # noqa: F401 - asked for, not used
    except ImportError as error:
        hint = "install the extra: `pip install 'evidence-kit[sigma]'`"
        raise UsageError("Sigma rules need pySigma, which is not installed", hint=hint) from error


def translated(rule: Rule) -> tuple[tuple[Place, Clause], ...]:
    """Return the clause for each kind of log that a rule is about; UnfitError says why there is none."""
    from sigma.exceptions import SigmaError
    from sigma.rule import SigmaRule

    from evidence_kit.analysis.sigma.regexes import POLICY

    logsource = rule.data.get("logsource")
    found = places_for(logsource if isinstance(logsource, Mapping) else {})
    try:
        parsed = SigmaRule.from_dict(dict(rule.data), policy=POLICY)
        conditions = [condition.parse() for condition in parsed.detection.parsed_condition]
        return tuple((place, sql.where(conditions, place)) for place in found)
    except SigmaError as error:
        raise UnfitError(str(error)[:500] or type(error).__name__) from error
    except (TypeError, ValueError, AttributeError, LookupError, RecursionError) as error:
        # What pySigma does not expect in a rule, such as a number for a list, surfaces as one of these.
        raise UnfitError(f"pySigma cannot read it: {type(error).__name__}: {error}"[:500]) from error


def run(rules: Iterable[Rule], ask: Ask, *, limit: int) -> Iterator[Told]:
    """Yield how each rule ended, in order; a rule that fails spoils no other."""
    held = {str(source): _number(count) for source, count in ask(SOURCES)}
    ends: list[Told | _Asked] = []
    by_place: dict[tuple[str, ...], list[tuple[_Asked, Place, Clause]]] = defaultdict(list)
    for rule in rules:
        try:
            asked = _Asked(rule, translated(rule))
        except UnfitError as error:
            ends.append(Told(rule=rule, end=End.NOT_TRANSLATED, reason=error.message))
            continue
        ends.append(asked)
        for place, clause in asked.clauses:
            if count := sum(held.get(name, 0) for name in place.sources):
                asked.looked_at += count
                by_place[place.sources].append((asked, place, clause))
    for group in by_place.values():
        for batch in _batches(group):
            _match_all(batch, ask, limit)
        _see(group, ask)
    for end in ends:
        yield end.told(limit) if isinstance(end, _Asked) else end


def _batches(group: Sequence[tuple[_Asked, Place, Clause]]) -> Iterator[list[tuple[_Asked, Place, Clause]]]:
    batch: list[tuple[_Asked, Place, Clause]] = []
    length = 0
    for one in group:
        if batch and (len(batch) >= _RULES or length + len(one[2].text) > _LENGTH):
            yield batch
            batch, length = [], 0
        batch.append(one)
        length += len(one[2].text)
    if batch:
        yield batch


def _match_all(batch: Sequence[tuple[_Asked, Place, Clause]], ask: Ask, limit: int) -> None:
    """Ask for all at once; where that fails, in halves, down to the rule that cannot be run."""
    fits = ", ".join(f"CASE WHEN {clause.text} THEN {number} END" for number, (_, _, clause) in enumerate(batch))
    try:
        rows = ask(
            f"WITH {_logs(batch[0][1])}, "  # noqa: S608 - every literal is quoted, and a sandbox runs it
            f"{_read(clause for _, _, clause in batch)}, "
            f"sifted AS (SELECT {_SHOWN}, list_filter([{fits}], lambda n: n IS NOT NULL) AS fits FROM read), "
            f"hits AS (SELECT unnest(fits) AS rule, {_SHOWN} FROM sifted WHERE len(fits) > 0) "
            f"SELECT rule, count(*) OVER (PARTITION BY rule) AS total, {_SHOWN} FROM hits QUALIFY row_number() OVER "
            f"(PARTITION BY rule ORDER BY time NULLS LAST, artifact, line) <= {limit}"
        )
    except EvidenceKitError as error:
        if len(batch) == 1:
            batch[0][0].failed = error.message
            return
        middle = len(batch) // 2
        _match_all(batch[:middle], ask, limit)
        _match_all(batch[middle:], ask, limit)
        return
    totals: dict[int, int] = {}
    for number, total, *row in rows:
        totals[_number(number)] = _number(total)
        batch[_number(number)][0].matches.append(_match(row))
    for number, total in totals.items():
        batch[number][0].total += total


def _see(group: Sequence[tuple[_Asked, Place, Clause]], ask: Ask) -> None:
    """Find out which fields of rules without a match any record has: a field that none has can never match."""
    idle = [(asked, place, clause) for asked, place, clause in group if not asked.total and not asked.failed]
    fields = list({has: name for _, _, clause in idle for name, has in clause.fields.items()})
    held: set[str] = set()
    for first in range(0, len(fields), _FIELDS):
        some = fields[first : first + _FIELDS]
        said = ", ".join(f"bool_or({has}) AS f{number}" for number, has in enumerate(some))
        try:
            rows = ask(f"WITH {_logs(idle[0][1])} SELECT {said} FROM logs")  # noqa: S608 - as above
        except EvidenceKitError as error:
            for asked, _, clause in idle:
                asked.note = f"which of its fields the records have is not known: {error.message}"
                asked.seen |= set(clause.fields)
            return
        held |= {has for row in rows for has, found in zip(some, row, strict=True) if found}
    for asked, _, clause in idle:
        asked.seen |= {name for name, has in clause.fields.items() if has in held}


def _logs(place: Place) -> str:
    """Return the records of a place; one that is no JSON has no fields, and its text can still hold a keyword."""
    names = ", ".join(sql.literal(name) for name in place.sources)
    inner = "".join(
        f"WHEN source = {sql.literal(source)} AND json_valid(raw) THEN json_extract_string(raw, {sql.literal(path)}) "
        for source, path in place.inside.items()
    )
    record = f"CASE {inner}ELSE raw END" if inner else "raw"
    return (
        f"held AS (SELECT *, {record} AS record FROM evidence WHERE source IN ({names})), "  # noqa: S608 - as above
        "logs AS (SELECT *, CASE WHEN json_valid(record) THEN record END AS doc FROM held)"
    )


def _read(clauses: Iterable[Clause]) -> str:
    """Return the records with all that the clauses read of them, parsed once."""
    reads = {name: path for clause in clauses for name, path in clause.reads.items()}
    if not reads:
        return "read AS (SELECT * FROM logs)"
    named = ", ".join(f"f[{number}] AS {name}" for number, name in enumerate(reads, start=1))
    found = f"json_extract_string(doc, [{', '.join(reads.values())}]) AS f"
    return f"found AS (SELECT *, {found} FROM logs), read AS (SELECT *, {named} FROM found)"  # noqa: S608 - as above


def _match(row: Row) -> Match:
    artifact, line, time, source, target, action, actor = row
    return Match(
        artifact=str(artifact),
        line=_number(line),
        time=str(time or ""),
        source=str(source),
        target=str(target or ""),
        action=str(action or ""),
        actor=str(actor or ""),
    )


def _number(value: object) -> int:
    return int(str(value))
