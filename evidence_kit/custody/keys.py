"""Public keys: reading, naming and checking. P-256 with SHA-256, and Ed25519; nothing else."""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from evidence_kit.errors import SignatureError

_P256 = ec.ECDSA(hashes.SHA256())
MAX_PEM = 4096  # a P-256 key is 178 bytes


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A verification key. `keyid` is the hex SHA-256 of its SubjectPublicKeyInfo in DER."""

    keyid: str
    pem: bytes
    _key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

    @classmethod
    def of(cls, key: object) -> "PublicKey":
        """Wrap a `cryptography` public key; other kinds and curves are refused."""
        is_p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
        if not is_p256 and not isinstance(key, ed25519.Ed25519PublicKey):
            raise SignatureError("only P-256 and Ed25519 keys are accepted")
        assert isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)  # noqa: S101 - for the type
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        der = key.public_bytes(serialization.Encoding.DER, spki)
        return cls(
            keyid=hashlib.sha256(der).hexdigest(),
            pem=key.public_bytes(serialization.Encoding.PEM, spki),
            _key=key,
        )

    @classmethod
    def from_pem(cls, pem: bytes) -> "PublicKey":
        """Read one PEM public key."""
        if len(pem) > MAX_PEM:
            raise SignatureError(f"a public key of {len(pem):,} bytes is not one")
        try:
            return cls.of(serialization.load_pem_public_key(pem))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SignatureError(f"not a PEM public key: {error}") from error

    @classmethod
    def from_text(cls, text: str) -> "PublicKey":
        """Read one PEM public key out of a document."""
        return cls.from_pem(text.encode("ascii", "replace"))

    @property
    def algorithm(self) -> str:
        """Return `p256` or `ed25519`."""
        return "ed25519" if isinstance(self._key, ed25519.Ed25519PublicKey) else "p256"

    def raw_ed25519(self) -> bytes:
        """Return the 32 raw bytes that C2SP notes use."""
        if not isinstance(self._key, ed25519.Ed25519PublicKey):
            raise SignatureError("a checkpoint needs an Ed25519 key")
        return self._key.public_bytes_raw()

    def verify(self, payload: bytes, signature: bytes) -> None:
        """Raise SignatureError unless `signature` is this key's over `payload`."""
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, payload)
            else:
                self._key.verify(signature, payload, _P256)
        except InvalidSignature as error:
            raise SignatureError(f"signature does not verify under key {self.keyid[:12]}") from error
