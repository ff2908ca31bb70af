"""`verify`: whether a case, or one bag, is what was sealed, by whom you trust, and all of it."""

from pathlib import Path

import typer

from evidence_kit.cli import output, settings
from evidence_kit.errors import EmptyError, UsageError


def verify(
    path: Path = typer.Argument(..., help="A case folder, or one bag."),
    trust: str | None = typer.Option(None, "--trust", help="Your trust policy: whose signatures you accept."),
    require_complete: bool = typer.Option(False, "--require-complete", help="Fail (3) if any unit was not obtained."),
    each_signature: bool = typer.Option(False, "--each-signature", help="Check every artifact's own signature too."),
    last_checkpoint: Path | None = typer.Option(
        None, "--last-checkpoint", help="A checkpoint kept from before: the log must extend it."
    ),
    format: str = typer.Option("human", "--format", help="`human` or `json`."),  # noqa: A002 - the flag's name
    as_json: bool = typer.Option(False, "--json", help="The same as `--format json`."),
) -> None:
    """Check a case or a bag, offline.

    Reports every defect and exits with the verdict; whom to trust is your own input, never the case's.
    """
    from evidence_kit.cli import verdict
    from evidence_kit.custody.verify.case import Options, verify_bag, verify_case
    from evidence_kit.vaults.local import LocalVault

    if format not in {"human", "json"}:
        raise UsageError(f"unknown format `{format}`", hint="`human` or `json`")
    policy = settings.trust(trust)
    options = Options(
        each_signature=each_signature,
        last_checkpoint=_bytes(last_checkpoint) if last_checkpoint else None,
    )
    folder = path.absolute()
    if not folder.is_dir():
        raise EmptyError(f"`{path}` is not a folder", hint="name a case or a bag")
    if (folder / "bagit.txt").exists() and not (folder / "case.json").exists():
        vault = LocalVault(folder.parent)
        report = verify_bag(vault, name=folder.name, trust=policy, options=options)
    else:
        vault = LocalVault(folder)
        report = verify_case(vault, name=str(path), trust=policy, options=options)
    code = report.exit(require_complete=require_complete)
    if as_json or format == "json":
        output.document(verdict.as_json(report, code))
    else:
        verdict.show(report, code, vault)
    raise typer.Exit(code)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read `{path}`: {(error.strerror or '').lower()}") from error
