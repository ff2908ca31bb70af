"""Who watches a run: progress displays are observers, the engine knows none of them."""

from typing import Protocol

from evidence_kit.model.unit import Outcome, Unit


class Observer(Protocol):
    """Hears what happens; must return quickly and never raise."""

    def planned(self, units: tuple[Unit, ...]) -> None:
        """Take note of all units before the first is run."""
        ...

    def stored(self, unit: Unit, size: int, records: int | None) -> None:
        """Take note that one artifact is durable and signed."""
        ...

    def waiting(self, unit: Unit, seconds: float, reason: str) -> None:
        """Take note that a unit waits for its budget or backs off."""
        ...

    def closed(self, unit: Unit, outcome: Outcome) -> None:
        """Take note that a unit has ended."""
        ...


class Silent:
    """Watches nothing."""

    def planned(self, units: tuple[Unit, ...]) -> None:
        """Ignore."""

    def stored(self, unit: Unit, size: int, records: int | None) -> None:
        """Ignore."""

    def waiting(self, unit: Unit, seconds: float, reason: str) -> None:
        """Ignore."""

    def closed(self, unit: Unit, outcome: Outcome) -> None:
        """Ignore."""
