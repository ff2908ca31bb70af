"""Steps that ask the evidence: SQL over what other steps took, in a process that can read nothing else.

The answer is kept in the case as derived data. What later steps may use of it is declared, typed and capped: its
values were written by whoever wrote the evidence.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.pivots.loading import pivot
from evidence_kit.analysis.sigma.book import chosen, own_rules, read_rules
from evidence_kit.analysis.sigma.matching import run as run_rules
from evidence_kit.analysis.sigma.words import End
from evidence_kit.analysis.tables.asking import Limits, Question, ask
from evidence_kit.analysis.tables.derive import Tables, derive, open_case
from evidence_kit.analysis.tables.keeping import record_derived
from evidence_kit.analysis.tables.plain import json_line
from evidence_kit.custody.names import safe_component
from evidence_kit.errors import UsageError
from evidence_kit.playbook.model import Outcome, Step
from evidence_kit.playbook.run.play import Play
from evidence_kit.playbook.run.results import MAX_OUTPUTS, Gap, Result
from evidence_kit.playbook.run.taken import latest_of
from evidence_kit.playbook.values import typed

FOLDER = "derived/playbooks"
MAX_ROWS = 10_000
_MAX_VALUES = 100  # of an output that says no other number
_TIMEOUT = 120  # seconds
_TAKERS = frozenset({"collect", "preserve", "hold"})  # what providers answer to these is evidence


def run_query(play: Play, step: Step) -> Result:
    """Ask, keep the answer, and return what the step declares of it."""
    question = _question(play, step)
    limits = Limits(timeout=int(step.timeout.total_seconds()) if step.timeout else _TIMEOUT)
    tables = tables_of(play)
    outputs = {name: _Output(name, said) for name, said in step.fields.get("outputs", {}).items()}
    most = int(step.fields.get("max_rows", MAX_ROWS))
    rows = 0
    gaps: list[Gap] = []
    with tempfile.TemporaryDirectory(prefix="answer.", dir=tables.folder) as folder:
        path = Path(folder) / "answer.jsonl"
        with path.open("x", encoding="utf-8") as stream:
            for row in answer(tables, step, question, limits, gaps):
                _require_columns(row, outputs.values())
                rows += 1
                if rows <= most:
                    stream.write(json_line(row, ascii_only=False) + "\n")
                for one in outputs.values():
                    one.take(row)
        _keep(play, step, path, question, min(rows, most))
    gaps += [*_too_many(rows, most), *(gap for one in outputs.values() for gap in one.gaps())]
    if tables.defects:
        reason = f"{tables.defects:,} places in the evidence could not be read; the table `defects` names them"
        gaps.append(Gap(kind="unreadable", reason=reason))
    found = {name: one.value() for name, one in outputs.items()}
    return Result(
        outcome=Outcome.PARTIAL if gaps else Outcome.SUCCESS,
        reason=gaps[0].reason if gaps else "",
        outputs={"rows": rows, **_within(found)},
        gaps=tuple(gaps),
    )


def found_by(play: Play, sql: str, *, timeout: int = _TIMEOUT) -> str:
    """Return what a question finds that is to find nothing in the whole case: its first row, in words."""
    question, tables = Question(sql, parts=_parts(play), tables=own_tables(play)), tables_of(play)
    for row in _rows(tables, question, Limits(timeout=timeout)):
        return f"found {json.dumps(row, ensure_ascii=True, default=str)[:300]}"
    return f"{tables.defects:,} places in the evidence could not be read" if tables.defects else ""


def tables_of(play: Play) -> Tables:
    """Bring the tables of the case up to date and return them."""
    vault = play.engine.vault
    vault.close()  # what journals hold open is on disk already; readers open their own
    return derive(open_case(vault, root=vault.root.resolve()), play.tools.work, play.tools.specs)


def own_tables(play: Play) -> dict[str, list[list[str | None]]]:
    """Return what SQL sees of the run itself: how each step ended, and what is missing."""
    steps: list[list[str | None]] = [["run", "step", "type", "outcome", "reason", "gaps"]]
    missing: list[list[str | None]] = [["run", "step", "kind", "reason", "unit"]]
    for step in play.playbook.steps:
        if (result := play.results.get(step.id)) is not None:
            told = str(result.missing)
            steps.append([play.id, step.id, step.type, result.outcome.value, result.reason, told])
            missing += [[play.id, step.id, gap.kind, gap.reason, gap.unit or None] for gap in result.gaps]
    return {"steps": steps, "step_gaps": missing}


def _question(play: Play, step: Step) -> Question:
    said, within = step.fields, tuple(step.fields.get("from", ()))
    parts, own = _parts(play), own_tables(play)
    params = play.filled(said.get("params", {}))
    if "saved" in said:
        saved = pivot(said["saved"])
        bound = saved.bind({name: str(value) for name, value in params.items()}, now=play.started)
        return Question(saved.sql, bound, parts, within, own)
    if "sigma" in said:
        return Question(f"-- sigma: {', '.join(said['sigma'])}", {}, parts, within, own)
    return Question(said["sql"], {name: _bindable(name, one) for name, one in params.items()}, parts, within, own)


def _parts(play: Play) -> dict[str, list[tuple[str, str]]]:
    """Return the tables that are called as steps are: what each has taken, or what somebody handed in for it."""
    vault = play.engine.vault
    taken = latest_of(vault, play.id, [step.id for step in play.playbook.steps if step.type in _TAKERS])
    found: dict[str, list[tuple[str, str]]] = {}
    for step in play.playbook.steps:
        result = play.results.get(step.id)
        if step.type in _TAKERS:
            found[step.id] = [(one.acquisition, one.unit.id) for one in taken[step.id].values()]
        elif step.type == "manual":
            given = result.acquisitions if result else ()
            found[step.id] = [(name, one.unit.id) for name in given for one in bagfiles.units(vault, f"bags/{name}")]
    return found


def _bindable(name: str, value: object) -> object:
    """Return what can stand for a `$name`: texts, numbers, and lists of texts."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str | int | float) or (
        isinstance(value, list) and all(isinstance(one, str) for one in value)
    ):
        return value
    raise UsageError(f"the parameter `{name}` is no text, number or list of texts")


