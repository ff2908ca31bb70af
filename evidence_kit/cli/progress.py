"""Live progress: a bar a source on a terminal, a line a source in a pipe. An observer; the engine knows it not."""

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from evidence_kit.cli import output
from evidence_kit.model.unit import Outcome, Unit

if TYPE_CHECKING:
    from rich.progress import TaskID

_LINE_EVERY = 10.0  # seconds between two lines about one source in a pipe
_SHOWN_WAIT = 0.4  # shorter waits are ordinary pacing and would only flicker


@dataclass(slots=True)
class _Tally:
    """Counts of one source."""

    units: int = 0
    done: int = 0
    open: int = 0
    artifacts: int = 0
    records: int = 0
    bytes: int = 0
    waiting: str = ""
    told: float = 0.0

    def brought(self) -> str:
        """Return what came in so far."""
        things = output.plural(self.records, "record") if self.records else output.plural(self.artifacts, "artifact")
        return f"{things}  {output.size(self.bytes)}"


class Watch:
    """Counts what happens and hands each change to `show`."""

    def __init__(self) -> None:
        self.tallies: dict[str, _Tally] = {}
        self.started = time.monotonic()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put away."""

    def planned(self, units: tuple[Unit, ...]) -> None:
        """Count all units."""
        with self._lock:
            for unit in units:
                self.tallies.setdefault(unit.source, _Tally()).units += 1
            targets = len({unit.target.id for unit in units})
            output.note(
                f"plan      {output.plural(len(units), 'unit')} · {output.plural(targets, 'target')}"
                f" · {output.plural(len(self.tallies), 'source')}"
            )
            self.begin()

    def stored(self, unit: Unit, size: int, records: int | None) -> None:
        """Count an artifact."""
        with self._lock:
            tally = self.tallies[unit.source]
            tally.artifacts += 1
            tally.records += records or 0
            tally.bytes += size
            tally.waiting = ""
            self.show(unit.source, tally)

    def waiting(self, unit: Unit, seconds: float, reason: str) -> None:
        """Remember what a source waits for."""
        if seconds < _SHOWN_WAIT:
            return
        with self._lock:
            if tally := self.tallies.get(unit.source):
                tally.waiting = f"waiting {seconds:.1f} s: {reason}"
                self.show(unit.source, tally)

    def closed(self, unit: Unit, outcome: Outcome) -> None:
        """Count the end of a unit."""
        with self._lock:
            tally = self.tallies[unit.source]
            tally.done += 1
            tally.open += not outcome.status.is_whole
            tally.waiting = ""
            self.show(unit.source, tally)

    def begin(self) -> None:
        """All units are known."""

    def show(self, source: str, tally: _Tally) -> None:
        """One source has changed."""


class Lines(Watch):
    """For pipes and CI: a line when a source is done, and one now and then before."""

    def show(self, source: str, tally: _Tally) -> None:
        """Write a line where it is due."""
        now = time.monotonic()
        if tally.done < tally.units and now - max(tally.told, self.started) < _LINE_EVERY:
            return
        tally.told = now
        state = tally.waiting or ("done" if tally.done == tally.units else f"{now - self.started:.0f} s")
        lost = f"  {tally.open} not in full" if tally.open else ""
        output.note(f"  {source:28} {tally.done}/{tally.units} units  {tally.brought()}{lost}  {state}")


class Bars(Watch):
    """For terminals: bars, counts, rates, what is being waited for, time left."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

        self._progress: Progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[brought]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[state]}"),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self) -> None:
        """Draw a bar a source."""
        for source, tally in self.tallies.items():
            self._tasks[source] = self._progress.add_task(source, total=tally.units, brought="", state="")

    def show(self, source: str, tally: _Tally) -> None:
        """Move one bar."""
        rate = tally.bytes / max(0.1, time.monotonic() - self.started)
        done = tally.done == tally.units
        lost = f"{tally.open} not in full" if tally.open else "done"
        self._progress.update(
            self._tasks[source],
            completed=tally.done,
            brought=tally.brought(),
            state=lost if done else tally.waiting or f"{output.size(rate)}/s",
        )


def watch() -> Watch:
    """Return what fits whoever is watching."""
    return Bars() if output.is_terminal() else Lines()
