"""Measures one piece of work at a time, as wall and CPU seconds, children included."""

import hashlib
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 3


@dataclass(frozen=True)
class Row:
    """One measured thing: wall and CPU seconds, medians over the rounds."""

    work: str
    who: str
    wall: float
    cpu: float


def measured(work: str, who: str, run: Callable[[Path], object], base: Path, *, rounds: int = ROUNDS) -> Row:
    """Time `run` in a fresh folder each round, children included."""
    walls, cpus = [], []
    for number in range(rounds):
        folder = base / f"{hashlib.sha256(f'{work}{who}'.encode()).hexdigest()[:8]}-{number}"
        folder.mkdir()
        before, start = _cpu(), time.perf_counter()
        run(folder)
        walls.append(time.perf_counter() - start)
        cpus.append(_cpu() - before)
    return Row(work, who, statistics.median(walls), statistics.median(cpus))


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def program(*command: str) -> Callable[[Path], object]:
    """Return a run of another program."""
    return lambda folder: subprocess.run(command, cwd=folder, check=True, capture_output=True)
