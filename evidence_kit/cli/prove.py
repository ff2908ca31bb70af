"""`prove`: hand on single artifacts with all that shows they are what was sealed."""

from pathlib import Path

import typer


def prove(
    case: Path = typer.Argument(..., help="The case folder."),
    artifacts: list[str] = typer.Argument(..., help="Each a path in the case or the bag, or a SHA-256."),
    out: Path = typer.Option(..., "-o", "--out", help="The folder to make; never overwritten."),
    recipient_name: str = typer.Option("", "--recipient-name", help="For whom it is."),
    purpose: str = typer.Option("", "--purpose", help="Why it is handed on."),
    authority: str = typer.Option("", "--authority", help="By what right: a warrant, a contract, a consent."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    trust: str | None = typer.Option(None, "--trust", help="Your trust policy: whose seals you accept."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Prove single artifacts to somebody who does not get the rest.

    Each is handed on whole, with its attestation, the proof that the seal covers it, and a way to check both without
    evidence-kit. `export --to disclosure` does the same with what has to be redacted. The custody log says so.
    """
    from evidence_kit.cli import disclose

    disclose.make(
        case,
        out,
        [_inside(case, said) for said in artifacts],
        is_glob=False,
        recipient=recipient_name,
        purpose=purpose,
        authority=authority,
        key=key,
        trust=trust,
        as_json=as_json,
    )


def _inside(case: Path, said: str) -> str:
    """Return a path on disk as the case calls it; whatever else was said stays."""
    root, path = case.resolve(), Path(said)
    if path.exists() and (found := path.resolve()).is_relative_to(root):
        return found.relative_to(root).as_posix()
    return said
