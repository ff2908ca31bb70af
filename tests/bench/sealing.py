"""Sealing many artifacts beside bagit.py, and how the cost of a bag grows with them.

Run as a program it does one of these things to artifacts that are told of: nobody's bytes are written or hashed.
"""

import argparse
import hashlib
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any, BinaryIO

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from measuring import ROUNDS, Row, Run, found, missing, program, side_by_side
from memory_case import case_of, contents, name_of
from support.casemaker import NOW, SOURCE, SPEC, TARGET, WINDOW, Case, Crash, CrashingVault, exchange

from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.acquire.sealing import seal_bag
from evidence_kit.custody import bag, ledger
from evidence_kit.model.exchange import Item, Page
from evidence_kit.model.ports import Context, Stored
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Scope, Unit
from evidence_kit.signers.file import KeySigner, generate
from evidence_kit.vaults.local import LocalVault

ARTIFACTS = 1_000_000
SIZE = 64
IN_UNIT = 1000  # artifacts
_SELF = str(Path(__file__).resolve())
BODY = b"0123456789abcdef" * (SIZE // 16)


def sealing(base: Path, scale: float, peers: Path | None, rounds: int = ROUNDS) -> list[Row]:
    """Compare with bagit.py: of files that lie there already, and with writing the files first."""
    artifacts = max(100, round(ARTIFACTS * scale))
    bagit = found("bagit.py", peers)
    lying = _lying(base / "lying", artifacts, rounds if bagit else 0)
    ready = _ready(base / "ready", artifacts, rounds)
    create = ("--sha256", "--processes", "1")

    def bagged(_: Path) -> object:
        return program(bagit, *create, str(lying.pop()), memory=True)(base / "lying")

    def sealed(_: Path) -> object:
        return _ours("seal", 0)(ready.pop())

    def written(folder: Path) -> object:
        write(folder / "bag", artifacts)
        return program(bagit, *create, str(folder / "bag"), memory=True)(folder)

    told: dict[str, Run | str] = {
        "evidence-kit: manifests and seal, of artifacts signed before": sealed,
        "evidence-kit: sign each, ledger, manifests, seal": _ours("take", artifacts),
        "bagit.py --sha256: hash, move, manifests": bagged if bagit else missing("bagit.py"),
    }
    whole: dict[str, Run | str] = {
        "evidence-kit: hash, durable, sign each, ledger, manifests, seal": _ours("store", artifacts),
        "write, not durable; bagit.py --sha256": written if bagit else missing("bagit.py"),
    }
    return [
        *side_by_side(f"seal {artifacts:,} artifacts", told, base, rounds=rounds),
        *side_by_side(f"write {artifacts:,} files of {SIZE} bytes and seal them", whole, base, rounds=rounds),
    ]


def _ours(what: str, artifacts: int) -> Run:
    return program(sys.executable, _SELF, what, str(artifacts), memory=True)


def _lying(base: Path, artifacts: int, rounds: int) -> list[Path]:
    """Write the files that bagit.py is to find, once a round."""
    base.mkdir()
    folders = [base / str(number) for number in range(rounds)]
    for folder in folders:
        write(folder, artifacts)
    return folders


def _ready(base: Path, artifacts: int, rounds: int) -> list[Path]:
    """Take artifacts up to where only the seal is missing, once a round."""
    base.mkdir()
    folders = [base / str(number) for number in range(rounds)]
    for folder in folders:
        folder.mkdir()
        ready(folder, artifacts)
    return folders


def write(folder: Path, artifacts: int) -> None:
    """Write the files of `store` as a script would."""
    for number in range(artifacts):
        path = folder / name_of(number)
        if number % 1000 == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(contents(number, SIZE)))


# -- what is measured ----------------------------------------------------------------------------------------


class Told(LocalVault):
    """Takes note of what would be stored; storing is measured elsewhere."""

    def stage(self, chunks: Iterable[bytes]) -> Stored:
        """Return what one body always is."""
        return Stored("told", _DIGEST, SIZE)

    def commit(self, batch: Sequence[tuple[Stored, str]]) -> None:
        """Put nothing in place."""


class Unsealed(Told, CrashingVault):
    """Loses power before the first manifest."""


_DIGEST = hashlib.sha256(BODY).hexdigest()


