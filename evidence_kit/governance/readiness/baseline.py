"""The signature over a readiness file, and holding a file against it: a statement of its own, beside the file."""

import hashlib
from pathlib import PurePath

from evidence_kit.custody import seal, statement, strict
from evidence_kit.custody.keys import PublicKey
from evidence_kit.errors import SignatureError, UntrustedError
from evidence_kit.model.ports import Signer

PREDICATE = "https://evidence-kit.dev/attestation/readiness/v1"
SUFFIX = ".sigstore.json"
MAX_BUNDLE = 64 << 10  # ours are about 1 KB


def sign(text: bytes, *, name: str, at: str, signer: Signer) -> bytes:
    """Return the bundle that says: `signer` looked, and this is what it found."""
    file = PurePath(name).name
    subject = statement.Subject(file, hashlib.sha256(text).hexdigest())
    return seal.sign(statement.build(PREDICATE, [subject], {"observedAt": at}), signer)


def require_signed(text: bytes, bundle: bytes | None, *, name: str, key: PublicKey) -> str:
    """Return when `key` says that this was observed; UntrustedError where the file is not what it signed."""
    if bundle is None:
        raise UntrustedError(
            f"`{name}` is not signed: there is no `{PurePath(name).name}{SUFFIX}` beside it",
            hint="keep both files that `readiness --out` writes",
        )
    try:
        return _observed(text, bundle, key)
    except SignatureError as error:
        raise UntrustedError(
            f"`{name}` is not the baseline that key {key.keyid[:12]} signed: {error.message}",
            hint="fetch both files again from where they are kept, or make a new baseline",
        ) from error


def _observed(text: bytes, bundle: bytes, key: PublicKey) -> str:
    if len(bundle) > MAX_BUNDLE:
        raise SignatureError(f"a signature file of {len(bundle):,} bytes is not one")
    said = statement.parse(seal.parse_bundle(bundle).envelope.verify(key), expected=PREDICATE)
    if [one.sha256 for one in said.subjects] != [hashlib.sha256(text).hexdigest()]:
        raise SignatureError("the file was changed after it was signed")
    return strict.field(said.predicate, "observedAt", str)
