"""`trust`: make, change, show, sign and export the policy that says whose signatures you accept."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import typer

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import read_file
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from evidence_kit.governance.trustfile import TrustFile

app = typer.Typer(help="Say whose signatures you accept, as what, and when.", no_args_is_help=True)
MAX_PEM = 1 << 20  # a revocation list of a large authority
_FILE = typer.Argument(None, help="The policy; without, your own.")
_ROLE = typer.Option([], "--role", help="`collector`, `custodian`, `approver` or `log`; repeatable.")
_KEY = typer.Option(None, "--key", help="A public key in PEM.")
_RING = typer.Option(None, "--from-keyring", help="One of your own keys, by name, in place of `--key`.")
_AT = typer.Option(None, "--at", help="From when, as `2026-11-21T12:00:00Z` or an age such as `3d`; without, now.")


@app.command("init")
def init(
    file: Path | None = _FILE,
    name: str | None = typer.Option(None, "--name", help="Whose key the first one is."),
    role: list[str] = _ROLE,
    key: Path | None = _KEY,
    from_keyring: str | None = _RING,
) -> None:
    """Write a commented policy, which trusts nobody until a key or an authority is added."""
    from evidence_kit.governance import trustfile

    path = settings.trust_path(file)
    pem = _public(key, from_keyring) if key or from_keyring else None
    if pem is None and (name or role):
        raise UsageError("`--name` and `--role` describe a key", hint="give one with `--key PEM`")
    created = trustfile.create(path)
    if pem is not None:
        try:
            created.save(created.add_key(pem, name=_named(name, from_keyring), roles=_roles(role)))
        except Exception:
            path.unlink()
            raise
    output.data(str(path))
    if pem is None:
        output.note("hint: it trusts nobody yet; `evidence-kit trust add` adds a key or an authority")


@app.command("add")
def add(
    file: Path | None = _FILE,
    name: str | None = typer.Option(None, "--name", help="Whose key it is, or what the authority is called."),
    role: list[str] = _ROLE,
    key: Path | None = _KEY,
    from_keyring: str | None = _RING,
    valid_from: str | None = typer.Option(None, "--valid-from", help="From when the key counts."),
    valid_until: str | None = typer.Option(None, "--valid-until", help="Until when, not included."),
    tsa_certificate: Path | None = typer.Option(
        None, "--tsa-certificate", help="PEM: roots of an authority that tells the time."
    ),
    policy: list[str] = typer.Option([], "--policy", help="A policy OID that its time-stamps must carry."),
    ca_certificate: Path | None = typer.Option(
        None, "--ca-certificate", help="PEM: roots and intermediates of an authority that names people."
    ),
    identity: list[str] = typer.Option([], "--identity", help="Whom it may name, such as `*@ir.example.com`."),
    crl: Path | None = typer.Option(None, "--crl", help="PEM: its revocation lists."),
) -> None:
    """Trust a key, an authority that tells the time, or an authority that names people."""
    from evidence_kit.governance.trustfile import TrustFile

    chosen = [
        flag
        for flag, given in (("key", key or from_keyring), ("tsa", tsa_certificate), ("ca", ca_certificate))
        if given
    ]
    if len(chosen) != 1:
        hint = "one of `--key`, `--from-keyring`, `--tsa-certificate`, `--ca-certificate`"
        raise UsageError("trust what?", hint=hint)
    _refuse_strays(
        chosen[0],
        {
            "--role": ("key ca", role),
            "--valid-from": ("key", valid_from),
            "--valid-until": ("key", valid_until),
            "--policy": ("tsa", policy),
            "--identity": ("ca", identity),
            "--crl": ("ca", crl),
        },
    )
    edited = TrustFile(settings.trust_path(file))
    who = _named(name, from_keyring)
    if tsa_certificate:
        data = edited.add_time_authority(_pem(tsa_certificate), name=who, policies=policy)
    elif ca_certificate:
        lists = _pem(crl) if crl else None
        data = edited.add_certificate_authority(
            _pem(ca_certificate), name=who, roles=_roles(role), identities=_identities(identity), crl=lists
        )
    else:
        data = edited.add_key(
            _public(key, from_keyring),
            name=who,
            roles=_roles(role),
            valid_from=_instant(valid_from),
            valid_until=_instant(valid_until),
        )
    _save(edited, data, f"{who} is trusted in {edited.path}")


@app.command("revoke")
def revoke(
    said: list[str] = typer.Argument(..., metavar="[FILE] KEY", help="The policy, and a name or key id in it."),
    reason: str = typer.Option(..., "--reason", help="`compromised` or `superseded`."),
    at: str | None = _AT,
) -> None:
    """Stop trusting a key.

    `compromised` voids whatever no time-stamp proves older; `superseded` keeps what was signed before.
    """
    if reason not in {"compromised", "superseded"}:
        raise UsageError(f"unknown reason `{reason}`", hint="`compromised` or `superseded`")
    edited, who = _file_and_key(said)
    moment = _instant(at) or _now()
    if reason == "compromised" and moment > _now():
        raise UsageError("a key is not compromised in the future", hint="`--at` says since when it may be")
    why = cast("Literal['compromised', 'superseded']", reason)
    _save(edited, edited.revoke(who, reason=why, at=moment), f"{who} is revoked as {reason} in {edited.path}")


@app.command("rotate")
def rotate(
    said: list[str] = typer.Argument(..., metavar="[FILE] OLD", help="The policy, and a name or key id in it."),
    key: Path | None = _KEY,
    from_keyring: str | None = _RING,
    at: str | None = _AT,
) -> None:
    """Let a new key take over name and roles of an old one."""
    edited, old = _file_and_key(said)
    data = edited.rotate(old, _public(key, from_keyring), at=_instant(at) or _now())
    _save(edited, data, f"the key of {old} is replaced in {edited.path}")


@app.command("show")
def show(
    file: Path | None = _FILE, as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout.")
) -> None:
    """Print what a policy means."""
    from evidence_kit.report.trust import show as trustshow

    path = settings.trust_path(file)
    policy = settings.trust(str(path))
    if as_json:
        output.document(trustshow.to_json(policy))
        return
    for line in trustshow.lines(policy):
        output.data(line)


@app.command("sign")
def sign(
    file: Path | None = _FILE, key: str | None = typer.Option(None, "--key", help="Which of your keys signs.")
) -> None:
    """Sign a policy, so that others can hold it against your key with `verify --trust-signer`."""
    from evidence_kit.custody.trust import parse_trust, signed
    from evidence_kit.governance import trustfile

    path = settings.trust_path(file)
    text = trustfile.read(path)
    parse_trust(text, name=str(path))
    name, signer = settings.key_ring().open(settings.setting("key", key))
    bundle = signed.sign(text, name=path.name, signer=signer, at=_now())
    beside = path.with_name(path.name + signed.SUFFIX)
    trustfile.replace(beside, bundle)
    output.data(str(beside))
    output.note(f"signed by {name}; others check it with `--trust-signer {signer.keyid}` or that key as a PEM file")


@app.command("export")
def export(
    file: Path | None = _FILE,
    out: Path = typer.Option(..., "--out", "-o", help="The folder to make."),
) -> None:
    """Write the policy for other tools: ssh-keygen, openssl, Sigstore's verifiers."""
    from evidence_kit.report.trust import export as trustexport

    policy = settings.trust(str(settings.trust_path(file)))
    for name in trustexport.write(policy, out):
        output.data(str(out / name))


