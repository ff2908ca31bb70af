"""A throw-away CA for the sandbox's TLS, and a service account's key whose tokens come from the sandbox."""

import json
import ssl
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

EMAIL = "ir-readonly@shop-prod-1.iam.gserviceaccount.com"


def make_tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's context for 127.0.0.1 and the file of the CA that its clients trust.

    Certificate and key are left beside it, for a server that is a program of its own.
    """
    import trustme

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.configure_cert(context)
    (folder / "sandbox-server.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(folder / "sandbox-server.key"))
    path = folder / "sandbox-ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return context, path


def write_key(path: Path, *, url: str, project: str) -> Path:
    """Write the JSON key of a service account, as the console gives it out, with `url` as its token endpoint."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    said = {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "0" * 40,
        "private_key": pem,
        "client_email": EMAIL,
        "client_id": "1" * 21,
        "token_uri": f"{url}/token",
    }
    path.write_text(json.dumps(said))
    path.chmod(0o600)
    return path
