"""The notification clocks that people started in a case, as a report tells them."""

from collections.abc import Mapping
from datetime import datetime

from evidence_kit.governance.clocks.entry import Clock
from evidence_kit.governance.clocks.running import Running, running, statements
from evidence_kit.model.ports import Vault
from evidence_kit.model.time import rfc3339
from evidence_kit.report.case.doings import Deadline


def read_deadlines(vault: Vault, clocks: Mapping[str, Clock], now: datetime) -> tuple[Deadline, ...]:
    """Return every clock that was set running, the most pressing first; ChainError where the log is broken."""
    return tuple(_deadline(one, now) for one in running(statements(vault), clocks))


def _deadline(one: Running, now: datetime) -> Deadline:
    clock = one.clock
    return Deadline(
        id=one.id,
        title=clock.title if clock else "",
        authority=clock.authority if clock else "",
        starts_at=rfc3339(one.started.at),
        due_at=rfc3339(one.deadline) if one.deadline else "",
        state="met" if one.met else "overdue" if one.is_overdue(now) else "running",
        readings=tuple(f"{rfc3339(found.at)}: {found.said}" for found in one.readings),
        content=clock.content if clock else (),
        source=clock.source if clock else "",
        note=_note(one, now),
        event=one.started.seq,
    )


def _note(one: Running, now: datetime) -> str:
    """Return what a reader must know before relying on it."""
    if one.clock is None:
        return "no clock set at hand has this clock, so its deadline is not known"
    said = [] if one.clock.is_verified else [f"{one.clock.status}: hold it against its source"]
    said += ["not reviewed for half a year"] if one.clock.is_stale(now) else []
    said += ["reads otherwise now than when it was started"] if one.is_changed else []
    said += [one.clock.within.said] if one.deadline is None else []
    return "; ".join(said)
