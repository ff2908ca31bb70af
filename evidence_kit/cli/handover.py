"""`custody transfer`, `accept`, `reject`, `withdraw`, `verify`, `record`: a case passes between people."""

from pathlib import Path

import typer

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import read_file, write_new

_CASE = typer.Argument(..., help="The case folder.")
_KEY = typer.Option(None, "--key", help="Which of your keys signs.")
_TRUST = typer.Option(None, "--trust", help="Your trust policy: whose signatures you accept.")


def transfer(
    case: Path = _CASE,
    to: str = typer.Option(..., "--to", help="Who receives it: a name or key id of your trust policy."),
    purpose: str = typer.Option(..., "--purpose", help="Why it changes hands."),
    medium: str = typer.Option("", "--medium", help="On what it travels: disk and serial, bucket, courier."),
    condition: str = typer.Option("", "--condition", help="In which state it is handed over."),
    key: str | None = _KEY,
    trust: str | None = _TRUST,
) -> None:
    """Offer a case to its next custodian.

    It stays yours until they accept.
    """
    from evidence_kit.acquire.decisions import trusted_person
    from evidence_kit.acquire.handover import Terms, offer
    from evidence_kit.vaults.local import LocalVault

    person = trusted_person(settings.trust(trust), to)
    terms = Terms(purpose=purpose, medium=medium, condition=condition)
    seq = offer(
        LocalVault(case), settings.key_ring(), settings.setting("key", key), to=person, terms=terms, at=settings.now()
    )
    output.note(f"offered to {person.name} (key {person.keyid[:12]}) as event {seq}")
    output.note("hint: give them the folder; they run `evidence-kit custody accept` and send you the receipt")


def accept(
    case: Path = _CASE,
    receipt: Path | None = typer.Option(None, "--receipt", help="Where to write the receipt for the giver."),
    last_checkpoint: Path | None = typer.Option(
        None, "--last-checkpoint", help="The checkpoint you last saw; without, the one remembered here."
    ),
    purpose: str = typer.Option("", "--purpose", help="Why you take it."),
    condition: str = typer.Option("", "--condition", help="In which state it arrived."),
    location: str = typer.Option("", "--location", help="Where you keep it."),
    despite: str = typer.Option("", "--despite", help="Accept although it does not verify, for this reason."),
    key: str | None = _KEY,
    trust: str | None = _TRUST,
) -> None:
    """Take a case over.

    Everything is hashed and every signature checked again; the log must extend the checkpoint that you last saw.
    From here on your log key signs, and you cosign this checkpoint.
    """
    from evidence_kit.acquire.handover import Terms
    from evidence_kit.acquire.handover import accept as taken
    from evidence_kit.cli import verdict
    from evidence_kit.vaults.local import LocalVault

    vault = LocalVault(case)
    done = taken(
        vault,
        settings.key_ring(),
        settings.setting("key", key),
        trust=settings.trust(trust),
        terms=Terms(purpose=purpose, condition=condition, location=location),
        last=read_file(last_checkpoint) if last_checkpoint else None,
        despite=despite,
        at=settings.now(),
    )
    verdict.show(done.report, done.report.exit(), vault)
    if done.seq is None:
        output.note("not accepted; nothing was written")
        output.note("hint: `evidence-kit custody reject` tells the giver why; `--despite REASON` accepts it as it is")
        raise typer.Exit(done.report.exit())
    output.note(f"accepted as event {done.seq}; custody is yours")
    if receipt:
        write_new(receipt, done.receipt)
        output.note(f"hint: send {receipt} back; the giver runs `evidence-kit custody record CASE {receipt.name}`")


def reject(
    case: Path = _CASE,
    reason: str = typer.Option(..., "--reason", help="Why you do not take it."),
    out: Path = typer.Option(..., "-o", "--out", help="Where to write the signed rejection for the giver."),
    last_checkpoint: Path | None = typer.Option(None, "--last-checkpoint", help="The checkpoint you last saw."),
    key: str | None = _KEY,
    trust: str | None = _TRUST,
) -> None:
    """Refuse a case that is offered to you.

    Nothing is written into it: the giver records your signed refusal.
    """
    from evidence_kit.acquire.handover import reject as refused
    from evidence_kit.vaults.local import LocalVault

    document, report = refused(
        LocalVault(case),
        settings.key_ring(),
        settings.setting("key", key),
        trust=settings.trust(trust),
        reason=reason,
        last=read_file(last_checkpoint) if last_checkpoint else None,
        at=settings.now(),
    )
    write_new(out, document)
    output.note(f"rejected; verification said {report.exit().name}")
    output.note(f"hint: send {out} to the giver, who runs `evidence-kit custody record CASE {out.name}`")


def withdraw(
    case: Path = _CASE,
    reason: str = typer.Option(..., "--reason", help="Why it does not change hands."),
    key: str | None = _KEY,
) -> None:
    """Take an open offer back."""
    from evidence_kit.acquire.handover import withdraw as withdrawn
    from evidence_kit.vaults.local import LocalVault

    ring = settings.key_ring()
    seq = withdrawn(LocalVault(case), ring, settings.setting("key", key), reason=reason, at=settings.now())
    output.note(f"withdrawn as event {seq}")


def verify(
    case: Path = _CASE,
    last_checkpoint: Path | None = typer.Option(None, "--last-checkpoint", help="The checkpoint you last saw."),
    key: str | None = _KEY,
    trust: str | None = _TRUST,
) -> None:
    """Verify everything, each signature too, and write into the log what came of it."""
    from evidence_kit.acquire.handover import examine
    from evidence_kit.cli import verdict
    from evidence_kit.vaults.local import LocalVault

    vault = LocalVault(case)
    seq, report = examine(
        vault,
        settings.key_ring(),
        settings.setting("key", key),
        trust=settings.trust(trust),
        last=read_file(last_checkpoint) if last_checkpoint else None,
        at=settings.now(),
    )
    verdict.show(report, report.exit(), vault)
    output.note(f"recorded as event {seq}")
    raise typer.Exit(report.exit())


def record(
    case: Path = _CASE,
    document: Path = typer.Argument(..., help="What you were sent: a receipt, a rejection, an approval."),
    key: str | None = _KEY,
    trust: str | None = _TRUST,
) -> None:
    """Write down an event that somebody else has signed."""
    from evidence_kit.acquire.handover import record as recorded
    from evidence_kit.vaults.local import LocalVault

    seq = recorded(
        LocalVault(case),
        settings.key_ring(),
        settings.setting("key", key),
        document=read_file(document),
        trust=settings.trust(trust),
        at=settings.now(),
    )
    output.note(f"recorded as event {seq}")
