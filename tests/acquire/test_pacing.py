"""A budget is never overdrawn, whatever the order of requests, and never left idle without cause."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.acquire.pacing import Pacer
from evidence_kit.model.source import Limit

Q = ("aws", "1", "us-east-1", "LookupEvents")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def departures(limit, gaps):
    """Return when each request leaves, if each arrives `gap` after the one before."""
    clock = Clock()
    pacer = Pacer(clock=clock)
    left = []
    for gap in gaps:
        clock.now += gap
        left.append(clock.now + pacer.reserve(Q, limit))
    return left


limits = st.builds(Limit, rps=st.floats(0.1, 200), burst=st.integers(1, 20))
gaps = st.lists(st.one_of(st.just(0.0), st.floats(0, 0.2), st.floats(0, 30)), min_size=2, max_size=80)


@given(limit=limits, gaps=gaps)
def test_no_span_of_time_sees_more_than_its_share_and_one_burst(limit, gaps):
    left = sorted(departures(limit, gaps))
    for first in range(len(left)):
        for last in range(first, len(left)):
            span = left[last] - left[first]
            assert last - first + 1 <= limit.burst + span * limit.rps + 1e-6


@given(gaps=gaps, rps=st.floats(0.1, 200))
def test_without_a_burst_requests_keep_their_distance(gaps, rps):
    left = departures(Limit(rps=rps), gaps)
    assert all(after - before >= 1 / rps - 1e-9 for before, after in pairwise(left))


@given(limit=limits, gaps=gaps)
def test_nobody_waits_longer_than_the_queue_before_them_takes(limit, gaps):
    clock = Clock()
    pacer = Pacer(clock=clock)
    for number, gap in enumerate(gaps):
        clock.now += gap
        assert pacer.reserve(Q, limit) <= number / limit.rps + 1e-9


def test_an_idle_budget_lets_one_burst_through_and_no_more():
    left = departures(Limit(rps=2, burst=3), [0.0] * 3 + [60.0] + [0.0] * 4)
    assert [round(at - left[3], 6) for at in left[3:]] == [0, 0, 0, 0.5, 1.0]


@given(seconds=st.floats(0.01, 100), gaps=gaps)
def test_after_a_hold_nobody_leaves_before_it_ends(seconds, gaps):
    clock = Clock()
    pacer = Pacer(clock=clock)
    pacer.hold(Q, seconds)
    until = clock.now + seconds
    for gap in gaps:
        clock.now += gap
        assert clock.now + pacer.reserve(Q, Limit(rps=5, burst=1)) >= until - 1e-9


def test_a_shorter_hold_does_not_end_a_longer_one():
    clock = Clock()
    pacer = Pacer(clock=clock)
    pacer.hold(Q, 10)
    pacer.hold(Q, 1)
    assert pacer.reserve(Q, Limit(rps=1)) == pytest.approx(10)


def test_budgets_of_two_regions_are_two():
    clock = Clock()
    pacer = Pacer(clock=clock)
    limit = Limit(rps=0.1)
    assert pacer.reserve(Q, limit) == pacer.reserve((*Q[:2], "eu-west-1", Q[3]), limit) == 0
    assert pacer.reserve(Q, limit) == pytest.approx(10)
