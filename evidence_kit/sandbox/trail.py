"""Make CloudTrail log files and their signed hourly digest chain, as AWS lays them down in a bucket.

The files are synthetic and the key is ours; the form is real, so that AWS's own validator accepts them.
It must never be taken for evidence, and never talks to a cloud: `put` decides where the objects go.
Source: CloudTrail user guide, "CloudTrail log file examples" and "CloudTrail digest file structure".
"""

import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from evidence_kit.errors import UsageError
from evidence_kit.model.time import Window, compact, parse_instant, rfc3339

Record = Mapping[str, object]
Put = Callable[[str, bytes, Mapping[str, str]], None]

BATCH = timedelta(minutes=5)  # CloudTrail publishes about every five minutes
LAG = timedelta(minutes=7)  # from the start of a batch, so that an event is delivered 2 to 7 minutes after its time
HOUR = timedelta(hours=1)
MAX_RECORDS = 200  # a file; enough to see several files a batch in a small demo
ALGORITHM = "SHA256withRSA"


class TrailKey:
    """The RSA key with which CloudTrail signs the digests of one region."""

    def __init__(self, private: rsa.RSAPrivateKey) -> None:
        self._private = private
        self.public_der = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.PKCS1
        )
        self.fingerprint = hashlib.md5(self.public_der, usedforsecurity=False).hexdigest()

    @classmethod
    def generate(cls) -> "TrailKey":
        """Make a fresh key of the size that AWS uses."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=2048))

    def sign(self, message: bytes) -> str:
        """Return the PKCS#1 v1.5 SHA-256 signature in lower-case hex."""
        return self._private.sign(message, padding.PKCS1v15(), hashes.SHA256()).hex()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was put, in order of delivery, and the `eventID`s that it holds."""

    log_keys: tuple[str, ...]
    digest_keys: tuple[str, ...]
    event_ids: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trail:
    """Where one region of a trail delivers to, and who signs."""

    account: str
    region: str
    trail: str
    home_region: str
    bucket: str
    key: TrailKey
    prefix: str

    def path(self, kind: str, day: datetime, name: str) -> str:
        """Return the object key of a file of `kind` that is filed under `day`."""
        prefix = f"{self.prefix.rstrip('/')}/" if self.prefix else ""
        return f"{prefix}AWSLogs/{self.account}/{kind}/{self.region}/{day:%Y/%m/%d}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One object with its JSON, and what the chain says of it."""

    key: str
    text: bytes
    delivered_at: datetime
    metadata: Mapping[str, str]
    oldest: str | None
    newest: str | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text).hexdigest()


def deliver(
    *,
    account: str,
    region: str,
    trail: str,
    home_region: str,
    bucket: str,
    key: TrailKey,
    events: Sequence[Record],
    logging: Sequence[Window],
    put: Put,
    prefix: str = "",
) -> Delivery:
    """Deliver the events that fall into `logging`, with one digest an hour and one chain an interval.

    Events outside every interval are what a stopped trail does not see: they are delivered nowhere.
    The same input gives the same bytes, but for the signatures when the key is another.
    """
    owner = _Trail(
        account=account,
        region=region,
        trail=trail,
        home_region=home_region,
        bucket=bucket,
        key=key,
        prefix=prefix,
    )
    timed = sorted(((parse_instant(str(e["eventTime"])), e) for e in events), key=lambda pair: pair[0])
    log_keys: list[str] = []
    digest_keys: list[str] = []
    seen: set[str] = set()
    for interval in sorted(logging, key=lambda window: window.start):
        heard = [(moment, event) for moment, event in timed if moment in interval]
        seen.update(str(event["eventID"]) for _, event in heard)
        logs = tuple(_logs(owner, interval, heard))
        for file in _in_order(logs, _digests(owner, interval, logs)):
            put(file.key, gzip.compress(file.text, mtime=0), file.metadata)
            (digest_keys if file.metadata else log_keys).append(file.key)
    return Delivery(tuple(log_keys), tuple(digest_keys), frozenset(seen))


def _in_order(logs: Iterable[_File], digests: Iterable[_File]) -> list[_File]:
    """Return files as they would arrive: an hour's logs before the digest that lists them."""
    return sorted([*logs, *digests], key=lambda file: file.delivered_at)


