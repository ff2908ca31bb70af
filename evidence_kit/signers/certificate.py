"""The X.509 certificate that may lie beside a key: one leaf, for exactly that key."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError, UsageError

MAX_CERTIFICATE = 64 << 10  # one with many names is 4 KB
_BEGIN = b"-----BEGIN CERTIFICATE-----"


def read_leaf(pem: bytes, key: PublicKey) -> bytes:
    """Return the one certificate in `pem` as DER if it is for `key`; UsageError says why not."""
    if len(pem) > MAX_CERTIFICATE or pem.count(_BEGIN) != 1:
        raise UsageError(
            "the file does not hold exactly one certificate in PEM",
            hint="give your own certificate only; its issuers belong into the trust policy",
        )
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        held = PublicKey.of(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError("the file holds no certificate that can be read") from error
    except SignatureError as error:
        raise UsageError(f"the certificate is for another kind of key: {error.message}") from error
    if held.keyid != key.keyid:
        raise UsageError(
            f"the certificate is for key {held.keyid[:12]}, not for {key.keyid[:12]}",
            hint="have one issued for the key that `evidence-kit keys show NAME` prints",
        )
    return certificate.public_bytes(Encoding.DER)
