"""What each mechanism made of each fault, as runs of the conformance suite's providers say it; makes docs/faults.md.

Run as a program it runs every cell and writes `matrix.json` and the tables of the page anew.
"""

import json
import sys
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])

from faults.wire import WHAT, Wire, between
from support.clouds import Clouds

from evidence_kit.collectors.registry import BUILTIN
from evidence_kit.model.status import UnitStatus
from evidence_kit.testing import CollectorConformance, Fault
from evidence_kit.testing.bench import Bench
from evidence_kit.testing.left import Left, left

RECORD = Path(__file__).with_name("matrix.json")
PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
BEGIN, END = "<!-- tables: made by tests/faults/matrix.py -->", "<!-- end of the tables -->"

ONCE = {
    "throttled": "429, or the provider's own word for it",
    "unavailable": "503",
    "short": "fewer bytes than announced",
    "html": "a page for people, with status 200",
    "dropped": "the connection ends without an answer",
    "expired": "the credentials were good, and are no longer",
}
EVER = {
    **{kind: said for kind, said in ONCE.items() if kind != "expired"},
    "denied": "the credentials may not",
    "loop": "a page token comes back",
    "empty": "no fault: there is nothing to find",
}
TABLES = {
    "once": ("Once, in mid-run", ONCE),
    "ever": ("From the beginning to the end", EVER),
    "wire": ("Answers altered on the wire", WHAT),
}
_INFLATE = 31  # zlib's word for gzip
_AFTER = 7  # seconds that a throttling provider asks for
_NO_LISTS = frozenset({"aws.call"})  # whose evidence comes in answers that do not lead to one another
_HAS_NO = {
    "repeated": "no address gives evidence twice",
    "again": "no address gives evidence twice",
    "swapped": "no list has three pages",
    "stale": "no address gives evidence three times",
}
_NO_WIRE = "files that lie there are not asked for over a wire"


@dataclass(frozen=True, slots=True)
class Cell:
    """One run that was made, or that cannot be."""

    mechanism: str
    table: str
    fault: str

    @property
    def id(self) -> str:
        return f"{self.mechanism} {self.table} {self.fault}"


def cells() -> Iterator[Cell]:
    """Yield every cell there is to fill."""
    for table, (_, kinds) in TABLES.items():
        for mechanism in BUILTIN:
            for kind in kinds:
                yield Cell(mechanism, table, kind)


def suite_of(mechanism: str, clouds: Clouds) -> CollectorConformance:
    """Return the class of the suite that runs on `mechanism`, made as pytest would."""
    module = vars(import_module(f"conformance.test_{mechanism.replace('.', '_')}"))
    held = [one for name, one in module.items() if name.startswith("Test") and issubclass(one, CollectorConformance)]
    (cls,) = [one for one in held if one is not CollectorConformance]
    suite = cls()
    suite.clouds = clouds
    return suite


def run(cell: Cell, clouds: Clouds, folder: Path) -> dict[str, Any]:
    """Run one cell: what it ended as and what evidence it kept; or why there is no run."""
    suite = suite_of(cell.mechanism, clouds)
    if cell.table != "wire":
        if reason := suite.exempt.get(cell.fault):
            return {"exempt": reason}
        once = Fault(kind=cell.fault, skip=suite.skip, after=_AFTER)
        return _told(_left(suite, folder, once if cell.table == "once" else Fault(kind=cell.fault, times=None)))
    with between(Wire(cell.fault)) as wire:
        found = _left(suite, _new(folder / "first"), wire)
    if cell.fault == "swapped" and (swapping := wire.swapping(lists=cell.mechanism not in _NO_LISTS)).noted:
        with between(swapping) as wire:
            found = _left(suite_of(cell.mechanism, clouds), _new(folder / "second"), wire)
    if not wire.struck:
        return {"exempt": _NO_WIRE if cell.mechanism == "intake.files" else _HAS_NO[cell.fault]}
    return _told(found)


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _left(suite: CollectorConformance, folder: Path, fault: Fault | Wire) -> Left:
    with suite._serving(folder) as bench:
        if isinstance(fault, Wire):
            fault.marks = bench.provider.truth
        else:
            bench.provider.strike(fault)
        bench.amiss = lambda: _amiss(bench)  # the suite's own does not read a body that was cut
        return left(bench)


