"""What cases show of a partner: what was got from it, what not, and how long it took to answer."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """What one sealed acquisition took from a partner: how many units, how many of them in full."""

    case: str
    acquisition: str
    sealed_at: datetime
    units: int
    whole: int
    brought: int  # units that ended with all the provider had, and not with "nothing is set up here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A request for evidence, by when it was due, and when it was answered; None while it is not.

    `whole` says whether every class and file asked for had come by then, with a receipt over a complete delivery.
    """

    case: str
    asked_at: datetime
    due: date | None
    answered_at: datetime | None
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealings:
    """All of it, oldest first. `open` counts the stretches that no later acquisition has brought either."""

    cases: int = 0
    takings: tuple[Taking, ...] = ()
    answers: tuple[Answered, ...] = ()
    cells: int = 0
    open: int = 0

    @property
    def last_success(self) -> Taking | None:
        """Return the latest acquisition that brought something in full."""
        return max((one for one in self.takings if one.brought), key=lambda one: one.sealed_at, default=None)
