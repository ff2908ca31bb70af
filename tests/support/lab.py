"""Runs the real engine against the sandbox, and reads back what came of it."""

import gzip
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from evidence_kit.acquire.observer import Observer, Silent
from evidence_kit.acquire.run import Engine, Result
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.registry import build
from evidence_kit.custody import bag, ledger, log
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.trust import Trust, TrustedKey
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.model.check import Report
from evidence_kit.model.ports import Collector
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target
from evidence_kit.sandbox.cloud import Cloud
from evidence_kit.sandbox.door import Sent
from evidence_kit.sandbox.incident import DATA, HOME, SHOP
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.sources.catalogue import choose, load_catalogue
from evidence_kit.vaults.local import LocalVault

END = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = END + timedelta(hours=8)  # everything has settled
ROLE = "arn:aws:iam::{}:role/ir-readonly"
# Asked before any evidence is: who we are, and what there is to ask for.
QUESTIONS = {
    "aws.call": {"GetCallerIdentity", "DescribeRegions", "AssumeRole"},
    "aws.cloudtrail_lookup": {"GetCallerIdentity", "DescribeRegions", "AssumeRole"},
    "aws.cloudtrail_digest": {"GetCallerIdentity", "DescribeRegions", "AssumeRole", "DescribeTrails"},
    "aws.s3_objects": {"GetCallerIdentity", "DescribeRegions", "AssumeRole", "DescribeTrails"},
    "aws.cloudwatch_logs": {"GetCallerIdentity", "DescribeRegions", "AssumeRole", "DescribeLogGroups"},
    "aws.s3_logs": {
        *("GetCallerIdentity", "DescribeRegions", "AssumeRole", "GetModelInvocationLoggingConfiguration"),
        *("ListEndpoints", "DescribeEndpoint", "DescribeEndpointConfig", "ListModels", "DescribeModel", "HeadBucket"),
    },
}


def target(account: str = SHOP, *regions: str) -> Target:
    """Return an account of the sandbox as an inventory names it."""
    access = {"role": ROLE.format(account)} if account != SHOP else {}
    return Target(provider="aws", id=account, name=f"n-{account[:4]}", regions=regions or (HOME,), access=access)


BOTH = (
    target(SHOP, "us-east-1", "eu-west-1", "ap-southeast-2"),
    target(DATA, "us-east-1", "eu-west-1", "ap-southeast-2"),
)


def to_pem(signer: KeySigner) -> str:
    """Return a test's private key as text, so that another process can act with it."""
    key = signer._key
    assert key is not None
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def from_pem(pem: str) -> KeySigner:
    """Return the key that `to_pem` wrote."""
    return KeySigner(load_pem_private_key(pem.encode(), None))  # type: ignore[arg-type]


class Clock:
    """The wall clock, moved to where the sandbox's events have settled."""

    def __init__(self, start: datetime = LATER) -> None:
        self._start, self._began = start, time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._began)