def answer(
    tables: Tables, step: Step, question: Question, limits: Limits, gaps: list[Gap]
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of an answer; a rule that could not be run becomes a gap."""
    if "sigma" not in step.fields:
        yield from _rows(tables, question, limits)
        return
    rules, unread = read_rules(own_rules())

    def ask_sql(sql: str) -> list[tuple[object, ...]]:
        asked = replace(question, sql=sql)
        return [tuple(row.values()) for row in _rows(tables, asked, limits)]

    for told in (*unread, *run_rules(chosen(rules, step.fields["sigma"]), ask_sql, limit=MAX_ROWS)):
        if told.end in {End.NOT_TRANSLATED, End.FAILED} and told not in unread:
            gaps.append(Gap(kind="rule_not_run", reason=f"{told.rule.title}: {told.reason}"))
        if told.total > len(told.matches):
            left = told.total - len(told.matches)
            reason = f"{told.rule.title}: {left:,} of {told.total:,} matches are not kept"
            gaps.append(Gap(kind="rows_left_out", reason=reason))
        for match in told.matches:
            yield {"rule": told.rule.id, "title": told.rule.title, "level": told.rule.level, **asdict(match)}


def _rows(tables: Tables, question: Question, limits: Limits) -> Iterator[Mapping[str, Any]]:
    with ask([tables], question, limits) as (_, batches):
        for batch in batches:
            yield from batch.to_pylist()


def _require_columns(row: Mapping[str, Any], outputs: "Iterable[_Output]") -> None:
    for one in outputs:
        if one.column not in row:
            raise UsageError(f"the answer has no column `{one.column}`", hint=f"it has: {', '.join(row)}")


def _keep(play: Play, step: Step, path: Path, question: Question, rows: int) -> None:
    """Store the answer in the case, with what it was made from on record."""
    vault = play.engine.vault
    name = base = f"{FOLDER}/{safe_component(play.id)}/{step.id}"
    number = 1
    while vault.stat(f"{name}.jsonl") is not None:  # of an attempt that a crash cut short before its end was noted
        number += 1
        name = f"{base}.{number}"
    said = {
        "by": "playbook",
        "run": play.id,
        "step": step.id,
        "sql": question.sql,
        "sqlSha256": hashlib.sha256(question.sql.encode()).hexdigest(),
        "params": dict(question.params),
        "from": list(question.within),
        "engine": f"duckdb {version('duckdb')}",
        "rows": rows,
    }
    record_derived(vault, play.engine.keeper, path, f"{name}.jsonl", said, at=play.now())


def _too_many(rows: int, most: int) -> list[Gap]:
    return [Gap(kind="rows_left_out", reason=f"{rows - most:,} of {rows:,} rows are not kept")] if rows > most else []


def _within(outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    size = len(json.dumps(outputs).encode())
    if size > MAX_OUTPUTS:
        hint = "lower `max`, or ask for fewer columns"
        raise UsageError(f"outputs of {size:,} bytes are more than the {MAX_OUTPUTS:,} a step hands on", hint=hint)
    return outputs


@dataclass(slots=True)
class _Output:
    """One declared output while rows come by."""

    name: str
    said: Mapping[str, Any]
    values: dict[str, object] = field(default_factory=dict)  # by how they are written, so that each is kept once
    rejected: int = 0
    left_out: int = 0

    @property
    def column(self) -> str:
        return str(self.said["column"])

    @property
    def kind(self) -> str:
        return str(self.said.get("type", "list<string>"))

    def take(self, row: Mapping[str, Any]) -> None:
        raw = row[self.column]
        is_list = self.kind.startswith("list<")
        if raw is None or (not is_list and self.values):
            return
        inner = self.kind[5:-1] if is_list else self.kind
        try:
            value = typed(inner, raw if inner != "string" or isinstance(raw, str) else str(raw))
        except UsageError:
            self.rejected += 1
            return
        key = json.dumps(value, default=str)
        if key in self.values:
            return
        if len(self.values) >= int(self.said.get("max", _MAX_VALUES)):
            self.left_out += 1
        else:
            self.values[key] = value

    def value(self) -> object:
        found = list(self.values.values())
        if self.kind.startswith("list<"):
            return found
        return found[0] if found else {"int": 0, "double": 0.0, "bool": False}.get(self.kind, "")

    def gaps(self) -> Iterator[Gap]:
        if self.left_out:
            reason = f"output `{self.name}`: {self.left_out:,} rows have values beyond the {len(self.values):,} kept"
            yield Gap(kind="values_left_out", reason=reason)
        if self.rejected:
            yield Gap(
                kind="values_rejected", reason=f"output `{self.name}`: {self.rejected:,} values are no `{self.kind}`"
            )
