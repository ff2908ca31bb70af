"""Where an action asks and acts: every answer is kept as a page, and every request is held to the list."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from evidence_kit.model.exchange import Exchange, Page, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Unit
from evidence_kit.preservation.contexts import Anew, Once

A = TypeVar("A")
_MAX_REFUSED = 25  # after this many, the rest would be refused alike


class Desk:
    """What all providers' desks have in common. `phase` says whether it is before, at or after the deed."""

    def __init__(self, unit: Unit, ctx: Context, *, writes: tuple[str, ...]) -> None:
        self.unit = unit
        self.phase = "before"
        self.refused: list[tuple[str, Stop]] = []  # one of many that could not be kept, and why
        self.anew = Anew(ctx)
        self.writes = writes
        self._pages: list[Page] = []

    @property
    def marks(self) -> Mapping[str, str]:
        """Return what is written on everything that is made: case, run, step, and the token that says for what."""
        return {name: self.unit.settings[name] for name in ("case", "run", "step", "token")}

    @property
    def name(self) -> str:
        """Return how a thing is called that is made here: equal for equal work, so that it is found again."""
        return f"evidence-kit-{self.unit.settings['token'][:20]}"

    @property
    def note(self) -> str:
        """Return what is said for people of what is made."""
        said = self.marks
        return f"evidence-kit: case {said['case']}, run {said['run']}, step {said['step']}"

    def drain(self) -> tuple[Page, ...]:
        """Return the pages that came since the last time."""
        pages, self._pages = tuple(self._pages), []
        return pages

    def refuse(self, name: str, stop: Stop) -> None:
        """Go on without one of many, but say so; too many end the unit."""
        self.refused.append((name, stop))
        if len(self.refused) >= _MAX_REFUSED:
            raise stop

    def keep(self, operation: str, body: bytes, exchange: Exchange, cursor: str | None = None) -> None:
        """Keep an answer."""
        first = body.lstrip()[:1]
        suffix = {b"<": "xml", b"{": "json", b"[": "json"}.get(first, "bin")
        name = f"{self.phase}.{operation}"
        self._pages.append(Page(name=name, body=body, exchange=exchange, next_cursor=cursor, suffix=suffix))

    def sending(self, send: Callable[[Context], A], done: Callable[[], bool]) -> A | None:
        """Send within the engine's pace; before anything is sent again, `done` looks whether that is needed."""

        def attempt(number: int) -> A | None:
            if number > 1 and done():
                return None
            return send(Once(self.anew, number))

        unit = self.unit
        return self.anew.retrying(("preserve", unit.source, unit.target.id, unit.region, unit.source), attempt)
