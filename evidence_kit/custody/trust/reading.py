"""Reading `trust.yaml`, strictly: an empty list, a blank or an unknown field is an error, never "anything goes"."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from evidence_kit.custody.keys import PublicKey
from evidence_kit.custody.trust import authorities, fields
from evidence_kit.custody.trust.fields import ROLES, stands
from evidence_kit.custody.trust.policy import ACTIONS, MAX_SKEW, Trust
from evidence_kit.custody.trust.trusted import Revocation, TrustedKey
from evidence_kit.errors import SignatureError
from evidence_kit.model.document import Document, Path, parse_document

__all__ = ["API_VERSION", "ROLES", "parse_trust"]

API_VERSION = "evidence-kit/trust.v1"
MAX_KEYS = 5_000  # listed by hand or by `trust add`; a larger organisation has an authority
MAX_THRESHOLD = 64
MAX_SKEW_SECONDS = 86_400  # a clock that is a day off tells nothing
_FIELDS = (
    "apiVersion",
    "kind",
    "keys",
    "timestamps",
    "timeAuthorities",
    "certificateAuthorities",
    "thresholds",
)
_KEY_FIELDS = ("name", "publicKey", "roles", "validFrom", "validUntil", "revoked")


def parse_trust(text: bytes, *, name: str) -> Trust:
    """Read a trust policy; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    doc.allow((), _FIELDS)
    if doc.at(("apiVersion",), str) != API_VERSION or doc.at(("kind",), str) != "TrustPolicy":
        raise doc.error(("apiVersion",), f"expected `apiVersion: {API_VERSION}` and `kind: TrustPolicy`")
    if not stands(doc, ("certificateAuthorities",)):
        hint = "add one with `evidence-kit keys new` or `evidence-kit trust add`"
        if doc.at(("keys",), list, default=None if stands(doc, ("keys",)) else []) == []:
            raise doc.error(("keys",), "the policy trusts no key", hint=hint)
    time_authorities = authorities.time_authorities(doc)
    required, quorum, skew = _timestamps(doc, known=len(time_authorities))
    return Trust(
        keys=_keys(doc),
        certificate_authorities=authorities.certificate_authorities(doc),
        time_authorities=time_authorities,
        quorum=quorum,
        timestamps_required=required,
        max_skew=skew,
        thresholds=_thresholds(doc),
        sha256=hashlib.sha256(text).hexdigest(),
    )


def _keys(doc: Document) -> Mapping[str, TrustedKey]:
    keys: dict[str, TrustedKey] = {}
    for index in range(fields.entries(doc, "keys", limit=MAX_KEYS)):
        trusted = _key(doc, ("keys", index))
        if trusted.key.keyid in keys:
            raise doc.error(("keys", index), f"key {trusted.key.keyid[:12]} is listed twice")
        keys[trusted.key.keyid] = trusted
    return keys


def _key(doc: Document, at: Path) -> TrustedKey:
    doc.allow(at, _KEY_FIELDS)
    roles = fields.roles(doc, at)
    try:
        key = PublicKey.from_text(doc.at((*at, "publicKey"), str))
    except SignatureError as error:
        raise doc.error((*at, "publicKey"), error.message) from error
    start, end = fields.window(doc, at)
    return TrustedKey(
        key=key,
        name=fields.name(doc, at),
        roles=roles,
        valid_from=start,
        valid_until=end,
        revoked=_revocation(doc, (*at, "revoked")),
    )


def _revocation(doc: Document, path: Path) -> Revocation | None:
    if not stands(doc, path):
        return None
    doc.allow(path, ("at", "reason"))
    at, reason = fields.instant(doc, (*path, "at")), doc.at((*path, "reason"), str)
    if at is None:
        raise doc.error(path, "`at` is missing")
    if reason == "compromised":
        return Revocation(at, "compromised")
    if reason == "superseded":
        return Revocation(at, "superseded")
    raise doc.error((*path, "reason"), f"unknown reason `{reason}`", hint="`compromised` or `superseded`")


def _timestamps(doc: Document, *, known: int) -> tuple[bool, int, timedelta]:
    """Return whether time-stamps are required, how many authorities must agree, and how far clocks may differ."""
    at = ("timestamps",)
    if not stands(doc, at):
        return False, 1, MAX_SKEW
    doc.allow(at, ("required", "quorum", "maxSkewSeconds"))
    if not doc.at(at, dict):
        raise doc.error(at, "`timestamps` is empty")
    required = doc.at((*at, "required"), bool) if stands(doc, (*at, "required")) else False
    quorum = fields.number(doc, (*at, "quorum"), default=1, low=1, high=authorities.MAX_AUTHORITIES)
    if required and not known:
        raise doc.error((*at, "required"), "time-stamps are required, and the policy trusts no time authority")
    if stands(doc, (*at, "quorum")) and quorum > known:
        raise doc.error((*at, "quorum"), f"a quorum of {quorum} needs as many `timeAuthorities`; there are {known}")
    skew = fields.number(
        doc, (*at, "maxSkewSeconds"), default=int(MAX_SKEW.total_seconds()), low=0, high=MAX_SKEW_SECONDS
    )
    return required, quorum, timedelta(seconds=skew)


def _thresholds(doc: Document) -> Mapping[str, int]:
    at = ("thresholds",)
    if not stands(doc, at):
        return {}
    doc.allow(at, ACTIONS)
    said = doc.at(at, dict)
    if not said:
        raise doc.error(at, "`thresholds` is empty")
    return {action: fields.number(doc, (*at, action), default=1, low=1, high=MAX_THRESHOLD) for action in said}
