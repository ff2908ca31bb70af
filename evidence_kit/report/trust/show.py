"""A trust policy as a table for people and as data for programs."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from evidence_kit.custody.trust import ACTIONS, CertificateAuthority, Revocation, Trust, TrustedKey
from evidence_kit.model.time import rfc3339


def lines(trust: Trust) -> Iterator[str]:
    """Yield the table, a line at a time."""
    yield f"policy      sha256 {trust.sha256}"
    rows = [
        (
            trusted.name,
            ",".join(sorted(trusted.roles)),
            _span(trusted.valid_from, trusted.valid_until),
            _revoked(trusted.revoked),
            trusted.key.algorithm,
            trusted.key.keyid,
        )
        for trusted in trust.keys.values()
    ]
    yield from _table("keys", ("name", "roles", "valid", "revoked", "algorithm", "keyid"), rows)
    people = [
        (
            authority.name,
            ",".join(sorted(authority.roles)),
            _span(authority.valid_from, authority.valid_until),
            ", ".join(authority.identities),
            _lists(authority),
        )
        for authority in trust.certificate_authorities
    ]
    yield from _table("certificate authorities", ("name", "roles", "valid", "may name", "revocation lists"), people)
    times = [
        (
            authority.name,
            _span(authority.valid_from, authority.valid_until),
            ", ".join(sorted(authority.policies)) or "any",
            str(len(authority.certificates)),
        )
        for authority in trust.time_authorities
    ]
    yield from _table("time authorities", ("name", "valid", "policies", "certificates"), times)
    need = "required" if trust.timestamps_required else "not required"
    skew = int(trust.max_skew.total_seconds())
    yield f"time-stamps {need}, quorum {trust.quorum}, clocks may differ by {skew} s"
    yield f"thresholds  {', '.join(f'{action} {trust.threshold(action)}' for action in ACTIONS)}"


def to_json(trust: Trust) -> dict[str, object]:
    """Return the policy as plain data."""
    return {
        "sha256": trust.sha256,
        "keys": [_key(trusted) for trusted in trust.keys.values()],
        "certificateAuthorities": [
            {
                "name": authority.name,
                "roles": sorted(authority.roles),
                "identities": list(authority.identities),
                "certificates": [_certificate(certificate) for certificate in authority.certificates],
                "revocationLists": [rfc3339(crl.last_update_utc) for crl in authority.crls],
                **_times(authority.valid_from, authority.valid_until),
            }
            for authority in trust.certificate_authorities
        ],
        "timeAuthorities": [
            {
                "name": authority.name,
                "policies": sorted(authority.policies),
                "certificates": [_certificate(certificate) for certificate in authority.certificates],
                **_times(authority.valid_from, authority.valid_until),
            }
            for authority in trust.time_authorities
        ],
        "timestamps": {
            "required": trust.timestamps_required,
            "quorum": trust.quorum,
            "maxSkewSeconds": int(trust.max_skew.total_seconds()),
        },
        "thresholds": {action: trust.threshold(action) for action in ACTIONS},
    }


def _key(trusted: TrustedKey) -> dict[str, object]:
    revoked = trusted.revoked
    return {
        "name": trusted.name,
        "roles": sorted(trusted.roles),
        "keyid": trusted.key.keyid,
        "algorithm": trusted.key.algorithm,
        **_times(trusted.valid_from, trusted.valid_until),
        "revoked": None if revoked is None else {"at": rfc3339(revoked.at), "reason": revoked.reason},
    }


def _certificate(certificate: x509.Certificate) -> dict[str, object]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "notAfter": rfc3339(certificate.not_valid_after_utc),
    }


def _times(start: datetime | None, end: datetime | None) -> dict[str, str | None]:
    return {"validFrom": rfc3339(start) if start else None, "validUntil": rfc3339(end) if end else None}


def _span(start: datetime | None, end: datetime | None) -> str:
    if start is None and end is None:
        return "always"
    return f"{rfc3339(start) if start else ''}…{rfc3339(end) if end else ''}"


def _revoked(revoked: Revocation | None) -> str:
    return "-" if revoked is None else f"{revoked.reason} {rfc3339(revoked.at)}"


def _lists(authority: CertificateAuthority) -> str:
    if not authority.crls:
        return "none: revocation is not checked"
    newest = max(crl.last_update_utc for crl in authority.crls)
    return f"{len(authority.crls)}, newest of {rfc3339(newest)}"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    yield title
    for row in (head, *rows):
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
