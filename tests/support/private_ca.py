"""A private certificate authority for tests: roots, intermediates, people's certificates, revocation lists."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CODE_SIGNING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def usage(*uses):
    """Return a keyUsage of these uses only."""
    return x509.KeyUsage(**{use: use in uses for use in _USES})


SIGNS = usage("digital_signature")


def title(name):
    """Return a distinguished name."""
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example IR")
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def digest(key):
    """Return the hash that a key signs certificates with."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


@dataclass
class PrivateCa:
    """A CA certificate with its private key."""

    certificate: x509.Certificate
    key: object

    @classmethod
    def root(cls, name="root", *, key=None, start=START - 900 * DAY, end=START + 3650 * DAY, more=()):
        """Return a self-signed authority."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        return cls(_signed(title(name), title(name), key.public_key(), key, start, end, _of_ca(more)), key)

    @property
    def pem(self):
        """Return the certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def below(self, name="issuing", *, start=START - 900 * DAY, end=START + 3650 * DAY, more=()):
        """Return an intermediate authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = self.certificate.subject
        return PrivateCa(_signed(title(name), subject, key.public_key(), self.key, start, end, _of_ca(more)), key)

    def leaf(
        self,
        key,
        san=("alice@ir.example.com",),
        *,
        names=None,
        start=START,
        end=START + 365 * DAY,
        more=(SIGNS, CODE_SIGNING),
        ca=False,
    ):
        """Return a person's certificate for a private key, as DER."""
        extensions = [(x509.BasicConstraints(ca=ca, path_length=None), True), *((one, False) for one in more)]
        names = [x509.RFC822Name(address) for address in san] if names is None else names
        if names:
            extensions.append((x509.SubjectAlternativeName(names), False))
        subject = self.certificate.subject
        made = _signed(title("Alice"), subject, key.public_key(), self.key, start, end, extensions)
        return made.public_bytes(Encoding.DER)

    def crl(self, *revoked, issued=START + 100 * DAY, following=START + 130 * DAY, more=(), algorithm=None):
        """Return a revocation list as PEM; `revoked` are (DER, time, reason or None[, invalid since])."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(issued).next_update(following)
        for der, at, reason, *since in revoked:
            serial = x509.load_der_x509_certificate(der).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
            if reason:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            for moment in since:
                entry = entry.add_extension(x509.InvalidityDate(moment), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        for extension, critical in more:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.key, algorithm or digest(self.key)).public_bytes(Encoding.PEM)


def _of_ca(more):
    """Return the extensions of an authority; each of `more` takes the place of the usual one of its kind."""
    signs = usage("digital_signature", "key_cert_sign", "crl_sign")
    usual = [(x509.BasicConstraints(ca=True, path_length=None), True), (signs, True)]
    kinds = {one.oid for one, _ in more}
    return [pair for pair in usual if pair[0].oid not in kinds] + list(more)


def _signed(subject, issuer, public, key, start, end, extensions):
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    return builder.add_extension(identifier, critical=False).sign(key, digest(key))
