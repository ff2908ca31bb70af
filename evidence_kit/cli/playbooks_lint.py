"""`playbook lint`: what is wrong with playbooks, all of it, each with its place. Nothing is asked of anybody."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import ordering, output
from evidence_kit.cli.files import read_file
from evidence_kit.cli.playbooks_known import Beside, known
from evidence_kit.errors import Exit, UsageError

if TYPE_CHECKING:
    from evidence_kit.playbook.library import Library
    from evidence_kit.playbook.lint.finding import Finding


def lint(
    playbooks: list[str] = typer.Argument(..., metavar="PLAYBOOK...", help="Playbooks: files, or ids of the kit's."),
    inventory: str | None = ordering.INVENTORY,
    policy: str | None = ordering.POLICY,
    connectors: list[str] = ordering.CONNECTORS,
    channels: Path | None = typer.Option(None, "--channels", help="Channels for notices (YAML)."),
    clocks: list[Path] = typer.Option([], "--clocks", help="Regulatory clocks of your own (YAML).", metavar="FILE"),
    folders: list[Path] = typer.Option([], "--playbooks", help="A folder of playbooks of your own.", metavar="DIR"),
    strict: bool = typer.Option(False, "--strict", help="Warnings count as errors."),
    format: str = typer.Option("text", "--format", help="`text`, `json`, `sarif` or `github`."),  # noqa: A002 - the flag's name
    as_json: bool = typer.Option(False, "--json", help="The same as `--format json`."),
) -> None:
    """Find everything that is wrong with playbooks, with line and column.

    With an inventory, a policy or channels, these are held against it as well. Exits 2 if anything has to be mended.
    """
    from evidence_kit.cli import playbooks_lint_forms as forms

    chosen = "json" if as_json else format
    if chosen not in forms.NAMES:
        raise UsageError(f"unknown format `{chosen}`", hint=f"known are: {', '.join(forms.NAMES)}")
    beside = Beside(
        inventory=inventory, policy=policy, connectors=connectors, channels=channels, clocks=clocks, folders=folders
    )
    paths = [_path(one, folders) for one in playbooks]
    findings = [one for path in paths for one in _lint(path, beside)]
    forms.show(chosen, findings, len(paths))
    if _bad(findings, strict=strict):
        raise typer.Exit(Exit.USAGE)


def require_clean(
    text: bytes,
    *,
    name: str,
    beside: Beside,
    library: "Library | None" = None,
) -> None:
    """Raise UsageError, after telling all of it, where anything keeps a playbook from running."""
    from evidence_kit.cli import playbooks_lint_forms as forms
    from evidence_kit.playbook.lint.linter import lint as find

    findings = find(text, name=name, known=known(beside, library))
    wrong = [one for one in findings if one.level == "error"]
    for one in wrong[1:]:
        for line in forms.lines(one):
            output.note(line)
    if wrong:
        first = wrong[0]
        said = f"{first.file}:{first.line}:{first.column}: {first.message} [{first.rule}]"
        raise UsageError(said, hint=first.hint or f"`evidence-kit playbook lint {name}` shows the place")


def _lint(path: Path, beside: Beside) -> "tuple[Finding, ...]":
    from evidence_kit.playbook.lint.linter import lint as find

    return find(read_file(path), name=str(path), known=known(beside))


def _path(said: str, folders: Sequence[Path]) -> Path:
    """Return the file of a playbook, which may have faults of its own: it is found by its name alone."""
    from evidence_kit.model.document import did_you_mean
    from evidence_kit.playbook.library import SUFFIX, Library

    if said.endswith((SUFFIX, ".yml")) or "/" in said:
        return Path(said)
    files = Library(folders).files
    if said not in files:
        raise UsageError(f"there is no playbook `{said[:80]}`", hint=did_you_mean(said, files) if files else None)
    return files[said]


def _bad(findings: "Sequence[Finding]", *, strict: bool) -> bool:
    wrong = {"error", "warning"} if strict else {"error"}
    return any(one.level in wrong for one in findings)
