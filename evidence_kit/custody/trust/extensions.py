"""Extensions of certificates, in which a stranger may have put anything."""

from typing import TypeVar

from cryptography import x509

from evidence_kit.errors import SignatureError

E = TypeVar("E", bound=x509.ExtensionType)


def extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    """Return the extension of that kind, None where there is none; SignatureError where they cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise SignatureError("the certificate's extensions cannot be read") from error
