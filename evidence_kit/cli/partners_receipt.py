"""`partners receipt`: write one again, or check one that somebody shows."""

from collections.abc import Mapping
from pathlib import Path

import typer

from evidence_kit.cli import output, partnered, settings
from evidence_kit.cli.files import read_file, write_new
from evidence_kit.errors import VaultError

_CHUNK = 1 << 20


def write(
    acquisition: str = typer.Argument(..., help="The acquisition that took the delivery in."),
    case: str | None = typer.Option(None, "--case", help="The case folder."),
    out: Path = typer.Option(Path("receipt.json"), "-o", "--out", help="Where to; the text goes beside, as `.md`."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
) -> None:
    """Write the receipt of a delivery that is sealed.

    `intake` does so by itself; this is for one that was interrupted and resumed.
    """
    from evidence_kit.acquire.case import keeper_of
    from evidence_kit.acquire.received import make_receipt, note_receipt
    from evidence_kit.governance.receipts import written
    from evidence_kit.vaults.local import LocalVault

    text = out.with_suffix(".md")
    partnered.require_new(out, text)
    vault = LocalVault(settings.required_case(case))
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", key))
    at = settings.now().replace(microsecond=0)
    with vault.lock(), vault.working():
        made = make_receipt(vault, keeper, acquisition, at=at)
        seq = note_receipt(keeper, made, out.name, at=at)
    write_new(out, made.document, error=VaultError)
    write_new(text, written(made.said), error=VaultError)
    output.note(f"receipt   {out}, noted as event {seq}")


def verify(
    receipt: Path = typer.Argument(..., help="The receipt, `receipt.json`."),
    key: Path = typer.Option(..., "--key", help="The public key of whoever gave it (PEM)."),
    folder: Path | None = typer.Option(None, "--files", help="What was delivered, to be held against it."),
    as_json: bool = typer.Option(False, "--json", help="What it says, as one JSON document on stdout."),
) -> None:
    """Check a receipt, and with `--files` your own copies of what you delivered: all of it, and nothing else.

    docs/partners.md shows the same with `openssl` and `jq`.
    """
    from evidence_kit.acquire.received import check_receipt
    from evidence_kit.custody.receipt import MAX_RECEIPT

    said = check_receipt(read_file(receipt, MAX_RECEIPT), read_file(key, 64 << 10))
    differing = _differing(said, folder) if folder else []
    if as_json:
        output.document({**said, **({"differing": differing} if folder else {})})
    else:
        _show(said)
    for name in differing:
        output.note(f"differs   {name}")
    if differing:
        from evidence_kit.errors import DigestError

        raise DigestError(f"{output.plural(len(differing), 'file')} here and on the receipt are not the same")


def _show(said: Mapping[str, object]) -> None:
    files, receiver = said.get("files"), said.get("receiver")
    count = len(files) if isinstance(files, list) else 0
    who = receiver.get("name") if isinstance(receiver, dict) else ""
    request = f" for {said['request']}" if said.get("request") else ""
    output.data(f"OK  {who} received {output.plural(count, 'file')}{request} on {said.get('issuedAt')}")
    output.data(f"    delivered by {said.get('deliveredBy')} over {said.get('channel')}, {said.get('deliveredAt')}")
    output.data(f"    sealed in {said.get('acquisition')}, seal {said.get('seal')}")
    reason = f": {said['reason']}" if said.get("reason") else ""
    output.data(f"    {str(said.get('status')).replace('_', ' ')}{reason}")


def _differing(said: Mapping[str, object], folder: Path) -> list[str]:
    import hashlib

    from evidence_kit.errors import EvidenceKitError
    from evidence_kit.vaults.delivered import Deliveries

    place = Deliveries({}).open(str(folder))
    files = said.get("files")
    listed = {str(one["name"]) for one in files} if isinstance(files, list) else set()
    # What lies here and was not received is what whoever delivered wants to know most.
    found = sorted(left.name for left in place.walk() if left.name not in listed)
    for one in files if isinstance(files, list) else ():
        try:
            with place.open(str(one["name"])) as stream:
                total = hashlib.sha256()
                while chunk := stream.read(_CHUNK):
                    total.update(chunk)
                digest = total.hexdigest()
        except EvidenceKitError:
            if one.get("role") != "delivered":
                continue  # a proof that was taken in beside the delivery
            digest = ""
        if digest != one.get("sha256"):
            found.append(str(one["name"]))
    return found
