"""Events held against the window that was asked for: what lies outside is told, and what has no time to tell it by.

It reads what is parsed already and keeps counts, edges and a few ids, however many events there are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from evidence_kit.collectors.aws.answering import MAX_NAMED
from evidence_kit.model.exchange import Closed, Page, Remark
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, rfc3339
from evidence_kit.model.unit import Finding

OUTSIDE = "outside_window"
NOT_READ = "times_not_read"
_LONGEST = 200  # characters of an id in a finding: a server that is wrong may call an event anything


@dataclass(slots=True, kw_only=True)
class Strays:
    """The events of one unit that are not of its window, or of which nobody can say.

    `asked` is the span in which events may lie that were rightly given, in the provider's own steps; `moment` reads
    the time of an event, and `id` is the member that names it.
    """

    operation: str
    window: Window
    asked: Window
    moment: Callable[[object], datetime | None]
    id: str
    before: int = 0
    after: int = 0
    unread: int = 0
    edges: tuple[datetime, ...] = ()  # the earliest and the latest of those outside
    ids: list[str] = field(default_factory=list)
    unread_ids: list[str] = field(default_factory=list)

    def read(self, events: Sequence[object]) -> list[datetime]:
        """Look at a page's events and return their times, those outside included, where there are any to read."""
        times = [self.moment(event) for event in events]
        known = [at for at in times if at is not None]
        if len(known) < len(times) or (known and not (min(known) in self.asked and max(known) in self.asked)):
            for event, at in zip(events, times, strict=True):
                self._note(event, at)
        return known

    def watch(self, pages: Iterator[Page]) -> Iterator[Page | Remark]:
        """Yield the pages, then the findings, even where a later page could not be had."""
        try:
            yield from pages
        except Exception:
            yield from self._remarks()
            raise
        yield from self._remarks()

    def end(self) -> Iterator[Closed]:
        """Yield how the unit ends where the list that came is not the list that was asked for.

        Its last page says that this list has ended. Whether all of the window is in it, nobody has said.
        """
        if self.edges:
            reason = f"{self._outside()}; whether all of the window came is not known"
            yield Closed(status=UnitStatus.PARTIAL_ERROR, reason=reason)

    def _note(self, event: object, at: datetime | None) -> None:
        if at is None:
            self.unread += 1
            self._name(self.unread_ids, event)
        elif at not in self.asked:
            self.before += at < self.asked.start
            self.after += at >= self.asked.end
            self.edges = (min((*self.edges, at)), max((*self.edges, at)))
            self._name(self.ids, event)

    def _name(self, ids: list[str], event: object) -> None:
        named = event.get(self.id) if isinstance(event, Mapping) else None
        if named is not None and len(ids) < MAX_NAMED:
            ids.append(str(named)[:_LONGEST])

    def _outside(self) -> str:
        """Say how many events lie outside, and when."""
        count, span = self.before + self.after, " to ".join(map(rfc3339, self.edges))
        return f"{self.operation}: {count:,} events from {span} came, outside the window that was asked for"

    def _remarks(self) -> Iterator[Remark]:
        if self.edges:
            facts = {
                "count": str(self.before + self.after),
                "before": str(self.before),
                "after": str(self.after),
                "first": rfc3339(self.edges[0]),
                "last": rfc3339(self.edges[1]),
                "ids": ", ".join(self.ids),
            }
            yield self._remark(OUTSIDE, self._outside(), facts)
        if self.unread:
            message = f"{self.operation}: {self.unread:,} events came without a time that can be read"
            yield self._remark(NOT_READ, message, {"count": str(self.unread), "ids": ", ".join(self.unread_ids)})

    def _remark(self, kind: str, message: str, facts: Mapping[str, str]) -> Remark:
        return Remark(finding=Finding(kind=kind, message=message, window=self.window, facts=facts))
