"""`make bench`: what the kit costs beside its peers, measured in one run; prints a table, writes bench.json.

Every run works in a fresh folder. Nothing here is asserted; a busy machine is not a failing test.
"""

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

import growth
import table
from measuring import ROUNDS, Row

SCALE = 0.1
RECORDS = 1_000_000
PAGE = 100_000  # artifacts of the case whose page is made; from a scale of 0.1 on
GROWTH = "growth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a part is to measure, and where."""

    base: Path
    scale: float
    rounds: int
    peers: Path | None
    records: int


@dataclass(frozen=True, slots=True)
class Part:
    """What was measured of one part, and under which circumstances."""

    name: str
    rows: Sequence[Row]
    points: Sequence[growth.Point]
    note: str


def _part(module: str, name: str, call: Callable[..., list[Row]]) -> Callable[[Asked], list[Row]]:
    """Return a part that is loaded when it is asked for, so that none is measured with another's memory."""
    return lambda asked: call(getattr(importlib.import_module(module), name), asked)


PARTS: dict[str, Callable[[Asked], list[Row]]] = {
    "starting": _part("starting", "starting", lambda run, a: run(a.base, a.peers, max(a.rounds, ROUNDS))),
    "objects": _part("objects", "taking", lambda run, a: run(a.base, a.scale, a.peers, a.rounds)),
    "pages": _part("pages", "storing", lambda run, a: run(a.base, max(a.rounds, ROUNDS))),
    "pacing": _part("pacing", "waiting", lambda run, a: run(a.base, a.peers, a.rounds)),
    "digests": _part("digests", "verifying", lambda run, a: run(a.base, a.scale, a.peers, a.rounds)),
    "sealing": _part("sealing", "sealing", lambda run, a: run(a.base, a.scale, a.peers, a.rounds)),
    "records": _part("records", "building", lambda run, a: run(a.base, a.records, a.rounds)),
    "casepage": _part(
        "casepage", "building", lambda run, a: run(a.base, max(1000, round(PAGE * min(a.scale * 10, 1))))
    ),
}


def main(words: Sequence[str]) -> None:
    """Measure everything, or the parts named; print the table, write bench.json and, if asked, a document."""
    said = _parser().parse_args(words)
    chosen = said.only or [*PARTS, GROWTH]
    if said.write:
        for name in chosen:
            table.between_marks(said.write.read_text(), name, "")  # before an hour is spent
    base = Path(tempfile.mkdtemp(prefix="evidence-kit-bench-"))
    records = said.records or max(1000, round(RECORDS * said.scale))
    asked = Asked(base=base, scale=said.scale, rounds=said.rounds, peers=said.peers, records=records)
    done = []
    try:
        for name in chosen:
            print(f"{name} ...", file=sys.stderr, flush=True)
            done.append(_measured(name, asked))
            if said.write:
                _write(said.write, done[-1])
    finally:
        shutil.rmtree(base, ignore_errors=True)
    report(done)


def _measured(name: str, asked: Asked) -> Part:
    load = os.getloadavg()[0]
    rows = PARTS[name](asked) if name in PARTS else []
    points = growth.growing(asked.base, asked.scale) if name == GROWTH else []
    loads = f"load {load:.1f} before, {os.getloadavg()[0]:.1f} after"
    return Part(name, rows, points, f"Scale {asked.scale:g}, rounds {asked.rounds}, {loads}; {table.machine()}.")


def _parser() -> argparse.ArgumentParser:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--scale", type=float, default=SCALE, help=f"of the sizes that are promised ({SCALE})")
    asked.add_argument("--rounds", type=int, default=1, help="of what takes long (1)")
    asked.add_argument("--peers", type=Path, help="a folder that tests/bench/peers.py filled")
    asked.add_argument("--only", action="append", choices=[*PARTS, GROWTH], help="a part; repeat it for more")
    asked.add_argument("--records", type=int, help=f"CloudTrail records to read ({RECORDS:,} times the scale)")
    asked.add_argument("--write", type=Path, metavar="DOC", help="put each part between its marks in a document")
    return asked


def report(done: Sequence[Part]) -> None:
    """Print what was found, and keep it in this folder."""
    rows = [row for part in done for row in part.rows]
    print(table.text(rows))
    print("", *table.missed(rows), sep="\n")
    for part in done:
        print("", f"{part.name}: {part.note}", *growth.lines(part.points), sep="\n")
    Path("bench.json").write_text(json.dumps([asdict(part) for part in done], indent=2) + "\n")
    for part in done:
        if part.points:
            Path("bench-growth.svg").write_text(growth.plot(part.points))


def _write(document: Path, part: Part) -> None:
    """Put one part into a document, and a picture beside it."""
    inner = table.markdown(part.rows, part.note)
    if part.points:
        picture = document.with_name(f"{document.stem}-growth.svg")
        picture.write_text(growth.plot(part.points))
        inner = "\n".join(
            [part.note, "", f"![What a bag costs as it grows]({picture.name})", "", *growth.lines(part.points)]
        )
    document.write_text(table.between_marks(document.read_text(), part.name, inner))


if __name__ == "__main__":
    main(sys.argv[1:])
