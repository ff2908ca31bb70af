"""Planning: every moment of the window is in exactly one unit, and what cannot be asked is said so beforehand."""

import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.casemaker import SPEC

from evidence_kit.acquire.context import World
from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.pacing import Pacer
from evidence_kit.acquire.plan import describe, estimate, make_plan
from evidence_kit.acquire.scope import Order, planned_json, planned_unit
from evidence_kit.custody import strict
from evidence_kit.errors import AccessError, ChainError, EmptyError, OperatorStop, ProviderError, UsageError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.source import Limit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target, Unit

NOW = datetime(2026, 11, 21, 20, 0, 0, 700_000, tzinfo=UTC)
ONE, TWO = (Target(provider="aws", id=name * 12, regions=("r1", "r2")) for name in "12")


class Regions:
    """One unit a region."""

    def __init__(self, **changes):
        self.spec = replace(SPEC, **changes)

    def units(self, scope, ctx):
        for region in scope.target.regions:
            yield Unit(source=self.spec.name, target=scope.target, region=region, window=scope.window)


class Failing(Regions):
    """Finds one unit and then `error`."""

    def __init__(self, error):
        super().__init__()
        self._error = error

    def units(self, scope, ctx):
        yield next(super().units(scope, ctx))
        raise self._error


def world(**changes):
    return World(
        **{
            "now": lambda: NOW,
            "secret": lambda name: name,
            "pacer": Pacer(),
            "observer": Silent(),
            "stop": threading.Event(),
            **changes,
        }
    )


def plan(*collectors, window, targets=(ONE,)):
    named = {collector.spec.name: collector for collector in collectors}
    return make_plan(Order(sources=tuple(named), targets=targets, window=window, params={}), named, world()).units


instants = st.integers(0, 143 * 86_400 * 1_000_000).map(lambda n: NOW - timedelta(days=143, microseconds=-n))
spans = st.tuples(instants, st.timedeltas(timedelta(microseconds=1), timedelta(days=120))).map(
    lambda pair: Window(pair[0], pair[0] + pair[1])
)


@given(window=spans, step=st.sampled_from([None, timedelta(days=1), timedelta(hours=7)]), kept=st.booleans())
def test_the_units_of_a_region_cover_the_window_exactly_once(window, step, kept):
    collector = Regions(step=step, retention=timedelta(days=90) if kept else None)
    units = [unit for unit in plan(collector, window=window) if unit.region == "r1"]
    parts = sorted((unit.window for unit in units), key=lambda part: part.start)
    assert parts[0].start == window.start
    assert parts[-1].end == window.end
    assert all(before.end == after.start for before, after in pairwise(parts))
    for unit in units:
        expired = unit.settled is not None
        assert expired == (kept and unit.window.start < (NOW - timedelta(days=90)).replace(microsecond=0))
        assert not expired or unit.settled[0] is UnitStatus.EXPIRED_RETENTION


def test_a_window_that_begins_within_the_second_at_which_retention_ends_can_be_planned():
    start = NOW - timedelta(days=90, milliseconds=300)  # later than the whole second, earlier than the fraction
    (unit, _) = plan(Regions(retention=timedelta(days=90)), window=Window(start, NOW))
    assert unit.settled is None


def test_steps_are_aligned_so_that_overlapping_orders_share_units():
    collector = Regions(step=timedelta(days=1))
    first, second = (
        {unit.id for unit in plan(collector, window=Window(NOW - timedelta(days=days), NOW))} for days in (3, 5)
    )
    assert len(first & second) == 2 * 3


def test_volatile_sources_come_first_and_regions_take_turns():
    slow, fast = Regions(name="a.slow", volatile=90), Regions(name="b.fast", volatile=5)
    units = plan(slow, fast, window=Window(NOW - timedelta(hours=2), NOW), targets=(ONE, TWO))
    assert [unit.source for unit in units] == ["b.fast"] * 4 + ["a.slow"] * 4
    stepped = plan(Regions(step=timedelta(hours=1)), window=Window(NOW - timedelta(hours=1), NOW), targets=(ONE, TWO))
    lanes = [(unit.target.id, unit.region) for unit in stepped]
    assert len(set(lanes[:4])) == 4


def test_a_target_named_twice_is_asked_once():
    window = Window(NOW - timedelta(hours=1), NOW)
    assert len(plan(Regions(), window=window, targets=(ONE, ONE))) == 2


