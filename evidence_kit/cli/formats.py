"""The documents that `verify` writes, by the name of their format; stdout carries nothing else."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, verdict
from evidence_kit.errors import Exit
from evidence_kit.model.check import Report

if TYPE_CHECKING:
    from evidence_kit.model.ports import Vault
    from evidence_kit.report.verdict.outcome import Outcome

NAMES = ("human", "json", "junit", "sarif", "github")


def show(name: str, report: Report, code: Exit, vault: "Vault", *, base: str, require_complete: bool) -> None:
    """Write `report` as `name` says; files are named relative to where a CI system looks for them."""
    if name == "human":
        verdict.show(report, code, vault)
        return
    if name == "json":
        output.document(verdict.as_json(report, code))
        return
    from evidence_kit.report.verdict.outcome import Outcome

    outcome = Outcome(
        report=report,
        code=code,
        headline=verdict.headline(report, code),
        base=_base(base),
        require_complete=require_complete,
    )
    # Bytes, because a runner's stdout need not be able to say what a file is called.
    typer.echo(_document(name, outcome).encode())
    if name == "github" and (target := os.environ.get("GITHUB_STEP_SUMMARY")):
        _append_summary(Path(target), outcome)


def _document(name: str, outcome: "Outcome") -> str:
    from evidence_kit.report.verdict import github, junit, sarif

    if name == "junit":
        return junit.document(outcome).rstrip("\n")
    if name == "sarif":
        return json.dumps(sarif.document(outcome), indent=2, ensure_ascii=True)
    return "\n".join(github.commands(outcome))


def _base(place: str) -> str:
    """Return `place` relative to GITHUB_WORKSPACE, else to the working directory; absolute if it is elsewhere."""
    if "://" in place:
        return place.rstrip("/")
    folder = Path(place)
    root = os.path.normpath(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    found = Path(os.path.normpath(folder.absolute()))
    return (found.relative_to(root) if found.is_relative_to(root) else found).as_posix()


def _append_summary(target: Path, outcome: "Outcome") -> None:
    """Append to the job summary; one that cannot be written changes no verdict."""
    from evidence_kit.report.verdict import github

    try:
        with target.open("ab") as stream:
            stream.write(github.summary(outcome).encode())
    except OSError as error:
        output.note(f"cannot write the job summary: {(error.strerror or '').lower()}")
