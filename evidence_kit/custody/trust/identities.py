"""Who a certificate names: one e-mail address, compared with the patterns of a policy."""

import re

from cryptography import x509

from evidence_kit.custody.trust.extensions import extension
from evidence_kit.errors import UntrustedError

MAX_WILD = 2  # `*` on either side of the `@`: each multiplies the time that a match can take
MAX_ADDRESS = 254  # RFC 5321: a path is at most 256 octets with its angle brackets
_ADDRESS = re.compile(r"[a-z0-9.!#$%&'+/=^_`{|}~-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_PATTERN = re.compile(r"[a-z0-9.!#$%&'+/=^_`{|}~*?-]+@[a-z0-9.*?-]+")


def fault(pattern: str) -> str | None:
    """Say what is wrong with a pattern, or None. A pattern without any letter of a domain would name everybody."""
    if len(pattern) > MAX_ADDRESS or not _PATTERN.fullmatch(pattern):
        return "is not a lower-case e-mail address, with `*` and `?` as wildcards"
    local, _, domain = pattern.partition("@")
    if not re.search(r"[a-z0-9]", domain):
        return "leaves the domain open"
    if max(local.count("*"), domain.count("*")) > MAX_WILD:
        return f"has more than {MAX_WILD} `*` on one side of the `@`"
    return None


def matches(pattern: str, address: str) -> bool:
    """Say whether `address` fits; neither `*` nor `?` stands for the `@`."""
    wild = {"*": "[^@]*", "?": "[^@]"}
    expression = "".join(wild.get(character) or re.escape(character) for character in pattern)
    return re.fullmatch(expression, address) is not None


def named_by(certificate: x509.Certificate) -> str:
    """Return the one e-mail address in a certificate's subjectAltName, in lower case."""
    names = extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        raise UntrustedError("the certificate names nobody (no subjectAltName)")
    found = names.get_values_for_type(x509.RFC822Name)
    if len(found) != 1:
        raise UntrustedError(f"the certificate names {len(found)} e-mail addresses, not one")
    address = found[0].lower()
    if len(address) > MAX_ADDRESS or not _ADDRESS.fullmatch(address):
        raise UntrustedError(f"the certificate names {found[0][:80]!a}, which is no e-mail address")
    return address
