"""Google's Cloud KMS and Azure's Key Vault on loopback: their REST shapes, signing with a key of this process.

No emulator of either exists. What they answer follows the published references: `cryptoKeyVersions.getPublicKey` and
`.asymmetricSign` of Cloud KMS v1, `Get Key` and `Sign` of Key Vault 7.4.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from evidence_kit.sandbox.serving import LoopbackServer, running

TOKEN = "token-of-the-test"
GCP_KEY = "projects/ir/locations/europe/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
VAULT = "https://ir-vault.vault.azure.net"
AZURE_PATH = f"/keys/alice/{'0123456789abcdef' * 2}"
AZURE_KEY = f"{VAULT}{AZURE_PATH}"
Answer = tuple[int, dict[str, object] | bytes]


@dataclass
class FakeKms:
    """One key of one service. `queued` answers come first; `wrong` names what is wrong with the others."""

    key: object = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    queued: list[Answer] = field(default_factory=list)
    wrong: set[str] = field(default_factory=set)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def sign(self, digest: bytes) -> bytes:
        """Return the DER signature over a SHA-256 digest, spoiled as `wrong` says."""
        key = ec.generate_private_key(ec.SECP256R1()) if "another key" in self.wrong else self.key
        if "other data" in self.wrong:
            digest = hashlib.sha256(digest).digest()
        return key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


class FakeGoogle(FakeKms):
    """Cloud KMS."""

    def answer(self, method: str, path: str, body: dict[str, object]) -> Answer:
        name = "other" if "name" in self.wrong else GCP_KEY
        if (method, path) == ("GET", f"/v1/{GCP_KEY}/publicKey"):
            pem = pem_of(self.key)
            checksum = crc32c(pem) ^ ("pem crc" in self.wrong)
            return 200, {
                "pem": pem.decode(),
                "algorithm": "EC_SIGN_P256_SHA256",
                "pemCrc32c": str(checksum),
                "name": name,
                "protectionLevel": "HSM",
            }
        if (method, path) != ("POST", f"/v1/{GCP_KEY}:asymmetricSign"):
            return google_error(404, "NOT_FOUND", f"{path} not found.")
        if "data" in body:
            kind, sent = "Data", base64.b64decode(body["data"])
            signature = self.key.sign(sent)
        else:
            kind, sent = "Digest", base64.b64decode(body["digest"]["sha256"])
            signature = self.sign(sent)
        is_whole = body[f"{kind.lower()}Crc32c"] == str(crc32c(sent)) and "digest crc" not in self.wrong
        return 200, {
            "signature": base64.b64encode(signature).decode(),
            "signatureCrc32c": str(crc32c(signature) ^ ("signature crc" in self.wrong)),
            f"verified{kind}Crc32c": is_whole,
            "name": name,
            "protectionLevel": "HSM",
        }


class FakeVault(FakeKms):
    """Azure Key Vault."""

    def answer(self, method: str, path: str, body: dict[str, object]) -> Answer:
        kid = f"{VAULT}/keys/alice/{'f' * 32}" if "name" in self.wrong else AZURE_KEY
        if (method, path) == ("GET", f"{AZURE_PATH}?api-version=7.4"):
            return 200, {"key": self.described(kid), "attributes": {"enabled": "disabled" not in self.wrong}}
        if (method, path) != ("POST", f"{AZURE_PATH}/sign?api-version=7.4") or body["alg"] != "ES256":
            return azure_error(404, "KeyNotFound", f"A key with (name/id) {path} was not found in this key vault.")
        r, s = utils.decode_dss_signature(self.sign(from_base64url(body["value"])))
        raw = r.to_bytes(32) + s.to_bytes(32)
        return 200, {"kid": kid, "value": base64url(raw[:63] if "short" in self.wrong else raw)}

    def described(self, kid: str) -> dict[str, object]:
        if "rsa" in self.wrong:
            return {"kid": kid, "kty": "RSA", "key_ops": ["sign"], "n": base64url(b"\1" * 256), "e": "AQAB"}
        numbers = self.key.public_key().public_numbers()
        size = (self.key.key_size + 7) // 8
        x = numbers.x ^ 1 if "point" in self.wrong else numbers.x
        return {
            "kid": kid,
            "kty": "EC",
            "key_ops": ["sign", "verify"],
            "crv": {"secp256r1": "P-256", "secp384r1": "P-384"}[self.key.curve.name],
            "x": base64url(x.to_bytes(size)),
            "y": base64url(numbers.y.to_bytes(size)),
        }


def google_error(code: int, status: str, message: str) -> Answer:
    """Return an error as Google's APIs word it."""
    return code, {"error": {"code": code, "message": message, "status": status}}


def azure_error(code: int, name: str, message: str, inner: str = "") -> Answer:
    """Return an error as Key Vault words it."""
    more = {"innererror": {"code": inner}} if inner else {}
    return code, {"error": {"code": name, "message": message, **more}}


@contextmanager
def serving(kms: FakeKms) -> Iterator[FakeKms]:
    """Serve `kms`; a request without the test's token gets 401."""

    class Visit(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.reply({})

        def do_POST(self) -> None:
            self.reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def reply(self, body: dict[str, object]) -> None:
            kms.seen.append((self.command, self.path, dict(self.headers)))
            status, said = self.chosen(body)
            text = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", kms.url)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def chosen(self, body: dict[str, object]) -> Answer:
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                return 401, {"error": {"code": "Unauthorized", "message": "the token is missing"}}
            return kms.queued.pop(0) if kms.queued else kms.answer(self.command, self.path, body)

        def log_message(self, *said: object) -> None:
            """Stay silent."""

    with running(LoopbackServer(Visit)) as server:
        kms.url = server.url
        yield kms
        assert server.failures == []


def pem_of(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """Return the public half in PEM."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def crc32c(data: bytes) -> int:
    """Return the CRC-32C (RFC 3720, appendix B.4) bit by bit: an oracle for the library that is used."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def base64url(data: bytes) -> str:
    """Encode as Key Vault does, without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def from_base64url(text: object) -> bytes:
    """Decode what `base64url` made."""
    return base64.urlsafe_b64decode(f"{text}{'=' * (-len(str(text)) % 4)}")
