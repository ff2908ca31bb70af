"""`custody`: read the log, add a note; hand-overs and decisions live beside."""

from pathlib import Path

import typer

from evidence_kit.cli import decisions, handover, output, settings

app = typer.Typer(help="Read the custody log, add to it, hand a case over.", no_args_is_help=True)


@app.command("log")
def log(
    case: Path = typer.Argument(..., help="The case folder."),
    record: bool = typer.Option(False, "--record", help="The whole custody record, not only who did what when."),
    format: str | None = typer.Option(  # noqa: A002 - the flag's name
        None, "--format", help="The record as `text`, `md` or `json`; implies `--record`."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Show who did what when, or all that a court asks for.

    This reads what the case says; `verify` checks it.
    """
    from evidence_kit.acquire.case import read_description
    from evidence_kit.analysis.history import history
    from evidence_kit.cli import chronicle
    from evidence_kit.vaults.local import LocalVault

    vault = LocalVault(case)
    read_description(vault)
    if record or format is not None:
        chronicle.show_record(vault, "json" if as_json else format or "text")
        return
    events = history(vault)
    if as_json:
        output.document([{"name": event.type, **event.fields} for event in events])
        return
    chronicle.show_events(events)


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


app.command("transfer")(handover.transfer)
app.command("accept")(handover.accept)
app.command("reject")(handover.reject)
app.command("withdraw")(handover.withdraw)
app.command("verify")(handover.verify)
app.command("record")(handover.record)
app.command("hold")(decisions.hold)
app.command("release")(decisions.release)
app.command("approve")(decisions.approve)
app.command("countersign")(decisions.countersign)
app.command("rotate")(decisions.rotate)
app.command("dispose")(decisions.dispose)
