"""`partners request`: a signed request for evidence, and the same in words."""

import os
from datetime import date
from pathlib import Path

import typer

from evidence_kit.cli import ordering, output, partnered, settings
from evidence_kit.cli.files import write_new
from evidence_kit.errors import UsageError, VaultError


def request(
    target: str = typer.Argument(..., help="The partner, as the inventory names it."),
    case: str | None = typer.Option(None, "--case", help="The case folder in whose log it is noted."),
    scope: str = typer.Option(..., "--scope", help="What is asked for, in words. The partner reads it."),
    classes: list[str] = typer.Option(..., "--class", help="A class of evidence, such as `audit_logs`; repeat."),
    since: str = typer.Option(..., "--since", help="Start of the window: RFC 3339, or an age such as `2d`."),
    until: str | None = typer.Option(None, "--until", help="End of the window, not included; now without."),
    formats: list[str] = typer.Option([], "--format", help="A format that we can read, such as `jsonl`; repeat."),
    files: list[str] = typer.Option([], "--file", help="A file that is expected, by name or pattern; repeat."),
    deadline: str = typer.Option(..., "--deadline", help="The day by which it should be here: `2026-12-01`."),
    legal_basis: list[str] = typer.Option([], "--legal-basis", help="As the agreement says without; repeat."),
    inventory: str | None = typer.Option(None, "--inventory", help="Inventory of targets (YAML)."),
    override: str | None = typer.Option(
        None, "--override", help="Why a refusal is set aside; somebody else must have approved it on record."
    ),
    out: Path = typer.Option(Path("request.json"), "-o", "--out", help="Where to; the text goes beside, as `.md`."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
) -> None:
    """Ask a partner for evidence.

    Refused, with its clause, where the agreement does not allow a class. Writes a signed request and the same in
    words, and notes it in the custody log. Nothing of the case goes into it but its id.
    """
    from evidence_kit.acquire import decisions, received
    from evidence_kit.acquire.case import keeper_of, read_description, require_sound_log
    from evidence_kit.governance.requesting import Wish, make, refused, written
    from evidence_kit.vaults.local import LocalVault

    text = out.with_suffix(".md")
    partnered.require_new(out, text)
    entry = partnered.partner_of(inventory, target)
    now = settings.now().replace(microsecond=0)
    asked_for = tuple(dict.fromkeys(classes))
    against = refused(entry, asked_for, now)
    wish = Wish(
        scope=scope,
        window=ordering.window_of(since, until, now),
        classes=asked_for,
        formats=tuple(formats),
        files=tuple(files),
        legal_basis=tuple(legal_basis),
        deadline=_day(deadline),
        despite=override if against and override else "",
    )
    if against and override is None:
        raise partnered.refusal(against)
    vault = LocalVault(settings.required_case(case))
    named = str(read_description(vault).get("id", ""))
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", key))
    asker = {"name": keeper.actor, "keyid": keeper.signer.keyid}
    asked = make(entry, wish, case=named, asker=asker, at=now, random=os.urandom(8))
    body = written(asked)
    with vault.lock(), vault.working():
        require_sound_log(keeper, at=now)
        if against and override is not None:
            decisions.override(keeper, [one.text for one in against], override, at=now)
        envelope = received.ask(keeper, asked, body, out.stem, at=now)
    write_new(text, body, error=VaultError)
    write_new(out, envelope, error=VaultError)
    output.note(f"request   {asked.id} to {entry.target.label}, due by {asked.deadline}")
    output.note(f"hint: send {out} and {text}; what comes is taken in with `intake … --request {asked.id}`")
    output.data(asked.id)


def _day(said: str) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise UsageError(f"`{said}` is not a day", hint="write `2026-12-01`") from error
