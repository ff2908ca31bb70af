"""`verify`: whether a case, or one bag, is what was sealed, by whom you trust, and all of it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import disclose, settings
from evidence_kit.cli.files import read_file
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.custody.trust import Trust
    from evidence_kit.model.check import Check, Report
    from evidence_kit.model.ports import Vault
    from evidence_kit.vaults.registry import Subject


def verify(
    path: str = typer.Argument(..., help="A case, one bag or a disclosure: a folder, `.tar.zst` or `s3://…`."),
    trust: str | None = typer.Option(None, "--trust", help="Your trust policy: whose signatures you accept."),
    trust_signer: str | None = typer.Option(
        None, "--trust-signer", help="Whose signature the policy must carry: a public key in PEM, or a key id."
    ),
    trust_sha256: str | None = typer.Option(None, "--trust-sha256", help="The SHA-256 that the policy must have."),
    require_complete: bool = typer.Option(False, "--require-complete", help="Fail (3) if any unit was not obtained."),
    each_signature: bool = typer.Option(False, "--each-signature", help="Check every artifact's own signature too."),
    require_timestamp: bool = typer.Option(
        False, "--require-timestamp", help="Fail (15) unless authorities you trust stamped every seal and hand-over."
    ),
    last_checkpoint: Path | None = typer.Option(
        None, "--last-checkpoint", help="A checkpoint kept from before: the log must extend it."
    ),
    against: str | None = typer.Option(
        None, "--against", help="For a disclosure: the case that it is from, to make its redacted copies anew."
    ),
    format: str = typer.Option(  # noqa: A002 - the flag's name
        "human", "--format", help="`human`, `json`, `junit`, `sarif` or `github`."
    ),
    as_json: bool = typer.Option(False, "--json", help="The same as `--format json`."),
) -> None:
    """Check a case or a bag, offline unless it lies in a bucket.

    Reports every defect and exits with the verdict; whom to trust is your own input, never the case's.
    """
    from evidence_kit.cli import formats

    chosen = "json" if as_json else format
    if chosen not in formats.NAMES:
        raise UsageError(f"unknown format `{chosen}`", hint=f"known are: {', '.join(formats.NAMES)}")
    policy = settings.trust(trust, signer=trust_signer, sha256=trust_sha256)
    if disclose.is_package(path):
        report, vault, base = _disclosure(path, policy, against=against, require_timestamp=require_timestamp)
    elif against is not None:
        raise UsageError(
            f"`{path}` is not a disclosure", hint="`--against` is for what `export --to disclosure` made"
        )
    else:
        report, vault, base = _check(
            path,
            policy,
            each_signature=each_signature,
            last_checkpoint=read_file(last_checkpoint) if last_checkpoint else None,
            require_timestamp=require_timestamp,
        )
    code = report.exit(require_complete=require_complete)
    formats.show(chosen, report, code, vault, base=base, require_complete=require_complete)
    raise typer.Exit(code)


def _disclosure(
    path: str, policy: "Trust", *, against: str | None, require_timestamp: bool
) -> "tuple[Report, Vault, str]":
    report, vault = disclose.check(path, policy, against=against, require_timestamp=require_timestamp)
    return report, vault, str(vault.root)


def _check(
    path: str, policy: "Trust", *, each_signature: bool, last_checkpoint: bytes | None, require_timestamp: bool
) -> "tuple[Report, Vault, str]":
    """Verify a case or a bag; return the report, where the files are, and what their paths begin at."""
    from evidence_kit.custody.verify.case import Options, verify_bag, verify_case
    from evidence_kit.vaults.registry import open_subject

    options = Options(
        each_signature=each_signature, last_checkpoint=last_checkpoint, require_timestamp=require_timestamp
    )
    subject = open_subject(path, os.environ)
    check = verify_bag if subject.is_bag else verify_case
    report = check(subject.vault, name=subject.name, trust=policy, options=options)
    if subject.bucket:
        report = replace(report, checks=(*report.checks, _held(subject)))
    return report, subject.vault, subject.base


def _held(subject: "Subject") -> "Check":
    """Hold versions and locks in a bucket against what the log says of them."""
    from evidence_kit.vaults import held
    from evidence_kit.vaults.deposit import Lock
    from evidence_kit.vaults.registry import open_door

    return held.check(subject.vault, lambda: open_door(subject.bucket, Lock(), os.environ), subject.bucket)
