"""A private authority for tests: it stamps with `openssl ts`, and certifies people."""

import base64
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from evidence_kit.signers.file import KeySigner

TSA_POLICY = "1.3.6.1.4.1.99999.1"
EMAIL = "robin@example.org"
TSA = """[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = {policy}
digests = sha256
"""


@dataclass
class Authority:
    """A private root that vouches for one time-stamping authority, run by `openssl ts`, and for people."""

    folder: Path
    lasts: timedelta = timedelta(days=30)  # of the authority's own certificate
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.folder.mkdir()
        now = datetime.now(UTC)
        self.since, self.until = now - timedelta(hours=1), now + self.lasts
        ca = x509.BasicConstraints(ca=True, path_length=0)
        self.root = self._issue("Root", self.key.public_key(), ca, _usage(ca=True))
        tsa = ec.generate_private_key(ec.SECP256R1())
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        self.tsa = self._issue("TSA", tsa.public_key(), *_leaf(), stamping)
        pkcs8 = tsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files = {"ca.pem": self.root.public_bytes(Encoding.PEM), "tsa.pem": self.tsa.public_bytes(Encoding.PEM)}
        files |= {"tsa.key": pkcs8, "tsa.cnf": TSA.format(folder=self.folder, policy=TSA_POLICY).encode()}
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        (self.folder / "trusted_root.json").write_text(json.dumps(self._trusted_root()))

    def _issue(self, name: str, key: Any, *extensions: x509.ExtensionType) -> x509.Certificate:
        parts = [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
        root = [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Root"),
        ]
        builder = (
            x509.CertificateBuilder(x509.Name(root), x509.Name(parts), key, x509.random_serial_number())
            .not_valid_before(self.since)
            .not_valid_after(self.until if name == "TSA" else self.since + timedelta(days=60))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for extension in extensions:
            soft = isinstance(extension, x509.SubjectAlternativeName)
            builder = builder.add_extension(extension, critical=not soft)
        return builder.sign(self.key, hashes.SHA256())

    def certify(self, signer: KeySigner, email: str = EMAIL) -> bytes:
        """Return a certificate, in DER, by which `signer` is whoever reads mail at `email`."""
        key = load_pem_public_key(signer.public_key_pem)
        named = x509.SubjectAlternativeName([x509.RFC822Name(email)])
        signing = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
        return self._issue("Person", key, *_leaf(), signing, named).public_bytes(Encoding.DER)

    def stamp(self, data: bytes) -> bytes:
        """Return the reply of the time-stamping authority for `data`."""
        (self.folder / "data").write_bytes(data)
        query, reply = (
            ("ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "q"),
            ("ts", "-reply", "-queryfile", "q"),
        )
        for command in (query, (*reply, "-config", "tsa.cnf", "-out", "r")):
            subprocess.run(["openssl", *command], cwd=self.folder, capture_output=True, check=True)
        return (self.folder / "r").read_bytes()

    def _trusted_root(self) -> Mapping[str, object]:
        def chain(*certificates: x509.Certificate) -> dict[str, object]:
            raw = [{"rawBytes": base64.b64encode(c.public_bytes(Encoding.DER)).decode()} for c in certificates]
            return {"certChain": {"certificates": raw}, "validFor": {"start": f"{self.since:%Y-%m-%dT%H:%M:%SZ}"}}

        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "certificateAuthorities": [chain(self.root)],
            "timestampAuthorities": [chain(self.tsa, self.root)],
            "tlogs": [],
            "ctlogs": [],
        }


def _usage(*, ca: bool) -> x509.KeyUsage:
    others = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    only = dict.fromkeys(("encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **others, **only)


def _leaf() -> tuple[x509.ExtensionType, ...]:
    return x509.BasicConstraints(ca=False, path_length=None), _usage(ca=False)