def _logs(owner: _Trail, interval: Window, heard: Iterable[tuple[datetime, Record]]) -> Iterator[_File]:
    """Yield log files of at most MAX_RECORDS events, a batch delivered at once."""
    last = interval.end - timedelta(seconds=1)  # what was heard last must still stand in the last digest
    batches: defaultdict[datetime, list[Record]] = defaultdict(list)
    for moment, event in heard:
        batch = moment - (moment - moment.replace(minute=0, second=0, microsecond=0)) % BATCH
        batches[min(batch + LAG, last)].append(event)
    for delivered_at, events in sorted(batches.items()):
        for first in range(0, len(events), MAX_RECORDS):
            yield _log(owner, delivered_at, first, events[first : first + MAX_RECORDS])


def _log(owner: _Trail, delivered_at: datetime, first: int, events: Sequence[Record]) -> _File:
    text = _json({"Records": [dict(event) for event in events]})
    unique = hashlib.sha256(b"%d\n%s" % (first, text)).hexdigest()[:16]  # AWS: 16 random letters and digits
    name = f"{owner.account}_CloudTrail_{owner.region}_{delivered_at:%Y%m%dT%H%MZ}_{unique}.json.gz"
    return _File(
        key=owner.path("CloudTrail", delivered_at, name),
        text=text,
        delivered_at=delivered_at,
        metadata={},
        oldest=str(events[0]["eventTime"]),
        newest=str(events[-1]["eventTime"]),
    )


def _digests(owner: _Trail, interval: Window, logs: Sequence[_File]) -> Iterator[_File]:
    """Yield a chain: a digest for every hour of `interval`, its first and last hour perhaps shorter."""
    if interval.start.microsecond or interval.end.microsecond:
        raise UsageError("CloudTrail digests begin and end on whole seconds", hint="round the interval")
    previous: _File | None = None
    for hour in interval.split(HOUR):
        previous = _digest(owner, hour, [log for log in logs if log.delivered_at in hour], previous)
        yield previous


def _digest(owner: _Trail, hour: Window, logs: Sequence[_File], previous: _File | None) -> _File:
    name = (
        f"{owner.account}_CloudTrail-Digest_{owner.region}_{owner.trail}_{owner.home_region}"
        f"_{compact(hour.end)}.json.gz"
    )
    key = owner.path("CloudTrail-Digest", hour.end, name)
    before = previous.metadata["signature"] if previous else None
    oldest = min((log.oldest for log in logs if log.oldest), default=None)
    newest = max((log.newest for log in logs if log.newest), default=None)
    text = _json(
        {
            "awsAccountId": owner.account,
            "digestStartTime": rfc3339(hour.start),
            "digestEndTime": rfc3339(hour.end),
            "digestS3Bucket": owner.bucket,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": owner.key.fingerprint,
            "digestSignatureAlgorithm": ALGORITHM,
            "newestEventTime": newest,
            "oldestEventTime": oldest,
            "previousDigestS3Bucket": owner.bucket if previous else None,
            "previousDigestS3Object": previous.key if previous else None,
            "previousDigestHashValue": previous.sha256 if previous else None,
            "previousDigestHashAlgorithm": "SHA-256" if previous else None,
            "previousDigestSignature": before,
            "logFiles": [_entry(owner.bucket, log) for log in logs],
        }
    )
    digest = hashlib.sha256(text).hexdigest()
    signed = f"{rfc3339(hour.end)}\n{owner.bucket}/{key}\n{digest}\n{before or 'null'}"
    metadata = {"signature": owner.key.sign(signed.encode()), "signature-algorithm": ALGORITHM}
    return _File(key=key, text=text, delivered_at=hour.end, metadata=metadata, oldest=oldest, newest=newest)


def _entry(bucket: str, log: _File) -> dict[str, object]:
    return {
        "s3Bucket": bucket,
        "s3Object": log.key,
        "hashValue": log.sha256,
        "hashAlgorithm": "SHA-256",
        "newestEventTime": log.newest,
        "oldestEventTime": log.oldest,
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