def test_a_target_of_another_provider_is_passed_over_and_an_empty_plan_is_an_error():
    window = Window(NOW - timedelta(hours=1), NOW)
    other = Target(provider="gcp", id="p", regions=("r1",))
    assert {unit.target.id for unit in plan(Regions(), window=window, targets=(ONE, other))} == {ONE.id}
    with pytest.raises(EmptyError, match="no target fits"):
        plan(Regions(), window=window, targets=(other,))


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (Stop(UnitStatus.NOT_ENABLED, "is off"), UnitStatus.NOT_ENABLED, "is off"),
        (AccessError("no credentials"), UnitStatus.DENIED, "no credentials"),
        (ProviderError("gone"), UnitStatus.PARTIAL_ERROR, "gone"),
        (KeyError("Regions"), UnitStatus.PARTIAL_ERROR, "the collector failed to plan: KeyError: 'Regions'"),
    ],
)
def test_what_fails_while_planning_becomes_a_unit_of_its_own(error, status, says):
    window = Window(NOW - timedelta(hours=1), NOW)
    failing, fine = Failing(error), Regions(name="z.fine")
    units = plan(failing, fine, window=window)
    settled = [unit for unit in units if unit.settled]
    assert [unit.settled for unit in settled] == [(status, says)]
    assert Counter(unit.source for unit in units) == {failing.spec.name: 2, "z.fine": 2}


def test_what_the_person_wrote_wrongly_stops_the_plan():
    with pytest.raises(UsageError, match="no such parameter"):
        plan(Failing(UsageError("no such parameter")), window=Window(NOW - timedelta(hours=1), NOW))


def test_a_plan_that_is_stopped_says_that_nothing_was_collected():
    class Asking(Regions):
        def units(self, scope, ctx):
            ctx.pause(0, "")
            yield from super().units(scope, ctx)

    stopped = world()
    stopped.stop.set()
    order = Order(sources=("a",), targets=(ONE,), window=Window(NOW - timedelta(hours=1), NOW), params={})
    with pytest.raises(OperatorStop, match="nothing was collected"):
        make_plan(order, {"a": Asking()}, stopped)


def test_an_estimate_is_the_time_that_the_slowest_budget_takes():
    collector = Regions(step=timedelta(days=1), limit=Limit(rps=0.5))
    window = Window(NOW - timedelta(days=60), NOW)
    made = make_plan(
        Order(sources=(collector.spec.name,), targets=(ONE, TWO), window=window, params={}),
        {collector.spec.name: collector},
        world(),
    )
    (cost,) = estimate(made, {collector.spec.name: collector.spec})
    assert (cost.units, cost.calls) == (4 * 61, 4 * 61)
    assert cost.minutes == round(61 / 0.5 / 60, 1)


def test_a_unit_is_described_in_words():
    unit = Unit(source="s", target=ONE, region="r1", stream="g", window=Window(NOW - timedelta(hours=1), NOW))
    assert describe(unit).startswith(f"s {ONE.id} r1 g 2026-11-21T19:00:00.700000Z to ")
    assert describe(Unit(source="s", target=ONE)) == f"s {ONE.id} global"


words = st.text(st.characters(codec="utf-8"), max_size=12)
targets = st.builds(
    Target,
    provider=words,
    id=words,
    name=words,
    regions=st.lists(words, max_size=3).map(tuple),
    access=st.dictionaries(words, words, max_size=2),
)
units_ = st.builds(
    Unit,
    source=words,
    target=targets,
    region=words,
    stream=words,
    window=st.none() | spans,
    settings=st.dictionaries(words, words, max_size=2),
    settled=st.none() | st.tuples(st.sampled_from(UnitStatus), words),
)


@pytest.mark.slow
@given(unit=units_)
def test_a_planned_unit_is_read_back_as_it_was(unit):
    assert planned_unit(strict.decode(strict.encode(planned_json(unit)))) == unit


@given(places=st.lists(targets, max_size=3), window=spans, params=st.dictionaries(words, words, max_size=2))
def test_an_order_is_read_back_as_it_was(places, window, params):
    order = Order(sources=("a", "b"), targets=tuple(places), window=window, params=params, continues="x")
    assert Order.from_json(strict.decode(strict.encode(order.to_json()))) == order


def test_a_recorded_unit_whose_name_and_fields_differ_is_refused():
    fields = planned_json(Unit(source="s", target=ONE, region="r1"))
    with pytest.raises(ChainError, match="does not match its own fields"):
        planned_unit({**fields, "region": "r2"})


def test_a_recorded_target_that_is_no_object_is_refused():
    order = Order(sources=(), targets=(), window=Window(NOW - timedelta(hours=1), NOW), params={}).to_json()
    with pytest.raises(ChainError, match="not an object"):
        Order.from_json({**order, "targets": ["x"]})
