"""Verifying few large files and many small ones, beside programs that only hash. All are whole programs, in turns.

`python tests/bench/digests.py --scale 1` takes 4 GiB and 100,000 files; `make bench` a tenth of that.
"""

import argparse
import hashlib
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from measuring import ROUNDS, Row, measured, program
from support.casemaker import NOW, SOURCE, SPEC, TARGET, WINDOW, Case, exchange

from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.model.exchange import Download, Item, Stream
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Scope, Unit

BLOCK = 1 << 20
SCALE = 0.1
Run = Callable[[Path], object]


def verifying(base: Path, scale: float = SCALE, rounds: int = ROUNDS) -> list[Row]:
    """Compare for one file, for sixteen, and for many small ones."""
    whole = max(16 * BLOCK, round((4 << 30) * scale) // (16 * BLOCK) * 16 * BLOCK)
    small = max(100, round(100_000 * scale))
    rows = []
    for files, size in ((1, whole), (16, whole // 16), (small, 4096)):
        folder = base / f"verified-{files}"
        folder.mkdir()
        named = f"{size >> 20:,} MB" if size >= BLOCK else f"{size >> 10} KB"
        work = f"verify {files:,} file{'s' if files > 1 else ''} of {named}"
        rows += in_turns(work, _runs(folder, files, size), base, rounds)
        shutil.rmtree(folder)
    return rows


def in_turns(work: str, runs: Mapping[str, Run], base: Path, rounds: int) -> list[Row]:
    """Measure everybody once a round, so that what else the machine does falls on all alike; return the medians."""
    found: dict[str, list[Row]] = {who: [] for who in runs}
    for _ in range(rounds):
        folder = Path(tempfile.mkdtemp(dir=base))
        for who, run in runs.items():
            found[who].append(measured(work, who, run, folder, rounds=1))
    return [
        Row(work, who, statistics.median(row.wall for row in rows), statistics.median(row.cpu for row in rows))
        for who, rows in found.items()
    ]


class Memory:
    """A collector of objects that are made up as they are asked for."""

    def __init__(self, files: int, size: int) -> None:
        self.spec: SourceSpec = replace(SPEC, step=None)
        self._files, self._size = files, size

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        """Yield one unit."""
        yield Unit(source=SOURCE, target=scope.target, region="r-1", window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield each object."""
        for number in range(self._files):
            name = f"{number // 1000:04}/{number:07}.bin"
            yield Download(name=name, open=lambda number=number: self._opened(number))

    @contextmanager
    def _opened(self, number: int) -> Iterator[Stream]:
        block = hashlib.shake_128(b"%d" % number).digest(min(self._size, BLOCK))
        chunks = (block for _ in range(self._size // len(block)))
        yield Stream(exchange=exchange("Get", b""), chunks=chunks, size=self._size)


def _case(folder: Path, files: int, size: int) -> Case:
    case = Case(folder / "case")
    case.open()
    vault = case.vault
    with vault.lock(), vault.working():
        collectors = {SOURCE: Memory(files, size)}
        engine = Engine(vault=vault, keeper=case.keeper_of(vault), collectors=collectors, now=lambda: NOW, workers=1)
        engine.collect(Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={}))
    case.bags += [f"bags/{name}" for name in vault.folders("bags")]
    return case


def _runs(folder: Path, files: int, size: int) -> dict[str, Run]:
    case = _case(folder, files, size)
    (folder / "trust.yaml").write_bytes(case.trust_text)
    verify = (sys.executable, "-m", "evidence_kit", "verify", str(case.root), "--trust", str(folder / "trust.yaml"))
    runs: dict[str, Run] = {"evidence-kit verify": program(*verify)}
    if size >= BLOCK:
        runs["the limit: SHA-256 of as many bytes in memory, one processor"] = lambda _: _hash_memory(files * size)
    else:
        runs["evidence-kit verify --each-signature"] = program(*verify, "--each-signature")
    return {**runs, **_peers(case.root / case.bag, folder)}


def _hash_memory(size: int) -> None:
    block, whole = os.urandom(BLOCK), hashlib.sha256()
    for _ in range(size // BLOCK):
        whole.update(block)


def _peers(root: Path, folder: Path) -> dict[str, Run]:
    """Return runs of those that are installed."""
    listed, known = folder / "files.txt", folder / "hashdeep.txt"
    listed.write_text("".join(f"{path}\n" for path in sorted(map(str, (root / "data").rglob("*.bin")))))
    bagit = Path(sys.executable).with_name("bagit.py")
    runs = {
        "sha256sum": program("sh", "-c", f"cd {root} && sha256sum -c --quiet manifest-sha256.txt"),
        "openssl": program("sh", "-c", f"xargs openssl dgst -sha256 < {listed}"),
        "rhash": program("sh", "-c", f"cd {root} && rhash --sha256 -c manifest-sha256.txt"),
        "hashdeep": program("hashdeep", "-c", "sha256", "-a", "-k", str(known), "-f", str(listed)),
    }
    shown = {
        "sha256sum": "sha256sum -c",
        "openssl": "openssl dgst -sha256",
        "rhash": "rhash -c",
        "hashdeep": "hashdeep -a",
    }
    if shutil.which("hashdeep"):
        program("sh", "-c", f"hashdeep -c sha256 -f {listed} > {known}")(folder)
    found = {shown[name]: run for name, run in runs.items() if shutil.which(name)}
    if bagit.exists():
        command = (sys.executable, str(bagit), "--validate", "--processes", "2", str(root))
        found["bagit.py --validate --processes 2"] = program(*command)
    return found


def main() -> None:
    """Measure at the scale asked for, and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--scale", type=float, default=SCALE)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    said = asked.parse_args()
    base = Path(tempfile.mkdtemp(prefix="evidence-kit-bench-"))
    try:
        for row in verifying(base, said.scale, said.rounds):
            print(f"{row.work:34} {row.who:60} {row.wall:8.3f} {row.cpu:8.3f}")
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
