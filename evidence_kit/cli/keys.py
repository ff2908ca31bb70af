"""`keys`: make signing keys and show their public halves."""

import typer

from evidence_kit.cli import output, settings

app = typer.Typer(help="Make signing keys and show their public halves.", no_args_is_help=True)


@app.command("new")
def new(
    name: str = typer.Option(..., "--name", help="Whose key it is, such as `alice@example.com`."),
    algorithm: str = typer.Option("p256", "--algorithm", help="`p256` or `ed25519`."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """Make an identity key, encrypted with your passphrase, and trust it in your own trust file."""
    ring = settings.key_ring()
    signer = ring.create(name, algorithm=algorithm, at=settings.now().replace(microsecond=0))
    if as_json:
        output.document({"name": name, "keyid": signer.keyid, "trust": str(ring.trust_file)})
        return
    output.data(f"{signer.keyid}  {name}")
    output.note(f"trusted as collector and custodian in {ring.trust_file}")
    output.note("hint: give that file, or the key from `evidence-kit keys show`, to whoever verifies your cases")


@app.command("show")
def show(
    name: str = typer.Argument("", help="Which key; all are listed without."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document on stdout."),
) -> None:
    """List your keys, or print the public half of one as PEM."""
    from evidence_kit.custody.keys import PublicKey

    ring = settings.key_ring()
    if name and not as_json:
        output.data(ring.public_pem(name).decode().rstrip())
        return
    names = (name,) if name else ring.names()
    keys = [(item, PublicKey.from_pem(ring.public_pem(item))) for item in names]
    if as_json:
        output.document(
            [{"name": n, "keyid": k.keyid, "algorithm": k.algorithm, "publicKey": k.pem.decode()} for n, k in keys]
        )
        return
    for item, key in keys:
        output.data(f"{key.keyid}  {key.algorithm:8}  {item}")
    if not keys:
        output.note("hint: you have no key yet; make one with `evidence-kit keys new --name you@example.com`")
