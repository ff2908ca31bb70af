"""Steps as a graph: what each needs, in which waves they run, and every circle once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.playbook.graph import ancestors, circles, waves
from evidence_kit.playbook.model import Need, Step


def steps(**needs):
    return [
        Step(id=name, type="manual", index=at, needs=tuple(map(Need, needed)))
        for at, (name, needed) in enumerate(needs.items())
    ]


def test_a_step_needs_what_its_needs_need():
    found = ancestors(steps(a="", b="a", c="b", d=""))

    assert found == {"a": set(), "b": {"a"}, "c": {"a", "b"}, "d": set()}


def test_waves_wait_for_those_before_and_begin_with_what_vanishes():
    listed = steps(a="", b="", c="ab", d="c")
    volatile = Step(id="v", type="collect", index=9, fields={"volatile": True})

    assert [[one.id for one in wave] for wave in waves([*listed, volatile])] == [["v", "a", "b"], ["c"], ["d"]]


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        (steps(a="a"), [("a", "a")]),
        (steps(a="b", b="a"), [("a", "b", "a")]),
        (steps(a="b", b="c", c="b"), [("b", "c", "b")]),
        (steps(a="b", b="a", c="d", d="c"), [("a", "b", "a"), ("c", "d", "c")]),
        (steps(a="", b="a"), []),
    ],
)
def test_each_circle_is_told_once(listed, found):
    assert list(circles(listed)) == found


def test_a_circle_has_no_waves():
    with pytest.raises(ValueError, match="circle"):
        waves(steps(a="b", b="a"))


@given(st.lists(st.lists(st.integers(0, 7), max_size=3), min_size=1, max_size=8))
def test_steps_have_waves_or_a_circle_and_never_both(edges):
    listed = [
        Step(id=f"s{at}", type="manual", index=at, needs=tuple(Need(f"s{one % len(edges)}") for one in needed))
        for at, needed in enumerate(edges)
    ]
    found = list(circles(listed))
    if found:
        assert all(circle[0] == circle[-1] for circle in found)
        with pytest.raises(ValueError, match="circle"):
            waves(listed)
    else:
        assert sorted(step.id for wave in waves(listed) for step in wave) == sorted(step.id for step in listed)
