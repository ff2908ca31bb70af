"""`export`: hand a case on, whole or in part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer

from evidence_kit.cli import document_exports, output, settings
from evidence_kit.errors import UsageError

EVENTS = ("timesketch", "csv", "ocsf", "ecs", "parquet")  # the records of a case in other tools' formats


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for; each target takes what it needs."""

    case: Path
    out: Path
    acquisition: str | None
    recipients: list[str]
    recipients_file: Path | None
    purpose: str
    medium: str
    key: str | None
    as_json: bool
    artifacts: list[str]
    redact: Path | None
    policy: str | None
    allow_unmatched: bool
    recipient_name: str
    authority: str
    trust: str | None
    options: document_exports.Options  # what only documents in exchange formats know


def export(
    case: Path = typer.Argument(..., help="The case folder."),
    to: str = typer.Option(
        ...,
        "--to",
        help="What to make: `bag`, one archive to hand over; `disclosure`, a part with its proof; or the records for "
        "other tools: `timesketch`, `csv`, `ocsf`, `ecs`, `parquet`; or one document: `case-uco`, `stix`, `misp`.",
    ),
    out: Path = typer.Option(..., "-o", "--out", help="The file, or folder, to make; never overwritten."),
    acquisition: str | None = typer.Option(None, "--acquisition", help="Only this acquisition's bag."),
    recipient: list[str] = typer.Option([], "--recipient", help="Encrypt to an `age1…` or `ssh-…` public key."),
    recipients_file: Path | None = typer.Option(None, "--recipients-file", help="Public keys, one a line."),
    purpose: str = typer.Option("", "--purpose", help="Why it is handed on; goes into the custody log."),
    medium: str = typer.Option("", "--medium", help="On or by what: a disk's serial number, a share."),
    artifact: list[str] = typer.Option(
        [], "--artifact", help="`disclosure`, `case-uco`: which artifacts; a glob or a SHA-256."
    ),
    redact: Path | None = typer.Option(None, "--redact", help="`disclosure`: rules for what is taken out of them."),
    policy: str | None = typer.Option(
        None, "--policy", help="Limits of the organisation: what working copies leave out or replace."
    ),
    allow_unmatched: bool = typer.Option(False, "--allow-unmatched", help="Let a rule match nothing."),
    recipient_name: str = typer.Option("", "--recipient-name", help="`disclosure`: for whom it is."),
    authority: str = typer.Option("", "--authority", help="`disclosure`: by what right it is handed on."),
    trust: str | None = typer.Option(None, "--trust", help="Your trust policy: whose seals you accept."),
    indicator: list[str] = typer.Option(
        [], "--indicator", help="`stix`, `misp`: `address=…`, `account=…` or `key=…`; repeat it."
    ),
    saved: str | None = typer.Option(
        None, "--saved", help="`stix`, `misp`: a saved question that returns indicators."
    ),
    param: list[str] = typer.Option([], "--param", help="`name=value` for `--saved`; repeat it."),
    tlp: str | None = typer.Option(
        None, "--tlp", help="`stix`, `misp`: `clear`, `green`, `amber`, `amber+strict` (as is) or `red`."
    ),
    most: int | None = typer.Option(None, "--most", help="`case-uco`: at most so many artifacts; 100 as is."),
    seal: str | None = typer.Option(
        None, "--seal", help="`case-uco`, `stix`, `misp`: keep a copy in the case under this name, on record."
    ),
    key: str | None = typer.Option(None, "--key", help="Which of your keys signs the custody event."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Export a case.

    The custody log then says what left, when, to whom and with which SHA-256.
    """
    if to not in _TARGETS:
        raise UsageError(f"cannot export to `{to}`", hint=f"there is {', '.join(f'`{name}`' for name in _TARGETS)}")
    _TARGETS[to](
        Request(
            case=case,
            out=out,
            acquisition=acquisition,
            recipients=recipient,
            recipients_file=recipients_file,
            purpose=purpose,
            medium=medium,
            key=key,
            as_json=as_json,
            artifacts=artifact,
            redact=redact,
            policy=settings.setting("policy", policy),
            allow_unmatched=allow_unmatched,
            recipient_name=recipient_name,
            authority=authority,
            trust=trust,
            options=document_exports.Options(
                indicators=indicator, saved=saved, params=param, tlp=tlp, most=most, seal=seal
            ),
        )
    )


def _require_own(to: str, asked: Request) -> None:
    """Raise UsageError for an option that only documents in exchange formats know."""
    for option, value in asked.options.given().items():
        if value:
            raise UsageError(f"`--to {to}` knows no `{option}`", hint="leave it out")


def _bag(asked: Request) -> None:
    from evidence_kit.acquire.case import keeper_of
    from evidence_kit.report.transport import bag as transport
    from evidence_kit.report.transport import recipients
    from evidence_kit.vaults.local import LocalVault

    _require_own("bag", asked)
    order = transport.Order(
        acquisition=asked.acquisition,
        recipients=recipients.parse([*asked.recipients, *recipients.listed(asked.recipients_file)]),
        purpose=asked.purpose,
        medium=asked.medium,
    )
    vault = LocalVault(asked.case)
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", asked.key))
    made = transport.export_bag(vault, keeper, asked.out, order, at=settings.now())
    if asked.as_json:
        output.document({"name": str(asked.out), **made.fields, "event": made.event})
        return
    written = made.cipher or made.plain
    output.data(f"exported  {asked.out}  {output.size(written.bytes)}  sha256 {written.sha256}")
    if made.cipher:
        output.note(f"encrypted to {output.plural(len(order.recipients), 'recipient')}; noted as event {made.event}")
        output.note(f"hint: whoever receives it opens it with `age -d -i KEY -o case.tar.zst {asked.out.name}`")
    else:
        output.note(f"not encrypted; noted as event {made.event}")
    for name in made.unsealed:
        output.note(f"warning: acquisition {name} is not sealed")


def _disclosure(asked: Request) -> None:
    from evidence_kit.cli import disclose

    _require_own("disclosure", asked)
    for what, value in (
        ("--artifact", asked.artifacts),
        ("--recipient-name", asked.recipient_name),
        ("--purpose", asked.purpose),
    ):
        if not value:
            raise UsageError(f"a disclosure needs `{what}`", hint="what is handed on, to whom, and why")
    disclose.make(
        asked.case,
        asked.out,
        asked.artifacts,
        is_glob=True,
        recipient=asked.recipient_name,
        purpose=asked.purpose,
        authority=asked.authority,
        redact=asked.redact,
        limits=asked.policy,
        allow_unmatched=asked.allow_unmatched,
        key=asked.key,
        trust=asked.trust,
        as_json=asked.as_json,
    )


def _events(to: str, asked: Request) -> None:
    from evidence_kit.cli import event_exports

    event_exports.make(
        to,
        asked.case,
        asked.out,
        purpose=asked.purpose,
        medium=asked.medium,
        key=asked.key,
        as_json=asked.as_json,
        limits=asked.policy,
        others={
            "--recipient": asked.recipients,
            "--recipients-file": asked.recipients_file,
            "--acquisition": asked.acquisition,
            "--artifact": asked.artifacts,
            "--redact": asked.redact,
            "--recipient-name": asked.recipient_name,
            "--authority": asked.authority,
            **asked.options.given(),
        },
    )


def _document(to: str, asked: Request) -> None:
    document_exports.make(
        to,
        document_exports.Asked(
            case=asked.case,
            out=asked.out,
            purpose=asked.purpose,
            medium=asked.medium,
            key=asked.key,
            as_json=asked.as_json,
            policy=asked.policy,
            artifacts=asked.artifacts,
            options=asked.options,
            others={
                "--recipient": asked.recipients,
                "--recipients-file": asked.recipients_file,
                "--acquisition": asked.acquisition,
                "--redact": asked.redact,
                "--recipient-name": asked.recipient_name,
                "--authority": asked.authority,
            },
        ),
    )


# Another kind of export is another function here.
_TARGETS: Mapping[str, Callable[[Request], None]] = {
    "bag": _bag,
    "disclosure": _disclosure,
    **{name: partial(_events, name) for name in EVENTS},
    **{name: partial(_document, name) for name in document_exports.NAMES},
}