@dataclass
class Lab:
    """One case, the two keys that write it, and an engine for it."""

    root: Path
    window: Window
    signer: KeySigner = field(default_factory=lambda: KeySigner(generate("p256")))
    log_signer: KeySigner = field(default_factory=lambda: KeySigner(generate("ed25519")))
    now: Clock = field(default_factory=Clock)
    vault: LocalVault = field(init=False)

    def __post_init__(self) -> None:
        self.vault = LocalVault(self.root)

    @property
    def keeper(self) -> Keeper:
        return Keeper(
            vault=self.vault, signer=self.signer, actor="ex@example.com", log_signer=self.log_signer, tool="test"
        )

    def open(self) -> "Lab":
        self.root.mkdir(parents=True, exist_ok=True)
        description = b'{"id":"X"}\n'
        with self.vault.working():
            self.vault.put(log.CASE, description)
            sha256 = hashlib.sha256(description).hexdigest()
            self.keeper.open_case(case="X", case_sha256=sha256, origin="evidence-kit/X/1", at=self.now())
        return self

    def engine(
        self,
        collectors: Mapping[str, Collector],
        *,
        observer: Observer | None = None,
        workers: int = 8,
        backoff: float = 0.002,
    ) -> Engine:
        return Engine(
            vault=self.vault,
            keeper=self.keeper,
            collectors=collectors,
            now=self.now,
            observer=observer or Silent(),
            workers=workers,
            backoff=backoff,
        )

    def order(self, *sources: str, targets: tuple[Target, ...] = (), window: Window | None = None) -> Order:
        return Order(sources=sources, targets=targets or (target(),), window=window or self.window, params={})

    def collect(
        self,
        *sources: str,
        targets: tuple[Target, ...] = (),
        window: Window | None = None,
        specs: Mapping[str, SourceSpec] | None = None,
        vault: LocalVault | None = None,
        **engine: object,
    ) -> Result:
        self.vault = vault or LocalVault(self.root)
        collectors = build(specs or fast(*sources))
        with self.vault.lock(), self.vault.working():
            made = self.engine(collectors, **engine)  # type: ignore[arg-type]
            return made.collect(self.order(*sources, targets=targets, window=window))

    def resume(
        self,
        *sources: str,
        targets: tuple[Target, ...] = (),
        window: Window | None = None,
        vault: LocalVault | None = None,
        **engine: object,
    ) -> Result | None:
        """Mend the log and continue the acquisition that has no seal, as the command does; None if there is none."""
        self.vault = vault or LocalVault(self.root)
        with self.vault.lock(), self.vault.working():
            self.keeper.repair(at=self.now())
            unsealed = [a for a in self.keeper.state().acquisitions.values() if a.seal_sha256 is None]
            if not unsealed:
                return None
            made = self.engine(build(fast(*sources)), **engine)  # type: ignore[arg-type]
            return made.resume(unsealed[0].id, self.order(*sources, targets=targets, window=window))

    def verify(self, *, each_signature: bool = True) -> Report:
        roles = frozenset({"collector"})
        trust = Trust(keys={self.signer.keyid: TrustedKey(key=self.signer.public, name="ex", roles=roles)})
        options = Options(each_signature=each_signature)
        return verify_case(LocalVault(self.root), name=self.root.name, trust=trust, options=options)

    # -- what is on disk -----------------------------------------------------------------------------------

    @property
    def bags(self) -> list[Path]:
        return sorted(path for path in (self.root / "bags").iterdir())

    def ledger(self, root: Path | None = None) -> list[dict[str, object]]:
        """Return every line of a bag's ledger."""
        with ((root or self.bags[-1]) / bag.LEDGER).open("rb") as stream:
            return [{**entry.fields, "type": entry.kind} for entry in ledger.read(stream)]

    def exchanges(self) -> list[dict[str, object]]:
        return [line for line in self.ledger() if line["type"] == ledger.EXCHANGE]

    def outcomes(self, root: Path | None = None) -> dict[str, UnitStatus]:
        """Return how each unit ended."""
        return {
            str(line["unit"]): UnitStatus(str(line["status"]))
            for line in self.ledger(root)
            if line["type"] == ledger.UNIT
        }

    def findings(self) -> list[dict[str, object]]:
        return [f for line in self.ledger() if line["type"] == ledger.UNIT for f in line["findings"]]  # type: ignore[attr-defined]

    def bodies(self, *, source: str = "", root: Path | None = None) -> Iterator[tuple[Path, bytes]]:
        """Yield every file of evidence with its bytes."""
        for place in [root] if root else self.bags:
            for path in sorted((place / "data" / source).rglob("*")):
                if path.is_file():
                    yield path, path.read_bytes()

    def digests(self) -> Counter[str]:
        """Return the SHA-256 of every stored artifact, hashed anew from disk."""
        return Counter(hashlib.sha256(body).hexdigest() for _, body in self.bodies())

    def looked_up(self) -> Counter[tuple[str, str, str]]:
        """Return account, region and id of every event that LookupEvents brought."""
        return Counter(
            (*_place(path, "aws.cloudtrail.lookup"), event["EventId"])
            for path, body in self.bodies(source="aws.cloudtrail.lookup")
            for event in json.loads(body)["Events"]
        )

    def delivered(self) -> Counter[tuple[str, str, str]]:
        """Return account, region and id of every event in the log files."""
        return Counter(
            (*_place(path, "aws.cloudtrail.s3"), record["eventID"])
            for path, body in self.bodies(source="aws.cloudtrail.s3")
            if path.name.endswith(".json.gz")
            for record in json.loads(gzip.decompress(body))["Records"]
        )

    def log_events(self) -> Counter[str]:
        """Return the id of every CloudWatch log event."""
        return Counter(
            event["eventId"]
            for _, body in self.bodies(source="aws.cloudwatch.logs")
            for event in json.loads(body)["events"]
        )

    def found(self) -> Counter[tuple[str, str, str]]:
        """Return account, region and id of every GuardDuty finding."""
        return Counter(
            (*_place(path, "aws.guardduty.findings"), finding["id"])
            for path, body in self.bodies(source="aws.guardduty.findings")
            if path.parent.name == "GetFindings"
            for finding in json.loads(body)["findings"]
        )


def _place(path: Path, source: str) -> tuple[str, str]:
    after = path.parts.index(source) + 1
    return path.parts[after], path.parts[after + 1]


catalogue = cache(load_catalogue)


def fast(*sources: str) -> dict[str, SourceSpec]:
    """Return sources of the catalogue that need not keep to AWS's pace; the pacer has tests of its own."""
    chosen = choose(sources, catalogue())
    return {
        name: replace(spec, limit=replace(spec.limit, rps=100_000.0, burst=100_000)) for name, spec in chosen.items()
    }


def truth_of(found: Mapping[tuple[str, str], frozenset[str]], *targets: Target) -> Counter[tuple[str, str, str]]:
    """Return what `Cloud.truth` says of some targets, in the shape in which a lab reads it back."""
    wanted = {(one.id, region) for one in targets for region in one.regions}
    return Counter((*place, name) for place, names in found.items() if place in wanted for name in names)


def sent(cloud: Cloud, specs: Mapping[str, SourceSpec]) -> Counter[str]:
    """Return the digest of every evidence answer that left the door as a success."""
    questions = set().union(*(QUESTIONS[spec.mechanism] for spec in specs.values()))
    asked = list(cloud.door.sent)
    if any(spec.scope == "organization" for spec in specs.values()):  # first it is found out who may speak for it
        asked.remove(next(one for one in asked if one.operation == "DescribeOrganization"))
    return Counter(one.sha256 for one in asked if _is_success(one) and one.operation not in questions)


def _is_success(one: Sent) -> bool:
    return 200 <= one.status < 300
