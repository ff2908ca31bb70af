"""What the engine adds to a page: beside a loop that writes each body to a file and has it synced.

The pages come from memory, for both: what an SDK takes for them is the same on either side and is left out.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from measuring import ROUNDS, Row, side_by_side
from support.casemaker import NOW, SOURCE, SPEC, TARGET, WINDOW, Case, exchange

from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.model.exchange import Item, Page
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Scope, Unit

PAGES = 5_000
SIZE = 20_000
UNITS = 8


def storing(base: Path, rounds: int = ROUNDS, pages: int = PAGES) -> list[Row]:
    """Compare the engine with the loop."""
    runs = {
        "evidence-kit: hash, sign, ledger, durable, seal": lambda folder: collect(folder, pages),
        "plain loop: write and fsync": lambda folder: plain_loop(folder, pages),
    }
    return side_by_side(f"store {pages:,} pages of {SIZE // 1000} KB", runs, base, rounds=rounds)


def bodies(unit: int, pages: int) -> Iterator[bytes]:
    """Yield the same pages to everybody."""
    filler = b"x" * (SIZE - 40)
    for number in range(pages // UNITS):
        yield b'{"unit":%04d,"page":%06d,"events":"%b"}' % (unit, number, filler)


class Pages:
    """A collector whose provider is memory: what is left is the cost of the engine."""

    spec: SourceSpec = replace(SPEC, step=None)

    def __init__(self, pages: int) -> None:
        self.pages = pages

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        """Yield a unit a region."""
        for number in range(UNITS):
            yield Unit(source=SOURCE, target=scope.target, region=f"r-{number}", window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the pages of one region."""
        last = self.pages // UNITS - 1
        for number, body in enumerate(bodies(int(unit.region[2:]), self.pages)):
            cursor = None if number == last else str(number)
            yield Page(name="List", body=body, exchange=exchange("List", body), next_cursor=cursor, records=1)


def collect(folder: Path, pages: int) -> None:
    """Collect through the whole engine."""
    case = Case(folder / "case")
    case.open()
    vault = case.vault
    with vault.lock(), vault.working():
        collectors = {SOURCE: Pages(pages)}
        engine = Engine(
            vault=vault, keeper=case.keeper_of(vault), collectors=collectors, now=lambda: NOW, workers=UNITS
        )
        engine.collect(Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={}))


def plain_loop(folder: Path, pages: int) -> None:
    """Write each body to a synced file, as a careful script would; no hash, no signature."""
    for unit in range(UNITS):
        (folder / str(unit)).mkdir()
        for number, body in enumerate(bodies(unit, pages)):
            handle = os.open(folder / str(unit) / f"{number}.json", os.O_WRONLY | os.O_CREAT, 0o644)
            os.write(handle, body)
            os.fsync(handle)
            os.close(handle)
