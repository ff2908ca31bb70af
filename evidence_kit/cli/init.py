"""`init`: open a case."""

from pathlib import Path

import typer

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import read_file


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
    about: Path | None = typer.Option(None, "--about", help="A YAML file with all that a custody record asks for."),
    exhibit: str | None = typer.Option(None, "--exhibit", help="The exhibit's number."),
    organisation: str | None = typer.Option(None, "--organisation", help="For whom you act."),
    role: str | None = typer.Option(None, "--role", help="As what you act."),
    location: str | None = typer.Option(None, "--location", help="Where you are while you collect."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    yes: bool = typer.Option(False, "--yes", help="Ask nothing."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Open a case.

    Its description becomes the first signed event of its custody log.
    """
    from evidence_kit.acquire.case import Description, open_case
    from evidence_kit.acquire.description import parse_about, with_flags
    from evidence_kit.vaults.local import LocalVault

    known = with_flags(
        parse_about(read_file(about), name=str(about)) if about else {},
        {
            ("exhibit", "id"): exhibit,
            ("examiner", "organisation"): organisation,
            ("examiner", "role"): role,
            ("location", "physical"): location,
        },
    )
    said = Description(
        id=id,
        title=title,
        purpose=_asked(purpose, "purpose", yes=yes or ("purpose",) in known),
        authority=_asked(authority, "authority", yes=yes or ("legalAuthority",) in known),
        jurisdictions=jurisdiction,
        retention=retention,
        about=known,
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
