"""Keys that a private certificate authority vouches for, judged at the time of signing, years later if need be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.trust import identities, revocations
from evidence_kit.custody.trust.extensions import extension
from evidence_kit.custody.trust.trusted import SigningTime, TrustedKey
from evidence_kit.errors import SignatureError, UntrustedError
from evidence_kit.model.time import rfc3339

MAX_CERTIFICATE = 16 << 10  # DER; a leaf is below 2 KB
MAX_DEPTH = 4  # intermediates between root and leaf
# What a certificate with an extended key usage must be meant for: a web server's cannot sign evidence.
_PURPOSES = frozenset(
    {
        ExtendedKeyUsageOID.CODE_SIGNING,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),  # document signing, RFC 9336
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateAuthority:
    """An authority that the caller trusts to name people: its certificates, whom it may name, and for what."""

    name: str
    certificates: tuple[x509.Certificate, ...]  # roots, and intermediates that sign for them
    roles: frozenset[str]
    identities: tuple[str, ...]
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def is_ca(certificate: x509.Certificate) -> bool:
    """Say whether a certificate may sign others."""
    try:
        constraints = extension(certificate, x509.BasicConstraints)
        usage = extension(certificate, x509.KeyUsage)
    except SignatureError:
        return False
    return constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Say whether a certificate is a root: issued by itself."""
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def public_key(certificate: bytes) -> PublicKey:
    """Return the key in a DER certificate, which proves nothing yet."""
    return _key(_load(certificate))


def introduced(
    authorities: Sequence[CertificateAuthority], certificate: bytes, *, keyid: str, when: SigningTime
) -> TrustedKey:
    """Return the key of `certificate` as the first authority vouches for it that may name its owner.

    Chain and revocation are judged at the claimed time; the window of the returned key is the time in which the whole
    chain is valid, so that `TrustedKey.require` holds claimed and proven time against it as with a listed key.
    """
    leaf = _load(certificate)
    key, address = _key(leaf), identities.named_by(leaf)
    if key.keyid != keyid:
        raise UntrustedError(f"the certificate is for key {key.keyid[:12]}, the signature is by {keyid[:12]!a}")
    _require_signs(leaf, address)
    refusal: UntrustedError | None = None
    lists = [crl for authority in authorities for crl in authority.crls]
    for authority in authorities:
        try:
            return _vouched(authority, leaf, address, lists, when)
        except UntrustedError as error:
            # The refusal of an authority that did issue this certificate says more than that of one which did not.
            refusal = error if refusal is None or error.hint else refusal
    raise refusal or UntrustedError(f"no authority vouches for key {keyid[:12]!a}")


def _vouched(
    authority: CertificateAuthority,
    leaf: x509.Certificate,
    address: str,
    lists: Sequence[x509.CertificateRevocationList],
    when: SigningTime,
) -> TrustedKey:
    """Return the leaf's key with what this authority grants; revocations count whichever entry carries the list."""
    at = when.claimed
    chain = _chain(authority, leaf, address, at)
    if not any(identities.matches(pattern, address) for pattern in authority.identities):
        raise UntrustedError(
            f"`{authority.name}` issued a certificate to {address}, whom the policy does not let it name",
            hint=f"add {address} to its `identities` if that is meant",
        )
    if any(revocations.issued_by(crl, chain[1]) for crl in lists) or authority.crls:
        revocations.require_covered(leaf, chain[1], lists, at)
    start, end = _window(authority, chain)
    return TrustedKey(
        key=_key(leaf),
        name=address,
        roles=authority.roles,
        valid_from=start,
        valid_until=end,
        revoked=revocations.revocation(chain, lists),
    )


def _chain(
    authority: CertificateAuthority, leaf: x509.Certificate, address: str, at: datetime
) -> Sequence[x509.Certificate]:
    """Return the chain from `leaf` to one of the authority's roots, valid at that time."""
    roots = [certificate for certificate in authority.certificates if is_self_signed(certificate)]
    others = [certificate for certificate in authority.certificates if certificate not in roots]
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store(roots))
        .time(at.replace(microsecond=0))
        .max_chain_depth(MAX_DEPTH)
        .extension_policies(ca_policy=_ca_policy(), ee_policy=_leaf_policy())
        .build_client_verifier()
    )
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    try:
        return verifier.verify(leaf, others).chain
    except verification.VerificationError as error:
        raise UntrustedError(
            f"`{authority.name}` does not vouch for {address} at {rfc3339(at)}; the certificate, valid from"
            f" {rfc3339(start)} until {rfc3339(end)}, has no chain to its roots that held then"
        ) from error


def _ca_policy() -> verification.ExtensionPolicy:
    """Return what is asked of authorities beside CA:TRUE; the library's defaults are those of the public web."""
    agnostic = verification.Criticality.AGNOSTIC
    return (
        verification.ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, agnostic, None)
        .may_be_present(x509.KeyUsage, agnostic, _require_cert_sign)
    )


def _leaf_policy() -> verification.ExtensionPolicy:
    agnostic = verification.Criticality.AGNOSTIC
    return verification.ExtensionPolicy.permit_all().require_present(x509.SubjectAlternativeName, agnostic, None)


def _require_cert_sign(_: verification.Policy, __: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("may not sign certificates")


def _require_signs(leaf: x509.Certificate, address: str) -> None:
    """Raise UntrustedError unless the leaf is a person's certificate for signatures."""
    constraints = extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise UntrustedError(f"the certificate of {address} is an authority's own (CA:TRUE)")
    usage = extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise UntrustedError(f"the certificate of {address} is not meant for signatures (keyUsage)")
    purposes = extension(leaf, x509.ExtendedKeyUsage)
    if purposes is not None and not _PURPOSES.intersection(purposes):
        raise UntrustedError(f"the certificate of {address} is not meant for signatures (extendedKeyUsage)")


def _window(
    authority: CertificateAuthority, chain: Sequence[x509.Certificate]
) -> tuple[datetime | None, datetime | None]:
    """Return the half-open time in which the whole chain is valid and the policy trusts its authority."""
    # X.509 counts the last second in.
    ends = [certificate.not_valid_after_utc + timedelta(seconds=1) for certificate in chain]
    starts = [certificate.not_valid_before_utc for certificate in chain]
    start = max([*starts, *([authority.valid_from] if authority.valid_from else [])])
    return start, min([*ends, *([authority.valid_until] if authority.valid_until else [])])


def _load(certificate: bytes) -> x509.Certificate:
    if len(certificate) > MAX_CERTIFICATE:
        raise SignatureError(
            f"a certificate of {len(certificate):,} bytes is more than the {MAX_CERTIFICATE:,} allowed"
        )
    try:
        loaded = x509.load_der_x509_certificate(certificate)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion, CryptographyDeprecationWarning) as error:
        # What the library warns of, such as a negative serial number, is an error where warnings are.
        raise SignatureError("not a DER certificate") from error
    # The library lets a BIT STRING claim unused bits that are zero: one byte of the certificate would be idle.
    if not certificate.endswith(b"\0" + loaded.signature):
        raise SignatureError("the certificate's signature is not in DER")
    return loaded


def _key(certificate: x509.Certificate) -> PublicKey:
    try:
        key = PublicKey.of(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError("the certificate's public key cannot be read") from error
    if not key.is_identity:
        raise SignatureError("a certificate for evidence holds a P-256 or Ed25519 key")
    return key
