"""Starting a clock, and recording that it was met: signed events of the log, with the time that a person said."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from evidence_kit.acquire.decisions import decide
from evidence_kit.custody import log
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.governance.clocks.entry import Clock, ClockSet
from evidence_kit.governance.clocks.readings import readings
from evidence_kit.governance.clocks.running import EARLIEST, SUBJECT, Running, Statement, running, statements, the_one
from evidence_kit.governance.clocks.sets import choose
from evidence_kit.model.time import require_utc, rfc3339
from evidence_kit.signers.keyring import KeyRing
from evidence_kit.vaults.local import LocalVault

MAX_SAID = 2000  # characters of a reason: a sentence or two, no document


def start(
    vault: LocalVault,
    ring: KeyRing,
    key: str | None,
    known: ClockSet,
    name: str,
    *,
    at: datetime,
    why: str,
    now: datetime,
    correct: bool = False,
    event: int | None = None,
) -> tuple[int, Clock]:
    """Record that a clock started at `at`; return the event's place in the log, and the clock.

    One that runs is not started a second time: what was said of it is corrected, or it is met first.
    """
    clock = choose(known, name)
    before = the_one(_by(running(statements(vault), known.clocks), event), name)
    if before is not None and not correct:
        raise UsageError(
            f"`{name}` runs since {rfc3339(before.started.at)}, by event {before.started.seq}",
            hint="`--correct` if it started at another time; `clocks met` if it is done",
        )
    if before is None and correct:
        raise EmptyError(f"`{name}` does not run, so there is nothing to correct")
    said = started(
        known, clock, at=_past(at, now), why=_said(why, "--why"), corrects=before.started if before else None
    )
    return decide(vault, ring, key, log.CLOCK_STARTED, said, at=now), clock


def started(
    known: ClockSet, clock: Clock, *, at: datetime, why: str, corrects: Statement | None = None
) -> Mapping[str, object]:
    """Return the fields of `clock.started`: by which words it was started, and what deadline that gave then."""
    found = readings(clock, at)
    said: dict[str, object] = {
        "id": clock.id,
        "title": clock.title,
        "entry": clock.digest,
        "sets": [{"name": name, "sha256": digest} for name, digest in known.files],
        "startsAt": rfc3339(at),
        "why": why,
        "status": clock.status,
        "within": clock.within.said,
    }
    if found:
        said["deadline"] = rfc3339(found[0].at)
    if corrects is not None:
        said["corrects"] = corrects.seq
    return {SUBJECT: said}


def meet(
    vault: LocalVault,
    ring: KeyRing,
    key: str | None,
    known: ClockSet,
    name: str,
    *,
    at: datetime,
    what: str,
    now: datetime,
    event: int | None = None,
) -> tuple[int, tuple[Clock, ...]]:
    """Record that what a clock asks for was done at `at`; return the event's place, and the clocks that it starts."""
    found = running(statements(vault), known.clocks)
    one = _which(found, name, event)
    moment = _past(at, now)
    if moment < one.started.at:
        raise UsageError(
            f"`{name}` cannot be met at {rfc3339(moment)}: it started at {rfc3339(one.started.at)}",
            hint="if it started earlier, correct that first: `clocks start … --correct`",
        )
    said = {
        "id": name,
        "started": one.started.seq,
        "metAt": rfc3339(moment),
        "what": _said(what, "--what"),
    }
    seq = decide(vault, ring, key, log.CLOCK_MET, {SUBJECT: said}, at=now)
    return seq, tuple(clock for clock in known.clocks.values() if clock.after == name)


def _which(found: Sequence[Running], name: str, event: int | None) -> Running:
    one = the_one(_by(found, event), name)
    if one is None:
        ids = sorted({other.id for other in found if other.met is None})
        hint = f"these run: {', '.join(ids)}" if ids else "start one with `evidence-kit clocks start`"
        raise EmptyError(f"no clock `{name[:80]}` runs in this case", hint=hint)
    return one


def _by(found: Sequence[Running], event: int | None) -> Sequence[Running]:
    """Return those that one event set running; all where none is named."""
    return found if event is None else [one for one in found if one.started.seq == event]


def _past(at: datetime, now: datetime) -> datetime:
    """Return a time that a person can know of: one that has come; to the second, which only errs early."""
    moment = require_utc(at).replace(microsecond=0)
    if moment > now:
        raise UsageError(f"{rfc3339(moment)} has not come yet", hint="say when it happened, not when it will")
    if moment < EARLIEST:
        raise UsageError(f"{rfc3339(moment)} is before {EARLIEST.year}")
    return moment


def _said(text: str, option: str) -> str:
    if not text.strip():
        raise UsageError(f"`{option}` says nothing")
    if len(text) > MAX_SAID:
        raise UsageError(f"`{option}` has {len(text):,} characters; at most {MAX_SAID:,}")
    return text
