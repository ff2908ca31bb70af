"""`query`: ask the evidence of one case or several a question in SQL."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, settings, tabular
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.analysis.tables.asking import Limits, Question
    from evidence_kit.analysis.tables.derive import Case, Tables

_SHOWN = 200  # rows of a table, unless said otherwise


def query(
    words: list[str] = typer.Argument(
        None, metavar="CASE... SQL", help="Cases (folder, archive, `s3://…`), then SQL."
    ),
    param: list[str] = typer.Option([], "--param", help="`name=value` for a `$name` in the SQL; repeat it."),
    saved: str | None = typer.Option(None, "--saved", help="A question that comes with the kit, in place of SQL."),
    listing: bool = typer.Option(False, "--list", help="Say which questions come with the kit."),
    form: str = typer.Option("table", "--format", help="`table`, `json`, `csv` or `parquet`."),
    out: Path | None = typer.Option(None, "-o", "--out", help="A new file for the answer."),
    limit: int | None = typer.Option(None, "--limit", min=0, help="At most so many rows; 0 for all."),
    timeout: int = typer.Option(60, "--timeout", min=1, help="Seconds that the question may take."),
    memory: int = typer.Option(2048, "--memory", min=64, help="MB that it may use."),
    work: Path | None = typer.Option(None, "--work", help="Where tables are kept; a cache of yours otherwise."),
    seal: str | None = typer.Option(None, "--seal", help="Keep the answer in the case under this name, on record."),
    key: str | None = typer.Option(None, "--key", help="`--seal`: which of your keys signs."),
) -> None:
    """Ask the evidence a question in SQL.

    Tables: `evidence`, one for each source, `manifest`, `units`, `gaps`, `custody`, `defects`. Each row of evidence
    names the artifact and the line it comes from. In CSV, text that a spreadsheet would run as a formula has an
    apostrophe before it.
    """
    from evidence_kit.analysis.tables.asking import Limits, Question, ask
    from evidence_kit.model.document import did_you_mean

    if form not in tabular.FORMATS:
        raise UsageError(f"unknown format `{form}`", hint=did_you_mean(form, tabular.FORMATS))
    if listing:
        _list()
        return
    cases, sql, params = _asked(words or (), saved, _params(param))
    question = Question(sql, params)
    limits = Limits(timeout=timeout, memory=memory, threads=min(4, os.cpu_count() or 1))
    tables = derived(cases, work)
    if seal is not None:
        if out is not None or limit is not None:
            raise UsageError("`--seal` keeps the whole answer in the case", hint="leave out `--out` and `--limit`")
        _seal(cases, tables, question, limits, name=seal, form=form, key=key)
        _tell_unread(tables)
        return
    most = (_SHOWN if form == "table" and out is None else 0) if limit is None else limit
    with ask(tables, question, limits) as answer:
        shown = tabular.write(answer, form, out, most)
    if shown.more:
        output.note(f"the first {output.plural(shown.rows, 'row')}; `--limit 0` gives all")
    elif form == "table":
        output.note(output.plural(shown.rows, "row"))
    _tell_unread(tables)


def _tell_unread(tables: "Sequence[Tables]") -> None:
    if found := sum(one.defects for one in tables):
        places = output.plural(found, "place")
        output.note(f"hint: {places} could not be read; the table `defects` names them")


def derived(cases: Sequence[Path | str], work: Path | None) -> "list[Tables]":
    """Bring the tables of the cases up to date and return them."""
    from evidence_kit.analysis.tables.derive import derive
    from evidence_kit.sources.catalogue import load_catalogue

    folder = tables_folder(work)
    opened = [opened_case(one) for one in cases]
    for one in opened:
        if sum(other.id == one.id for other in opened) > 1:
            raise UsageError(f"case `{one.id}` is given twice", hint="its rows could not be told apart")
    specs = load_catalogue()
    found = [derive(one, folder, specs, processes=os.cpu_count() or 1) for one in opened]
    for made in found:
        if made.derived:
            read = output.plural(made.derived, "artifact")
            output.note(f"{made.case}: read {read}, {made.rows:,} rows in {made.folder}")
    return found


def opened_case(said: Path | str) -> "Case":
    """Return a case by its folder, its archive, or the bucket that it lies in."""
    from evidence_kit.analysis.tables.derive import open_case
    from evidence_kit.vaults.local import LocalVault
    from evidence_kit.vaults.registry import open_subject

    if Path(said).is_dir():
        return open_case(LocalVault(Path(said)), root=Path(said).resolve())
    subject = open_subject(str(said), os.environ)
    if subject.is_bag:
        raise UsageError(f"`{said}` is a bag", hint="give the whole case; `verify` checks one bag")
    return open_case(subject.vault)


def tables_folder(work: Path | None) -> Path:
    """Return where tables are kept, which is never within a case."""
    from platformdirs import user_cache_path

    return work or user_cache_path("evidence-kit") / "tables"


def _asked(
    words: Sequence[str], saved: str | None, params: Mapping[str, str]
) -> tuple[list[str], str, Mapping[str, object]]:
    """Return the cases, the SQL, and what is bound in it."""
    from evidence_kit.analysis.pivots.loading import load_pivots, pivot

    cases = words if saved is not None else words[:-1]
    if not cases:
        raise UsageError(
            "which case, and what question?",
            hint='`evidence-kit query CASE "SELECT …"`, or `--saved NAME`',
        )
    if saved is None:
        if words[-1] in load_pivots():
            raise UsageError(f"`{words[-1]}` is no SQL", hint=f"`--saved {words[-1]}` asks the question of that name")
        return list(cases), words[-1], params
    one = pivot(saved)
    return list(cases), one.sql, one.bind(params, now=settings.now())


def _list() -> None:
    """Print the questions that come with the kit, with what each takes."""
    from evidence_kit.analysis.pivots.loading import load_pivots

    for name, one in load_pivots().items():
        output.data(f"{name:22}  {one.question}")
        for parameter in one.parameters:
            usual = f" (default {parameter.default})" if parameter.default is not None else ""
            output.data(f"{'':22}  --param {parameter.name}=…  {parameter.help}{usual}")


def _params(said: Sequence[str]) -> dict[str, str]:
    params: dict[str, str] = {}
    for one in said:
        name, equals, value = one.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"`{one}` is no parameter", hint="write `--param name=value`, and `$name` in the SQL")
        if name in params:
            raise UsageError(f"the parameter `{name}` is given twice")
        params[name] = value
    return params


def _seal(
    cases: Sequence[str], tables: "Sequence[Tables]", question: "Question", limits: "Limits", *,
    name: str, form: str, key: str | None,
) -> None:  # fmt: skip
    from evidence_kit.acquire.case import keeper_of
    from evidence_kit.analysis.tables.asking import ask
    from evidence_kit.analysis.tables.keeping import keep
    from evidence_kit.vaults.local import LocalVault

    if len(cases) != 1:
        raise UsageError("an answer is kept in one case", hint="give one case with `--seal`")
    if not Path(cases[0]).is_dir():
        raise UsageError(f"`{cases[0]}` is no folder", hint="an answer is kept where the case can be written to")
    vault = LocalVault(Path(cases[0]))
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", key))
    kept_as = "csv" if form == "table" else form
    scratch = tables[0].folder / f"answer.{os.getpid()}.{kept_as}"
    try:
        with ask(tables, question, limits) as answer:
            shown = tabular.write(answer, kept_as, scratch, 0)
        kept = keep(vault, keeper, scratch, f"{name}.{kept_as}", question, rows=shown.rows, at=settings.now())
    finally:
        scratch.unlink(missing_ok=True)
    output.data(f"kept  {kept.path}  {output.plural(shown.rows, 'row')}  sha256 {kept.sha256}")
    output.note(f"on record as event {kept.event}")
