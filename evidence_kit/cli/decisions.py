"""`custody hold`, `release`, `approve`, `countersign`, `rotate`, `dispose`: what people decide about a case."""

from collections.abc import Mapping
from pathlib import Path

import typer

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import read_file, write_new

_CASE = typer.Argument(..., help="The case folder.")
_KEY = typer.Option(None, "--key", help="Which of your keys signs.")


def hold(
    case: Path = _CASE,
    name: str = typer.Argument(..., help="What the hold is called, such as a matter number."),
    reason: str = typer.Option(..., "--reason", help="Why nothing may be disposed of."),
    authority: str = typer.Option("", "--authority", help="Who ordered it."),
    key: str | None = _KEY,
) -> None:
    """Place a hold; while one stands, the log accepts no disposal."""
    from evidence_kit.custody import log

    fields = {"hold": {"id": name, "reason": reason, "authority": authority}}
    output.note(f"hold `{name}` stands since event {_decide(case, key, log.HELD, fields)}")


def release(
    case: Path = _CASE,
    name: str = typer.Argument(..., help="Which hold."),
    reason: str = typer.Option(..., "--reason", help="Why it is over."),
    authority: str = typer.Option("", "--authority", help="Who decided so."),
    key: str | None = _KEY,
) -> None:
    """Release a hold."""
    from evidence_kit.custody import log

    fields = {"hold": {"id": name, "reason": reason, "authority": authority}}
    output.note(f"hold `{name}` released by event {_decide(case, key, log.RELEASED, fields)}")


def approve(
    case: Path = _CASE,
    action: str = typer.Argument(..., help="`transfer`, `release`, `disposal`, `disclosure` or `override`."),
    reason: str = typer.Option(..., "--reason", help="Why you agree."),
    out: Path | None = typer.Option(None, "-o", "--out", help="Sign only; the keeper of the log will `record` it."),
    key: str | None = _KEY,
) -> None:
    """Agree to the next transfer, release, disposal or disclosure, where the policy wants several people.

    `override` agrees that what an agreement or a policy refuses is asked for all the same: that always takes two.
    """
    from evidence_kit.acquire.decisions import approval, prepare
    from evidence_kit.custody import log
    from evidence_kit.vaults.local import LocalVault

    fields = approval(action, reason)
    if out is None:
        output.note(f"approved as event {_decide(case, key, log.APPROVED, fields)}")
        return
    ring, name = settings.key_ring(), settings.setting("key", key)
    document = prepare(LocalVault(case), ring, name, log.APPROVED, fields, at=settings.now())
    write_new(out, document)
    output.note(f"hint: send {out} to the keeper of the log, who runs `evidence-kit custody record CASE {out.name}`")


def countersign(
    case: Path = _CASE,
    acquisition: str = typer.Argument(..., help="Which acquisition's seal."),
    key: str | None = _KEY,
    also: str | None = typer.Option(None, "--with", help="A second key of yours, such as ML-DSA-65, to sign with."),
) -> None:
    """Sign a seal beside the collector who made it."""
    from evidence_kit.acquire.case import keeper_of
    from evidence_kit.acquire.decisions import countersign as signed
    from evidence_kit.vaults.local import LocalVault

    vault, ring = LocalVault(case), settings.key_ring()
    keeper = keeper_of(vault, ring, settings.setting("key", key))
    signer = ring.open(also, identity=False)[1] if also else keeper.signer
    output.note(f"countersigned: {signed(vault, keeper, acquisition, signer, at=settings.now())}")


def rotate(
    case: Path = _CASE,
    to: str = typer.Option(..., "--to", help="Your new key."),
    key: str | None = _KEY,
) -> None:
    """Go on with another key of yours; both sign."""
    from evidence_kit.acquire.case import keeper_of
    from evidence_kit.acquire.decisions import rotate as rotated
    from evidence_kit.vaults.local import LocalVault

    vault, ring = LocalVault(case), settings.key_ring()
    keeper = keeper_of(vault, ring, settings.setting("key", key))
    name, new = ring.open(to)
    seq = rotated(vault, keeper, name, new, at=settings.now())
    output.note(f"key {new.keyid[:12]} takes over from {keeper.signer.keyid[:12]} with event {seq}")
    output.note("hint: whoever verifies trusts it only after `evidence-kit trust rotate` in their own policy")


def dispose(
    case: Path = _CASE,
    acquisition: str | None = typer.Option(None, "--acquisition", help="Only this bag; else the whole case."),
    method: str = typer.Option(..., "--method", help="How it is returned or destroyed."),
    authority: str = typer.Option(..., "--authority", help="Who decided so, and under which rule."),
    certificate: Path | None = typer.Option(None, "--certificate", help="A document whose digest is recorded."),
    key: str | None = _KEY,
) -> None:
    """Record that evidence is returned or destroyed.

    Nothing is deleted: that is for whoever holds the medium.
    """
    from evidence_kit.acquire.case import keeper_of
    from evidence_kit.acquire.decisions import disposal
    from evidence_kit.custody import log
    from evidence_kit.vaults.local import LocalVault

    document = read_file(certificate) if certificate else None
    scope = f"bags/{acquisition}" if acquisition else log.WHOLE_CASE
    vault = LocalVault(case)
    state = keeper_of(vault, settings.key_ring(), settings.setting("key", key)).state()
    fields = disposal(state, scope, method=method, authority=authority, certificate=document)
    output.note(f"disposal of {scope} recorded as event {_decide(case, key, log.DISPOSED, fields)}")
    output.note("hint: keep the custody log and the seals; they say what there was")


def _decide(case: Path, key: str | None, kind: str, fields: Mapping[str, object]) -> int:
    from evidence_kit.acquire.decisions import decide
    from evidence_kit.vaults.local import LocalVault

    vault, ring = LocalVault(case), settings.key_ring()
    return decide(vault, ring, settings.setting("key", key), kind, fields, at=settings.now())
