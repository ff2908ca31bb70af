"""Reading the authorities of a trust policy: those that name people, and those that tell the time."""

import re
from collections.abc import Callable
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from evidence_kit.custody.timestamp import TimeAuthority
from evidence_kit.custody.trust import fields, identities
from evidence_kit.custody.trust.certificates import CertificateAuthority, is_ca, is_self_signed
from evidence_kit.custody.trust.revocations import require_usable
from evidence_kit.errors import SignatureError
from evidence_kit.model.document import Document, Path

T = TypeVar("T")
MAX_AUTHORITIES = 64  # of each kind; a quorum is two or three
MAX_CERTIFICATES = 16  # of one authority: roots and intermediates over the years
MAX_CRLS = 16  # of one authority: one is kept for each generation of certificates
MAX_IDENTITIES = 256
_WINDOW = ("validFrom", "validUntil")
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]{0,9})){1,20}")


def time_authorities(doc: Document) -> tuple[TimeAuthority, ...]:
    """Read `timeAuthorities`; no certificate may stand for two, or a quorum would count it twice."""
    count = fields.entries(doc, "timeAuthorities", limit=MAX_AUTHORITIES)
    found = tuple(_time_authority(doc, ("timeAuthorities", index)) for index in range(count))
    _require_distinct(doc, "timeAuthorities", [authority.name for authority in found])
    owners: dict[x509.Certificate, str] = {}
    for index, authority in enumerate(found):
        for certificate in authority.certificates:
            other = owners.setdefault(certificate, authority.name)
            if other != authority.name:
                message = f"a certificate stands for `{other}` and `{authority.name}`; a quorum would count it twice"
                raise doc.error(("timeAuthorities", index, "certificate"), message)
    return found


def certificate_authorities(doc: Document) -> tuple[CertificateAuthority, ...]:
    """Read `certificateAuthorities`."""
    count = fields.entries(doc, "certificateAuthorities", limit=MAX_AUTHORITIES)
    found = tuple(_certificate_authority(doc, ("certificateAuthorities", index)) for index in range(count))
    _require_distinct(doc, "certificateAuthorities", [authority.name for authority in found])
    return found


def _time_authority(doc: Document, at: Path) -> TimeAuthority:
    doc.allow(at, ("name", "certificate", "policies", *_WINDOW))
    certificates = _certificates(doc, (*at, "certificate"))
    if not any(is_ca(certificate) for certificate in certificates):
        hint = "list the authority's root; the certificate that signs the time-stamps may stand beside it"
        raise doc.error((*at, "certificate"), "none of the certificates is an authority's (CA:TRUE)", hint=hint)
    start, end = fields.window(doc, at)
    policies = _policies(doc, (*at, "policies")) if fields.stands(doc, (*at, "policies")) else frozenset[str]()
    return TimeAuthority(
        name=fields.plain_name(doc, at),
        certificates=certificates,
        policies=policies,
        valid_from=start,
        valid_until=end,
    )


def _policies(doc: Document, path: Path) -> frozenset[str]:
    said = fields.texts(doc, path, limit=MAX_IDENTITIES)
    for position, oid in enumerate(said):
        if not _OID.fullmatch(oid):
            raise doc.error(
                (*path, position), f"`{oid[:60]}` is not an object identifier", hint="such as `1.2.3.4.1`"
            )
    return frozenset(said)


def _is_usable(certificate: x509.Certificate) -> bool:
    """Say whether an authority's key is one that signs chains; a point that is off its curve is no key."""
    try:
        return isinstance(certificate.public_key(), rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    except (ValueError, UnsupportedAlgorithm):
        return False


def _certificate_authority(doc: Document, at: Path) -> CertificateAuthority:
    doc.allow(at, ("name", "certificate", "roles", "identities", "crl", *_WINDOW))
    path = (*at, "certificate")
    certificates = _certificates(doc, path)
    for certificate in certificates:
        if not is_ca(certificate):
            raise doc.error(path, f"{_subject(certificate)} is not an authority's certificate (CA:TRUE)")
        if not _is_usable(certificate):
            raise doc.error(path, f"{_subject(certificate)} has neither an EC nor an RSA key; others sign no chains")
    if not any(is_self_signed(certificate) for certificate in certificates):
        raise doc.error(path, "none of the certificates is a root (signed by itself)")
    start, end = fields.window(doc, at)
    return CertificateAuthority(
        name=fields.plain_name(doc, at),
        certificates=certificates,
        roles=fields.roles(doc, at),
        identities=_identities(doc, (*at, "identities")),
        crls=_crls(doc, (*at, "crl"), certificates),
        valid_from=start,
        valid_until=end,
    )


def _identities(doc: Document, path: Path) -> tuple[str, ...]:
    said = fields.texts(doc, path, limit=MAX_IDENTITIES)
    for position, pattern in enumerate(said):
        if fault := identities.fault(pattern):
            raise doc.error((*path, position), f"`{pattern[:80]}` {fault}", hint="such as `*@ir.example.com`")
    return said


def _certificates(doc: Document, path: Path) -> tuple[x509.Certificate, ...]:
    found = _blocks(doc, path, "CERTIFICATE", x509.load_pem_x509_certificate, limit=MAX_CERTIFICATES)
    if len(set(found)) != len(found):
        raise doc.error(path, "a certificate is listed twice")
    return found


def _crls(
    doc: Document, path: Path, certificates: tuple[x509.Certificate, ...]
) -> tuple[x509.CertificateRevocationList, ...]:
    if not fields.stands(doc, path):
        return ()
    found = _blocks(doc, path, "X509 CRL", x509.load_pem_x509_crl, limit=MAX_CRLS)
    for crl in found:
        try:
            require_usable(crl, certificates)
        except SignatureError as error:
            raise doc.error(path, error.message, hint=error.hint) from error
    return found


def _blocks(doc: Document, path: Path, label: str, load: Callable[[bytes], T], *, limit: int) -> tuple[T, ...]:
    """Read PEM blocks of one kind with nothing but white space between them."""
    text = doc.at(path, str)
    block = re.compile(f"-----BEGIN {label}-----[^-]+-----END {label}-----")
    found = block.findall(text)
    if not found or block.sub("", text).strip():
        raise doc.error(path, f"expected PEM blocks `BEGIN {label}` and nothing else")
    if len(found) > limit:
        raise doc.error(path, f"more than {limit} PEM blocks")
    try:
        return tuple(load(item.encode("ascii", "replace")) for item in found)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise doc.error(path, f"a PEM block `{label}` cannot be read") from error


def _require_distinct(doc: Document, field: str, names: list[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise doc.error((field, index, "name"), f"two entries of `{field}` are called `{name}`")


def _subject(certificate: x509.Certificate) -> str:
    return ascii(certificate.subject.rfc4514_string())[:120]
