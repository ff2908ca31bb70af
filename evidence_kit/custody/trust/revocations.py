"""Certificate revocation lists as a policy carries them: from whom, for which time, and what they revoke.

Nothing here fetches a list, and nothing asks today's clock: a case that was good stays good years later.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import CRLEntryExtensionOID

from evidence_kit.custody.trust.trusted import Revocation
from evidence_kit.errors import SignatureError, UntrustedError
from evidence_kit.model.time import rfc3339

# These say that the key stayed with its owner. All others, and a missing reason, do not, and count as compromise.
_ORDERLY = frozenset(
    {
        x509.ReasonFlags.affiliation_changed,
        x509.ReasonFlags.superseded,
        x509.ReasonFlags.cessation_of_operation,
        x509.ReasonFlags.certificate_hold,
        x509.ReasonFlags.privilege_withdrawn,
    }
)
_EXPIRED_CERTS_ON_CRL = x509.ObjectIdentifier("2.5.29.60")  # X.509 (2019) 9.5.2.8


def require_usable(crl: x509.CertificateRevocationList, issuers: Sequence[x509.Certificate]) -> None:
    """Raise SignatureError unless one of `issuers` signed this list and it is a whole one."""
    try:
        is_whole = not any(extension.critical for extension in crl.extensions)
        signed = any(issued_by(crl, issuer) for issuer in issuers)
        entries_are_plain = not any(extension.critical for entry in crl for extension in entry.extensions)
    except (ValueError, x509.DuplicateExtension, UnsupportedAlgorithm) as error:
        raise SignatureError("the revocation list cannot be read") from error
    if not signed:
        hint = "SHA-1 and MD5 do not count"
        raise SignatureError("the revocation list was not signed by any of this authority's certificates", hint=hint)
    if not is_whole or not entries_are_plain:
        hint = "take the authority's whole list, neither a delta nor a partition of it"
        raise SignatureError("the revocation list is a partial one (critical extensions)", hint=hint)


def issued_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """Say whether `issuer` signed `crl`."""
    return crl.issuer == issuer.subject and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]


def require_covered(
    leaf: x509.Certificate, issuer: x509.Certificate, crls: Iterable[x509.CertificateRevocationList], at: datetime
) -> None:
    """Raise UntrustedError unless a list of the leaf's issuer can tell whether the leaf was revoked at that time."""
    own = [crl for crl in crls if issued_by(crl, issuer)]
    if any(_reaches(crl, at) and _still_lists(crl, leaf) for crl in own):
        return
    newest = max((crl.last_update_utc for crl in own), default=None)
    said = f"the newest of them was issued {rfc3339(newest)}" if newest else "there is none of its issuer"
    raise UntrustedError(
        f"no revocation list in the policy tells about this certificate at {rfc3339(at)}; {said}",
        hint="add to `crl` the authority's list that was current when this was signed, or a later one from before"
        " the certificate expired; earlier lists may stay beside it",
    )


def _reaches(crl: x509.CertificateRevocationList, at: datetime) -> bool:
    issued = crl.last_update_utc
    return at <= issued or at < (crl.next_update_utc or issued)


def _still_lists(crl: x509.CertificateRevocationList, leaf: x509.Certificate) -> bool:
    """Say whether `crl` would name a revoked `leaf`: an expired certificate may be dropped (RFC 5280 3.3)."""
    if crl.last_update_utc <= leaf.not_valid_after_utc:
        return True
    return any(extension.oid == _EXPIRED_CERTS_ON_CRL for extension in crl.extensions)


def revocation(
    chain: Sequence[x509.Certificate], crls: Sequence[x509.CertificateRevocationList]
) -> Revocation | None:
    """Return what the lists say against a chain (leaf first): the worst reason from the earliest time, or None."""
    found: list[Revocation] = []
    for certificate, issuer in pairwise(chain):
        for crl in crls:
            entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
            if entry is not None and issued_by(crl, issuer):
                found.append(_revocation(entry))
    if not found:
        return None
    is_lost = any(one.reason == "compromised" for one in found)
    return Revocation(min(one.at for one in found), "compromised" if is_lost else "superseded")


def _revocation(entry: x509.RevokedCertificate) -> Revocation:
    extensions = {extension.oid: extension.value for extension in entry.extensions}
    at = entry.revocation_date_utc
    since = extensions.get(CRLEntryExtensionOID.INVALIDITY_DATE)
    if isinstance(since, x509.InvalidityDate):
        at = min(at, since.invalidity_date_utc)
    reason = extensions.get(CRLEntryExtensionOID.CRL_REASON)
    is_orderly = isinstance(reason, x509.CRLReason) and reason.reason in _ORDERLY
    return Revocation(at, "superseded" if is_orderly else "compromised")
