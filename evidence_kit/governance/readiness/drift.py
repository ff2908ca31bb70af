"""What has changed since a baseline: permission lost, logging off, less kept, a target gone, or the reverse."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from evidence_kit.governance.readiness.observed import Readiness, Standing, State
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import spelled

_RANK = {"impossible": 0, "partial": 1, "nothing": 2, "unknown": 3, "complete": 4}
_DAY = 86_400
_PLAYBOOK = {"cannot": 0, "partly": 1, "ready": 2}
_SHOWN = 160  # characters of a value


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is otherwise than it was."""

    kind: str
    worse: bool
    about: str
    said: str

    def to_json(self) -> dict[str, object]:
        """Return plain data."""
        return {"kind": self.kind, "worse": self.worse, "about": self.about, "said": self.said}


def drift(before: Readiness, after: Readiness) -> tuple[Change, ...]:
    """Return every change, the worse ones first."""
    found = [*_standings(before, after), *_states(before, after), *_playbooks(before, after)]
    return tuple(sorted(found, key=lambda one: (not one.worse, one.kind, one.about, one.said)))


def _standings(before: Readiness, after: Readiness) -> Iterator[Change]:
    old, new = ({one.key: one for one in found.standings} for found in (before, after))
    for key in old.keys() - new.keys():
        said = "was looked at, and is not any more"
        yield Change(kind="not_looked_at", worse=True, about=_about(old[key]), said=said)
    for key in new.keys() - old.keys():
        yield Change(kind="new", worse=False, about=_about(new[key]), said=f"is {new[key].verdict}")
    for key in sorted(old.keys() & new.keys()):
        yield from _standing(old[key], new[key])


def _standing(old: Standing, new: Standing) -> Iterator[Change]:
    about = _about(new)
    for name in sorted(set(new.missing) - set(old.missing)):
        yield Change(kind="permission_lost", worse=True, about=about, said=f"lacks {name}")
    for name in sorted(set(old.missing) - set(new.missing)):
        untold = name in new.unknown
        said = f"lacked {name}; not known any more whether it is granted" if untold else f"has {name}"
        kind = "permission_unknown" if untold else "permission_gained"
        yield Change(kind=kind, worse=False, about=about, said=said)
    for name in sorted(set(new.unknown) - set(old.unknown) - set(old.missing)):
        yield Change(kind="permission_unknown", worse=True, about=about, said=f"not known any more: {name}")
    if old.verdict != new.verdict:
        worse = _RANK.get(new.verdict, 0) < _RANK.get(old.verdict, 0)
        reason = f": {new.reasons[0]}" if new.reasons else ""
        said = f"was {old.verdict}, is {new.verdict}{reason}"
        yield Change(kind="verdict", worse=worse, about=about, said=said)
    if old.reach is not None and new.reach is not None and (old.bounded or new.bounded):
        yield from _reach(old, new, about)


def _reach(old: Standing, new: Standing, about: str) -> Iterator[Change]:
    """Compare to the day: the instant at which a provider forgets moves with every look."""
    was, now = (old.reach or 0) // _DAY, (new.reach or 0) // _DAY
    if was == now or (now < was and not new.bounded) or (now > was and not old.bounded):
        return  # or it was only asked about less, or more, than the time before
    said = f"reaches {_spelled(new.reach)} back, and reached {_spelled(old.reach)}"
    yield Change(kind="retention", worse=now < was, about=about, said=said)


def _spelled(seconds: int | None) -> str:
    days = (seconds or 0) // _DAY
    return f"{days} days" if days != 1 else "1 day"


def _states(before: Readiness, after: Readiness) -> Iterator[Change]:
    old, new = (_by_key(found.states) for found in (before, after))
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key, ()), new.get(key, ())
        if Counter(one.value for one in was) == Counter(one.value for one in now):
            continue
        yield from _state(was, now)


def _by_key(states: Sequence[State]) -> Mapping[tuple[str, ...], tuple[State, ...]]:
    found: dict[tuple[str, ...], list[State]] = defaultdict(list)
    for one in states:
        found[one.key].append(one)
    return {key: tuple(several) for key, several in found.items()}


def _state(was: Sequence[State], now: Sequence[State]) -> Iterator[Change]:
    one = (now or was)[0]
    about = " ".join(filter(None, (one.source, one.target, one.place, one.subject)))
    values = [[json.loads(state.value) for state in states] for states in (was, now)]
    if one.kind == "status" and was and now:
        yield _status(about, values[0][0], values[1][0])
        return
    if not now:
        yield Change(kind="logging_gone", worse=True, about=about, said=f"{one.name}: was {_shown(values[0])}")
        return
    if not was:
        yield Change(kind="logging_new", worse=False, about=about, said=f"{one.name}: {_shown(values[1])}")
        return
    said = f"{one.name}: was {_shown(values[0])}, is {_shown(values[1])}"
    match one.kind:
        case "switch":
            off = not all(values[1])
            yield Change(kind="logging_off" if off else "logging_on", worse=off, about=about, said=said)
        case "days":
            shorter = _days(values[1]) < _days(values[0])
            yield Change(kind="retention", worse=shorter, about=about, said=said)
        case _:
            yield Change(kind="setting", worse=True, about=about, said=said)


def _status(about: str, was: list[str], now: list[str]) -> Change:
    """Compare how the asking ended: complete is best, and what was not answered is worse than an answer."""
    worse = now[0] != UnitStatus.COMPLETE
    said = f"was {was[0]}, is {now[0]}{f': {now[1]}' if now[1] else ''}"
    kind = "logging_off" if now[0] == UnitStatus.NOT_ENABLED else "answer"
    return Change(kind=kind, worse=worse, about=about, said=said)


def _days(values: Sequence[object]) -> float:
    """Return how long the least kept is kept; nothing said is without end."""
    return min((float(str(one)) if one is not None else float("inf") for one in values), default=0.0)


def _playbooks(before: Readiness, after: Readiness) -> Iterator[Change]:
    old = {one.playbook: one for one in before.playbooks}
    new = {one.playbook: one for one in after.playbooks}
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was is None or now is None:
            said = "is new" if was is None else "is not there any more"
            yield Change(kind="playbook", worse=now is None, about=name, said=said)
        elif was.verdict != now.verdict:
            worse = _PLAYBOOK.get(now.verdict, 0) < _PLAYBOOK.get(was.verdict, 0)
            yield Change(kind="playbook", worse=worse, about=name, said=f"was {was.verdict}, is {now.verdict}")


def _about(one: Standing) -> str:
    return f"{one.source} at {one.label}"


def _shown(values: Sequence[object]) -> str:
    text = ", ".join(json.dumps(one) for one in values)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def days(seconds: int | None) -> str:
    """Return how far back, in words."""
    return "as it is now" if seconds is None else spelled(timedelta(seconds=seconds // _DAY * _DAY or seconds))
