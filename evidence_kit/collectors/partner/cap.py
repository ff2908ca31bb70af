"""Listings under a cap: a window that holds more than the provider gives is asked for in halves."""

from collections.abc import Generator, Iterator
from datetime import timedelta

from evidence_kit.collectors.partner.decoding import Reading
from evidence_kit.collectors.partner.desk import Desk
from evidence_kit.collectors.partner.window import Terms, halved
from evidence_kit.model.exchange import Item, Page, Remark, Stop
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, parse_period, rfc3339
from evidence_kit.model.unit import Finding

MAX_CUTS = 4096  # a window of a thousand days down to a second takes 27 cuts for each moment that is full


def listed(desk: Desk, window: Window | None) -> Iterator[tuple[Item, Reading | None]]:
    """Yield a listing as a whole, or in parts of which each is below the cap."""
    cap = desk.settings.get("cap")
    if cap is None or window is None:
        yield from desk.listing(window)
        return
    most, cuts = int(cap["rows"]), 0
    smallest = max(parse_period(str(cap.get("smallest", "PT1S"))), Terms.of(desk.settings["window"]).resolution)
    left: list[Window] = []
    pending = [window]
    while pending:
        part = pending.pop()
        halves = halved(part, smallest)
        full, counted = yield from _full(desk, part, most, halves=bool(halves))
        if not full:
            continue
        yield _remark(part, most, counted, last=not halves), None
        pending += reversed(halves)
        left += () if halves else (part,)
        cuts += 1
        if cuts > MAX_CUTS:
            raise Stop(UnitStatus.PARTIAL_TRUNCATED, f"{cuts} windows held {most:,} records or more")
    if left:
        reason = (
            f"{len(left)} windows of {_said(smallest)} hold {most:,} records or more; the first: {_span(left[0])}"
        )
        desk.ends.append((UnitStatus.PARTIAL_TRUNCATED, reason))


def _full(
    desk: Desk, part: Window, most: int, *, halves: bool
) -> Generator[tuple[Item, Reading | None], None, tuple[bool, int]]:
    """Yield one part; return whether it holds as much as the provider gives at once, and what of it was counted."""
    rows, superseded = 0, False
    for item, reading in desk.listing(part, most=most if halves else 0):
        if isinstance(item, Page):
            rows += item.records or 0
            superseded = superseded or reading is None
        yield item, reading
    return superseded or rows >= most, rows


def _remark(part: Window, most: int, counted: int, *, last: bool) -> Remark:
    # Its pages are stored and counted before anybody knows that it is full, and no page is taken back.
    twice = f", which count its {counted:,} records once more" if counted else ""
    what = "it cannot be cut further" if last else f"asked for again in halves{twice}"
    message = f"{_span(part)} holds {most:,} records or more, which is all that is given at once; {what}"
    return Remark(finding=Finding(kind="cap_reached", message=message, window=part))


def _span(window: Window) -> str:
    return f"{rfc3339(window.start)} to {rfc3339(window.end)}"


def _said(width: timedelta) -> str:
    return f"{width.total_seconds():g} s"
