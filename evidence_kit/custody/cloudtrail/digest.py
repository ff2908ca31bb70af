"""Read one CloudTrail digest file strictly and check AWS's signature over it; it must never guess a field.

Source: CloudTrail user guide, "CloudTrail digest file structure" and "Custom implementations of CloudTrail log
file integrity validation".
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from evidence_kit.custody import strict
from evidence_kit.custody.cloudtrail.inflate import inflated
from evidence_kit.errors import ProviderProofError, SignatureError, UsageError
from evidence_kit.model.time import parse_instant, rfc3339

# An entry takes about 450 bytes: room for 140,000 log files in an hour, where a busy region delivers hundreds.
MAX_DIGEST = 64 << 20
ALGORITHM = "SHA256withRSA"  # the only one that CloudTrail has ever used
HASH = "SHA-256"  # likewise

_SHA256 = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"(?:[0-9a-f]{2})+")
_PLACE = re.compile(
    r"(?:[^\n]*/)?AWSLogs/(?:o-[a-z0-9]+/)?(?P<account>[0-9]{12})/CloudTrail-Digest/(?P<region>[a-z0-9-]+)"
    r"/[0-9]{4}/[0-9]{2}/[0-9]{2}/(?P=account)_CloudTrail-Digest_(?P=region)_(?P<trail>[^/\n]+)"
    r"_(?P<home>[a-z0-9-]+)_[0-9]{8}T[0-9]{6}Z(?P<backfill>_backfill)?\.json\.gz"
)
_PREVIOUS = (
    "previousDigestS3Bucket",
    "previousDigestS3Object",
    "previousDigestHashValue",
    "previousDigestHashAlgorithm",
    "previousDigestSignature",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogClaim:
    """What a digest says of one log file; `sha256` is of the inflated file, the times are of its events."""

    bucket: str
    key: str
    sha256: str
    oldest: str | None
    newest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """What a digest says of the digest before it; `sha256` is of the inflated digest."""

    bucket: str
    key: str
    sha256: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One digest file, parsed. `[start, end)` is the span in which the log files were *delivered*.

    `bucket` and `key` are where CloudTrail says that it put the digest; `stored` is where it was found, if known.
    `sha256` is of the inflated digest; `signature` is hex, and empty when the S3 metadata is lost.
    `name` is the label of the stored artifact, for messages.
    """

    account: str
    region: str
    trail: str
    home_region: str
    bucket: str
    key: str
    start: datetime
    end: datetime
    fingerprint: str
    algorithm: str
    sha256: str
    signature: str
    previous: Previous | None
    logs: tuple[LogClaim, ...]
    backfill: bool
    name: str
    stored: tuple[str, str] | None = None

    @property
    def trail_id(self) -> tuple[str, str, str, str]:
        """Return account, region, trail and its home region: digests chain only within one of these."""
        return (self.account, self.region, self.trail, self.home_region)

    @property
    def misplaced(self) -> bool:
        """Say whether it stood where CloudTrail never put it, copies of the whole tree apart."""
        return self.stored is not None and not self.stored[1].endswith(self.key[self.key.rfind("AWSLogs/") :])


def parse_digest(body: bytes, *, signature: str, name: str, stored: tuple[str, str] | None = None) -> Digest:
    """Read a digest as S3 holds it (gzip); ProviderProofError if it is not exactly one.

    `signature` is the object's metadata of that name, empty if lost; `stored` its bucket and key, if known.
    """
    try:
        text = b"".join(inflated((body,), MAX_DIGEST))
        return _read(text, signature=signature, name=name, stored=stored)
    except (ProviderProofError, SignatureError) as error:
        raise ProviderProofError(f"`{name}` is not a CloudTrail digest: {error.message}") from error


