"""Where the steps of a playbook run stand in a picture: each to the right of all that it needs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.report.case.doings import Run, Step

WIDTH, HEIGHT = 190, 50
_ACROSS, _DOWN, _EDGE = 250, 70, 10
_LETTERS = 24  # of one line in a box
_DONE, _FAILED = (
    frozenset({"success", "complete", "done", "met", "succeeded"}),
    frozenset({"failed", "denied", "timed out", "timed_out", "error", "stopped"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One box; `look` is the class that draws it."""

    x: int
    y: int
    width: int
    height: int
    label: str
    said: str
    look: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes, and lines from the right of one to the left of another."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int, int, int], ...]
    width: int
    height: int


def drawn(run: Run) -> Graph:
    """Return the picture of a run; a need that names no step is left to the table beside it."""
    columns = _columns(run.steps)
    taken: defaultdict[int, int] = defaultdict(int)
    nodes: dict[str, Node] = {}
    for step in run.steps:
        column = columns[step.id]
        nodes[step.id] = _node(step, column, taken[column])
        taken[column] += 1
    edges = tuple(
        (nodes[need].x + WIDTH, nodes[need].y + HEIGHT // 2, nodes[step.id].x, nodes[step.id].y + HEIGHT // 2)
        for step in run.steps
        for need in step.needs
        if need in nodes
    )
    return Graph(
        tuple(nodes.values()),
        edges,
        (max(columns.values(), default=0) + 1) * _ACROSS,
        max(taken.values(), default=0) * _DOWN + _EDGE,
    )


def _columns(steps: Sequence[Step]) -> Mapping[str, int]:
    """Return how many steps come before each on its longest way; a circle, which no engine runs, ends the search."""
    found = dict.fromkeys((step.id for step in steps), 0)
    for _ in steps:
        before = dict(found)
        for step in steps:
            found[step.id] = min(
                max((found[need] + 1 for need in step.needs if need in found), default=0), len(steps) - 1
            )
        if found == before:
            break
    return found


def _node(step: Step, column: int, row: int) -> Node:
    said = step.outcome.replace("_", " ") or "did not run"
    words = step.outcome
    look = "done" if words in _DONE else "failed" if words in _FAILED else "some" if words else "idle"
    return Node(
        x=column * _ACROSS + _EDGE,
        y=row * _DOWN + _EDGE,
        width=WIDTH,
        height=HEIGHT,
        label=_short(step.id),
        said=_short(said),
        look=look,
    )


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
