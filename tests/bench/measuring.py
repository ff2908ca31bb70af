"""Measures pieces of work side by side: wall and CPU seconds, children included, and the memory of programs.

Whoever is compared takes turns, so that what else the machine does falls on all of them alike, and each works in a
fresh folder every time: creating files right after deleting thousands is many times slower on some file systems and
would measure that instead.
"""

import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 3
Run = Callable[[Path], object]
# A child's peak counts from before it becomes another program; so it is started by somebody small.
_SMALL = """
import os, subprocess, sys
with subprocess.Popen(sys.argv[2:]) as child:
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
open(sys.argv[1], "w").write(str(used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)))
sys.exit(child.returncode)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured thing: medians over the rounds, or why there are none."""

    work: str
    who: str
    wall: float
    cpu: float
    memory: float = 0.0  # MB, the most that any process of it held; 0 where that was not asked
    missing: str = ""


def measured(work: str, who: str, run: Run, base: Path, *, rounds: int = ROUNDS) -> Row:
    """Time `run` alone."""
    (row,) = side_by_side(work, {who: run}, base, rounds=rounds)
    return row


def side_by_side(work: str, runs: Mapping[str, Run | str], base: Path, *, rounds: int = ROUNDS) -> list[Row]:
    """Time each of `runs` once a round, in turns; a text in place of one says what it misses."""
    found: dict[str, list[tuple[float, float, float]]] = {who: [] for who in runs}
    for number in range(rounds):
        for who, run in runs.items():
            if not isinstance(run, str):
                found[who].append(_timed(run, _fresh(base, work, who, number)))
    return [_row(work, who, run, found[who]) for who, run in runs.items()]


def _fresh(base: Path, work: str, who: str, number: int) -> Path:
    folder = base / f"{hashlib.sha256(f'{work}{who}'.encode()).hexdigest()[:8]}-{number}"
    folder.mkdir()
    return folder


def _timed(run: Run, folder: Path) -> tuple[float, float, float]:
    before, start = _cpu(), time.perf_counter()
    told = run(folder)
    wall, cpu = time.perf_counter() - start, _cpu() - before
    return wall, cpu, told / 1e6 if isinstance(told, int) else 0.0


def _row(work: str, who: str, run: Run | str, found: Sequence[tuple[float, float, float]]) -> Row:
    if isinstance(run, str):
        return Row(work, who, 0.0, 0.0, missing=run)
    walls, cpus, memories = zip(*found, strict=True)
    return Row(work, who, statistics.median(walls), statistics.median(cpus), max(memories))


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def program(*command: str, environ: Mapping[str, str] | None = None, memory: bool = False) -> Run:
    """Return a run of another program, which must end well; with `memory` it returns the bytes that it held."""

    def run(folder: Path) -> int | None:
        peak = folder.with_name(f"{folder.name}.peak")
        small = [sys.executable, "-I", "-S", "-c", _SMALL, str(peak)] if memory else []
        environment = {**os.environ, **(environ or {})}
        done = subprocess.run([*small, *command], cwd=folder, check=False, capture_output=True, env=environment)
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]!r}")
        return int(peak.read_text()) if memory else None

    return run


def found(name: str, peers: Path | None) -> str:
    """Return where a peer's program is: in `peers`, beside this interpreter, or on the path; empty if nowhere."""
    beside = [*(sorted(peers.resolve().glob(f"*/bin/{name}")) if peers else []), Path(sys.executable).with_name(name)]
    here = next((str(path) for path in beside if path.is_file()), "")
    return here or shutil.which(name) or ""


def peer(
    name: str, peers: Path | None, *words: str, environ: Mapping[str, str] | None = None, memory: bool = False
) -> Run | str:
    """Return a run of a peer's program, or that it is missing."""
    where = found(name, peers)
    return program(where, *words, environ=environ, memory=memory) if where else missing(name)


def missing(name: str) -> str:
    """Return what is said of a peer that is nowhere."""
    return f"`{name}` is not installed"
