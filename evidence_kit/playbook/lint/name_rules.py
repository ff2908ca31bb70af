"""Rules about expressions: every name has to be there, come in time, and be of use where it stands."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from evidence_kit.model.document import did_you_mean
from evidence_kit.playbook.expressions import FUNCTIONS, Reference
from evidence_kit.playbook.language import OUTCOMES, SECRET
from evidence_kit.playbook.lint import names, trees
from evidence_kit.playbook.lint.saying import Said
from evidence_kit.playbook.lint.subject import Subject, Use

_ROOTS = frozenset({"inputs", "steps", "targets", "run", "target", "event"})
_HARMLESS = frozenset({"int", "double", "bool"})
_NOT_FOR_SECRETS = "a secret is handed on whole, as `${{ inputs.NAME }}` in `with`, and used nowhere else"


def expressions(subject: Subject) -> Iterator[Said]:
    """Yield what is wrong with names, calls and kinds."""
    yield from subject.unread
    for use in subject.uses:
        for reference in use.expression.references():
            yield from _reference(subject, use, reference)
        yield from _calls(use)
        yield from _compared(subject, use)
        yield from _kinds(subject, use)
        if use.path[0] == "steps" and use.path[2] in {"message", "channel"}:
            yield from _message(subject, use)
    yield from _shadows(subject)
    yield from _unused(subject)


def _reference(subject: Subject, use: Use, one: Reference) -> Iterator[Said]:
    root, *rest = one.path
    if root not in use.roots:
        known = sorted(use.roots)
        yield use.said(
            "unknown-name", f"`{root}` is no name here", did_you_mean(root, known), at=one.at, width=len(root)
        )
        return
    if root == "run" and rest:
        yield from _known(use, one, "unknown-name", f"`run` has no `{rest[0]}`", names.RUN)
    elif root == "target" and rest:
        yield from _known(use, one, "unknown-name", f"`target` has no `{rest[0]}`", names.TARGET)
    elif root == "targets" and rest:
        said = f"there is no set of targets `{rest[0]}`"
        yield from _known(use, one, "unknown-targets", said, subject.playbook.targets)
    elif root == "inputs" and rest:
        yield from _input(subject, use, one)
    elif root == "steps":
        yield from _step(subject, use, one)


def _known(use: Use, one: Reference, rule: str, message: str, known: Iterable[str]) -> Iterator[Said]:
    words = list(known)
    if one.path[1] not in words:
        hint = did_you_mean(one.path[1], words) if words else "there are none"
        yield use.said(rule, message, hint, at=one.at, width=_width(one, 2))


def _width(one: Reference, parts: int) -> int:
    return len(".".join(one.path[:parts]))


def _input(subject: Subject, use: Use, one: Reference) -> Iterator[Said]:
    inputs = subject.playbook.inputs
    yield from _known(use, one, "unknown-input", f"there is no input `{one.path[1]}`", inputs)
    given = inputs.get(one.path[1])
    if given is not None and given.type == SECRET and not _is_handed_on(use):
        said = f"`{one.path[1]}` is a secret"
        yield use.said("secret-use", said, _NOT_FOR_SECRETS, at=one.at, width=_width(one, 2))


def _is_handed_on(use: Use) -> bool:
    in_with = use.step is not None and use.path[2] == "with"
    return in_with and use.is_alone and trees.only_name(use.expression) is not None


def _step(subject: Subject, use: Use, one: Reference) -> Iterator[Said]:
    if len(one.path) == 1:
        yield use.said(
            "unknown-name", "`steps` alone says nothing", "name one: `steps.ID.outputs.NAME`", at=one.at, width=5
        )
        return
    name = one.path[1]
    step = subject.steps.get(name)
    if step is None:
        who = f"step `{use.step.id}`" if use.step and use.step.id else f"`{use.path[-1]}`"
        hint = did_you_mean(name, subject.steps) if subject.steps else ""
        said = f"{who} uses steps.{name}, which no step declares"
        yield use.said("unknown-step", said, hint, at=one.at, width=_width(one, 2))
        return
    if use.step is not None and use.step.id and name not in subject.above.get(use.step.id, ()):
        hint = "a step cannot use its own end" if name == use.step.id else f"add `{name}` to its `needs`"
        said = f"`{use.step.id}` uses steps.{name} and does not wait for it"
        yield use.said("missing-need", said, hint, at=one.at, width=_width(one, 2))
    if len(one.path) > 2 and one.path[2] not in names.STEP:
        hint = did_you_mean(one.path[2], names.STEP)
        if one.path[2] in (subject.outputs(step) or ()):
            hint = f"did you mean `steps.{name}.outputs.{one.path[2]}`?"
        said = f"a step has no `{one.path[2]}`"
        yield use.said("unknown-output", said, hint, at=one.at, width=_width(one, 3))
    outputs = subject.outputs(step)
    if len(one.path) > 3 and one.path[2] == "outputs" and outputs is not None and one.path[3] not in outputs:
        said = f"`{name}` hands on no `{one.path[3]}`"
        hint = did_you_mean(one.path[3], outputs)
        yield use.said("unknown-output", said, hint, at=one.at, width=_width(one, 4))


def _calls(use: Use) -> Iterator[Said]:
    for call in trees.calls(use.expression):
        known = names.METHODS if call.is_method else names.FUNCTIONS
        if call.name not in {*known, *FUNCTIONS}:
            what = "method" if call.is_method else "function"
            hint = did_you_mean(call.name, {*known, *FUNCTIONS})
            said = f"there is no {what} `{call.name}`"
            yield use.said("unknown-function", said, hint, at=call.at, width=len(call.name))


def _compared(subject: Subject, use: Use) -> Iterator[Said]:
    """Hold texts against the only ones that a name can be."""
    for one in trees.compared(use.expression):
        words = _words(subject, one.path)
        if words is not None and one.text not in words:
            said = f"{'.'.join(one.path)} is never `{one.text[:80]}`"
            yield use.said("unknown-option", said, did_you_mean(one.text, words), at=one.at, width=one.width)
    if use.step is not None and use.path[2] == "rule" and use.step.type == "decide":
        words = _options(use.step.fields)
        for one in trees.results(use.expression):
            if one.text not in words:
                said = f"`{one.text[:80]}` is none of the options"
                yield use.said("unknown-option", said, did_you_mean(one.text, words), at=one.at, width=one.width)


def _words(subject: Subject, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the only texts that a name can be, or None where it can be any."""
    if len(path) == 2 and path[0] == "inputs" and path[1] in subject.playbook.inputs:
        return subject.playbook.inputs[path[1]].among or None
    if path[0] != "steps" or len(path) < 3 or path[1] not in subject.steps:
        return None
    step = subject.steps[path[1]]
    if path[2:] == ("outcome",) or (step.type == "playbook" and path[2:] == ("outputs", "outcome")):
        return OUTCOMES
    if path[2:] in {("outputs", "choice"), ("outputs", "choices")} and step.type == "decide":
        return _options(step.fields)
    return None


