"""Rules about steps as a graph: ids, needs, circles, and what happens to a step when another is skipped."""

from collections.abc import Iterator

from evidence_kit.model.document import Path, did_you_mean
from evidence_kit.playbook.graph import circles
from evidence_kit.playbook.lint import names
from evidence_kit.playbook.lint.saying import Said
from evidence_kit.playbook.lint.subject import Subject
from evidence_kit.playbook.model import Need, Step

_CHANGES = frozenset({"preserve", "hold"})
_LAST = frozenset({"report", "notify"})


def graph(subject: Subject) -> Iterator[Said]:
    """Yield what is wrong with ids and needs."""
    yield from _ids(subject)
    for step in subject.playbook.steps:
        for index, need in enumerate(step.needs):
            yield from _need(subject, step, index, need)
    for circle in circles([step for step in subject.playbook.steps if step.id]):
        first = subject.steps[circle[0]]
        said = " → ".join(f"`{one}`" for one in circle)
        path = _need_path(subject, first, circle[1])
        yield Said(path, "cycle", f"steps wait for each other: {said}", "one of them has to go without another")
    yield from _reports(subject)


def unknown_step(subject: Subject, path: Path, name: str, what: str) -> Iterator[Said]:
    """Yield a fault if `name` is no step."""
    if name and name not in subject.steps:
        hint = did_you_mean(name, subject.steps) if subject.steps else ""
        yield Said(path, "unknown-step", f"{what} `{name}`, which no step is called", hint)


def _ids(subject: Subject) -> Iterator[Said]:
    for step in subject.playbook.steps:
        path = (*step.at, "id")
        if step.id and subject.steps[step.id] is not step:
            mark = subject.playbook.doc.marks.get((*subject.steps[step.id].at, "id"))
            where = f"the other is in line {mark[0]}" if mark else ""
            yield Said(path, "duplicate-id", f"two steps are called `{step.id}`", where)
        elif step.id in names.RUN_TABLES or step.id in _tables():
            yield Said(path, "reserved-name", f"`{step.id}` is a table that every case has", "give it another id")
        elif step.id in names.RESERVED:
            yield Said(path, "reserved-name", f"`{step.id}` cannot be named in an expression", "give it another id")


def _tables() -> frozenset[str]:
    from evidence_kit.analysis.tables.schema import EVIDENCE, FACTS

    return frozenset({EVIDENCE, *FACTS})


def _need_path(subject: Subject, step: Step, name: str) -> Path:
    """Return where a step says that it needs another."""
    for index, need in enumerate(step.needs):
        if need.step == name:
            path = (*step.at, "needs", index)
            return (*path, "step") if (*path, "step") in subject.playbook.doc.marks else path
    return (*step.at, "needs")


def _need(subject: Subject, step: Step, index: int, need: Need) -> Iterator[Said]:
    path: Path = (*step.at, "needs", index)
    if (*path, "step") in subject.playbook.doc.marks:
        path = (*path, "step")
    yield from unknown_step(subject, path, need.step, f"`{step.id}` needs")
    other = subject.steps.get(need.step)
    if other is None or other is step or "skipped" in need.accept or step.when or step.index in subject.vague:
        return
    if step.type in _CHANGES and step.fields.get("approval") == need.step:
        return  # what nobody was asked about must not be done
    if other.when:
        hint = f"`{{step: {need.step}, accept: [success, partial, skipped]}}`, or a `when` that says when it runs"
        said = f"`{step.id}` is skipped whenever `{need.step}` is"
        yield Said(path, "maybe-skipped", said, hint)


def _reports(subject: Subject) -> Iterator[Said]:
    for report in subject.of_type("report"):
        early = [
            step.id
            for step in subject.playbook.steps
            if step.id
            and step.type not in _LAST
            and step.id not in subject.above.get(report.id, ())
            and report.id not in subject.above.get(step.id, ())
        ]
        if early:
            said = ", ".join(f"`{name}`" for name in early[:5]) + (" and others" if len(early) > 5 else "")
            hint = f"`needs: [{{step: {early[0]}, accept: [any]}}]`"
            yield Said((*report.at, "id"), "report-early", f"`{report.id}` may be written before {said} ended", hint)