def _amiss(bench: Bench) -> dict[str, int]:
    bodies = [_readable(body) for body in bench.stored()]
    found = {mark.decode(): sum(body.count(mark) for body in bodies) for mark in bench.provider.truth}
    return {mark: count for mark, count in found.items() if count != 1}


def _readable(body: bytes) -> bytes:
    """Return a body inflated as far as it goes."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        return zlib.decompressobj(_INFLATE).decompress(body)
    except zlib.error:
        return body


def _told(found: Left) -> dict[str, Any]:
    """Return what is the same in every run: how units ended, what of the truth is stored, whether it verifies."""
    ends = sorted({outcome.status.value for outcome in found.outcomes})
    return {
        "ends": ends,
        "kept": found.truth - sum(count == 0 for count in found.amiss.values()),
        "twice": sum(count > 1 for count in found.amiss.values()),
        "of": found.truth,
        "verifies": found.report.exit().name,
        "leaked": list(found.leaked),
    }


def is_silent(told: dict[str, Any], fault: str) -> bool:
    """Say whether evidence is missing and every unit claims to be whole; findings beside that do not help."""
    if "exempt" in told:
        return False
    whole = all(UnitStatus(end).is_whole for end in told["ends"])
    return whole and told["kept"] < told["of"] and fault != "empty"


# -- the page ------------------------------------------------------------------------------------------------------


def tables(record: dict[str, dict[str, Any]]) -> str:
    """Return the tables of the page."""
    parts = []
    for table, (title, kinds) in TABLES.items():
        legend = "\n".join(f"- `{kind}`: {said}" for kind, said in kinds.items())
        head = "| mechanism | " + " | ".join(f"`{kind}`" for kind in kinds) + " |\n|---|" + "---|" * len(kinds)
        rows = (_row(record, mechanism, table, kinds) for mechanism in BUILTIN)
        parts.append("\n".join([f"## {title}", "", legend, "", head, *rows]))
    return "\n\n".join([*parts, _reasons(record)]) + "\n"


def _row(record: dict[str, dict[str, Any]], mechanism: str, table: str, kinds: Any) -> str:
    told = (_words(record[Cell(mechanism, table, kind).id]) for kind in kinds)
    return f"| `{mechanism}` | " + " | ".join(told) + " |"


def _words(told: dict[str, Any]) -> str:
    if "exempt" in told:
        return "·"
    again = f", {told['twice']} twice" if told["twice"] else ""
    return f"{', '.join(told['ends'])} {told['kept']}/{told['of']}{again}"


def _reasons(record: dict[str, dict[str, Any]]) -> str:
    reasons: dict[str, dict[str, list[str]]] = {}
    for cell in cells():
        if reason := record[cell.id].get("exempt"):
            kinds = reasons.setdefault(reason, {}).setdefault(cell.mechanism, [])
            kinds.extend([cell.fault] if cell.fault not in kinds else [])
    lines = ["## Cells without a run", "", "| why | where |", "|---|---|"]
    for reason, where in sorted(reasons.items()):
        said = "; ".join(f"`{name}` {', '.join(kinds)}" for name, kinds in where.items())
        lines.append(f"| {reason} | {said} |")
    return "\n".join(lines)


def page(text: str, record: dict[str, dict[str, Any]]) -> str:
    """Return the page with its tables anew."""
    return _between(text, BEGIN, END, f"\n{tables(record)}\n")


def _between(text: str, begin: str, end: str, made: str) -> str:
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{made}{end}{after}"


def main(chosen: list[str]) -> None:
    """Run the cells whose id contains one of `chosen`, all by default; write what they say."""
    record = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}
    clouds = Clouds()
    with tempfile.TemporaryDirectory(prefix="evidence-kit-") as folder:
        for number, cell in enumerate(cells()):
            if chosen and not any(word in cell.id for word in chosen):
                continue
            (own := Path(folder) / str(number)).mkdir()
            record[cell.id] = run(cell, clouds, own)
            sys.stderr.write(f"{cell.id}: {record[cell.id]}\n")
    clouds.close()
    known = [cell.id for cell in cells()]
    RECORD.write_text(json.dumps({name: record[name] for name in known if name in record}, indent=1) + "\n", "utf-8")
    if not set(known) - record.keys():
        PAGE.write_text(page(PAGE.read_text("utf-8") if PAGE.exists() else f"{BEGIN}\n{END}\n", record), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
