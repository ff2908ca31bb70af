"""`playbook runs`: the runs of playbooks that a case has on record, and one of them step by step."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from evidence_kit.cli import output
from evidence_kit.cli.files import write_new
from evidence_kit.errors import EmptyError, Exit, UsageError

if TYPE_CHECKING:
    from evidence_kit.report.case.doings import Run
    from evidence_kit.report.runs.reading import Found


def runs(
    case: str = typer.Argument(..., help="A case: a folder, an archive of one, or `s3://…`."),
    run: str | None = typer.Argument(None, metavar="[RUN]", help="Which run; all of them in a line each otherwise."),
    svg: Path | None = typer.Option(None, "--svg", help="A new file for the picture of the run, as a drawing."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Show the runs of playbooks in a case: how each step ended, and who decided what.

    It shows what is on record and does not judge it: `verify` does. Exits 3 where a part cannot be read.
    """
    from evidence_kit.report.runs.reading import read_runs
    from evidence_kit.vaults.registry import open_subject

    subject = open_subject(case, os.environ)
    if subject.is_bag:
        raise UsageError(f"`{case}` is a bag", hint="runs are on record in a case")
    found = read_runs(subject.vault)
    missing = (*found.broken, *found.unread)
    if not found.runs and not missing:
        raise EmptyError("no playbook has been run on this case", hint="`evidence-kit playbook run … --case CASE`")
    chosen = _chosen(found, run)
    if svg is not None:
        _draw(found, chosen, svg)
    if as_json:
        told = [_as_json(one) for one in (found.runs if chosen is None else (chosen,))]
        output.document(told if chosen is None else told[0])
    else:
        for line in _list(found) if chosen is None else _one(found, chosen):
            output.data(line)
    for one in missing:
        output.note(f"warning: {one.part}: {one.why}")
    if missing:
        raise typer.Exit(Exit.INCOMPLETE)


def _chosen(found: "Found", run: str | None) -> "Run | None":
    from evidence_kit.model.document import did_you_mean

    if run is None:
        return None
    known = {one.id: one for one in found.runs}
    if run not in known:
        raise EmptyError(f"there is no run `{run[:80]}` in this case", hint=did_you_mean(run, known))
    return known[run]


def _list(found: "Found") -> Iterator[str]:
    ids = max((len(one.id) for one in found.runs), default=0)
    books = max((len(one.playbook) for one in found.runs), default=0)
    for one in found.runs:
        ended = sum(1 for step in one.steps if step.outcome)
        yield f"{one.id:{ids}}  {one.playbook:{books}}  {one.outcome:9}  {ended} of {len(one.steps)} steps ended"


def _one(found: "Found", run: "Run") -> Iterator[str]:
    from evidence_kit.playbook import picture

    yield f"run       {run.id}  {run.playbook}  {run.outcome}"
    yield f"began     {run.started_at}"
    if run.ended_at:
        yield f"ended     {run.ended_at}"
    yield ""
    known = found.playbooks.get(run.id)
    if known is not None:
        yield from picture.lines(known, _ends(run))
    else:
        yield from (f"  {step.id}  {step.outcome or step.reason}" for step in run.steps)
    told = [step for step in run.steps if step.reason]
    if told:
        yield ""
        yield from (f"{step.id}: {step.reason}" for step in told)
    if run.decisions:
        yield ""
    for one in run.decisions:
        why = f", {one.reason}" if one.reason else ""
        yield f"decided   {one.at} {one.by}, {one.step}: {one.choice}{why} (event {one.event})"


def _ends(run: "Run") -> Mapping[str, str]:
    return {step.id: step.outcome or "-" for step in run.steps}


def _draw(found: "Found", run: "Run | None", path: Path) -> None:
    from evidence_kit.playbook import picture

    if run is None:
        raise UsageError("a picture is of one run", hint="name it")
    if run.id not in found.playbooks:
        raise UsageError(f"the playbook of run `{run.id}` cannot be read", hint="`verify` says why")
    write_new(
        path,
        picture.svg(found.playbooks[run.id], {step.id: step.outcome for step in run.steps}).text,
        hint="nothing is overwritten",
    )


def _as_json(run: "Run") -> dict[str, Any]:
    return {
        "name": run.id,
        "playbook": run.playbook,
        "sha256": run.sha256,
        "startedAt": run.started_at,
        "endedAt": run.ended_at,
        "outcome": run.outcome,
        "steps": [
            {
                "name": step.id,
                "title": step.title,
                "needs": list(step.needs),
                "outcome": step.outcome,
                "reason": step.reason,
                "startedAt": step.started_at,
                "endedAt": step.ended_at,
                "acquisition": step.acquisition,
            }
            for step in run.steps
        ],
        "decisions": [
            {
                "step": one.step,
                "at": one.at,
                "by": one.by,
                "choice": one.choice,
                "reason": one.reason,
                "event": one.event,
            }
            for one in run.decisions
        ],
    }
