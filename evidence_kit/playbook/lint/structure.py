"""What is wrong with a document before anybody asks what it means: as YAML, and by the table of the language."""

from collections.abc import Iterator

from evidence_kit.model.document import Document, Path
from evidence_kit.model.grammar import Fault, faults
from evidence_kit.playbook.language import PLAYBOOK
from evidence_kit.playbook.lint.saying import Said

_PEOPLE = frozenset({"decide", "approve", "manual"})


def structure(doc: Document) -> tuple[tuple[Said, ...], frozenset[Path]]:
    """Return what the language does not allow, and the paths of values that cannot be used."""
    found = tuple(faults(doc, (), PLAYBOOK))
    bad = frozenset(fault.path for fault in found if fault.rule not in {"missing-key", "unknown-key"})
    names = frozenset(fault.path for fault in found if fault.rule == "value" and _is_name(fault))
    return tuple(_said(doc, fault) for fault in found), bad - names


def _is_name(fault: Fault) -> bool:
    return "cannot be a name here" in fault.message


def _said(doc: Document, fault: Fault) -> Said:
    rule, hint = fault.rule, fault.hint or ""
    if rule == "unknown-key" and _is_loop_over_people(doc, fault.path):
        message = "people are asked once, not for every item of a list"
        return Said(
            fault.path, "interaction-in-loop", message, "make a list of it first, and ask about that", key=True
        )
    if rule == "missing-key" and fault.message.endswith(".approval` is missing"):
        hint = "`approval: ID` names an `approve` step that covers it"
        message = "this changes something, and nobody approves it"
        return Said((*fault.path, "id"), "unapproved-change", message, hint)
    if rule == "type" and fault.path[:1] == ("steps",) and fault.path[2:] == ("type",):
        rule = "step-type"
    is_about_key = rule == "unknown-key" or _is_name(fault)
    return Said(fault.path, rule, fault.message, hint, key=is_about_key)


def _is_loop_over_people(doc: Document, path: Path) -> bool:
    if len(path) != 3 or path[0] != "steps" or path[2] != "for_each":
        return False
    step = doc.value(path[:2])
    return isinstance(step, dict) and step.get("type") in _PEOPLE


def empty_lists(doc: Document) -> Iterator[Said]:
    """Yield lists that say nothing where they have to say something."""
    steps = doc.data.get("steps")
    if steps == []:
        yield Said(("steps",), "value", "a playbook without a step")
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        for name in ("sources", "options", "checks", "covers", "formats"):
            if isinstance(step, dict) and step.get(name) == []:
                yield Said(("steps", index, name), "value", f"`{name}` is empty")
