"""Whom the caller trusts, as what, and when: an input that is never read from a case."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.timestamp import TimeAuthority
from evidence_kit.custody.trust import certificates
from evidence_kit.custody.trust.certificates import CertificateAuthority
from evidence_kit.custody.trust.trusted import SigningTime, TrustedKey
from evidence_kit.errors import SignatureError, UntrustedError
from evidence_kit.model.time import rfc3339

# A signer's clock may be this far ahead of the authorities that stamp what it signed.
MAX_SKEW = timedelta(minutes=5)
# What may need the consent of several people; one is enough where the policy says nothing.
ACTIONS = ("seal", "transfer", "release", "disposal", "disclosure", "override")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The caller's policy. A policy without keys or authorities is invalid, never "anything goes"."""

    keys: Mapping[str, TrustedKey]
    certificate_authorities: tuple[CertificateAuthority, ...] = ()
    time_authorities: tuple[TimeAuthority, ...] = ()
    quorum: int = 1  # authorities that must agree before a time counts as proven
    timestamps_required: bool = False
    max_skew: timedelta = MAX_SKEW
    thresholds: Mapping[str, int] = field(default_factory=dict)
    sha256: str = ""  # of the file it was read from

    def find(self, keyid: str, certificate: bytes | None = None) -> PublicKey | None:
        """Return the public key called `keyid`: a listed one, or a certificate's, which `require` will judge."""
        trusted = self.keys.get(keyid)
        if trusted is not None:
            return trusted.key
        if certificate is None or not self.certificate_authorities:
            return None
        key = certificates.public_key(certificate)
        return key if key.keyid == keyid else None

    def identity(self, keyid: str, certificate: bytes | None = None) -> PublicKey | None:
        """Return the key like `find`; SignatureError for one that may only sign beside an identity key."""
        key = self.find(keyid, certificate)
        if key is not None and not key.is_identity:
            raise SignatureError(f"key {keyid[:12]!a} is {key.algorithm}, which signs only beside another key")
        return key

    def threshold(self, action: str) -> int:
        """Return how many different people must sign `action`."""
        return self.thresholds.get(action, 1)

    def require(
        self, keyid: str, roles: tuple[str, ...], when: SigningTime, *, certificate: bytes | None = None
    ) -> TrustedKey:
        """Return the key if it may act as one of `roles` at that time, or raise UntrustedError."""
        trusted = self.keys.get(keyid)
        if trusted is None:
            trusted = self._introduced(keyid, certificate, when)
        if when.proven and when.claimed > when.proven + self.max_skew:
            raise UntrustedError(
                f"{trusted.name} claims to have signed at {rfc3339(when.claimed)}, yet time-stamps show it existed"
                f" by {rfc3339(when.proven)}"
            )
        trusted.require(roles, when, only_proven=self.timestamps_required)
        return trusted

    def _introduced(self, keyid: str, certificate: bytes | None, when: SigningTime) -> TrustedKey:
        """Return the key that a certificate of one of the policy's authorities vouches for."""
        if certificate is None or not self.certificate_authorities:
            raise UntrustedError(f"key {keyid[:12]!a} is not in the trust policy")
        return certificates.introduced(self.certificate_authorities, certificate, keyid=keyid, when=when)
