"""`custody`: read the log, add a note."""

from pathlib import Path

import typer

from evidence_kit.cli import output, settings

app = typer.Typer(help="Read the custody log, add to it.", no_args_is_help=True)


@app.command("log")
def log(
    case: Path = typer.Argument(..., help="The case folder."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Show who did what when. This reads; `verify` checks."""
    from evidence_kit.acquire.case import read_description
    from evidence_kit.analysis.history import history
    from evidence_kit.vaults.local import LocalVault

    vault = LocalVault(case)
    read_description(vault)
    events = history(vault)
    if as_json:
        output.document([{"name": event.type, **event.fields} for event in events])
        return
    for event in events:
        output.data(f"{event.seq:4}  {event.at}  {event.type:22} {event.actor}  {event.summary}")


@app.command("note")
def note(
    case: Path = typer.Argument(..., help="The case folder."),
    text: str = typer.Argument(..., help="What is to be remembered."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
) -> None:
    """Add a signed note to the log."""
    from evidence_kit.acquire.case import add_note, keeper_of
    from evidence_kit.vaults.local import LocalVault

    vault = LocalVault(case)
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", key))
    seq = add_note(vault, keeper, text, at=settings.now())
    output.note(f"noted as event {seq}")
