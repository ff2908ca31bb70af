"""`timestamp`: have time authorities vouch for when seals and the log existed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, settings
from evidence_kit.errors import EvidenceKitError, Exit, ProviderError, UsageError

if TYPE_CHECKING:
    from evidence_kit.acquire.stamping import Authority, Stamped
    from evidence_kit.custody.log import Keeper
    from evidence_kit.custody.trust import Trust
    from evidence_kit.vaults.local import LocalVault

OPTION = typer.Option([], "--tsa", help="An RFC 3161 time authority to ask, by its address; repeatable.")


def timestamp(
    case: str | None = typer.Argument(None, help="The case folder."),
    tsa: list[str] = OPTION,
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    trust: str | None = typer.Option(None, "--trust", help="Your trust policy: which authorities you believe."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Ask time authorities to stamp every seal and the log, where they have not yet.

    Only digests leave this machine. Exits 6 if no time-stamp could be had, 3 if fewer than your trust policy wants.
    """
    from evidence_kit.acquire.case import keeper_of, read_description, require_sound_log
    from evidence_kit.vaults.local import LocalVault

    folder = settings.required_case(case)
    authorities = named(tsa)
    if not authorities:
        raise UsageError("which time authority?", hint="give `--tsa URL`, or `tsa = [URL, …]` in evidence-kit.toml")
    vault = LocalVault(folder)
    read_description(vault)
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", key))
    policy = policy_or_none(trust)
    with vault.lock(), vault.working():
        require_sound_log(keeper, at=settings.now())
        told = stamp(vault, keeper, authorities, policy)
    tell(told, folder, as_json=as_json)
    code = verdict(told, policy)
    if code is Exit.PROVIDER:
        raise ProviderError(
            f"no time-stamp could be had: {told[0].reason}", hint="try again later, or another `--tsa`"
        )
    if code is not Exit.OK:
        raise typer.Exit(code)


def named(given: Sequence[str]) -> "tuple[Authority, ...]":
    """Return the authorities that flags or settings name, each once; UsageError where one is no address."""
    urls = dict.fromkeys(settings.listed("tsa", given))
    if not urls:
        return ()
    from evidence_kit.signers.tsa import Tsa

    return tuple(Tsa(url) for url in urls)


def policy_or_none(given: str | None = None) -> "Trust | None":
    """Return the trust policy if there is one; time-stamps can be asked for without."""
    if given is not None:
        return settings.trust(given)
    try:
        return settings.trust(None)
    except EvidenceKitError:
        return None


def stamp(
    vault: "LocalVault", keeper: "Keeper", authorities: "Sequence[Authority]", policy: "Trust | None"
) -> "tuple[Stamped, ...]":
    """Ask, keep, and write it into the log."""
    import secrets

    from evidence_kit.acquire.stamping import stamp_case

    return stamp_case(vault, keeper, authorities, policy, settings.now, secrets.token_bytes)


def after_seal(vault: "LocalVault", keeper: "Keeper", authorities: "Sequence[Authority]", case: Path) -> None:
    """Have a fresh seal stamped; whatever goes wrong is told, and the seal stands."""
    if not authorities:
        return
    try:
        told = stamp(vault, keeper, authorities, policy_or_none())
    except (EvidenceKitError, KeyboardInterrupt) as error:
        reason = error.message if isinstance(error, EvidenceKitError) else "interrupted"
        output.note(f"time      not stamped: {reason}")
        output.note(f"hint: the seal stands; `evidence-kit timestamp {case}` tries again")
        return
    tell_people(told, case)


def verdict(told: "Sequence[Stamped]", policy: "Trust | None") -> Exit:
    """Return PROVIDER if nothing was granted, INCOMPLETE if what failed leaves too few to agree, else OK."""
    failed = [item for item in told if item.result != "granted"]
    if failed and len(failed) == len(told):
        return Exit.PROVIDER
    quorum = policy.quorum if policy else 1
    return Exit.INCOMPLETE if any(item.agreed < quorum for item in failed) else Exit.OK


def tell(told: "Sequence[Stamped]", case: Path, *, as_json: bool) -> None:
    """Say what each authority answered."""
    if as_json:
        output.document({"case": str(case), "timestamps": [{"name": item.of, **item.to_json()} for item in told]})
        return
    tell_people(told, case)
    output.data(f"case: {case}")


def tell_people(told: "Sequence[Stamped]", case: Path) -> None:
    """Say on stderr what each authority answered."""
    from evidence_kit.model.time import rfc3339

    for item in told:
        if item.result == "granted" and item.reply:
            more = f" ({item.reason})" if item.reason else ""
            output.note(f"time      {item.of} stamped {rfc3339(item.reply.gen_time)} by {item.authority}{more}")
        else:
            output.note(f"time      {item.of} not stamped by {item.authority}: {item.result}, {item.reason}")
    if not told:
        output.note("time      nothing to do: everything is stamped by these authorities")
    if any(item.result != "granted" for item in told):
        output.note(f"hint: `evidence-kit timestamp {case}` tries again")
