"""`store`: put a sealed case into a bucket, once, locked if so asked."""

import os
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from evidence_kit.cli import output, settings
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.vaults.deposit import Lock

_MODES = ("compliance", "governance")


def store(
    case: Path = typer.Argument(..., help="The case folder."),
    bucket: str = typer.Argument(..., help="Where to: `s3://BUCKET/PREFIX`, `gs://…` or `az://…`; an empty prefix."),
    purpose: str = typer.Option("", "--purpose", help="Why it is stored there; goes into the custody log."),
    retain_until: str | None = typer.Option(
        None, "--retain-until", help="S3: until when Object Lock keeps every object, in RFC 3339."
    ),
    mode: str = typer.Option(
        "compliance", "--mode", help="`compliance`: nobody shortens it; `governance`: whoever has a right of its own."
    ),
    legal_hold: bool = typer.Option(False, "--legal-hold", help="S3: hold every object until somebody lifts it."),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs the custody event."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Put a sealed case into a bucket, where `verify s3://…` checks it.

    Nothing there is ever overwritten. Run it again after an interruption: it goes on where it stood.
    """
    from evidence_kit.acquire import storing
    from evidence_kit.acquire.case import keeper_of
    from evidence_kit.vaults.local import LocalVault
    from evidence_kit.vaults.registry import open_bucket

    lock = _lock(retain_until, mode, hold=legal_hold, now=settings.now())
    vault = LocalVault(case)
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", key))
    target, name = open_bucket(bucket, lock, os.environ)
    with closing(target):
        place = storing.Place(vault=target, at=name, lock=lock)
        made = storing.store(vault, keeper, place, purpose=purpose, at=settings.now())
    if as_json:
        output.document({"name": name, **made.fields, "event": made.event})
        return
    output.data(f"stored  {name}  {output.plural(made.objects, 'object')}  {output.size(made.bytes)}")
    output.note(f"noted as event {made.event}, in the copy too")
    output.note(f"hint: `evidence-kit verify {name}` reads it back, with the versions and locks that were given")


def _lock(until: str | None, mode: str, *, hold: bool, now: datetime) -> "Lock":
    from evidence_kit.model.time import parse_instant
    from evidence_kit.vaults.deposit import Lock

    if mode not in _MODES:
        raise UsageError(f"there is no mode `{mode[:40]}`", hint="`compliance` or `governance`")
    if until is None:
        return Lock(hold=hold)
    instant = parse_instant(until)
    if instant <= now:
        raise UsageError(f"`{until}` has passed", hint="a retention ends in the future")
    return Lock(mode=mode.upper(), until=instant.replace(microsecond=0), hold=hold)
