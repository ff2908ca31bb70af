"""`intake`: take what a partner delivers into a case, check the partner's own proof, give a receipt."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import ordering, output, partnered, settings, timestamp
from evidence_kit.cli.files import read_file, write_new
from evidence_kit.errors import UsageError, VaultError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from evidence_kit.acquire.run import Engine, Result
    from evidence_kit.acquire.scope import Order
    from evidence_kit.collectors.intake.delivery import Delivery
    from evidence_kit.custody.request import Request
    from evidence_kit.governance.inventory import Entry

SOURCE = "intake.files"


def intake(
    paths: list[str] = typer.Argument(..., help="Files, folders, or `s3://`, `gs://`, `az://` prefixes."),
    case: str | None = typer.Option(None, "--case", help="The case folder."),
    partner: str = typer.Option(..., "--partner", help="Who delivers, as the inventory names them."),
    delivered_by: str = typer.Option(..., "--delivered-by", help="Which person or system delivered."),
    channel: str = typer.Option(..., "--channel", help="How it came: `sftp`, `mail`, `courier`, a bucket."),
    delivered_at: str = typer.Option(..., "--delivered-at", help="When it came: RFC 3339, or an age such as `2h`."),
    request: str | None = typer.Option(None, "--request", help="The request that it answers: its id, or the file."),
    checksums: list[str] = typer.Option([], "--checksums", help="A list of checksums by the partner; repeat."),
    signature: list[str] = typer.Option([], "--signature", help="A signature by the partner; repeat."),
    signer_certificate: str = typer.Option("", "--signer-certificate", help="For CMS: the signer's certificate."),
    keyring: str = typer.Option("", "--keyring", help="For OpenPGP: a file with the signer's public key."),
    signer_key: str = typer.Option("", "--signer-key", help="For DSSE and in-toto: the signer's public key (PEM)."),
    classes: list[str] = typer.Option([], "--as", help="Which files are what: `audit_logs=export/*.jsonl`; repeat."),
    receipt: Path = typer.Option(Path("receipt.json"), "--receipt", help="Where the receipt goes; `.md` beside."),
    inventory: str | None = typer.Option(None, "--inventory", help="Inventory of targets (YAML)."),
    policy: str | None = typer.Option(None, "--policy", help="The organisation's limits (YAML)."),
    place: str | None = typer.Option(None, "--place", help="Where the case lies, as the policy names places: `EU`."),
    override: str | None = typer.Option(
        None, "--override", help="Why a refusal is set aside; somebody else must have approved it on record."
    ),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs."),
    tsa: list[str] = timestamp.OPTION,
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Take in what a partner delivers.

    Everything is kept as it came: archives are not unpacked, mails not taken apart. Lists of checksums in it are
    checked too. Exits 3 where something contradicts the partner's own proof, is missing or could not be checked.
    """
    from evidence_kit.acquire import decisions
    from evidence_kit.cli import running
    from evidence_kit.collectors.intake.delivery import Delivery
    from evidence_kit.governance.permitted import refusals, standing
    from evidence_kit.sources.catalogue import choose, load_catalogue

    partnered.require_new(receipt, receipt.with_suffix(".md"))
    now = settings.now().replace(microsecond=0)
    folder = settings.required_case(case)
    entry = partnered.partner_of(inventory, partner)
    _require_said(delivered_by, channel, classes)
    delivery = Delivery(
        paths=tuple(map(_absolute, paths)),
        delivered_by=delivered_by,
        channel=channel,
        delivered_at=_moment(delivered_at, now),
        checksums=tuple(map(_absolute, checksums)),
        signatures=tuple(map(_absolute, signature)),
        classes=tuple(classes),
        keyring=_absolute(keyring),
        signer_certificate=_absolute(signer_certificate),
        signer_key=_absolute(signer_key),
        request=_request(folder, request, entry) if request else None,
    )
    named = settings.setting("policy", policy)
    limits = ordering.read_policy(named) if named else None
    known, vault = choose([SOURCE], load_catalogue()), settings.setting("place", place) or ""
    order = _order(delivery, entry, now, standing([entry], limits, vault))
    against = refusals(known.values(), [entry], order.window, at=now, policy=limits, vault=vault)
    if against and override is None:
        raise partnered.refusal(against)

    def work(engine: "Engine") -> "Result":
        if against and override is not None:
            decisions.override(engine.keeper, [one.text for one in against], override, at=engine.now())
        result = engine.collect(order)
        if result.failure is None:
            _give(engine, result, receipt)
        return result

    running.run(
        folder,
        known,
        key=settings.setting("key", key),
        workers=1,
        as_json=as_json,
        work=work,
        tsas=tsa,
    )


