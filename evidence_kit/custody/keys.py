"""Public keys: reading, naming and checking. P-256 with SHA-256, Ed25519, and ML-DSA-65 beside them; nothing else."""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa

from evidence_kit.errors import SignatureError

_P256 = ec.ECDSA(hashes.SHA256())
MAX_PEM = 4096  # a P-256 key is 178 bytes, an ML-DSA-65 key 2,726
Verifier = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | mldsa.MLDSA65PublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A verification key. `keyid` is the hex SHA-256 of its SubjectPublicKeyInfo in DER."""

    keyid: str
    pem: bytes
    _key: Verifier

    @classmethod
    def of(cls, key: object) -> "PublicKey":
        """Wrap a `cryptography` public key; other kinds and curves are refused."""
        is_other_curve = isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, ec.SECP256R1)
        if is_other_curve or not isinstance(key, Verifier):
            raise SignatureError("only P-256, Ed25519 and ML-DSA-65 keys are accepted")
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
        """Return `p256`, `ed25519` or `mldsa65`."""
        if isinstance(self._key, mldsa.MLDSA65PublicKey):
            return "mldsa65"
        return "ed25519" if isinstance(self._key, ed25519.Ed25519PublicKey) else "p256"

    @property
    def is_identity(self) -> bool:
        """Say whether the key may speak for a person alone; ML-DSA-65, which few tools know, only joins in."""
        return not isinstance(self._key, mldsa.MLDSA65PublicKey)

    def raw_ed25519(self) -> bytes:
        """Return the 32 raw bytes that C2SP notes use."""
        if not isinstance(self._key, ed25519.Ed25519PublicKey):
            raise SignatureError("a checkpoint needs an Ed25519 key")
        return self._key.public_bytes_raw()

    def verify(self, payload: bytes, signature: bytes) -> None:
        """Raise SignatureError unless `signature` is this key's over `payload`."""
        try:
            if isinstance(self._key, ec.EllipticCurvePublicKey):
                self._key.verify(signature, payload, _P256)
            else:
                self._key.verify(signature, payload)
        except InvalidSignature as error:
            raise SignatureError(f"signature does not verify under key {self.keyid[:12]}") from error
