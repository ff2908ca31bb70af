"""`renew`: list every file of a case under a younger hash algorithm before the old one fails."""

import typer

from evidence_kit.cli import output, settings, timestamp


def renew(
    case: str | None = typer.Argument(None, help="The case folder."),
    reason: str = typer.Option("SHA-512 beside SHA-256", "--reason", help="Why it is done, for the custody log."),
    tsa: list[str] = timestamp.OPTION,
    trust: str | None = typer.Option(None, "--trust", help="Your trust policy: everything must verify before."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Renew a case's proof: hash every file again with SHA-512, sign and time-stamp the list.

    Refused unless the whole case verifies first. `sha512sum -c` checks the list from the case folder.
    """
    from evidence_kit.acquire.case import keeper_of, read_description, require_sound_log
    from evidence_kit.acquire.renewal import renew_case, require_sound
    from evidence_kit.vaults.local import LocalVault

    folder = settings.required_case(case)
    authorities = timestamp.named(tsa)
    vault = LocalVault(folder)
    read_description(vault)
    policy = settings.trust(trust)
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", key))
    with vault.lock():
        with vault.working():
            require_sound_log(keeper, at=settings.now())
        require_sound(vault, policy)
        with vault.working():
            made = renew_case(vault, keeper, reason, settings.now)
            told = timestamp.stamp(vault, keeper, authorities, policy) if authorities else ()
    if as_json:
        stamps = [{"name": item.of, **item.to_json()} for item in told]
        output.document({"manifest": made.path, "sha512": made.sha512, "files": made.files, "timestamps": stamps})
        return
    output.note(f"renewed   {output.plural(made.files, 'file')} · sha512 {made.sha512[:16]}")
    if not authorities:
        output.note(f"hint: `evidence-kit timestamp {folder} --tsa URL` lets an authority say when")
    else:
        timestamp.tell_people(told, folder)
    output.data(made.path)