def _file_and_key(said: list[str]) -> "tuple[TrustFile, str]":
    from evidence_kit.governance.trustfile import TrustFile

    if len(said) > 2:
        raise UsageError("too many arguments", hint="`[FILE] KEY`; a name with spaces goes in quotes")
    path = Path(said[0]) if len(said) == 2 else None
    return TrustFile(settings.trust_path(path)), said[-1]


def _refuse_strays(chosen: str, given: dict[str, tuple[str, object]]) -> None:
    """Refuse options that say nothing about what is added; to ignore one could trust more than was meant."""
    for flag, (kinds, value) in given.items():
        if value and chosen not in kinds.split():
            raise UsageError(f"`{flag}` does not go with what is added", hint="leave it out")


def _named(name: str | None, from_keyring: str | None) -> str:
    if said := name or from_keyring:
        return said
    raise UsageError("`--name` is missing", hint="whose key it is, or what the authority is called")


def _roles(said: list[str]) -> list[str]:
    from evidence_kit.custody.trust import ROLES
    from evidence_kit.model.document import did_you_mean

    if not said:
        raise UsageError("`--role` is missing", hint=f"known are: {', '.join(ROLES)}")
    for role in said:
        if role not in ROLES:
            raise UsageError(f"unknown role `{role}`", hint=did_you_mean(role, ROLES))
    return said


def _identities(said: list[str]) -> list[str]:
    if not said:
        raise UsageError("`--identity` is missing", hint="whom the authority may name, such as `*@ir.example.com`")
    return said


def _public(key: Path | None, from_keyring: str | None) -> bytes:
    if (key is None) == (from_keyring is None):
        raise UsageError("which key?", hint="`--key PEM` or `--from-keyring NAME`")
    return _pem(key) if key else settings.key_ring().public_pem(from_keyring or "")


def _pem(path: Path) -> bytes:
    data = read_file(path, MAX_PEM)
    if b"PRIVATE KEY" in data:
        raise UsageError(f"`{path}` is not a public file in PEM", hint="never give a private key to a policy")
    return data


def _now() -> "datetime":
    return settings.now().replace(microsecond=0)


def _instant(said: str | None) -> "datetime | None":
    from evidence_kit.model.time import parse_instant

    return None if said is None else parse_instant(said, now=_now())


def _save(edited: "TrustFile", data: bytes, done: str) -> None:
    from evidence_kit.custody.trust import signed

    edited.save(data)
    output.note(done)
    if edited.path.with_name(edited.path.name + signed.SUFFIX).exists():
        output.note("hint: its signature no longer fits; sign it again with `evidence-kit trust sign`")
