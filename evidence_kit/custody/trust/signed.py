"""A policy's own signature, `trust.yaml.sigstore.json`, and its pinned digest: who may say whom to trust."""

import hashlib
import hmac
import re
from datetime import datetime
from pathlib import PurePath

from evidence_kit.custody import dsse, seal, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError, UntrustedError, UsageError
from evidence_kit.model.ports import Signer
from evidence_kit.model.time import is_rfc3339, rfc3339

TRUST_POLICY = "https://evidence-kit.dev/attestation/trust-policy/v1"
SUFFIX = ".sigstore.json"
MAX_BUNDLE = 64 << 10  # ours are about 1 KB
_HEX = re.compile(r"[0-9a-f]{64}")


def sign(text: bytes, *, name: str, signer: Signer, at: datetime) -> bytes:
    """Return the bundle that says: `signer` stands for these bytes as the policy of that file name."""
    file = PurePath(name).name
    said = {"signedAt": rfc3339(at), "policy": file}
    subject = statement.Subject(file, hashlib.sha256(text).hexdigest())
    return seal.sign(statement.build(TRUST_POLICY, [subject], said), signer)


def require_signed(text: bytes, bundle: bytes | None, *, name: str, key: PublicKey) -> str:
    """Return when `key` signed these bytes as the policy of that file name, by its clock, or raise UntrustedError."""
    if bundle is None:
        raise UntrustedError(
            f"`{name}` is not signed: there is no `{PurePath(name).name}{SUFFIX}` beside it",
            hint="its owner signs it with `evidence-kit trust sign`",
        )
    try:
        return _signed_at(text, bundle, file=PurePath(name).name, key=key)
    except SignatureError as error:
        raise UntrustedError(
            f"`{name}` is not the policy that key {key.keyid[:12]} signed: {error.message}",
            hint="fetch policy and signature again from whoever keeps them",
        ) from error


def _signed_at(text: bytes, bundle: bytes, *, file: str, key: PublicKey) -> str:
    if len(bundle) > MAX_BUNDLE:
        raise SignatureError(f"a signature file of {len(bundle):,} bytes is not one")
    envelope = _envelope(bundle)
    said = statement.parse(envelope.verify(key), expected=TRUST_POLICY)
    if len(said.subjects) != 1:
        raise SignatureError("it speaks of several files")
    subject = said.subjects[0]
    if subject.name != file or strict.field(said.predicate, "policy", str) != file:
        raise SignatureError(f"what was signed is called {subject.name[:80]!a}")
    if subject.sha256 != hashlib.sha256(text).hexdigest():
        raise SignatureError("the policy was changed after it was signed")
    signed_at = strict.field(said.predicate, "signedAt", str)
    if not is_rfc3339(signed_at):
        raise SignatureError(f"signedAt is not a time: {signed_at[:40]!a}")
    return signed_at


def _envelope(bundle: bytes) -> dsse.Envelope:
    parsed = seal.parse_bundle(bundle)
    if parsed.certificate is not None:
        raise SignatureError("it carries a certificate; a policy is signed by a key that you name yourself")
    return parsed.envelope


def require_pinned(text: bytes, pinned: str, *, name: str) -> None:
    """Raise UntrustedError unless the policy has the SHA-256 that the caller wrote down."""
    if not _HEX.fullmatch(pinned):
        raise UsageError(f"`{pinned[:80]}` is not a SHA-256", hint="64 lower-case hex digits, as `sha256sum` prints")
    found = hashlib.sha256(text).hexdigest()
    if not hmac.compare_digest(found, pinned):
        raise UntrustedError(f"`{name}` is not the pinned policy: its SHA-256 is {found}", hint=f"expected {pinned}")
