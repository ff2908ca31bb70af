"""`keys`: make signing keys or register those held elsewhere, and show their public halves."""

from pathlib import Path

import typer

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import read_file

app = typer.Typer(help="Make or register signing keys and show their public halves.", no_args_is_help=True)


@app.command("new")
def new(
    name: str = typer.Option(..., "--name", help="Whose key it is, such as `alice@example.com`."),
    algorithm: str = typer.Option(
        "p256", "--algorithm", help="`p256`, `ed25519`, or `mldsa65` for post-quantum countersignatures only."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Make an identity key, encrypted with your passphrase, and trust it in your own trust file."""
    ring = settings.key_ring()
    signer = ring.create(name, algorithm=algorithm, at=settings.now().replace(microsecond=0))
    _tell(name, signer.keyid, ring.trust_file, as_json=as_json)


@app.command("add")
def add(
    name: str = typer.Option(..., "--name", help="Whose key it is, such as `alice@example.com`."),
    uri: str = typer.Option(
        ..., "--uri", help="Where it is held: `awskms:…`, `gcpkms:…`, `azurekms:…`, `pkcs11:…` or `file:…`."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Register an identity key that is held elsewhere, and trust it in your own trust file."""
    ring = settings.key_ring()
    signer = ring.add(name, uri, at=settings.now().replace(microsecond=0))
    _tell(name, signer.keyid, ring.trust_file, as_json=as_json)


@app.command("certificate")
def certificate(
    name: str = typer.Argument(..., help="Which key."),
    file: Path = typer.Argument(..., help="Its X.509 certificate in PEM, without those of its issuers."),
) -> None:
    """Keep the certificate that somebody issued for a key beside it."""
    from evidence_kit.signers.certificate import MAX_CERTIFICATE

    settings.key_ring().add_certificate(name, read_file(file, MAX_CERTIFICATE))
    output.note(f"kept with key `{name}`")


@app.command("show")
def show(
    name: str = typer.Argument("", help="Which key; all are listed without."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """List your keys and where they are held, or print the public half of one as PEM."""
    from evidence_kit.custody.keys import PublicKey

    ring = settings.key_ring()
    if name and not as_json:
        output.data(ring.public_pem(name).decode().rstrip())
        return
    names = (name,) if name else ring.names()
    keys = [(item, ring.where(item), PublicKey.from_pem(ring.public_pem(item))) for item in names]
    if as_json:
        output.document(
            [
                {
                    "name": item,
                    "keyid": key.keyid,
                    "algorithm": key.algorithm,
                    "where": where,
                    "identity": key.is_identity,
                    "certificate": ring.certificate(item) is not None,
                    "publicKey": key.pem.decode(),
                }
                for item, where, key in keys
            ]
        )
        return
    for item, where, key in keys:
        output.data(f"{key.keyid}  {key.algorithm:8}  {where:8}  {item}")
    if not keys:
        output.note("hint: you have no key yet; make one with `evidence-kit keys new --name you@example.com`")


def _tell(name: str, keyid: str, trust_file: Path, *, as_json: bool) -> None:
    if as_json:
        output.document({"name": name, "keyid": keyid, "trust": str(trust_file)})
        return
    output.data(f"{keyid}  {name}")
    output.note(f"trusted as collector and custodian in {trust_file}")
    output.note("hint: give that file, or the key from `evidence-kit keys show`, to whoever verifies your cases")
