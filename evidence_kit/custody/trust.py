"""Whom the caller trusts, as what, and when: `trust.yaml`, an input that is never read from a case."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError, UntrustedError, UsageError
from evidence_kit.model.document import Document, parse_document
from evidence_kit.model.time import parse_instant, rfc3339

API_VERSION = "evidence-kit/trust.v1"
ROLES = ("collector", "custodian", "log", "approver")
_KEY_FIELDS = ("name", "publicKey", "roles", "validFrom", "validUntil", "revoked")


@dataclass(frozen=True, slots=True)
class Revocation:
    """When a key stopped to count, and why. `compromised` voids whatever no time-stamp proves to be older."""

    at: datetime
    reason: Literal["compromised", "superseded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A key, whose it is, what it may do, and when."""

    key: PublicKey
    name: str
    roles: frozenset[str]
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    revoked: Revocation | None = None

    def require(self, roles: tuple[str, ...], claimed: datetime) -> None:
        """Raise UntrustedError unless this key may act as one of `roles` at the time that the signer claims."""
        who = f"{self.name} (key {self.key.keyid[:12]})"
        if not self.roles.intersection(roles):
            raise UntrustedError(f"{who} is not trusted as {' or '.join(roles)}")
        if self.valid_from and claimed < self.valid_from:
            raise UntrustedError(f"{who} is trusted from {rfc3339(self.valid_from)}, signed {rfc3339(claimed)}")
        if self.valid_until and claimed >= self.valid_until:
            raise UntrustedError(f"{who} was trusted until {rfc3339(self.valid_until)}, signed {rfc3339(claimed)}")
        if self.revoked and self.revoked.reason == "compromised":
            raise UntrustedError(f"{who} is revoked as compromised, and no time-stamp proves this to be older")
        if self.revoked and claimed >= self.revoked.at:
            raise UntrustedError(f"{who} was superseded at {rfc3339(self.revoked.at)}, signed {rfc3339(claimed)}")


@dataclass(frozen=True, slots=True)
class Trust:
    """The caller's policy. A policy without keys is invalid, never "anything goes"."""

    keys: Mapping[str, TrustedKey]

    def find(self, keyid: str) -> PublicKey | None:
        """Return the public key called `keyid`."""
        trusted = self.keys.get(keyid)
        return trusted.key if trusted else None

    def require(self, keyid: str, roles: tuple[str, ...], claimed: datetime) -> TrustedKey:
        """Return the key if it may act as one of `roles`, or raise UntrustedError."""
        trusted = self.keys.get(keyid)
        if trusted is None:
            raise UntrustedError(f"key {keyid[:12]!a} is not in the trust policy")
        trusted.require(roles, claimed)
        return trusted


def parse_trust(text: bytes, *, name: str) -> Trust:
    """Read a trust policy; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    doc.allow((), ("apiVersion", "kind", "keys"))
    if doc.at(("apiVersion",), str) != API_VERSION or doc.at(("kind",), str) != "TrustPolicy":
        raise doc.error(("apiVersion",), f"expected `apiVersion: {API_VERSION}` and `kind: TrustPolicy`")
    keys: dict[str, TrustedKey] = {}
    for index in range(len(doc.at(("keys",), list))):
        trusted = _key(doc, index)
        if trusted.key.keyid in keys:
            raise doc.error(("keys", index), f"key {trusted.key.keyid[:12]} is listed twice")
        keys[trusted.key.keyid] = trusted
    if not keys:
        raise doc.error(("keys",), "the policy trusts no key", hint="add one with `evidence-kit keys new`")
    return Trust(keys)


def _key(doc: Document, index: int) -> TrustedKey:
    at = ("keys", index)
    doc.allow(at, _KEY_FIELDS)
    roles = doc.at((*at, "roles"), list)
    for position, role in enumerate(roles):
        if role not in ROLES:
            raise doc.error((*at, "roles", position), f"unknown role `{role}`", hint=f"known: {', '.join(ROLES)}")
    if not roles:
        raise doc.error((*at, "roles"), "a key without a role can do nothing")
    try:
        key = PublicKey.from_text(doc.at((*at, "publicKey"), str))
    except SignatureError as error:
        raise doc.error((*at, "publicKey"), error.message) from error
    return TrustedKey(
        key=key,
        name=doc.at((*at, "name"), str),
        roles=frozenset(roles),
        valid_from=_instant(doc, (*at, "validFrom")),
        valid_until=_instant(doc, (*at, "validUntil")),
        revoked=_revocation(doc, (*at, "revoked")),
    )


def _instant(doc: Document, path: tuple[str | int, ...]) -> datetime | None:
    if not _stands(doc, path):
        return None
    try:
        return parse_instant(doc.at(path, str))
    except UsageError as error:
        raise doc.error(path, error.message, hint=error.hint) from error


def _stands(doc: Document, path: tuple[str | int, ...]) -> bool:
    """Say whether a field is written at all; one left blank must not read as "no limit"."""
    return path[-1] in doc.at(path[:-1], dict)


def _revocation(doc: Document, path: tuple[str | int, ...]) -> Revocation | None:
    if not _stands(doc, path):
        return None
    doc.allow(path, ("at", "reason"))
    at, reason = _instant(doc, (*path, "at")), doc.at((*path, "reason"), str)
    if at is None:
        raise doc.error(path, "`at` is missing")
    if reason == "compromised":
        return Revocation(at, "compromised")
    if reason == "superseded":
        return Revocation(at, "superseded")
    raise doc.error((*path, "reason"), f"unknown reason `{reason}`", hint="`compromised` or `superseded`")


def key_entry(*, name: str, pem: bytes, roles: tuple[str, ...], valid_from: datetime) -> str:
    """Return the YAML of one key, to be appended below `keys:`."""
    indented = "".join(f"      {line}\n" for line in pem.decode().splitlines())
    return (
        f"  - name: {json.dumps(name)}\n    roles: [{', '.join(roles)}]\n"
        f"    validFrom: {rfc3339(valid_from)}\n    publicKey: |\n{indented}"
    )


HEADER = f"apiVersion: {API_VERSION}\nkind: TrustPolicy\nkeys:\n"
