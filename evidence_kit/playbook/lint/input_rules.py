"""Rules about what a run is told: types, defaults, patterns and choices of inputs have to agree."""

from collections.abc import Iterator

import re2

from evidence_kit.errors import UsageError
from evidence_kit.model.document import did_you_mean
from evidence_kit.playbook.language import TYPES
from evidence_kit.playbook.lint.saying import Said
from evidence_kit.playbook.lint.subject import Subject
from evidence_kit.playbook.model import Input
from evidence_kit.playbook.values import typed

_NOT_TEXTS = frozenset({"int", "double", "bool", "window"})


def inputs(subject: Subject) -> Iterator[Said]:
    """Yield what does not fit together."""
    for name, one in subject.playbook.inputs.items():
        if one.type in TYPES:
            yield from _input(name, one)
    for index, trigger in enumerate(subject.data.get("triggers", ())):
        for name in trigger.get("map", {}):
            if name not in subject.playbook.inputs:
                hint = did_you_mean(name, subject.playbook.inputs) if subject.playbook.inputs else ""
                said = f"there is no input `{name[:80]}`"
                yield Said(("triggers", index, "map", name), "unknown-input", said, hint, key=True)


def fit(kind: str, value: object) -> str:
    """Return why a value is not of a type; nothing where it is."""
    try:
        typed(kind, value)
    except UsageError as error:
        return error.message
    return ""


def _input(name: str, one: Input) -> Iterator[Said]:
    at = ("inputs", name)
    inner = one.type.removeprefix("list<").removesuffix(">")
    for field in ("pattern", "among"):
        if getattr(one, field) and inner in _NOT_TEXTS:
            yield Said(
                (*at, field), "default-type", f"`{field}` is for texts, and `{name}` is `{one.type}`", key=True
            )
            return
    for index, word in enumerate(one.among):
        if word and (wrong := fit(inner, word)):
            yield Said((*at, "among", index), "default-type", wrong)
    if one.pattern and not _is_pattern(one.pattern):
        hint = "RE2 has no look-around and no back-references"
        yield Said((*at, "pattern"), "default-type", "this is no regular expression", hint)
        return
    if one.default is not None:
        yield from _default(name, one, inner)


def _default(name: str, one: Input, inner: str) -> Iterator[Said]:
    at = ("inputs", name, "default")
    if wrong := fit(one.type, one.default):
        yield Said(at, "default-type", f"the default of `{name}`: {wrong}")
        return
    for value in one.default if isinstance(one.default, list) else [one.default]:
        if one.among and value not in one.among:
            yield Said(at, "default-type", f"`{str(value)[:80]}` is none of those that `{name}` may be")
        elif one.pattern and inner not in _NOT_TEXTS and re2.fullmatch(one.pattern, str(value)) is None:
            yield Said(at, "default-type", f"`{str(value)[:80]}` does not match the pattern of `{name}`")


def _is_pattern(pattern: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True