def _order(delivery: "Delivery", entry: "Entry", now: "datetime", governed: "Mapping[str, object]") -> "Order":
    from datetime import timedelta

    from evidence_kit.acquire.scope import Order
    from evidence_kit.model.time import Window, parse_instant
    from evidence_kit.model.unit import Target

    handed_over = parse_instant(delivery.delivered_at)
    window = Window(handed_over, max(now, handed_over + timedelta(seconds=1)))
    known = entry.target
    target = Target(provider="intake", id=known.id, name=known.name, access={"partner": known.provider})
    return Order(
        sources=(SOURCE,),
        targets=(target,),
        window=delivery.request.window if delivery.request else window,
        params=delivery.to_params(),
        governance=governed,
    )


def _give(engine: "Engine", result: "Result", path: Path) -> None:
    """Write the receipt over what is sealed now."""
    from evidence_kit.acquire.received import make_receipt, note_receipt
    from evidence_kit.governance.receipts import written

    at = settings.now().replace(microsecond=0)
    made = make_receipt(engine.vault, engine.keeper, result.sealed.acquisition, at=at)
    write_new(path, made.document, error=VaultError)
    write_new(path.with_suffix(".md"), written(made.said), error=VaultError)
    seq = note_receipt(engine.keeper, made, path.name, at=at)
    output.note(f"receipt   {path}, noted as event {seq}; send it to {made.said.get('deliveredBy')}")


def _request(folder: Path, said: str, entry: "Entry") -> "Request":
    """Return the request of this case that a person names by its id or by its file."""
    from evidence_kit.acquire.case import read_description
    from evidence_kit.acquire.received import find_request
    from evidence_kit.custody.request import ID
    from evidence_kit.vaults.local import LocalVault

    vault = LocalVault(folder)
    read_description(vault)
    document = None
    if not ID.fullmatch(said):
        document = read_file(said, hint="give the file, or an id such as `REQ-20261121T213000Z-0abcde`")
    asked = find_request(vault, said, document)
    if asked.partner.get("id") != entry.target.id:
        raise UsageError(f"{asked.id} was sent to `{asked.partner.get('name')}`, not to `{entry.target.label}`")
    return asked


def _require_said(delivered_by: str, channel: str, classes: list[str]) -> None:
    from evidence_kit.model.document import did_you_mean
    from evidence_kit.sources.connector_grammar import EVIDENCE

    for name, value in (("--delivered-by", delivered_by), ("--channel", channel)):
        if not value.strip():
            raise UsageError(f"`{name}` is empty", hint="a receipt says who delivered, and how")
    for said in classes:
        known, separator, pattern = said.partition("=")
        if not separator or not pattern:
            raise UsageError(f"`--as {said}` is not `class=pattern`")
        if known not in EVIDENCE:
            raise UsageError(f"unknown class of evidence `{known}`", hint=did_you_mean(known, EVIDENCE))


def _moment(said: str, now: "datetime") -> str:
    from evidence_kit.model.time import parse_instant, rfc3339

    found = parse_instant(said, now=now)
    if found > now:
        raise UsageError(f"`--delivered-at {said}` lies in the future")
    return rfc3339(found)


def _absolute(said: str) -> str:
    """Return a path of this machine whole: `resume` may run in another folder."""
    return said if not said or "://" in said else str(Path(said).absolute())