def check_signature(digest: Digest, keys: Mapping[str, bytes]) -> None:
    """Raise ProviderProofError unless AWS signed `digest`, and signed it for the place where it was found.

    `keys` maps fingerprints to PKCS#1 DER, as `ListPublicKeys` returns them. A copy in another bucket or below
    another prefix is the same digest; one that stood at another digest's place is not.
    """
    if digest.misplaced:
        raise ProviderProofError(f"`{digest.name}` did not stand at `{digest.key}`, for which AWS signed it")
    if digest.algorithm != ALGORITHM:
        raise ProviderProofError(f"`{digest.name}` is signed with `{digest.algorithm}`, not {ALGORITHM}")
    if not digest.signature:
        raise ProviderProofError(
            f"the signature of `{digest.name}` is unknown",
            hint="it is the S3 object's metadata `signature`; the digest after it repeats it",
        )
    if not _HEX.fullmatch(digest.signature):
        raise ProviderProofError(f"the signature of `{digest.name}` is not lower-case hex")
    try:
        _public_key(digest, keys).verify(
            bytes.fromhex(digest.signature), _signed_text(digest), padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature as error:
        raise ProviderProofError(f"AWS's signature of `{digest.name}` does not verify") from error


def _signed_text(digest: Digest) -> bytes:
    """Return the string to sign: end, place, hash, and the previous signature or the word `null`."""
    before = digest.previous.signature if digest.previous else "null"
    return f"{rfc3339(digest.end)}\n{digest.bucket}/{digest.key}\n{digest.sha256}\n{before}".encode()


def _public_key(digest: Digest, keys: Mapping[str, bytes]) -> rsa.RSAPublicKey:
    try:
        key = serialization.load_der_public_key(keys[digest.fingerprint])
    except KeyError as error:
        raise ProviderProofError(
            f"no public key with fingerprint `{digest.fingerprint}` to check `{digest.name}`",
            hint=f"`ListPublicKeys` in {digest.region} for the time of the digest returns it",
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ProviderProofError(f"the key with fingerprint `{digest.fingerprint}` is unreadable") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise ProviderProofError(f"the key with fingerprint `{digest.fingerprint}` is not an RSA key")
    return key


def _read(text: bytes, *, signature: str, name: str, stored: tuple[str, str] | None) -> Digest:
    value = strict.decode(text, limit=MAX_DIGEST)
    key = _text(value, "digestS3Object")
    place = _PLACE.fullmatch(key)
    if not place:
        raise ProviderProofError("`digestS3Object` is not where CloudTrail puts digests")
    account = _text(value, "awsAccountId")
    if account != place["account"]:
        raise ProviderProofError(f"it is about account {account}, but filed under {place['account']}")
    start, end = _instant(value, "digestStartTime"), _instant(value, "digestEndTime")
    if end <= start:
        raise ProviderProofError("it ends before it starts")
    return Digest(
        account=account,
        region=place["region"],
        trail=place["trail"],
        home_region=place["home"],
        bucket=_text(value, "digestS3Bucket"),
        key=key,
        start=start,
        end=end,
        fingerprint=_text(value, "digestPublicKeyFingerprint"),
        algorithm=_text(value, "digestSignatureAlgorithm"),
        sha256=hashlib.sha256(text).hexdigest(),
        signature=signature,
        previous=_previous(value),
        logs=tuple(_claim(entry) for entry in strict.field(value, "logFiles", list)),
        backfill=place["backfill"] is not None,
        name=name,
        stored=stored,
    )


def _previous(value: Mapping[str, object]) -> Previous | None:
    if all(name in value and value[name] is None for name in _PREVIOUS):
        return None
    bucket, key, sha256, algorithm, signature = (_text(value, name) for name in _PREVIOUS)
    if not _HEX.fullmatch(signature):
        raise ProviderProofError("`previousDigestSignature` is not lower-case hex")
    return Previous(bucket=bucket, key=key, sha256=_hash(sha256, algorithm), signature=signature)


def _claim(entry: object) -> LogClaim:
    if not isinstance(entry, dict):
        raise ProviderProofError("an entry of `logFiles` is not an object")
    return LogClaim(
        bucket=_text(entry, "s3Bucket"),
        key=_text(entry, "s3Object"),
        sha256=_hash(_text(entry, "hashValue"), _text(entry, "hashAlgorithm")),
        oldest=_text_or_none(entry, "oldestEventTime"),
        newest=_text_or_none(entry, "newestEventTime"),
    )


def _hash(sha256: str, algorithm: str) -> str:
    if algorithm != HASH or not _SHA256.fullmatch(sha256):
        raise ProviderProofError(f"`{sha256[:80]}` is not a {HASH} in lower-case hex (`{algorithm[:80]}`)")
    return sha256


def _text(value: Mapping[str, object], name: str) -> str:
    """Return a printable text: a line break would shift the lines that AWS signs, or those that people read."""
    text = strict.field(value, name, str)
    if not text or not text.isprintable():
        raise ProviderProofError(f"field `{name}` is empty or holds unprintable characters")
    return text


def _text_or_none(value: Mapping[str, object], name: str) -> str | None:
    return None if name in value and value[name] is None else _text(value, name)


def _instant(value: Mapping[str, object], name: str) -> datetime:
    """Return a time that stands exactly as we would write it, because its text is part of what AWS signs."""
    text = _text(value, name)
    try:
        moment = parse_instant(text)
    except UsageError as error:
        raise ProviderProofError(f"field `{name}`: {error.message}") from error
    if rfc3339(moment) != text:
        raise ProviderProofError(f"field `{name}` is not of the form 2026-11-18T00:00:00Z")
    return moment
