"""Sealed cases of chosen bodies under sources of the catalogue, made offline through the engine."""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from support.casemaker import CASE, NOW, TARGET, WINDOW, Case, exchange

from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.custody import log
from evidence_kit.model.exchange import Download, Item, Stream
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Scope, Unit
from evidence_kit.sources.catalogue import load_catalogue

TRAIL, LOOKUP = "aws.cloudtrail.s3", "aws.cloudtrail.lookup"
FINDINGS, FLOW = "aws.guardduty.findings", "aws.vpc.flow_s3"
ACTOR = "arn:aws:iam::111122223333:user/dana"


@dataclass
class Bodies:
    """A collector: one unit, one object for each body."""

    spec: SourceSpec
    bodies: Mapping[str, bytes]

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        yield Unit(source=self.spec.name, target=scope.target, region="us-east-1", window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        for name, body in self.bodies.items():
            yield Download(name=name, open=lambda body=body: _opened(body), object={"bucket": "b", "key": name})


@contextmanager
def _opened(body: bytes) -> Iterator[Stream]:
    yield Stream(exchange=exchange("Get", b""), chunks=iter([body]), size=len(body))


def case_of(root: Path, bodies: Mapping[str, Mapping[str, bytes]], *, name: str = CASE) -> Case:
    """Return a sealed case at `root` that holds the bodies of each source; another `name` makes another case."""
    case = Case(root)
    root.mkdir(parents=True)
    body = json.dumps({"id": name, "title": "A test"}).encode() + b"\n"
    with case.vault.working():
        case.vault.put(log.CASE, body)
    sha256 = hashlib.sha256(body).hexdigest()
    case.keeper.open_case(case=name, case_sha256=sha256, origin=f"evidence-kit.dev/case/{name}", at=NOW)
    collect(case, bodies)
    return case


def collect(case: Case, bodies: Mapping[str, Mapping[str, bytes]]) -> None:
    """Add one acquisition to a case."""
    known = load_catalogue()
    specs = {source: replace(known[source], step=None) for source in bodies}
    vault = case.vault
    collectors = {source: Bodies(spec, bodies[source]) for source, spec in specs.items()}
    with vault.lock(), vault.working():
        engine = Engine(vault=vault, keeper=case.keeper_of(vault), collectors=collectors, now=lambda: NOW, workers=2)
        engine.collect(Order(sources=tuple(bodies), targets=(TARGET,), window=WINDOW, params={}))
    case.bags += sorted({f"bags/{name}" for name in vault.folders("bags")}.difference(case.bags))


def event(number: int, **more: object) -> dict[str, object]:
    """Return a CloudTrail event."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": ACTOR, "accessKeyId": f"AKIA{number % 7:016}"},
        "eventTime": f"2026-11-18T21:{number // 60 % 60:02}:{number % 60:02}Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "us-east-1",
        "sourceIPAddress": f"203.0.113.{number % 250}",
        "userAgent": "aws-cli/2",
        "requestParameters": {"bucketName": "shop-invoices", "key": f"{number}.pdf"},
        "eventID": f"e-{number}",
        "recipientAccountId": "111122223333",
        **more,
    }


def trail(events: Sequence[object]) -> bytes:
    """Return events as CloudTrail delivers them."""
    return gzip.compress(json.dumps({"Records": events}, separators=(",", ":")).encode(), 1)
