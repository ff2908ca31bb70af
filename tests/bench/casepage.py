"""The page of a large case, from its files to one file of HTML, beside a script that only reads the ledger.

Nobody else makes such a page. The script shows what of the time is Python's own: it parses each line of the ledger
without the chain and without refusing keys that stand twice, and writes the same rows as JSON.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from measuring import Row, measured
from support.casemaker import NOW, SOURCE, SPEC, TARGET, WINDOW, Case, exchange

from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.custody import bag
from evidence_kit.model.exchange import Item, Page
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Scope, Unit
from evidence_kit.report.case import page
from evidence_kit.report.case.model import CaseReport
from evidence_kit.report.case.reading import read_case
from evidence_kit.sources.catalogue import load_catalogue

ARTIFACTS = 100_000
UNITS = 8


class Small:
    """A collector of many small pages."""

    spec: SourceSpec = replace(SPEC, step=None)

    def __init__(self, artifacts: int) -> None:
        self.artifacts = artifacts

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        """Yield a unit a region."""
        for number in range(UNITS):
            yield Unit(source=SOURCE, target=scope.target, region=f"r-{number}", window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the pages of one region."""
        last = self.artifacts // UNITS - 1
        for number in range(last + 1):
            body = b'{"region":"%b","page":%d}' % (unit.region.encode(), number)
            cursor = None if number == last else str(number)
            yield Page(name="List", body=body, exchange=exchange("List", body), next_cursor=cursor, records=1)


def case_of(folder: Path, artifacts: int) -> Case:
    """Collect, through the whole engine, a case of so many artifacts."""
    case = Case(folder / "case")
    case.open()
    vault = case.vault
    with vault.lock(), vault.working():
        collectors = {SOURCE: Small(artifacts)}
        engine = Engine(
            vault=vault, keeper=case.keeper_of(vault), collectors=collectors, now=lambda: NOW, workers=UNITS
        )
        engine.collect(Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={}))
    case.bags += [f"bags/{name}" for name in vault.folders("bags")]
    return case


def building(base: Path, artifacts: int = ARTIFACTS) -> list[Row]:
    """Compare reading and rendering, verification apart, with the script."""
    case, specs = case_of(base, artifacts), load_catalogue()
    judged = case.verify()
    made: list[CaseReport] = []
    sizes: list[int] = []

    def read(_: Path) -> None:
        made.append(read_case(case.vault, report=judged, now=NOW, specs=specs))

    def render(folder: Path) -> None:
        with (folder / "case.html").open("x", encoding="utf-8", newline="\n") as stream:
            stream.writelines(page.pieces(made[-1]))
        sizes.append((folder / "case.html").stat().st_size)

    def whole(folder: Path) -> None:
        read(folder)
        render(folder)

    work = f"case page of {artifacts:,} artifacts"
    rows = [measured(work, "evidence-kit: read and render", whole, base)]
    rows += [
        measured(work, "evidence-kit: read: chain, coverage, counts, accounts", read, base),
        measured(work, f"evidence-kit: render {sizes[-1] / 1e6:,.1f} MB of HTML", render, base),
        measured(work, "a script: json.loads each line, write the rows", lambda to: _script(case, to), base),
    ]
    return rows


def _script(case: Case, folder: Path) -> None:
    with (case.root / case.bag / bag.LEDGER).open("rb") as ledger, (folder / "rows.json").open("x") as stream:
        for line in ledger:
            said = json.loads(line)
            if artifact := said.get("artifact"):
                row = [artifact["path"], artifact["bytes"], artifact["sha256"], said["receivedAt"]]
                stream.write(json.dumps(row) + "\n")
