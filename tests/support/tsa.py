"""A real time-stamping authority on loopback: its own CA, `openssl ts -reply` behind HTTP, faults on demand."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from evidence_kit.custody.timestamp import TimeAuthority

POLICY = "1.3.6.1.4.1.99999.1"
Fault = Literal[
    "", "html", "page", "error", "redirect", "replay", "unsorted", "refuse", "slow", "drip", "nonce", "huge"
]
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

_CONFIG = """\
[tsa]
default_tsa = tsa1
[tsa1]
dir = .
serial = ./serial
crypto_device = builtin
signer_cert = ./leaf.pem
{certs}
signer_key = ./leaf.key
signer_digest = sha256
default_policy = {policy}
digests = {digests}
{accuracy}
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
_PAGE = b"<!DOCTYPE html><html><body>down for maintenance</body></html>"
_ANSWERS = {
    "error": (500, b"", "text/plain"),
    "page": (200, _PAGE, "text/html"),
    "redirect": (302, b"", "text/plain"),
}


def _certificate(
    subject: str, issuer: str, public: object, signer: ec.EllipticCurvePrivateKey, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    def called(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    return (
        x509.CertificateBuilder()
        .subject_name(called(subject))
        .issuer_name(called(issuer))
        .public_key(public)  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass
class Tsa:
    """One authority: its certificates, its address while it serves, and what goes wrong with it."""

    folder: Path
    name: str = "A"
    valid: tuple[timedelta, timedelta] = (timedelta(days=-30), timedelta(days=3650))
    fault: Fault = ""
    accuracy: str = "secs:1"
    asked: list[bytes] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)
    url: str = ""
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        now = datetime.now(UTC)
        valid = (now + self.valid[0], now + self.valid[1])
        root_key, leaf_key = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256R1())
        called = f"{self.name} root"
        self.root = (
            _certificate(called, called, root_key.public_key(), root_key, valid)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
            .sign(root_key, hashes.SHA384())
        )
        self.leaf = (
            _certificate(f"{self.name} unit", called, leaf_key.public_key(), root_key, valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .sign(root_key, hashes.SHA384())
        )
        self._write("root.pem", self.root.public_bytes(Encoding.PEM))
        self._write("leaf.pem", self.leaf.public_bytes(Encoding.PEM))
        self._write("leaf.key", leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        # openssl puts the signer first and these behind it as they stand: descending, so never sorted.
        others = sorted(
            (c.public_bytes(Encoding.DER) for c in (self.root, stranger("long " * 12), stranger("s"))), reverse=True
        )
        pem = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in others)
        self._write("others.pem", pem)
        self._write("serial", b"01\n")

    def embed(self, *certificates: x509.Certificate) -> None:
        """Choose what the replies of fault `unsorted` carry behind the signer's certificate."""
        self._write("others.pem", b"".join(cert.public_bytes(Encoding.PEM) for cert in certificates))

    def _write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    @property
    def root_file(self) -> Path:
        return self.folder / "root.pem"

    @property
    def authority(self) -> TimeAuthority:
        """What a trust policy says of it."""
        return TimeAuthority(name=self.name, certificates=(self.root,))

    def reply(self, query: bytes) -> bytes:
        """Return what the authority says to a query, as its fault has it."""
        with self._guard:
            self.asked.append(query)
            if self.fault == "html":
                return _PAGE
            if self.fault == "replay":
                return self.replies[0]
            if self.fault == "huge":
                return b"0" * (1 << 20)
            if self.fault == "nonce":
                query = query[:-4] + bytes([query[-4] ^ 2]) + query[-3:]
            self._write("tsa.cnf", self._config().encode())
            self._write("query", query)
            command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa1", "-queryfile", "query"]
            subprocess.run([*command, "-out", "reply"], cwd=self.folder, capture_output=True, check=False)
            said = (self.folder / "reply").read_bytes()
            self.replies.append(said)
            return said

    def _config(self) -> str:
        return _CONFIG.format(
            policy=POLICY,
            certs="certs = ./others.pem" if self.fault == "unsorted" else "",
            digests="sha384" if self.fault == "refuse" else "sha256, sha384, sha512",
            accuracy=f"accuracy = {self.accuracy}" if self.accuracy else "",
        )

    @contextmanager
    def serving(self) -> Iterator["Tsa"]:
        """Answer on loopback while the block lasts."""
        server = _listen(self)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}/tsr"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def stranger(name: str) -> x509.Certificate:
    """Return a certificate that nobody asked for."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    return _certificate(name, name, key.public_key(), key, (now, now + timedelta(days=1))).sign(key, hashes.SHA256())


def _listen(tsa: Tsa) -> ThreadingHTTPServer:
    """Bind the first free port below the ephemeral range."""
    for port in range(20_500, 21_500):
        try:
            return ThreadingHTTPServer(("127.0.0.1", port), _handler(tsa))
        except OSError:
            continue
    raise AssertionError("no free port")


def _handler(tsa: Tsa) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            pass

        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(tsa.fault == "slow")
            if tsa.fault == "drip":
                self._drip()
            elif tsa.fault in _ANSWERS:
                self._send(*_ANSWERS[tsa.fault])
            elif self.headers["Content-Type"] != "application/timestamp-query":
                self._send(415, b"", "text/plain")
            else:
                self._send(200, tsa.reply(query), "application/timestamp-reply")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "http://127.0.0.2:1/")
            self.end_headers()
            with suppress(OSError):  # the client may have seen enough
                self.wfile.write(body)

        def _drip(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            with suppress(OSError):
                for _ in range(50):
                    self.wfile.write(b"0")
                    self.wfile.flush()
                    time.sleep(0.1)

    return Handler
