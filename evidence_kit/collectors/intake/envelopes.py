"""Signed statements about files: DSSE envelopes that hold in-toto statements, alone or in a Sigstore bundle."""

from collections.abc import Mapping

from evidence_kit.collectors.intake.sums import ALGORITHMS, Claim
from evidence_kit.collectors.intake.verdicts import Answer, Checked
from evidence_kit.custody import dsse, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError

MAX_ENVELOPE = 64 << 20
MAX_SIGNATURES = 100  # each is checked over the whole payload
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")


def read(data: bytes, key: PublicKey, *, proof: str) -> tuple[Checked, tuple[Claim, ...]]:
    """Return whether `key` signed an envelope, and what its statement says of files if so."""
    try:
        envelope = _envelope(strict.decode(data, limit=MAX_ENVELOPE))
        kind = strict.field(envelope, "payloadType", str)
        payload = strict.from_base64(strict.field(envelope, "payload", str))
        signatures = strict.field(envelope, "signatures", list)
    except SignatureError as error:
        return Checked(Answer.NOT_CHECKED, f"it is no DSSE envelope: {error.message}"), ()
    if kind != dsse.PAYLOAD_TYPE:
        return Checked(Answer.NOT_CHECKED, "the envelope holds no in-toto statement"), ()
    if len(signatures) > MAX_SIGNATURES:
        return Checked(Answer.NOT_CHECKED, f"it carries more than {MAX_SIGNATURES} signatures"), ()
    if not any(_is_by(key, payload, one) for one in signatures):
        if any(isinstance(one, dict) and one.get("keyid") == key.keyid for one in signatures):
            return Checked(Answer.FALSE, f"key {key.keyid} has signed something else"), ()
        return Checked(Answer.NOT_CHECKED, f"no signature in it is by key {key.keyid}"), ()
    try:
        claims = _claims(strict.decode(payload, limit=MAX_ENVELOPE), proof)
    except SignatureError as error:
        return Checked(Answer.NOT_CHECKED, f"its statement cannot be read: {error.message}"), ()
    return Checked(Answer.GOOD, f"key {key.keyid}"), claims


def _envelope(document: Mapping[str, object]) -> Mapping[str, object]:
    if "dsseEnvelope" in document:
        return strict.field(document, "dsseEnvelope", dict)
    if "messageSignature" in document:
        raise SignatureError("this bundle signs one file and names none; ask for one with a statement")
    return document


def _is_by(key: PublicKey, payload: bytes, signature: object) -> bool:
    """Say whether `key` made a signature. The `keyid` beside it is a hint that others write in other ways."""
    if not isinstance(signature, dict):
        return False
    try:
        key.verify(dsse.pae(payload), strict.from_base64(strict.field(signature, "sig", str)))
    except SignatureError:
        return False
    return True


def _claims(said: Mapping[str, object], proof: str) -> tuple[Claim, ...]:
    if said.get("_type") not in _STATEMENTS:
        raise SignatureError("not an in-toto statement")
    found = []
    for subject in strict.field(said, "subject", list):
        if not isinstance(subject, dict):
            raise SignatureError("a subject is not an object")
        name, digests = strict.field(subject, "name", str), strict.field(subject, "digest", dict)
        known = {str(kind): str(value).lower() for kind, value in digests.items() if kind in ALGORITHMS.values()}
        if not known:
            raise SignatureError(f"subject {name[:80]!a} has no digest that is known here")
        best = max(known, key=lambda kind: len(known[kind]))
        if ALGORITHMS.get(len(known[best])) != best:
            raise SignatureError(f"the digest of {name[:80]!a} is none")
        found.append(Claim(name=name, proof=proof, algorithm=best, digest=known[best]))
    return tuple(found)
