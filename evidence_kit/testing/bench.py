"""One case in front of one provider: runs the real engine, and reads back from disk what came of it."""

import hashlib
import logging
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evidence_kit.acquire.plan import Plan, make_plan
from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.custody import bag, ledger, log
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.trust import Trust, TrustedKey
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.errors import OperatorStop
from evidence_kit.model.check import Report
from evidence_kit.model.ports import Collector
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Outcome
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.testing.provider import Provider
from evidence_kit.testing.witness import Clock, NoWait, Seen, TearingVault, Waits, Witness
from evidence_kit.vaults.local import LocalVault

_MOST = 400  # items: more than any provider of a suite has to give
_INFLATE = 31  # zlib's word for gzip


@cache
def _keys() -> tuple[KeySigner, KeySigner]:
    return KeySigner(generate("p256")), KeySigner(generate("ed25519"))


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one run. `said` is all that was logged, by whomever."""

    outcomes: tuple[Outcome, ...]
    seen: Seen
    waits: tuple[float, ...]
    said: str

    @property
    def is_whole(self) -> bool:
        """Whether every unit claims to be whole, and there is one."""
        return bool(self.outcomes) and all(outcome.status.is_whole for outcome in self.outcomes)


class Bench:
    """A new case in `folder`; `make` returns the collector under test, new each time."""

    def __init__(self, folder: Path, provider: Provider, make: Callable[[SourceSpec], Collector]) -> None:
        self.provider, self.make = provider, make
        self.clock = Clock(provider.settled)
        self._vault = LocalVault(folder / "case")
        signer, log_signer = _keys()
        self._signer, self._log_signer = signer, log_signer
        self.order = Order(
            sources=(provider.source.name,),
            targets=(provider.target,),
            window=provider.window,
            params=provider.params,
        )
        self._open()

    def _open(self) -> None:
        self._vault.root.mkdir()
        description = b'{"id":"conformance"}\n'
        with self._vault.working():
            self._vault.put(log.CASE, description)
            sha256 = hashlib.sha256(description).hexdigest()
            self._keeper().open_case(
                case="conformance", case_sha256=sha256, origin="evidence-kit/conformance/1", at=self.clock()
            )

    def _keeper(self) -> Keeper:
        return Keeper(
            vault=self._vault,
            signer=self._signer,
            actor="examiner@example.com",
            log_signer=self._log_signer,
            tool="conformance",
        )

    def _engine(self, collector: Collector, waits: Waits) -> Engine:
        return Engine(
            vault=self._vault,
            keeper=self._keeper(),
            collectors={self.provider.source.name: collector},
            now=self.clock,
            secret=lambda name: self.provider.secrets[name],
            observer=waits,
            stop=NoWait(),
            workers=1,  # so that what was sent can be told from what was taken
        )

    # -- running -----------------------------------------------------------------------------------------------

    def plan(self) -> Plan:
        """Plan, and do nothing."""
        collector = self.make(self.provider.source)
        engine = self._engine(collector, Waits())
        return make_plan(self.order, engine.collectors, engine.world())

    def run(self, *, cut: bool = False) -> Run:
        """Collect. With `cut`, a page that names another is the last of its unit."""
        with self._watched(cut=cut) as (engine, run), self._vault.lock(), self._vault.working():
            result = engine.collect(self.order)
        return run(result.outcomes)

    def tear(self, artifacts: int) -> None:
        """Collect, and be interrupted for good when that many artifacts have been stored."""
        self._vault = TearingVault(self._vault.root, artifacts)
        with self._watched() as (engine, _), self._vault.lock(), self._vault.working():
            try:
                engine.collect(self.order)
            except OperatorStop:
                return
        raise AssertionError(f"there were no more than {artifacts} artifacts to be interrupted at")

    def resume(self) -> Run:
        """Go on with what was torn, as another process would: with a new vault and a new collector."""
        self._vault = LocalVault(self._vault.root)
        with self._watched() as (engine, run), self._vault.lock(), self._vault.working():
            engine.keeper.repair(at=self.clock())
            (torn,) = [one for one in engine.keeper.state().acquisitions.values() if one.seal_sha256 is None]
            result = engine.resume(torn.id, self.order)
        return run(result.outcomes)

    @contextmanager
    def _watched(self, *, cut: bool = False) -> Iterator[tuple[Engine, Callable[[tuple[Outcome, ...]], Run]]]:
        provider, waits, ears = self.provider, Waits(), _Ears()
        collector = self.make(provider.source)
        witness = Witness(collector, lambda: len(provider.evidence), most=_MOST, cut=cut)
        with ears.open():
            yield (
                self._engine(witness, waits),
                lambda outcomes: Run(outcomes, witness.seen, tuple(waits.seconds), ears.heard()),
            )

    # -- what is on disk ---------------------------------------------------------------------------------------

    @property
    def _bag(self) -> Path:
        (found,) = (self._vault.root / "bags").iterdir()
        return found

    def stored(self) -> list[bytes]:
        """Return every stored body."""
        return [path.read_bytes() for path in sorted((self._bag / "data").rglob("*")) if path.is_file()]

    def ledger(self, kind: str) -> list[dict[str, object]]:
        """Return every line of one kind."""
        with (self._bag / bag.LEDGER).open("rb") as stream:
            return [dict(entry.fields) for entry in ledger.read(stream) if entry.kind == kind]

    def everything(self) -> bytes:
        """Return every byte and every name in the case."""
        paths = sorted(self._vault.root.rglob("*"))
        names = "\n".join(map(str, paths)).encode()
        return names + b"".join(path.read_bytes() for path in paths if path.is_file())

    def found(self) -> Counter[bytes]:
        """Return how often each member of the truth stands in what is stored."""
        bodies = [_inflated(body) for body in self.stored()]
        return Counter({mark: sum(body.count(mark) for body in bodies) for mark in self.provider.truth})

    def amiss(self) -> dict[str, int]:
        """Return what of the truth is stored not once, with how often it is; nothing, if all is well."""
        return {mark.decode(): count for mark, count in self.found().items() if count != 1}

    def verify(self) -> Report:
        """Verify the case, each signature of it."""
        roles = frozenset({"collector"})
        key = TrustedKey(key=self._signer.public, name="examiner", roles=roles)
        trust = Trust(keys={self._signer.keyid: key})
        options = Options(each_signature=True)
        return verify_case(LocalVault(self._vault.root), name="conformance", trust=trust, options=options)


class _Ears(logging.Handler):
    """Hears everything that anybody logs while it is open."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._records: list[str] = []
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line, with its traceback."""
        self._records.append(self.format(record))

    def heard(self) -> str:
        """Return all that was said."""
        return "\n".join(self._records)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Listen, alone: what is heard here would be a flood anywhere else."""
        root = logging.getLogger()
        level, others = root.level, root.handlers
        root.handlers = [self]
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.handlers = others
            root.setLevel(level)


def _inflated(body: bytes) -> bytes:
    return zlib.decompress(body, _INFLATE) if body.startswith(b"\x1f\x8b") else body
