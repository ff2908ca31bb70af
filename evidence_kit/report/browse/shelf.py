"""The cases that a server shows: what it may open is settled before the first request, and nothing else exists."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import TypeVar

from evidence_kit.analysis.coverage import read_coverage
from evidence_kit.model.ports import Vault
from evidence_kit.report.case import holdings, journal
from evidence_kit.report.case.doings import Incident
from evidence_kit.report.case.holding import Artifact
from evidence_kit.report.case.holdings import Tally
from evidence_kit.report.case.journal import Journal
from evidence_kit.report.case.model import Unread

T = TypeVar("T")
PAGE = 200  # rows of one page


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of rows: its number from 1, and whether another follows."""

    rows: tuple[object, ...]
    page: int
    has_next: bool


@dataclass(kw_only=True)
class Shelf:
    """One case. What takes long is read once; `incident` says what happened when, or why nobody can tell."""

    name: str
    vault: Vault
    read_incident: Callable[[], Incident]
    _lock: Lock = field(default_factory=Lock)
    _kept: dict[str, object] = field(default_factory=dict)

    @property
    def told(self) -> Journal:
        """Return the custody log, read anew: it grows."""
        return journal.read_journal(self.vault)

    @property
    def roots(self) -> tuple[str, ...]:
        """Return the bags that the log names."""
        return self.told.roots

    def tally(self) -> tuple[Tally, tuple[Unread, ...]]:
        """Return what the ledgers add up to, and what of them cannot be read; once for each state of the log."""

        def read() -> tuple[Tally, tuple[Unread, ...]]:
            unread: list[Unread] = []
            return holdings.count(self.vault, self.roots, unread=unread.append), tuple(unread)

        return self._once(f"tally {len(self.told.events)}", read)

    def units(self) -> tuple[int, int]:
        """Return how many units there are, and how many are not in full."""
        covered = read_coverage(self.vault)
        return sum(len(row.cells) for row in covered.rows), covered.missing

    def incident(self) -> Incident:
        """Return the time line."""
        return self._once("incident", self.read_incident)

    def artifacts(self, page: int, wanted: str) -> Rows:
        """Return one page of the artifacts whose path, source, target or digest holds a text."""
        every = iter(holdings.Ledgers(self.vault, self.roots))
        return rows((one for one in every if _fits(one, wanted)) if wanted else every, page)

    def _once(self, name: str, read: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._kept:
                self._kept[name] = read()
            return self._kept[name]  # type: ignore[return-value]


def rows(every: Iterator[object] | Sequence[object], page: int) -> Rows:
    """Return one page of rows; nothing before it is held."""
    found = tuple(islice(iter(every), (page - 1) * PAGE, page * PAGE + 1))
    return Rows(found[:PAGE], page, len(found) > PAGE)


def _fits(one: Artifact, wanted: str) -> bool:
    return any(wanted in text for text in (one.path, one.source, one.target, one.sha256, one.original_name))
