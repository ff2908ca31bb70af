"""The hybrid incident for tests: collected by the real engine at no pace, and looked for in a time line."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any

from support.lab import Clock, Lab

from evidence_kit.acquire.run import Result
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.registry import build
from evidence_kit.governance.inventory import parse_inventory
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.sandbox.hybrid.estates import Hybrid
from evidence_kit.sandbox.hybrid.story import Event
from evidence_kit.sources.catalogue import load_catalogue

SETTLED = timedelta(hours=8)


@cache
def specs() -> Mapping[str, SourceSpec]:
    """Return the sources of the story, the supplier's own connector among them, with no pace to keep to."""
    known = load_catalogue([Hybrid.connectors])
    return {
        name: replace(known[name], limit=replace(known[name].limit, rps=100_000.0, burst=100_000))
        for name in Hybrid.sources
    }


@dataclass(frozen=True)
class Told:
    """The estates, the case in front of them, how the collection ended, and what S3 held."""

    estates: Hybrid
    lab: Lab
    result: Result
    versions: list[Mapping[str, Any]] = field(default_factory=list)  # of the files that features lie in

    def ends(self) -> Mapping[str, Counter[str]]:
        """Return how often each status ended a unit, by source."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for unit, status in self.lab.outcomes().items():
            found[unit.partition("|")[0]][status.value] += 1
        return found


def collect(estates: Hybrid, lab: Lab) -> Told:
    """Collect all sources of all estates into one case, long after everything has settled."""
    lab.now = Clock(estates.window.end + SETTLED)
    inventory = parse_inventory(estates.inventory.encode(), name="inventory.yaml")
    order = Order(sources=estates.sources, targets=inventory.targets, window=estates.window, params={})
    with lab.vault.lock(), lab.vault.working():
        engine = replace(lab.engine(build(specs())), secret=lambda said: estates.environ[said.rpartition("/")[2]])
        return Told(estates, lab, engine.collect(order))


def places(event: Event, rows: Sequence[Mapping[str, Any]], window: Window) -> list[int]:
    """Return where an event stands in a time line: rows of its source that say all that the story does."""
    wanted = (event.action, event.actor, event.credential, event.address, event.resource)
    return [
        at
        for at, row in enumerate(rows)
        if event.source in {row["source"], *str(row.get("witnesses") or "").replace(",", " ").split()}
        and tuple(row[name] or "" for name in ("action", "actor", "credential", "src_ip", "resource")) == wanted
        and parse_instant(str(row["time"])) == event.logged(window)
    ]
