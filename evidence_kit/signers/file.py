"""Keys in encrypted files (PKCS#12, PBES2 with 600,000 rounds) and the short-lived key of one acquisition."""

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import AccessError, UsageError, VaultError

# OWASP's floor for PBKDF2-HMAC-SHA256 (2023); the library's default of 2,048 falls to one GPU in hours.
KDF_ROUNDS = 600_000
_P256 = ec.ECDSA(hashes.SHA256())
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class KeySigner:
    """Signs with a private key in memory and checks every signature before it leaves."""

    def __init__(self, key: PrivateKey, *, self_check: bool = True) -> None:
        self._key: PrivateKey | None = key
        self._self_check = self_check
        self.public = PublicKey.of(key.public_key())
        self.keyid = self.public.keyid
        self.public_key_pem = self.public.pem

    def __repr__(self) -> str:
        return f"KeySigner({self.keyid[:12]})"

    def sign(self, payload: bytes) -> bytes:
        """Return the signature over `payload`."""
        if self._key is None:
            raise AccessError(f"key {self.keyid[:12]} has been destroyed")
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            signature = self._key.sign(payload)
        else:
            signature = self._key.sign(payload, _P256)
        if self._self_check:
            self.public.verify(payload, signature)
        return signature

    def destroy(self) -> None:
        """Forget the private half; nobody can sign with it again."""
        self._key = None


def acquisition_signer() -> KeySigner:
    """Make the key of one acquisition. It is checked once here: a check per artifact would cost 0.1 ms each."""
    signer = KeySigner(ec.generate_private_key(ec.SECP256R1()), self_check=False)
    signer.public.verify(b"evidence-kit", signer.sign(b"evidence-kit"))
    return signer


def generate(algorithm: str) -> PrivateKey:
    """Make an identity key (`p256`, `ed25519`) or a log key (`ed25519`)."""
    if algorithm == "p256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    raise UsageError(f"unknown algorithm `{algorithm}`", hint="`p256` or `ed25519`")


def save(key: PrivateKey, path: Path, passphrase: str) -> None:
    """Write `key` encrypted, readable by its owner only, never over another file."""
    if not passphrase:
        raise UsageError("an empty passphrase protects nothing", hint="set EVIDENCE_KIT_PASSPHRASE or type one")
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(KDF_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(passphrase.encode())
    )
    blob = pkcs12.serialize_key_and_certificates(path.stem.encode(), key, None, None, encryption)
    if os.path.lexists(path):
        raise UsageError(f"key `{path.stem}` exists already", hint="choose another `--name`")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(blob)
    except OSError as error:
        raise VaultError(f"cannot write {path.name}: {(error.strerror or '').lower()}") from error


def load(path: Path, passphrase: Callable[[], str]) -> KeySigner:
    """Open an encrypted key; the passphrase is asked for only when there is a file to open."""
    try:
        blob = path.read_bytes()
    except FileNotFoundError as error:
        raise AccessError(f"there is no key `{path.stem}`", hint="make one with `evidence-kit keys new`") from error
    except OSError as error:
        raise AccessError(f"cannot read key `{path.stem}`: {(error.strerror or '').lower()}") from error
    try:
        key, _, _ = pkcs12.load_key_and_certificates(blob, passphrase().encode())
    except ValueError as error:
        raise AccessError(
            f"the passphrase does not open key `{path.stem}`", hint="check EVIDENCE_KIT_PASSPHRASE"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise AccessError(f"`{path.name}` holds no P-256 or Ed25519 key")
    return KeySigner(key)