def _options(fields: Mapping[str, Any]) -> tuple[str, ...]:
    listed = fields.get("options", ())
    return tuple(str(one["value"]) for one in listed if isinstance(one, dict) and one.get("value"))


def _kinds(subject: Subject, use: Use) -> Iterator[Said]:
    kind = trees.kind_of(use.expression, subject.type_of)
    if kind is None or kind == SECRET:
        return
    last = use.path[-1]
    if last in names.CONDITIONS and names.bare(use.path) is not None and kind != "bool":
        hint = 'compare it: `size(…) > 0`, `… == "x"`'
        yield use.said("not-bool", f"`{last}` is {_a(kind)}, not true or false", hint)
    if use.path[2:] == ("for_each", "items") and not kind.startswith("list"):
        yield use.said("not-list", f"`items` is {_a(kind)}, not a list")
    if use.path[2:] == ("window",) and kind not in {"window", "map"}:
        hint = "a window is an input of type `window`, or `since` and `until`, `last`, `around`"
        yield use.said("type", f"`window` is {_a(kind)}, not a window", hint)
    if use.path[2:] == ("rule",) and kind != "string" and not kind.startswith("list"):
        yield use.said("type", f"`rule` is {_a(kind)}, not the value of an option")


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aei' else 'a'} {kind}"


def _message(subject: Subject, use: Use) -> Iterator[Said]:
    """Yield what might carry evidence out: numbers may go, and what people or the run itself said."""
    if trees.kind_of(use.expression, subject.type_of) in _HARMLESS and use.path[2] == "message":
        return
    for one in use.expression.references():
        if not _is_ours(one):
            said = f"{'.'.join(one.path)} may hold evidence, and no evidence leaves in a notice"
            hint = "a number may: `size(…)`" if use.path[2] == "message" else "a channel is named by an input"
            yield use.said("evidence-in-message", said, hint, at=one.at, width=_width(one, len(one.path)))


def _is_ours(one: Reference) -> bool:
    if one.path[0] == "steps":
        return len(one.path) == 3 and one.path[2] == "outcome"
    return one.path[0] == "run" or (one.path[0] == "inputs" and len(one.path) > 1)


def _shadows(subject: Subject) -> Iterator[Said]:
    for step in subject.playbook.steps:
        if step.for_each is not None and step.for_each.name in {*_ROOTS, *names.RESERVED}:
            said = f"`{step.for_each.name}` means something else in expressions"
            yield Said((*step.at, "for_each", "as"), "reserved-name", said, "give the item another name")
    for group, declared in (("inputs", subject.playbook.inputs), ("targets", subject.playbook.targets)):
        for name in declared:
            if name in names.RESERVED:
                said = f"`{name}` cannot be named in an expression"
                yield Said((group, name), "reserved-name", said, "give it another name", key=True)


def _unused(subject: Subject) -> Iterator[Said]:
    used = {ref.path[1:2] for use in subject.uses for ref in use.expression.references() if ref.path[0] == "inputs"}
    if () in used or subject.unread:
        return  # all of them at once, or in an expression that could not be read
    used |= {("window",) for step in subject.of_type("collect") if "window" not in step.fields}
    for name in subject.playbook.inputs:
        if (name,) not in used:
            yield Said(("inputs", name), "unused-input", f"nothing uses the input `{name}`", key=True)
