"""`sigma`: run Sigma rules over the evidence of cases; every rule is run or listed with the reason why not."""

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, query, tabular
from evidence_kit.errors import EmptyError, UsageError

if TYPE_CHECKING:
    from evidence_kit.analysis.sigma.words import Told
    from evidence_kit.analysis.tables.derive import Tables

_FORMATS = ("text", "json", "csv")
_COLUMNS = (
    *("id", "title", "level", "file", "result", "total", "time", "source", "target", "action", "actor"),
    *("artifact", "line", "reason"),
)


def sigma(
    cases: list[Path] = typer.Argument(..., metavar="CASE...", help="The case folders."),
    rules: list[Path] = typer.Option([], "--rules", help="A rule or a folder of rules; the kit's own otherwise."),
    rule: list[str] = typer.Option([], "--rule", help="Only the rule with this id, title or file name; repeat it."),
    form: str = typer.Option("text", "--format", help="`text`, `json` or `csv`."),
    limit: int = typer.Option(
        20, "--limit", min=1, max=100_000, help="Matches to show of each rule; all are counted."
    ),
    timeout: int = typer.Option(60, "--timeout", min=1, help="Seconds that each statement may take."),
    memory: int = typer.Option(2048, "--memory", min=64, help="MB that it may use."),
    work: Path | None = typer.Option(None, "--work", help="Where tables are kept; a cache of yours otherwise."),
) -> None:
    """Run Sigma rules over the evidence.

    Each match names the artifact and the line it comes from. A rule that cannot be translated, or whose kind of log
    the case does not hold, is listed as such. Correlation rules are not run.
    """
    from evidence_kit.analysis.sigma import book, matching

    if form not in _FORMATS:
        raise UsageError(f"unknown format `{form}`", hint=f"known are: {', '.join(_FORMATS)}")
    matching.require_pysigma()
    given = (one for path in rules for one in book.rules_at(path)) if rules else book.own_rules()
    read, refused = book.read_rules(given)
    if rule:
        read, refused = book.chosen(read, rule), ()
    if not read and not refused:
        raise EmptyError("there are no rules to run")
    told = (*matching.run(read, asker(query.derived(cases, work), timeout, memory), limit=limit), *refused)
    _show(told, form)


def asker(tables: "Sequence[Tables]", timeout: int = 300, memory: int = 2048) -> "_Asker":
    """Return what runs a SELECT over the tables; UsageError if it is stopped or refused."""
    from evidence_kit.analysis.tables.asking import Limits

    return _Asker(tables, Limits(timeout=timeout, memory=memory, threads=min(4, os.cpu_count() or 1)))


class _Asker:
    """Puts a statement to the same locked process that `query` uses, and holds its answer, which is bounded."""

    def __init__(self, tables: "Sequence[Tables]", limits: object) -> None:
        self._tables, self._limits = tables, limits

    def __call__(self, sql: str) -> list[tuple[object, ...]]:
        from evidence_kit.analysis.tables.asking import Question, ask

        with ask(self._tables, Question(sql), self._limits) as (_, batches):  # type: ignore[arg-type]
            return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def _show(told: "Sequence[Told]", form: str) -> None:
    if form == "json":
        output.document({"rules": [_as_json(one) for one in told], "totals": dict(_totals(told))})
    elif form == "csv":
        output.data(_as_csv(told))
    else:
        for line in _lines(told):
            output.data(line)


def _totals(told: "Sequence[Told]") -> Counter[str]:
    return Counter(one.end.value for one in told)


def _lines(told: "Sequence[Told]") -> Iterator[str]:
    counts = _totals(told)
    said = ", ".join(f"{counts[name]:,} {name.replace('_', ' ')}" for name in sorted(counts))
    yield f"{output.plural(len(told), 'rule')}: {said}"
    for one in (one for one in told if one.matches):
        yield ""
        level = one.rule.level or "no level"
        yield f"{level:8} {one.rule.title}  {output.plural(one.total, 'record')}  {one.rule.id}"
        for match in one.matches:
            yield f"  {match.time:24} {match.action}  {match.actor}  {match.target}"
            yield f"  {'':24} {match.artifact} line {match.line}"
        if one.total > len(one.matches):
            yield f"  {'':24} and {one.total - len(one.matches):,} more; `--limit` shows them"
        if one.reason:
            yield f"  {'':24} not all of it was run: {one.reason}"
    yield from _without(told)


def _without(told: "Sequence[Told]") -> Iterator[str]:
    """Yield what brought nothing, and why that is so; `no match` is the only good news among it."""
    yield ""
    for one in told:
        if one.matches:
            continue
        name = one.rule.title or Path(one.rule.file).name
        why = one.reason or (f"no record has {', '.join(f'`{name}`' for name in one.unseen)}" if one.unseen else "")
        yield f"{one.end.value.replace('_', ' '):16} {name}{f': {why}' if why else ''}"


def _as_json(one: "Told") -> dict[str, object]:
    return {
        "name": one.rule.title,
        "id": one.rule.id,
        "level": one.rule.level,
        "file": one.rule.file,
        "sha256": one.rule.sha256,
        "result": one.end.value,
        "meaning": one.end.meaning,
        "reason": one.reason,
        "recordsLookedAt": one.looked_at,
        "fieldsNoRecordHas": list(one.unseen),
        "total": one.total,
        "matches": [asdict(match) for match in one.matches],
    }


def _as_csv(told: "Sequence[Told]") -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in told:
        head = (one.rule.id, one.rule.title, one.rule.level, one.rule.file, one.end.value, one.total)
        found = [(m.time, m.source, m.target, m.action, m.actor, m.artifact, str(m.line)) for m in one.matches]
        for row in found or [("",) * 7]:
            writer.writerow([tabular.safe_cell(cell) for cell in (*head, *row, one.reason)])
    return stream.getvalue().rstrip("\n")
