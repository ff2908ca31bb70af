"""Rules about what people decide and approve, and about steps that change a target or tell somebody."""

from collections.abc import Iterator

from evidence_kit.model.document import did_you_mean
from evidence_kit.playbook.lint.graph_rules import unknown_step
from evidence_kit.playbook.lint.saying import Said
from evidence_kit.playbook.lint.source_rules import takes
from evidence_kit.playbook.lint.subject import Subject
from evidence_kit.playbook.model import Step
from evidence_kit.playbook.templates import OPEN

CASE = "case"  # the action that holds the case itself, which changes no target
_CHANGES = ("preserve", "hold")
_ALWAYS = ("region",)  # what every action takes beside its own


def people(subject: Subject) -> Iterator[Said]:
    """Yield what is wrong with decisions, approvals, changes and notices."""
    for step in subject.of_type("decide"):
        yield from _decide(step)
    for step in subject.of_type("approve"):
        yield from _covers(subject, step)
    for step in subject.of_type(*_CHANGES):
        yield from _action(subject, step)
        yield from _approval(subject, step)
    for step in subject.of_type("verify"):
        yield from _complete(subject, step)
    for step in subject.of_type("notify"):
        channel = step.fields.get("channel", "")
        known = subject.known.channels
        if channel and known is not None and OPEN not in channel and channel not in known:
            hint = did_you_mean(channel, known) if known else ""
            yield Said((*step.at, "channel"), "unknown-channel", f"there is no channel `{channel[:80]}`", hint)


def _decide(step: Step) -> Iterator[Said]:
    options = [str(one.get("value", "")) for one in step.fields.get("options", ())]
    for index, value in enumerate(options):
        if value and value in options[:index]:
            path = (*step.at, "options", index, "value")
            yield Said(path, "value", f"two options are called `{value}`")
    default = step.fields.get("default_on_timeout")
    if default and default not in options:
        hint = did_you_mean(default, options) if options else ""
        path = (*step.at, "default_on_timeout")
        yield Said(path, "unknown-option", f"`{default[:80]}` is none of the options", hint)
    by_rule, rule = step.fields.get("by") == "rule", step.fields.get("rule")
    if by_rule and not rule:
        yield Said((*step.at, "by"), "missing-key", f"`{step.id}` decides by a rule and has none", "add `rule`")
    elif rule and not by_rule:
        yield Said((*step.at, "rule"), "value", "people decide, and no rule is looked at", "`by: rule`", key=True)


def _covers(subject: Subject, step: Step) -> Iterator[Said]:
    for index, name in enumerate(step.fields.get("covers", ())):
        path = (*step.at, "covers", index)
        yield from unknown_step(subject, path, name, f"`{step.id}` covers")
        other = subject.steps.get(name)
        if other is None or other.index in subject.vague:
            continue
        if other.type not in _CHANGES:
            said = f"`{name}` is a `{other.type}`, which needs no approval"
            yield Said(path, "approval-scope", said, "cover steps that preserve or hold")
        elif other.fields.get("approval") != step.id:
            said = f"`{name}` does not ask for the approval of `{step.id}`"
            yield Said(path, "approval-scope", said, f"`approval: {step.id}` in `{name}`")


def _action(subject: Subject, step: Step) -> Iterator[Said]:
    name, known = step.fields.get("action", ""), subject.known.actions
    given = step.fields.get("with", {})
    if not isinstance(given, dict):
        yield Said((*step.at, "with"), "type", "`with` is a mapping of parameters")
        return
    if not name or (name == CASE and step.type == "hold") or not known:  # in this order: to look is to read them all
        return
    action = known.get(name)
    if action is None:
        more = (CASE,) if step.type == "hold" else ()
        hint = did_you_mean(name, {*known, *more})
        yield Said((*step.at, "action"), "unknown-action", f"unknown action `{name[:80]}`", hint)
        return
    words = [param.name for param in action.params]
    for one in takes(given, [action], _ALWAYS):
        said = f"`{name}` takes no `{one[:80]}`"
        yield Said((*step.at, "with", one), "unknown-param", said, did_you_mean(one, (*words, *_ALWAYS)), key=True)
    for param in action.params:
        if param.required and not param.default and param.name not in given:
            hint = f"`with: {{{param.name}: …}}`: {param.help}"
            yield Said((*step.at, "action"), "missing-param", f"`{name}` needs `{param.name}`", hint)
    targets = subject.playbook.targets.get(step.targets)
    if targets is not None and targets.providers and not targets.is_of(action.provider):
        said = f"`{name}` is of {action.provider}, and `{step.targets}` holds {', '.join(targets.providers)}"
        yield Said((*step.at, "action"), "provider-mismatch", said)


def _approval(subject: Subject, step: Step) -> Iterator[Said]:
    name, path = step.fields.get("approval", ""), (*step.at, "approval")
    if not name:
        return  # the structure says so
    yield from unknown_step(subject, path, name, f"`{step.id}` is approved by")
    approve = subject.steps.get(name)
    if approve is None or approve.index in subject.vague:
        return
    if approve.type != "approve":
        yield Said(path, "approval-scope", f"`{name}` is a `{approve.type}`, which approves nothing")
        return
    if step.id not in approve.fields.get("covers", ()):
        said = f"`{name}` does not cover `{step.id}`"
        yield Said(path, "approval-scope", said, f"add `{step.id}` to `covers` of `{name}`")
    if step.id and name not in subject.above.get(step.id, ()):
        said = f"`{step.id}` does not wait for `{name}`"
        yield Said(path, "missing-need", said, f"add `{name}` to its `needs`")
    for index, need in enumerate(step.needs):
        if need.step == name and need.accept & {"denied", "timed_out", "failed", "skipped"}:
            said = f"`{step.id}` would be tried although `{name}` was denied, or nobody asked"
            yield Said((*step.at, "needs", index), "denied-accepted", said, "leave `accept` out")
    yield from _late(subject, step, approve)


def _late(subject: Subject, step: Step, approve: Step) -> Iterator[Said]:
    """Yield what the change is about and is not known yet when people are asked."""
    told: set[str] = set()
    for use in subject.uses:
        if use.step is not step or use.path[2] not in {"with", "matter", "for_each"}:
            continue
        for one in use.expression.references():
            name = one.path[1] if one.path[0] == "steps" and len(one.path) > 1 else ""
            if name in subject.steps and name not in {*subject.above.get(approve.id, ()), approve.id, *told}:
                told.add(name)
                said = f"`{approve.id}` is asked before `{name}` says what `{step.id}` is about"
                yield Said(
                    (*approve.at, "id"), "late-approval", said, f"add `{name}` to the `needs` of `{approve.id}`"
                )


def _complete(subject: Subject, step: Step) -> Iterator[Said]:
    for at, check in enumerate(step.fields.get("checks", ())):
        for index, name in enumerate(check.get("complete", ())):
            path = (*step.at, "checks", at, "complete", index)
            yield from unknown_step(subject, path, name, f"`{step.id}` checks")
            if name in subject.steps and step.id and name not in subject.above.get(step.id, ()):
                said = f"`{step.id}` checks `{name}` and does not wait for it"
                yield Said(path, "missing-need", said, f"add `{{step: {name}, accept: [any]}}` to its `needs`")
