"""Doing one thing to one resource, so that it can be done twice: look, do what is missing, look again."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from evidence_kit.model.exchange import Closed, Item, Page, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Finding
from evidence_kit.preservation.desk import Desk

D = TypeVar("D", bound=Desk)
D_contra = TypeVar("D_contra", bound=Desk, contravariant=True)
PRESERVED, ALREADY, NOT_PRESERVED = "preserved", "already_in_force", "not_preserved"
_DENIED = frozenset({UnitStatus.DENIED, UnitStatus.DENIED_BY_POLICY})


class Standing(StrEnum):
    """How a resource stands towards what is wanted of it."""

    IN_FORCE = "in force"
    PENDING = "under way"
    MISSING = "missing"
    UNFIT = "cannot be"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a look found. `things` are what keeps evidence now: each with `resource` and `id`, as facts of a finding.

    `would` says what acting would do; `detail` is for the action's own use.
    """

    standing: Standing
    said: str
    would: str = ""
    things: tuple[Mapping[str, str], ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


class Deed(Protocol[D_contra]):
    """One thing to be done to one resource."""

    def look(self, desk: D_contra) -> State:
        """Return how the resource stands; nothing changes."""
        ...

    def act(self, desk: D_contra, state: State) -> None:
        """Do what `state` misses, and nothing else."""
        ...


@dataclass(frozen=True, slots=True)
class Poll:
    """How long to wait for what is under way: every so many seconds, at most so often."""

    every: float = 15.0
    most: int = 20


def carry_out(deed: Deed[D], desk: D, ctx: Context, poll: Poll) -> Iterator[Item]:
    """Yield every answer and what came of it; `Closed` where the last look does not show it in force."""
    before = yield from _look(deed, desk, "before")
    if before.standing is Standing.UNFIT:
        raise Stop(UnitStatus.PARTIAL_ERROR, before.said)
    refused: Stop | None = None
    if before.standing is Standing.MISSING:
        refused = yield from _act(deed, desk, before)
    after = before
    if before.standing is not Standing.IN_FORCE:
        after = yield from _look_until(deed, desk, ctx, poll if refused is None else Poll(most=1, every=0.0))
    yield from _remarks(before, after, desk)
    if after.standing is Standing.IN_FORCE:
        return
    if refused is not None:
        raise refused
    yield _ending(after, desk)


def _look(deed: Deed[D], desk: D, phase: str) -> Generator[Page, None, State]:
    desk.phase = phase
    try:
        state = deed.look(desk)
    except Exception:
        yield from _arrived(desk)  # what arrived is evidence, whatever came next
        raise
    yield from _arrived(desk)
    return state


def _act(deed: Deed[D], desk: D, state: State) -> Generator[Page, None, Stop | None]:
    """Act; a refusal is returned, for only the next look tells whether something was done all the same."""
    desk.phase, refused = "done", None
    try:
        deed.act(desk, state)
    except Stop as stop:
        refused = stop
    except Exception:
        yield from _arrived(desk)
        raise
    yield from _arrived(desk)
    return refused


def _arrived(desk: Desk) -> Generator[Page, None, None]:
    """Hand over what arrived; what nobody takes any more, after an operator's stop, still goes on record."""
    pages = list(desk.drain())
    try:
        while pages:
            yield pages[0]
            del pages[0]
    except GeneratorExit:
        for page in pages[1:]:
            desk.anew.record(page.exchange)
        raise


def _look_until(deed: Deed[D], desk: D, ctx: Context, poll: Poll) -> Generator[Page, None, State]:
    """Look until it is in force, or nothing is to be waited for; every look is stored."""
    state = yield from _look(deed, desk, "after")
    for _ in range(poll.most - 1):
        if state.standing in {Standing.IN_FORCE, Standing.UNFIT} or desk.refused:
            break
        ctx.pause(poll.every, state.said)
        state = yield from _look(deed, desk, "after")
    return state


def _remarks(before: State, after: State, desk: Desk) -> Iterator[Remark]:
    """Say what there is now, telling what was there before from what was done."""
    known = {thing.get("id") for thing in before.things}
    for thing in after.things:
        kind = ALREADY if thing.get("id") in known else PRESERVED
        yield Remark(finding=Finding(kind=kind, message=f"{thing.get('resource', '')}: {after.said}", facts=thing))
    for name, stop in desk.refused if after.standing is not Standing.IN_FORCE else ():
        facts = {"resource": name, "status": stop.status.value}
        yield Remark(finding=Finding(kind=NOT_PRESERVED, message=f"{name}: {stop.reason}", facts=facts))


def _ending(after: State, desk: Desk) -> Closed:
    if desk.refused:
        statuses = {stop.status for _, stop in desk.refused}
        status = next(iter(statuses)) if statuses <= _DENIED else UnitStatus.PARTIAL_ERROR
        reason = f"{len(desk.refused)} were refused; the first: {desk.refused[0][1].reason}"
        return Closed(status=status, reason=f"{after.said}; {reason}"[:700])
    if after.standing is Standing.PENDING:
        return Closed(status=UnitStatus.COMPLETE_UNSETTLED, reason=after.said)
    return Closed(
        status=UnitStatus.PARTIAL_ERROR,
        reason=f"it was asked for and not refused, but the look afterwards does not show it: {after.said}"[:700],
    )