class Many:
    """A collector of very many pages that cost nothing."""

    def __init__(self, artifacts: int) -> None:
        self.spec: SourceSpec = replace(SPEC, step=None)
        self._artifacts = artifacts

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        """Yield a unit for each thousand."""
        for number in range(-(-self._artifacts // IN_UNIT)):
            yield Unit(source=SOURCE, target=scope.target, region=f"r-{number}", window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the pages of one unit."""
        first = int(unit.region[2:]) * IN_UNIT
        count = min(IN_UNIT, self._artifacts - first)
        asked = replace(exchange("List", BODY), sha256=_DIGEST)
        for number in range(count):
            cursor = str(number) if number < count - 1 else None
            yield Page(name="List", body=BODY, exchange=asked, next_cursor=cursor, records=1)


def take(folder: Path, artifacts: int) -> None:
    """Attest, record and seal so many artifacts."""
    _collect(case_at(folder), Told, Many(artifacts))


def ready(folder: Path, artifacts: int) -> None:
    """Attest and record so many artifacts; what is missing is the seal."""
    _collect(case_at(folder), Unsealed, Many(artifacts))


def case_at(folder: Path) -> Case:
    """Return the case in a folder, opened if there is none, and the keys that lie beside it."""
    signer, log_signer = (_key(folder / name) for name in ("signer.pem", "log_signer.pem"))
    case = Case(folder / "case", signer=signer, log_signer=log_signer)
    if not case.root.exists():
        case.open()
    return case


def _key(path: Path) -> KeySigner:
    if not path.exists():
        path.write_bytes(
            generate("ed25519" if path.name == "log_signer.pem" else "p256").private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            )
        )
    return KeySigner(load_pem_private_key(path.read_bytes(), None))


def _collect(case: Case, kind: type[LocalVault], collector: Many) -> None:
    vault = kind(case.root)
    order = Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={})
    with vault.lock(), vault.working(), suppress(Crash):
        keeper, collectors = case.keeper_of(vault), {SOURCE: collector}
        Engine(vault=vault, keeper=keeper, collectors=collectors, now=lambda: NOW, workers=1).collect(order)


def seal(case: Case, vault: LocalVault) -> None:
    """Seal the one bag of a case."""
    keeper = case.keeper_of(vault)
    (acquisition,) = keeper.state().acquisitions.values()
    with vault.lock(), vault.working():
        seal_bag(vault=vault, keeper=keeper, acquisition=acquisition, record={}, sealed_at=rfc3339(NOW))


# -- very many -----------------------------------------------------------------------------------------------


class MadeUp(Told):
    """A bag with the ledger and the attestations of so many artifacts, made up as they are read from those of one."""

    def __init__(self, root: Path, artifacts: int) -> None:
        super().__init__(root)
        self._artifacts = artifacts

    def open(self, path: str) -> BinaryIO:
        """Open what is there, or what never was."""
        if path.endswith(bag.LEDGER):
            return io.BufferedReader(Lines(self._ledger(path)), 1 << 16)
        if path.endswith(bag.ATTESTATIONS):
            with super().open(path) as stream:
                return io.BufferedReader(Lines(repeat(stream.readline(), self._artifacts)), 1 << 16)
        return super().open(path)

    def digest(self, path: str) -> tuple[str, int]:
        """Return the digest of what `open` gives."""
        with self.open(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest(), 0

    def _ledger(self, path: str) -> Iterator[bytes]:
        with super().open(path) as stream:
            real = [line.partition(b',"type":') for line in stream]
        size, head = 0, ledger.GENESIS
        for _, _, rest in real:
            before, name, after = rest.partition(b"/List/000000.json")
            for number in range(self._artifacts if name else 1):
                inner = b"%b/List/%06d.json%b" % (before, number, after) if name else rest
                line = b'{"seq":%d,"prev":"%b","type":%b' % (size, head.encode(), inner)
                size, head = size + 1, hashlib.sha256(line[:-1]).hexdigest()
                yield line


class Lines(io.RawIOBase):
    """Gives lines back as a stream."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines, self._rest = iter(lines), b""

    def readable(self) -> bool:
        """Say so."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill what is asked for, a line at most."""
        if not self._rest:
            self._rest = next(self._lines, b"")
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def main(words: Sequence[str]) -> None:
    """Do one thing here."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("what", choices=["store", "take", "seal", "simulate"])
    asked.add_argument("artifacts", type=int)
    said = asked.parse_args(words)
    here = Path.cwd()
    if said.what == "store":
        case_of(here, said.artifacts, SIZE)
    elif said.what == "take":
        take(here, said.artifacts)
    elif said.what == "seal":
        case = case_at(here)
        seal(case, Told(case.root))
    else:
        ready(here, 1)
        case = case_at(here)
        seal(case, MadeUp(case.root, said.artifacts))


if __name__ == "__main__":
    main(sys.argv[1:])
