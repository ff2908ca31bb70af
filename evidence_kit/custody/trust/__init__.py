"""Whom the caller trusts, as what, and when: `trust.yaml`, an input that is never read from a case."""

from evidence_kit.custody.trust.certificates import CertificateAuthority
from evidence_kit.custody.trust.policy import ACTIONS, MAX_SKEW, Trust
from evidence_kit.custody.trust.reading import API_VERSION, ROLES, parse_trust
from evidence_kit.custody.trust.trusted import Revocation, SigningTime, TrustedKey
from evidence_kit.custody.trust.writing import HEADER, key_entry

__all__ = [
    "ACTIONS",
    "API_VERSION",
    "HEADER",
    "MAX_SKEW",
    "ROLES",
    "CertificateAuthority",
    "Revocation",
    "SigningTime",
    "Trust",
    "TrustedKey",
    "key_entry",
    "parse_trust",
]
