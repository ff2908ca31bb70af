"""Keys in encrypted files (PKCS#12 or PKCS#8) and the short-lived key of one acquisition."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import AccessError, UsageError
from evidence_kit.signers import memory, pkcs8
from evidence_kit.signers.checked import accepted
from evidence_kit.signers.uri import decoded, parse_uri

# The library's default of 2,048 falls to one GPU in hours.
KDF_ROUNDS = pkcs8.MIN_ROUNDS
MAX_FILE = 64 << 10  # a PKCS#12 file with a certificate chain is about 10 KB
ALGORITHMS = ("p256", "ed25519", "mldsa65")
_P256 = ec.ECDSA(hashes.SHA256())
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | mldsa.MLDSA65PrivateKey


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
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            signature = self._key.sign(payload, _P256)
        else:
            signature = self._key.sign(payload)
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
    """Make an identity key (`p256`, `ed25519`), a log key (`ed25519`) or one for countersignatures (`mldsa65`)."""
    if algorithm == "p256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "mldsa65":
        return _generate_mldsa65()
    raise UsageError(
        f"unknown algorithm `{algorithm}`", hint=f"one of {', '.join(f'`{name}`' for name in ALGORITHMS)}"
    )


def save(key: PrivateKey, path: Path, passphrase: str) -> None:
    """Write `key` encrypted, readable by its owner only, never over another file; `.p12` is PKCS#12, else PKCS#8."""
    if not passphrase:
        raise UsageError("an empty passphrase protects nothing", hint="set EVIDENCE_KIT_PASSPHRASE or type one")
    if path.suffix == ".p12":
        blob = _as_pkcs12(key, path.stem, passphrase)
    else:
        blob = pkcs8.wrap(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()), passphrase)
    if os.path.lexists(path):
        raise UsageError(f"key `{path.stem}` exists already", hint="choose another `--name`")
    memory.create(path, blob)  # durable: what is signed from here on rests on it


def load(path: Path, passphrase: Callable[[], str]) -> KeySigner:
    """Open an encrypted key; the passphrase is asked for only when there is a file worth opening."""
    blob = _read(path)
    is_pem = pkcs8.is_pem(blob)
    if is_pem:
        pkcs8.require_strong(blob)
    try:
        key = _unlock(blob, passphrase(), is_pem=is_pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AccessError(
            f"the passphrase does not open key `{path.stem}`", hint="check EVIDENCE_KIT_PASSPHRASE"
        ) from error
    if key is None:
        raise AccessError(f"`{path.name}` holds no private key")
    accepted(key.public_key(), where=f"`{path.name}`")  # type: ignore[attr-defined]
    return KeySigner(cast("PrivateKey", key))


def open_uri(uri: str, passphrase: Callable[[], str]) -> KeySigner:
    """Open `file:PATH`."""
    said = decoded(parse_uri(uri).body)
    if said.startswith("//") and not said.startswith("///"):
        raise UsageError("a `file:` key is on this machine", hint="write `file:/path/to/key.p12`")
    path = Path(said)
    if not path.is_file():
        raise AccessError(f"there is no key file `{path}`", hint="check the path in the key URI")
    return load(path, passphrase)


def _generate_mldsa65() -> PrivateKey:
    try:
        return mldsa.MLDSA65PrivateKey.generate()
    except UnsupportedAlgorithm as error:
        raise UsageError("this build of `cryptography` knows no ML-DSA-65", hint="install it as a wheel") from error


def _as_pkcs12(key: PrivateKey, name: str, passphrase: str) -> bytes:
    if isinstance(key, mldsa.MLDSA65PrivateKey):
        raise UsageError("PKCS#12 cannot hold an ML-DSA-65 key", hint="use a file name that ends in `.p8`")
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(KDF_ROUNDS)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(passphrase.encode())
    )
    return pkcs12.serialize_key_and_certificates(name.encode(), key, None, None, encryption)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            blob = stream.read(MAX_FILE + 1)
    except FileNotFoundError as error:
        raise AccessError(f"there is no key `{path.stem}`", hint="make one with `evidence-kit keys new`") from error
    except OSError as error:
        raise AccessError(f"cannot read key `{path.stem}`: {(error.strerror or '').lower()}") from error
    if len(blob) > MAX_FILE:
        raise AccessError(f"`{path.name}` is too large for a key")
    return blob


def _unlock(blob: bytes, passphrase: str, *, is_pem: bool) -> object:
    if is_pem:
        return pkcs8.unwrap(blob, passphrase)
    key, _, _ = pkcs12.load_key_and_certificates(blob, passphrase.encode())
    return key
