"""A sealed case that holds given bodies under a source of the catalogue, collected by the real engine."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from support.casemaker import NOW, TARGET, WINDOW, Case, exchange

from evidence_kit.acquire.run import Engine
from evidence_kit.acquire.scope import Order
from evidence_kit.model.exchange import Item, Page
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Scope, Unit
from evidence_kit.sources.catalogue import load_catalogue


@dataclass
class Bodies:
    """A collector that hands over what it was given: `(name of the page, body)`."""

    spec: SourceSpec
    pages: Sequence[tuple[str, bytes]]
    suffix: str = "json"
    stream: str = ""
    window: Window = field(default=WINDOW)

    def units(self, scope: Scope, ctx: Context) -> Iterable[Unit]:
        yield Unit(
            source=self.spec.name, target=scope.target, region="us-east-1", stream=self.stream, window=self.window
        )

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        for number, (name, body) in enumerate(self.pages):
            cursor = None if number == len(self.pages) - 1 else f"token-{number}"
            yield Page(name=name, body=body, exchange=exchange(name, body), next_cursor=cursor, suffix=self.suffix)


def collect(case: Case, source: str, pages: Sequence[tuple[str, bytes]], **said) -> None:
    """Run one acquisition of `pages` into an open case."""
    collector = Bodies(replace(load_catalogue()[source], step=None), pages, **said)  # one unit, whatever the window
    with case.vault.lock(), (vault := case.vault).working():
        target = replace(TARGET, provider=collector.spec.provider)
        engine = Engine(
            vault=vault, keeper=case.keeper_of(vault), collectors={source: collector}, now=lambda: NOW, workers=1
        )
        engine.collect(Order(sources=(source,), targets=(target,), window=collector.window, params={}))


def opened(root) -> Case:
    """Return a case into which nothing was collected yet."""
    case = Case(root)
    case.open()
    return case
