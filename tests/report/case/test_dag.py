"""The picture of a playbook run puts each step to the right of all that it needs."""

from dataclasses import replace

from support.case_reports import run

from evidence_kit.report.case import dag
from evidence_kit.report.case.doings import Step


def step(name, *needs, outcome="complete"):
    return Step(id=name, title="", needs=needs, outcome=outcome)


def places(*steps):
    found = dag.drawn(replace(run(), steps=steps))
    return {node.label: (node.x, node.y) for node in found.nodes}, found


def test_each_step_stands_right_of_all_that_it_needs() -> None:
    at, found = places(step("a"), step("b", "a"), step("c", "a", "b"), step("d"))
    assert at["a"][0] == at["d"][0] < at["b"][0] < at["c"][0]
    assert len(found.edges) == 3


def test_no_two_boxes_share_a_place_and_all_are_within_the_picture() -> None:
    at, found = places(*(step(f"s{number}", *(("s0",) if number else ())) for number in range(9)))
    assert len(set(at.values())) == 9
    assert all(node.x + node.width <= found.width and node.y + node.height <= found.height for node in found.nodes)


def test_a_circle_ends_and_an_unknown_need_is_left_to_the_table() -> None:
    _, found = places(step("a", "b"), step("b", "a"), step("c", "nowhere"))
    assert len(found.nodes) == 3
    assert len(found.edges) == 2


def test_the_ends_of_steps_look_different() -> None:
    looks = {node.label: node.look for node in dag.drawn(run()).nodes}
    assert (looks["keys"], looks["trail"], looks["endpoint"], looks["pivot"]) == ("done", "some", "failed", "idle")
