"""Writing `trust.yaml`: entries as text, so that what a person wrote beside them stays as it is."""

import json
import re
from collections.abc import Iterable
from datetime import datetime

from evidence_kit.custody.trust.reading import API_VERSION
from evidence_kit.model.time import rfc3339

HEADER = f"apiVersion: {API_VERSION}\nkind: TrustPolicy\nkeys:\n"
_PAIR = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")


def key_entry(
    *,
    name: str,
    pem: bytes,
    roles: Iterable[str],
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> str:
    """Return the YAML of one key, to be put below `keys:`."""
    return (
        f"  - name: {quoted(name)}\n    roles: [{', '.join(roles)}]\n"
        f"{_window(valid_from, valid_until)}{_block('publicKey', pem)}"
    )


def time_authority_entry(*, name: str, pem: bytes, policies: Iterable[str] = ()) -> str:
    """Return the YAML of one time-stamping authority, to be put below `timeAuthorities:`."""
    allowed = ", ".join(quoted(policy) for policy in policies)
    line = f"    policies: [{allowed}]\n" if allowed else ""
    return f"  - name: {quoted(name)}\n{line}{_block('certificate', pem)}"


def certificate_authority_entry(
    *, name: str, pem: bytes, roles: Iterable[str], identities: Iterable[str], crl: bytes | None = None
) -> str:
    """Return the YAML of one authority that names people, to be put below `certificateAuthorities:`."""
    return (
        f"  - name: {quoted(name)}\n    roles: [{', '.join(roles)}]\n"
        f"    identities: [{', '.join(quoted(identity) for identity in identities)}]\n"
        f"{_block('certificate', pem)}{_block('crl', crl) if crl else ''}"
    )


def revocation(at: datetime, reason: str) -> str:
    """Return the value of `revoked`."""
    return f"{{at: {rfc3339(at)}, reason: {reason}}}"


def quoted(text: str) -> str:
    """Return a YAML string in double quotes: JSON's, but for pairs of surrogates, which YAML does not join."""
    return _PAIR.sub(_joined, json.dumps(text))


def _joined(pair: re.Match[str]) -> str:
    character: str = json.loads(f'"{pair[0]}"')
    return f"\\U{ord(character):08x}"


def _window(start: datetime | None, end: datetime | None) -> str:
    lines = (("validFrom", start), ("validUntil", end))
    return "".join(f"    {field}: {rfc3339(moment)}\n" for field, moment in lines if moment)


def _block(field: str, pem: bytes) -> str:
    indented = "".join(
        f"      {line.strip()}\n" for line in pem.decode("ascii", "replace").split("\n") if line.strip()
    )
    return f"    {field}: |\n{indented}"
