"""An agreement that ends while work goes on ends what is left of it; what was set aside is set aside once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support.casemaker import NOW, SOURCE, TARGET, WINDOW, Crash, PagesFromMemory

from evidence_kit.acquire.authority import OVERRIDE, lapsed
from evidence_kit.acquire.open_work import find_work
from evidence_kit.acquire.scope import Order
from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target

TODAY = NOW.date()
OTHER = Target(provider="aws", id="444455556666", name="data")


def order(expires, *, target=TARGET, **more):
    agreement = {"reference": "DPA-2025-118", "expires": str(expires) if expires else ""}
    entry = {"name": target.label, "agreement": agreement}
    return Order(
        sources=(SOURCE,), targets=(TARGET,), window=WINDOW, params={}, governance={"targets": [entry], **more}
    )


class Dies(PagesFromMemory):
    """The machine goes away while a unit is acquired."""

    def acquire(self, unit, ctx):
        raise Crash
        yield


def ends(case, what, *, now=NOW):
    """Return how each unit ended of `what` is done with the case's engine, at `now`."""
    with case.vault.lock(), case.vault.working():
        engine = case.engine(PagesFromMemory(), case.vault)
        engine.now = lambda: now
        return {one.status for one in what(engine).outcomes}


@pytest.mark.parametrize(
    ("given", "target", "over"),
    [
        (order(TODAY - timedelta(days=1)), TARGET, True),
        (order(TODAY), TARGET, False),
        (order(""), TARGET, False),
        (order(TODAY - timedelta(days=1)), OTHER, False),
        (order(TODAY - timedelta(days=1), **{OVERRIDE: {"event": 7}}), TARGET, False),
        (replace(order(TODAY), governance={}), TARGET, False),
        (replace(order(TODAY), governance={"targets": [{"name": TARGET.label, "agreement": None}]}), TARGET, False),
    ],
    ids=["over", "last day", "no end", "somebody else's", "set aside", "nothing recorded", "no agreement"],
)
def test_an_agreement_is_over_after_its_last_day_unless_it_was_set_aside(given, target, over) -> None:
    assert bool(lapsed(given, target, NOW)) is over


def test_a_unit_whose_agreement_is_over_when_its_turn_comes_is_not_asked_for(small_case) -> None:
    asked = order(TODAY - timedelta(days=1))
    assert ends(small_case, lambda engine: engine.collect(asked)) == {UnitStatus.OUT_OF_SCOPE}


def test_what_a_crash_left_is_not_taken_up_after_the_agreement_ended(small_case) -> None:
    with pytest.raises(Crash), small_case.vault.lock(), small_case.vault.working():
        small_case.engine(Dies(), small_case.vault).collect(order(TODAY))
    found = find_work(small_case.vault)
    assert found.acquisition, "what has no seal comes first"
    assert ends(small_case, found.run, now=NOW + timedelta(days=1)) == {UnitStatus.OUT_OF_SCOPE}
    assert small_case.verify().exit() is Exit.OK


def test_open_units_are_not_taken_up_after_the_agreement_ended_nor_by_an_old_leave(small_case) -> None:
    half = PagesFromMemory(partial=frozenset({"us-east-1"}))
    asked = order(TODAY, **{OVERRIDE: {"event": 7}})
    with small_case.vault.lock(), small_case.vault.working():
        small_case.engine(half, small_case.vault).collect(asked)
    found = find_work(small_case.vault)
    assert OVERRIDE not in found.order.governance
    assert ends(small_case, found.run) == {UnitStatus.COMPLETE}
