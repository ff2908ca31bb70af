"""The columns that every export keeps, under the names of the table `evidence`."""

from evidence_kit.analysis.moments import micros
from evidence_kit.analysis.timeline.rows import COLUMNS, Event

# `at` is the time by one common clock, `time` what the provider wrote, `clock_shift_s` what lies between them.
NAMES = ("at", *COLUMNS[:-2], "case", "clock_shift_s", "raw")


def columns(event: Event) -> dict[str, object]:
    """Return a record's columns, with nothing left out."""
    found: dict[str, object] = {"at": event.at or None, **event.fields, "clock_shift_s": shift(event)}
    return {name: found[name] for name in NAMES}


def shift(event: Event) -> float:
    """Return the seconds that were taken off the provider's time."""
    return event.shift_ns / 1_000_000_000


def at_micros(event: Event) -> str | None:
    """Return the time by one common clock with six digits, or nothing."""
    return None if event.at_ns is None else micros(event.at_ns)
