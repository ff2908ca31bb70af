"""Whether a partner would answer if it had to: what its APIs showed, judged by what was agreed with it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from evidence_kit.collectors.partner.probe import Probe
from evidence_kit.errors import EvidenceKitError
from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.permitted import refusals
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window, rfc3339, spelled
from evidence_kit.model.unit import Target

MECHANISM = "partner.rest"
SLOW = timedelta(seconds=10)  # a listing of a thousand pages would take hours
SKEWED, WRONG_CLOCK = timedelta(seconds=10), timedelta(minutes=5)  # signed requests are refused at five minutes
QUIET = timedelta(days=1)  # beyond what the provider itself says of its delay, where nothing was agreed
_HOUR = timedelta(hours=1)
Ask = Callable[[SourceSpec, Target], Probe]


class Grade(StrEnum):
    """How one thing stands. What nobody could tell is no praise."""

    OK = "ok"
    UNTOLD = "untold"
    WARN = "warn"
    FAIL = "fail"


_ORDER = tuple(Grade)


@dataclass(frozen=True, slots=True)
class Aspect:
    """One question put to an API."""

    name: str  # reachable, authorised, fresh, retention, clock, sampling, agreement
    grade: Grade
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One connector at one partner."""

    entry: Entry
    connector: str
    at: datetime
    aspects: tuple[Aspect, ...]

    @property
    def grade(self) -> Grade:
        """Return the worst of its aspects; what is not told alone makes a warning."""
        worst = max((one.grade for one in self.aspects), key=_ORDER.index)
        shown = any(one.grade is Grade.OK for one in self.aspects)
        return Grade.WARN if worst is Grade.UNTOLD and not shown else Grade.OK if worst is Grade.UNTOLD else worst

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return all that is not well, the worst first; where nothing is amiss, all that was told."""
        amiss = [one for one in self.aspects if one.grade is not Grade.OK]
        amiss.sort(key=lambda one: -_ORDER.index(one.grade))
        shown = (*(one for one in self.aspects if one.grade is Grade.OK), *amiss) if self.grade is Grade.OK else amiss
        return tuple(one.said for one in shown)

    def to_json(self) -> dict[str, Any]:
        """Return plain data, as `partners assess --check` reads it."""
        target = self.entry.target
        return {
            "name": target.name or target.id,
            "provider": target.provider,
            "id": target.id,
            "connector": self.connector,
            "verdict": self.grade.value,
            "checkedAt": rfc3339(self.at),
            "reasons": list(self.reasons),
            "aspects": {one.name: {"verdict": one.grade.value, "said": one.said} for one in self.aspects},
        }


def check_partners(
    entries: Iterable[Entry], specs: Sequence[SourceSpec], ask: Ask, now: Callable[[], datetime]
) -> Iterator[Checked]:
    """Yield one row for each connector at each partner, or one that says why nothing can be asked there."""
    for entry in entries:
        asked = False
        for spec in specs:
            if spec.provider == entry.target.provider and spec.mechanism == MECHANISM:
                row = _check(entry, spec, ask, now())
                asked = asked or row is not None
                if row is not None:
                    yield row
        if not asked:
            said = f"no connector for `{entry.target.provider}` that the agreement allows: nothing was asked"
            yield Checked(entry=entry, connector="", at=now(), aspects=(Aspect("agreement", Grade.WARN, said),))


def _check(entry: Entry, spec: SourceSpec, ask: Ask, at: datetime) -> Checked | None:
    """Check one connector; None for one that takes what was never agreed, which is no fault of the partner's."""
    if found := refusals([spec], [entry], Window(at - _HOUR, at), at=at):
        if found[0].source:
            return None
        said = f"{found[0].reason} ({found[0].clause}): not asked"
        aspects: tuple[Aspect, ...] = (Aspect("agreement", Grade.FAIL, said),)
    else:
        aspects = _aspects(entry, spec, ask)
    return Checked(entry=entry, connector=spec.name, at=at, aspects=aspects)


def _aspects(entry: Entry, spec: SourceSpec, ask: Ask) -> tuple[Aspect, ...]:
    try:
        found = ask(spec, entry.target)
    except EvidenceKitError as error:
        # A secret that is not there, an address that is none: nobody was asked, so nobody can have answered.
        return (Aspect("authorised", Grade.FAIL, f"cannot be asked: {error.message}"),)
    except Exception as error:  # noqa: BLE001 - one connector's bug must not hide how the other partners stand
        return (Aspect("authorised", Grade.FAIL, f"the check itself failed: {type(error).__name__}"),)
    if found.exchange is None:
        return tuple(_refused(found))
    aspects = [_reached(found), _let_in(found), _fresh(entry, spec, found), _retention(spec, found), _clock(found)]
    if found.sampled:
        aspects.append(Aspect("sampling", Grade.WARN, f"the answer is a sample: {found.sampled}"))
    return tuple(aspects)


