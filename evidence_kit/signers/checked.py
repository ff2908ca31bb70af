"""What every way of signing has in common: which keys are accepted, and that no signature leaves unchecked."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from evidence_kit.custody.keys import MAX_PEM, PublicKey
from evidence_kit.errors import PluginError, SignatureError, UsageError
from evidence_kit.model.ports import Signer


@dataclass(frozen=True, slots=True)
class RemoteKey:
    """A key held elsewhere: its public half, and the call that has a payload signed. Not yet a `Signer` to trust."""

    public: PublicKey
    ask: Callable[[bytes], bytes] = field(repr=False)

    @property
    def keyid(self) -> str:
        """Return the key's name."""
        return self.public.keyid

    @property
    def public_key_pem(self) -> bytes:
        """Return the public half."""
        return self.public.pem

    def sign(self, payload: bytes) -> bytes:
        """Return what the service answers."""
        return self.ask(payload)


class Checked:
    """A signer whose every signature is verified with its public key before anybody else sees it."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        try:
            self.public = PublicKey.from_pem(signer.public_key_pem)
        except SignatureError as error:
            raise UsageError(f"the signer's public key cannot be used: {error.message}") from error
        if signer.keyid != self.public.keyid:
            raise PluginError(f"the signer calls its key {signer.keyid[:12]!a}, but it is {self.public.keyid[:12]}")
        self.keyid = self.public.keyid
        self.public_key_pem = self.public.pem

    def __repr__(self) -> str:
        return f"Checked({self.keyid[:12]})"

    def sign(self, payload: bytes) -> bytes:
        """Return the signature over `payload`; SignatureError if what came back is not one."""
        signature = self._signer.sign(payload)
        try:
            self.public.verify(payload, signature)
        except SignatureError as error:
            raise SignatureError(
                f"the signer returned a bad signature: {error.message}",
                hint="nothing was kept; whoever runs the key service should know",
            ) from error
        return signature


def accepted(key: object, *, where: str) -> PublicKey:
    """Wrap a `cryptography` public key found at `where`; UsageError for a kind that cannot sign evidence."""
    try:
        return PublicKey.of(key)
    except SignatureError as error:
        raise UsageError(
            f"{where} holds {_kind(key)}; {error.message}", hint="make a key on the curve P-256 for signing"
        ) from error


def accepted_public(data: bytes, *, where: str) -> PublicKey:
    """Read a public key that a service sent in PEM or DER."""
    if len(data) > MAX_PEM:
        raise UsageError(f"{where} sent a public key of {len(data):,} bytes")
    try:
        is_text = data.startswith(b"-----")
        key = serialization.load_pem_public_key(data) if is_text else serialization.load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{where} sent what is no public key") from error
    return accepted(key, where=where)


def _kind(key: object) -> str:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"an EC key on {key.curve.name}"
    if isinstance(key, rsa.RSAPublicKey):
        return f"an RSA key of {key.key_size} bits"
    return "a key of another kind"
