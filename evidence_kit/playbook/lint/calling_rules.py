"""Rules about what lies outside of the file: regulatory clocks, and other playbooks."""

from collections.abc import Iterator, Mapping

from evidence_kit.model.document import did_you_mean
from evidence_kit.playbook.language import SECRET
from evidence_kit.playbook.lint import trees
from evidence_kit.playbook.lint.input_rules import fit
from evidence_kit.playbook.lint.saying import Said
from evidence_kit.playbook.lint.subject import Subject
from evidence_kit.playbook.model import ClockUse, Playbook, Step
from evidence_kit.playbook.templates import OPEN

_CONTRACT = "contract"
_TEXTS = frozenset({"string", "ip", "network", "arn", "email", "timestamp", "duration", "window", SECRET})


def clocks(subject: Subject) -> Iterator[Said]:
    """Yield clocks that nobody knows, that are out of date, or that a machine would start."""
    for name, clock in subject.playbook.clocks.items():
        known, at = subject.known.clocks, ("clocks", name)
        if clock.use == _CONTRACT:
            if not clock.target:
                hint = "name the target whose agreement has the time limit"
                yield Said((*at, "use"), "missing-key", f"`{_CONTRACT}` needs a `target`", hint)
        elif clock.use and known is not None:
            against = known.get(clock.use)
            if against is None:
                hint = did_you_mean(clock.use, {*known, _CONTRACT})
                yield Said((*at, "use"), "unknown-clock", f"there is no clock `{clock.use[:80]}`", hint)
            elif against:
                yield Said((*at, "use"), "stale-clock", f"`{clock.use}`: {against}")
        yield from _start(subject, clock)


def _start(subject: Subject, clock: ClockUse) -> Iterator[Said]:
    use = next((one for one in subject.uses if one.path == ("clocks", clock.name, "start")), None)
    if use is None:
        return
    path = trees.only_name(use.expression) or ()
    step = subject.steps.get(path[1]) if len(path) == 4 and path[0] == "steps" and path[2] == "outputs" else None
    if step is not None and step.index in subject.vague:
        return
    said_by = step is not None and (
        step.type == "manual" or (step.type == "decide" and step.fields.get("by") != "rule")
    )
    fields = step.fields.get("fields", {}) if step is not None and said_by else {}
    if said_by and path[3] in fields and fields[path[3]].get("type") in {"timestamp", None, ""}:
        return
    hint = "`steps.ID.outputs.FIELD`, a field of type `timestamp` of a `decide` by people, or of a `manual` step"
    yield use.said("clock-by-person", "a clock is started by a time that a person recorded", hint)


def calls(subject: Subject) -> Iterator[Said]:
    """Yield what is wrong with calls of other playbooks."""
    library = subject.known.playbooks
    for step in subject.of_type("playbook"):
        name = str(step.fields.get("playbook", ""))
        if not name or library is None:
            continue
        path = (*step.at, "playbook")
        if name == subject.playbook.major:
            yield Said(path, "recursion", f"`{name}` calls itself")
            continue
        other = library.get(name)
        if other is None:
            yield Said(path, "unknown-playbook", f"there is no playbook `{name[:80]}`", did_you_mean(name, library))
            continue
        pinned = step.fields.get("sha256")
        if pinned and pinned != other.digest:
            said = f"`{name}` is another file than the one named"
            yield Said((*step.at, "sha256"), "playbook-digest", said, f"its digest is {other.digest}")
        if (circle := _circle(subject, other, library)) is not None:
            yield Said(path, "recursion", f"playbooks call each other: {' → '.join(circle)}")
        if more := sorted(other.policy.allow - subject.playbook.policy.allow):
            yield Said(path, "policy", f"`{name}` may {', '.join(more)}, and this playbook may not")
        yield from _inputs(subject, step, other)


def _circle(subject: Subject, other: Playbook, library: Mapping[str, Playbook]) -> tuple[str, ...] | None:
    """Return the way from this playbook back to itself, through `other`."""
    own, seen = subject.playbook.major, {other.major}
    waiting: list[tuple[Playbook, tuple[str, ...]]] = [(other, (own, other.major))]
    while waiting:
        one, way = waiting.pop()
        for step in one.steps:
            name = str(step.fields.get("playbook", "")) if step.type == "playbook" else ""
            if name == own:
                return (*way, own)
            if name and name not in seen and (found := library.get(name)) is not None:
                seen.add(name)
                waiting.append((found, (*way, name)))
    return None


def _inputs(subject: Subject, step: Step, other: Playbook) -> Iterator[Said]:
    given = step.fields.get("with", {})
    if not isinstance(given, dict):
        yield Said((*step.at, "with"), "type", "`with` is a mapping of inputs")
        return
    for name, one in other.inputs.items():
        if one.required and one.default is None and name not in given:
            hint = f"`with: {{{name}: …}}`: {one.description}"
            yield Said((*step.at, "playbook"), "playbook-inputs", f"`{other.id}` needs `{name}`", hint)
    for name, value in given.items():
        path = (*step.at, "with", name)
        if name not in other.inputs:
            hint = did_you_mean(name, other.inputs) if other.inputs else "it takes none"
            yield Said(path, "playbook-inputs", f"`{other.id}` has no input `{name[:80]}`", hint, key=True)
            continue
        wanted = other.inputs[name].type
        if isinstance(value, str) and OPEN in value:
            yield from _typed(subject, path, wanted)
        elif OPEN not in str(value) and (wrong := fit(wanted, value)):
            yield Said(path, "playbook-inputs", f"`{name}`: {wrong}")


def _typed(subject: Subject, path: tuple[str | int, ...], wanted: str) -> Iterator[Said]:
    """Yield a value whose type is known and can never be the one that is wanted."""
    use = next((one for one in subject.uses if one.path == path and one.is_alone), None)
    kind = trees.kind_of(use.expression, subject.type_of) if use else None
    if use is not None and kind is not None and not _may_be(kind, wanted):
        yield use.said("playbook-inputs", f"`{path[-1]}` is `{kind}`, and `{wanted}` is wanted")


def _may_be(kind: str, wanted: str) -> bool:
    if wanted.startswith("list"):
        return kind in {wanted, "list"} or (kind.startswith("list<") and {kind[5:-1], wanted[5:-1]} <= _TEXTS)
    if kind.startswith("list"):
        return False
    return kind in {wanted, "map"} or {kind, wanted} <= _TEXTS or {kind, wanted} == {"int", "double"}
