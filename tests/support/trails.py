"""Cases that hold a CloudTrail trail: log files, digests and public keys as AWS delivers them, made offline."""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.casemaker import NOW, SPEC, TARGET, Case, exchange

from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.custody.verify.proofs import DIGESTS, LOGS
from evidence_kit.model.exchange import Closed, Item, Page
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.model.unit import Scope, Unit
from evidence_kit.sandbox.trail import TrailKey, deliver

ACCOUNT, REGION, BUCKET = TARGET.id, "us-east-1", "audit-logs"
DAY = datetime(2026, 11, 18, tzinfo=UTC)
WINDOW = Window(DAY, DAY + timedelta(days=1))
KEY = TrailKey.generate()
Objects = dict[str, tuple[bytes, Mapping[str, str]]]


def objects_of(trail: str = "audit", hours: int = 3) -> Objects:
    """Return a bucket's content by key: body and S3 metadata."""
    found: Objects = {}
    events = [
        {"eventID": f"e{n}", "eventTime": rfc3339(DAY + timedelta(minutes=20 * n)), "awsRegion": REGION}
        for n in range(hours * 3)
    ]
    deliver(
        account=ACCOUNT,
        region=REGION,
        trail=trail,
        home_region=REGION,
        bucket=BUCKET,
        key=KEY,
        events=events,
        logging=(Window(DAY, DAY + timedelta(hours=hours)),),
        put=lambda key, body, metadata: found.__setitem__(key, (body, dict(metadata))),
    )
    return found


def public_keys() -> bytes:
    """Return the answer to `ListPublicKeys`."""
    value = base64.b64encode(KEY.public_der).decode()
    return json.dumps({"PublicKeyList": [{"Fingerprint": KEY.fingerprint, "Value": value}]}).encode()


@dataclass
class FromBucket:
    """A collector of one source: every object of a bucket, and the keys before the digests."""

    source: str
    objects: Mapping[str, tuple[bytes, Mapping[str, str]]]
    keys: bytes | None = None
    closed: UnitStatus | None = None
    copies: Mapping[str, bytes] = field(default_factory=dict)
    window: Window | None = WINDOW

    @property
    def spec(self) -> SourceSpec:
        return replace(SPEC, name=self.source)

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        yield Unit(source=self.source, target=scope.target, region=REGION, window=self.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        if self.keys is not None:
            answer = exchange("ListPublicKeys", self.keys)
            yield Page(name="ListPublicKeys", body=self.keys, exchange=answer, next_cursor=None)
        listing = exchange("ListObjectVersions", b"<xml/>")
        yield Page(name="list", body=b"<xml/>", exchange=listing, next_cursor=None, suffix="xml")
        for key, (body, metadata) in self.objects.items():
            yield self._object(key, body, metadata)
        for key, body in self.copies.items():
            yield self._object(key, body, {})
        if self.closed:
            yield Closed(status=self.closed, reason="for the test")

    def _object(self, key: str, body: bytes, metadata: Mapping[str, str]) -> Page:
        answer = exchange("GetObject", body)
        headers = {**answer.headers, **{f"x-amz-meta-{name}": value for name, value in metadata.items()}}
        return Page(
            name="objects",
            body=body,
            exchange=replace(answer, headers=headers),
            next_cursor=None,
            suffix="json.gz",
            object={"bucket": BUCKET, "key": key},
        )


def digests_in(objects: Objects) -> Objects:
    return {key: found for key, found in objects.items() if "/CloudTrail-Digest/" in key}


def logs_in(objects: Objects) -> Objects:
    return {key: found for key, found in objects.items() if "/CloudTrail-Digest/" not in key}


def altered(body: bytes) -> bytes:
    """Return a log file with one event changed."""
    return gzip.compress(gzip.decompress(body).replace(b"e", b"E", 1), mtime=0)


def make_trail_case(root: Path, *collectors: FromBucket) -> Case:
    """Make a sealed case that acquired from `collectors`."""
    case = Case(root)
    case.open()
    vault = case.vault
    order = Order(sources=tuple(c.source for c in collectors), targets=(TARGET,), window=WINDOW, params={})
    known = {collector.source: collector for collector in collectors}
    engine = Engine(
        vault=vault, keeper=case.keeper_of(vault), collectors=known, now=lambda: NOW + timedelta(days=9), workers=2
    )
    with vault.lock(), vault.working():
        case.results.append(engine.collect(order))
    case.bags += [f"bags/{name}" for name in vault.folders("bags")]
    return case


def whole_trail(objects: Objects) -> tuple[FromBucket, FromBucket]:
    """Return collectors of both sources over one bucket."""
    return (
        FromBucket(DIGESTS, digests_in(objects), keys=public_keys()),
        FromBucket(LOGS, logs_in(objects)),
    )
