"""A sealed case of objects that come from memory, of any number and size."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from support.casemaker import NOW, SOURCE, SPEC, TARGET, WINDOW, Case, exchange

from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.model.exchange import Download, Item, Stream
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Scope, Unit

BLOCK = 1 << 20


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
            yield Download(name=name_of(number), open=lambda number=number: self._opened(number))

    @contextmanager
    def _opened(self, number: int) -> Iterator[Stream]:
        yield Stream(exchange=exchange("Get", b""), chunks=contents(number, self._size), size=self._size)


def name_of(number: int) -> str:
    """Return the name of an object, a thousand to a folder."""
    return f"{number // 1000:04}/{number:07}.bin"


def contents(number: int, size: int) -> Iterator[bytes]:
    """Yield what an object holds."""
    block = hashlib.shake_128(b"%d" % number).digest(min(size, BLOCK))
    for _ in range(size // len(block)):
        yield block


def case_of(folder: Path, files: int, size: int) -> Case:
    """Collect and seal a case of so many objects."""
    case = Case(folder / "case")
    case.open()
    vault = case.vault
    with vault.lock(), vault.working():
        collectors = {SOURCE: Memory(files, size)}
        engine = Engine(vault=vault, keeper=case.keeper_of(vault), collectors=collectors, now=lambda: NOW, workers=1)
        engine.collect(Order(sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={}))
    case.bags += [f"bags/{name}" for name in vault.folders("bags")]
    return case
