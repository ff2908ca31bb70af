"""The clocks of a case for people and for programs: what is overdue first, then by deadline."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from evidence_kit.cli import output
from evidence_kit.governance.clocks.entry import Clock, ClockSet
from evidence_kit.governance.clocks.running import Running, overdue, waiting
from evidence_kit.model.time import rfc3339

NO_ADVICE = "not legal advice: which clocks apply, and what starts them, is for you and your counsel to decide"
_WIDTH = 118
_LABEL = 12


def document(found: Sequence[Running], known: ClockSet, now: datetime) -> dict[str, Any]:
    """Return everything as plain data."""
    return {
        "now": rfc3339(now),
        "overdue": [one.id for one in overdue(found, now)],
        "clocks": [one.to_json(now) for one in found],
        "waiting": [{"id": one.id, "after": one.after} for one in waiting(found, known.clocks)],
        "sets": [{"name": name, "sha256": digest} for name, digest in known.files],
        "note": NO_ADVICE,
    }


def lines(found: Sequence[Running], known: ClockSet, now: datetime) -> Iterator[str]:
    """Yield what runs, the earliest deadline first."""
    for one in overdue(found, now):
        yield f"OVERDUE  {_flat(one.id)} by {_spelled(-(one.left(now) or timedelta()))}"
    if not found:
        yield "no clock was started in this case; `evidence-kit clocks known` lists those that can be"
    for one in found:
        yield _flat(f"{one.id}  {one.clock.title if one.clock else 'no clock set at hand has it'}")
        yield from _details(one, now)
    for clock in waiting(found, known.clocks):
        yield f"{clock.id}  waits until `{clock.after}` is met: then {clock.within.said}"
    yield NO_ADVICE


def known(known_ones: ClockSet, now: datetime) -> Iterator[str]:
    """Yield every clock that can be started."""
    for clock in known_ones.clocks.values():
        yield _flat(f"{clock.id} {clock.title}")
        yield from _row("within", clock.within.said)
        yield from _row("starts on", clock.starts_on)
        yield from _row("follows", clock.after)
        yield from _row("status", _status(clock, now))
    yield NO_ADVICE


def _details(one: Running, now: datetime) -> Iterator[str]:
    yield from _row("met" if one.met else "deadline", _deadline(one, now))
    if one.met and one.deadline:
        yield from _row("deadline", rfc3339(one.deadline))
    yield from _row("started", _started(one))
    for before in one.earlier:
        yield from _row("corrected", f"{rfc3339(before.at)} was said by {before.by} in event {before.seq}")
    if one.met:
        return
    for reading in one.readings[1:]:
        where = f" ({', '.join(reading.zones)})" if reading.zones else ""
        yield from _row("also read", f"{rfc3339(reading.at)}, {reading.said}{where}")
    if one.is_changed:
        yield from _row(
            "CHANGED", "the entry reads otherwise now than when this was started; both digests are in `--json`"
        )
    if one.clock is not None:
        yield from _entry(one.clock, now)


def _deadline(one: Running, now: datetime) -> str:
    if one.met is not None:
        late = one.left(now)
        said = f"{rfc3339(one.met.at)}, {one.met.said} ({one.met.by}, event {one.met.seq})"
        return f"LATE by {_spelled(-late)}: {said}" if late is not None and late <= timedelta() else said
    left = one.left(now)
    if left is None:
        words = one.clock.within.said if one.clock else "not known"
        return f"{words}; {_spelled(now - one.started.at)} have passed"
    first = one.readings[0]
    state = f"{_spelled(left)} left" if left > timedelta() else f"OVERDUE by {_spelled(-left)}"
    return f"{rfc3339(first.at)}, {state}; {first.said}"


def _started(one: Running) -> str:
    first = one.started
    how = "" if first.id == one.id else f"when `{first.id}` was met: "
    return f"{rfc3339(first.at)}, {how}{first.said} ({first.by}, event {first.seq})"


def _entry(clock: Clock, now: datetime) -> Iterator[str]:
    yield from _row("who", f"{clock.must_act} → {clock.authority}")
    for item in clock.content:
        yield from _row("to say", item)
    yield from _row("source", f"{clock.source} (read: {clock.was_read})")
    yield from _row("status", _status(clock, now))
    for note in clock.notes:
        yield from _row("note", note)


def _status(clock: Clock, now: datetime) -> str:
    said = clock.status if clock.is_verified else f"UNVERIFIED, {clock.status}"
    when = f"reviewed {clock.reviewed.isoformat()}" if clock.reviewed else "as the inventory has it"
    return f"{said}, {when}{', STALE: review it again' if clock.is_stale(now) else ''}"


def _row(label: str, text: str) -> Iterator[str]:
    """Yield a labelled line, wrapped below itself; none where there is nothing to say."""
    head = f"  {label:<{_LABEL}}"
    said = _flat(text)
    if said:
        yield from textwrap.wrap(
            said,
            _WIDTH,
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_long_words=False,
            break_on_hyphens=False,
        )


def _flat(text: str) -> str:
    """Return a text, some of which others wrote into the log, on one line without control characters."""
    return output.safe(" ".join(text.split()))


def _spelled(lasting: timedelta) -> str:
    """Return a time that is left, or has passed, to the minute."""
    minutes = int(lasting / timedelta(minutes=1))
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [output.plural(days, "day")] if days else []
    parts += [output.plural(hours, "hour")] if hours else []
    parts += [output.plural(minutes, "minute")] if minutes and not days else []
    return " ".join(parts) or "less than a minute"
