"""Makes small, real, sealed cases offline through the engine; tests take them apart."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from evidence_kit.acquire.run import Engine, Result
from evidence_kit.acquire.scope import Order
from evidence_kit.custody import log, statement
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.trust import HEADER, Trust, key_entry, parse_trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.model.check import Report
from evidence_kit.model.exchange import Closed, Download, Exchange, Item, Page, Request, Stream
from evidence_kit.model.ports import Context
from evidence_kit.model.source import Limit, RecordPath, SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.model.unit import Scope, Target, Unit
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.vaults.local import LocalVault

CASE = "IR-2026-014"
ORIGIN = "evidence-kit.dev/case/IR-2026-014"
NOW = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=3), NOW - timedelta(days=2))
TARGET = Target(provider="aws", id="111122223333", name="shop")
SOURCE = "test.pages"
WEIRD = (
    "two words.log",
    "line\nfeed.log",
    "gr\u00fc\u00dfe/\u65e5\u672c.json",
    "../../etc/passwd",
    "./..",
    "long/" + "n" * 300,
    "right-to-left\u202egpj.exe",
)
SPEC = SourceSpec(
    name=SOURCE,
    provider="aws",
    summary="Pages and objects from memory.",
    mechanism="test",
    scope="region",
    windowed=True,
    permissions=("test:Read",),
    limit=Limit(rps=1_000_000, burst=1_000_000),
    records=RecordPath(path="Events", id="id", time="at"),
    docs="https://example.com/",
    digest="0" * 64,
)


def exchange(operation: str, body: bytes) -> Exchange:
    """Return a plausible exchange that brought `body`."""
    return Exchange(
        request=Request(
            method="POST",
            host="test.us-east-1.example.com",
            path="/",
            operation=operation,
            digest=hashlib.sha256(operation.encode()).hexdigest(),
        ),
        sent_at=NOW,
        received_at=NOW + timedelta(milliseconds=120),
        status=200,
        headers={"date": "Sat, 21 Nov 2026 21:30:00 GMT"},
        request_id="req-1",
        peer="5e" * 32,
        caller="arn:aws:sts::111122223333:assumed-role/ir-readonly/robin" if operation == "List" else "",
        sha256=hashlib.sha256(body).hexdigest(),
        bytes=len(body),
    )


@dataclass
class PagesFromMemory:
    """A collector: some pages and one object a name for each region; `partial` regions end before their time."""

    pages: int = 2
    names: Sequence[str] = WEIRD
    regions: Sequence[str] = ("us-east-1",)
    partial: frozenset[str] = frozenset()
    spec: SourceSpec = SPEC

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        for region in self.regions:
            yield Unit(source=SOURCE, target=scope.target, region=region, window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        for number in range(self.pages):
            body = json.dumps({"Events": [{"id": f"e{number}", "at": rfc3339(WINDOW.start)}]}).encode()
            last = number == self.pages - 1 and unit.region not in self.partial
            cursor = None if last else f"token-{number}"
            yield Page(name="list", body=body, exchange=exchange("List", body), next_cursor=cursor, records=1)
        for name in self.names:
            yield Download(name=name, open=lambda name=name: _opened(name), object={"bucket": "b", "key": name})
        if not self.pages and not self.names:
            yield Closed(status=UnitStatus.NOT_ENABLED, reason="nothing is on here")


@contextmanager
def _opened(name: str) -> Iterator[Stream]:
    body = b"contents of " + name.encode()
    yield Stream(exchange=exchange("Get", b""), chunks=iter([body]), size=len(body))


class Crash(BaseException):
    """The machine went away."""


class CrashingVault(LocalVault):
    """Loses power when the first manifest of a seal is to be written."""

    def publish(self, path: str, data: Iterable[bytes]) -> tuple[str, int]:
        if path.startswith("bags/"):
            raise Crash
        return super().publish(path, data)


@dataclass
class Case:
    """A case on disk and everything needed to check it, go on with it, or forge it."""

    root: Path
    signer: KeySigner = field(default_factory=lambda: KeySigner(generate("p256")))
    log_signer: KeySigner = field(default_factory=lambda: KeySigner(generate("ed25519")))
    results: list[Result] = field(default_factory=list)
    bags: list[str] = field(default_factory=list)  # their paths in the case, oldest first

    @property
    def vault(self) -> LocalVault:
        return LocalVault(self.root)

    @property
    def keeper(self) -> Keeper:
        return self.keeper_of(self.vault)

    def keeper_of(self, vault: LocalVault) -> Keeper:
        return Keeper(
            vault=vault,
            signer=self.signer,
            actor="Robin Examiner",
            log_signer=self.log_signer,
            tool="evidence-kit test",
        )

    @property
    def trust_text(self) -> bytes:
        return trust_text(self.signer)

    @property
    def trust(self) -> Trust:
        return parse_trust(self.trust_text, name="trust.yaml")

    @property
    def bag(self) -> str:
        """The one bag."""
        (only,) = self.bags
        return only

    @property
    def files(self) -> list[str]:
        """Every file of the case, sorted."""
        return sorted(str(p.relative_to(self.root)) for p in self.root.rglob("*") if not p.is_dir())

    def path(self, inside: str) -> Path:
        """Where a file of the one bag lies."""
        return self.root / self.bag / inside

    def open(self) -> None:
        """Write the description and the first custody event."""
        self.root.mkdir(parents=True)
        description = json.dumps({"id": CASE, "title": "A test"}).encode() + b"\n"
        with self.vault.working():
            self.vault.put(log.CASE, description)
        sha256 = hashlib.sha256(description).hexdigest()
        self.keeper.open_case(case=CASE, case_sha256=sha256, origin=ORIGIN, at=NOW)

    def engine(self, collector: PagesFromMemory, vault: LocalVault) -> Engine:
        return Engine(
            vault=vault, keeper=self.keeper_of(vault), collectors={SOURCE: collector}, now=lambda: NOW, workers=2
        )

    def collect(self, collector: PagesFromMemory, *, crash: bool = False) -> None:
        """Run one acquisition; with `crash` it stays without its seal."""
        vault = CrashingVault(self.root) if crash else self.vault
        order = Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={})
        with vault.lock(), vault.working():
            try:
                self.results.append(self.engine(collector, vault).collect(order))
            except Crash:
                if not crash:
                    raise
        self.bags += sorted({f"bags/{name}" for name in vault.folders("bags")}.difference(self.bags))

    def note(self, text: str = "looked at it") -> None:
        """Add a custody event."""
        subject = statement.Subject("note", hashlib.sha256(text.encode()).hexdigest())
        vault = self.vault
        self.keeper_of(vault).append(log.NOTE, at=NOW, subjects=[subject], fields={"text": text})
        vault.close()

    def verify(
        self, *, each_signature: bool = False, last: bytes | None = None, trust: Trust | None = None
    ) -> Report:
        options = Options(each_signature=each_signature, last_checkpoint=last)
        return verify_case(self.vault, name=CASE, trust=trust or self.trust, options=options)


def trust_text(signer: KeySigner, *, roles: tuple[str, ...] = ("collector",)) -> bytes:
    """Return a policy that trusts `signer`."""
    since = NOW - timedelta(days=365)
    return (
        HEADER + key_entry(name="Robin Examiner", pem=signer.public_key_pem, roles=roles, valid_from=since)
    ).encode()


def make_case(
    root: Path,
    *,
    pages: int = 2,
    names: Sequence[str] = WEIRD,
    regions: Sequence[str] = ("us-east-1",),
    partial: Iterable[str] = (),
    acquisitions: int = 1,
    sealed: bool = True,
) -> Case:
    """Make a case at `root`, which must not exist.

    `partial` regions end before the provider's last page; without `sealed` the last acquisition crashes before its
    seal.
    """
    case = Case(root)
    case.open()
    collector = PagesFromMemory(pages=pages, names=names, regions=regions, partial=frozenset(partial))
    for number in range(acquisitions):
        case.collect(collector, crash=not sealed and number == acquisitions - 1)
    return case


def artifacts(case: Case) -> Mapping[str, bytes]:
    """Return the evidence in the one bag by its path in there."""
    base = case.root / case.bag
    return {str(p.relative_to(base)): p.read_bytes() for p in sorted((base / "data").rglob("*")) if p.is_file()}