def _refused(found: Probe) -> Iterator[Aspect]:
    """Tell an API that does not answer from one that turns us away, and say why."""
    status, reason = found.ended or (UnitStatus.PARTIAL_ERROR, "no answer")
    answered = any(one.status for one in found.attempts)
    tried = bool(found.attempts)
    is_error = status is UnitStatus.PARTIAL_ERROR
    if answered and not is_error:
        yield Aspect("reachable", Grade.OK, "it answers")
    if status is UnitStatus.PARTIAL_THROTTLED:
        yield Aspect("authorised", Grade.WARN, f"throttled: {reason}")
    elif status is UnitStatus.SAMPLED_AT_SOURCE:
        yield Aspect("sampling", Grade.WARN, f"the provider records a sample only: {reason}")
    elif is_error:
        way = "answers with an error" if answered else _way(found) if tried else "cannot be reached"
        yield Aspect("reachable", Grade.FAIL, f"{way}: {reason}")
    else:
        yield Aspect("authorised", Grade.FAIL, f"{status.value.replace('_', ' ')}: {reason}")


def _way(found: Probe) -> str:
    failed = found.attempts[-1].error
    return "TLS fails" if "SSL" in failed else "too slow" if "Timeout" in failed else "cannot be reached"


def _reached(found: Probe) -> Aspect:
    exchange = found.exchange
    if exchange is None:
        raise ValueError("a probe without an answer")
    took = exchange.received_at - exchange.sent_at
    said = f"answers in {took / timedelta(milliseconds=1):.0f} ms, TLS certificate {exchange.peer[:16] or 'unknown'}"
    return Aspect("reachable", Grade.WARN if took > SLOW else Grade.OK, said)


def _let_in(found: Probe) -> Aspect:
    if found.ended:
        status, reason = found.ended
        return Aspect("authorised", Grade.WARN, f"answers in part, {status.value.replace('_', ' ')}: {reason}")
    return Aspect("authorised", Grade.OK, "the credentials are let in")


def _fresh(entry: Entry, spec: SourceSpec, found: Probe) -> Aspect:
    """Hold the newest record against the agreed latency, or against what the provider says of its own delay."""
    if not found.tells_newest:
        return Aspect("fresh", Grade.UNTOLD, "how new its records are is not told: the connector does not ask")
    if found.newest is None:
        return Aspect("fresh", Grade.UNTOLD, "how new its records are is not told: the answer holds none")
    age = found.at - found.newest
    if age < -WRONG_CLOCK:
        return Aspect("fresh", Grade.WARN, f"its newest record is dated {lasting(-age)} ahead of our clock")
    agreed = entry.agreement.latency if entry.agreement else None
    said = f"newest record {lasting(max(age, timedelta(0)))} old"
    if agreed is not None and age > agreed:
        said = f"{said}, agreed are {lasting(agreed)}: late, or nothing has happened since"
        return Aspect("fresh", Grade.FAIL, said)
    if agreed is None and age > spec.settle + QUIET:
        return Aspect("fresh", Grade.WARN, f"{said}, and no latency is agreed")
    return Aspect("fresh", Grade.OK, said)


def _retention(spec: SourceSpec, found: Probe) -> Aspect:
    if found.back_to is None or spec.retention is None:
        return Aspect("retention", Grade.UNTOLD, "how far back it reaches is not asked: the API tells no cheap way")
    claimed = f"the {spelled(spec.retention)} that it is said to keep"
    if found.back_ended:
        status, reason = found.back_ended
        grade = Grade.FAIL if status is UnitStatus.EXPIRED_RETENTION else Grade.WARN
        return Aspect("retention", grade, f"does not reach back {claimed}: {reason}")
    if found.oldest is None:
        return Aspect("retention", Grade.UNTOLD, f"no record of the first of {claimed}: gone, or never there")
    return Aspect("retention", Grade.OK, f"reaches back {claimed}: a record of {rfc3339(found.oldest)}")


def _clock(found: Probe) -> Aspect:
    exchange = found.exchange
    if found.dated is None or exchange is None:
        return Aspect("clock", Grade.UNTOLD, "what its clock says is not told: no `Date` in the answer")
    # `Date` has whole seconds, and was written at some moment between question and answer.
    late = found.dated + timedelta(seconds=1) - exchange.sent_at
    early = found.dated - exchange.received_at
    off = early if early > timedelta(0) else min(timedelta(0), late)
    if abs(off) <= SKEWED:
        return Aspect("clock", Grade.OK, f"its clock is ours to within {SKEWED.seconds} s")
    grade = Grade.FAIL if abs(off) > WRONG_CLOCK else Grade.WARN
    way = "ahead of" if off > timedelta(0) else "behind"
    return Aspect("clock", grade, f"its clock is {lasting(abs(off))} {way} ours, or ours is wrong")


def lasting(period: timedelta) -> str:
    """Return a period in the unit that reads best."""
    seconds = period.total_seconds()
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size or size == 1:
            count = int(seconds // size)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    raise AssertionError
