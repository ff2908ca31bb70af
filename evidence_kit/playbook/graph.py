"""Steps as a graph: who waits for whom, in which waves, and where it bites its own tail."""

from collections.abc import Iterator, Sequence

from evidence_kit.playbook.model import Step


def ancestors(steps: Sequence[Step]) -> dict[str, frozenset[str]]:
    """Return for each step all that it needs, and what those need; steps of a circle need each other."""
    direct = {step.id: [need.step for need in step.needs] for step in steps}
    found: dict[str, frozenset[str]] = {}
    for step, needed in direct.items():
        seen: set[str] = set()
        waiting = list(needed)
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += direct.get(one, ())
        found[step] = frozenset(seen)
    return found


def circles(steps: Sequence[Step]) -> Iterator[tuple[str, ...]]:
    """Yield each circle of needs once, as the ids along it."""
    direct = {step.id: [need.step for need in step.needs] for step in steps}
    above = ancestors(steps)
    told: set[str] = set()
    for step in direct:
        if step not in above[step] or step in told:
            continue
        path = [step]
        while True:
            path.append(next(one for one in direct[path[-1]] if step in above.get(one, ()) or one == step))
            if path[-1] in path[:-1]:
                break
        circle = path[path.index(path[-1]) :]
        told |= {*circle} | {one for one in above[step] if step in above.get(one, ())}
        yield tuple(circle)


def waves(steps: Sequence[Step]) -> list[list[Step]]:
    """Return the steps in waves: each waits only for those before; what vanishes first goes first in its wave."""
    level: dict[str, int] = {}
    left = {step.id: step for step in steps}
    while left:
        ready = [step for step in left.values() if all(need.step in level for need in step.needs)]
        if not ready:
            raise ValueError("the steps go round in a circle")
        for step in ready:
            level[step.id] = 1 + max((level[need.step] for need in step.needs), default=-1)
            del left[step.id]
    found: list[list[Step]] = [[] for _ in range(1 + max(level.values(), default=-1))]
    for step in steps:
        found[level[step.id]].append(step)
    return [sorted(wave, key=lambda step: not step.fields.get("volatile", False)) for wave in found]
