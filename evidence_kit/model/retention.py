"""What a provider no longer keeps is no evidence that was missed: it is a unit of its own, closed as expired."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Unit


def within_retention(unit: Unit, kept: timedelta | None, now: datetime, reason: str) -> Iterator[Unit]:
    """Yield the part of `unit` that is older than `kept`, closed with `reason`, and the part that can be asked for.

    Without `kept`, or without a window, the unit stays as it is; either part may be absent.
    """
    window = unit.window
    since = (now - kept).replace(microsecond=0) if kept is not None else None
    if since is None or window is None or window.start >= since:
        yield unit
        return
    old = Window(window.start, min(since, window.end))
    yield replace(unit, window=old, settled=(UnitStatus.EXPIRED_RETENTION, reason))
    if window.end > since:
        yield replace(unit, window=Window(since, window.end))
