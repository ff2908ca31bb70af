"""`init`: open a case."""

from pathlib import Path

import typer

from evidence_kit.cli import output, settings


def init(
    case: Path = typer.Argument(..., help="The folder to make."),
    id: str = typer.Option(..., "--id", help="The case's identifier, such as IR-2026-014."),  # noqa: A002 - the flag's name
    title: str = typer.Option(..., "--title", help="What it is about, in a few words."),
    purpose: str | None = typer.Option(None, "--purpose", help="Why evidence is collected."),
    authority: str | None = typer.Option(
        None, "--authority", help="Under which authority: consent, contract, order."
    ),
    jurisdiction: list[str] = typer.Option([], "--jurisdiction", help="Where the data lies or its subjects live."),
    retention: str = typer.Option("", "--retention", help="How long the evidence is to be kept."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    yes: bool = typer.Option(False, "--yes", help="Ask nothing."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Open a case.

    Its description becomes the first signed event of its custody log.
    """
    from evidence_kit.acquire.case import Description, open_case
    from evidence_kit.vaults.local import LocalVault

    said = Description(
        id=id,
        title=title,
        purpose=_asked(purpose, "purpose", yes=yes),
        authority=_asked(authority, "authority", yes=yes),
        jurisdictions=jurisdiction,
        retention=retention,
    )
    ring = settings.key_ring()
    keeper = open_case(
        LocalVault(case), ring, settings.setting("key", key), said, at=settings.now().replace(microsecond=0)
    )
    if as_json:
        output.document({"case": str(case), "id": id, "examiner": keeper.actor, "keyid": keeper.signer.keyid})
        return
    output.data(f"case      {id}  {title}")
    output.note(f"examiner  {keeper.actor}  (key {keeper.signer.keyid[:12]})")
    output.note(f"hint: `evidence-kit collect aws.cloudtrail.lookup --case {case} --since 2d` collects into it")


def _asked(given: str | None, what: str, *, yes: bool) -> str:
    if given is not None or yes or not output.is_terminal():
        return given or ""
    return str(typer.prompt(what, default="", show_default=False, err=True))
