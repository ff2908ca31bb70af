"""Makes a playbook of a document with faults, so that one fault does not hide the others.

What the language does not allow is left out, and what it demands is there, if only empty: rules pass over what says
nothing. Places in lists stay as they are, so that every path still leads to where it stands in the file.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from evidence_kit.model.document import Document, Path
from evidence_kit.model.grammar import Field, Shape, Variants
from evidence_kit.playbook.language import ANY, PLAYBOOK, STEP
from evidence_kit.playbook.model import Playbook
from evidence_kit.playbook.reading import playbook_of

UNKNOWN = "manual"  # what a step of an unknown type is taken for; `vague` names those
_PLAIN: Mapping[str, object] = {"int": 1, "number": 1.0, "bool": False, "texts": {}, "values": {}, "data": {}}


def mended(doc: Document, bad: Collection[Path]) -> tuple[Playbook, frozenset[int]]:
    """Return the playbook without what stands at the paths in `bad`, and the places of steps that are vague."""
    steps = doc.data.get("steps")
    listed = steps if isinstance(steps, list) else []
    vague = frozenset(
        index
        for index, one in enumerate(listed)
        if not isinstance(one, dict) or str(one.get("type")) not in STEP.shapes
    )
    data = _mapping(doc.data, PLAYBOOK, (), bad)
    return playbook_of(replace(doc, data=data)), vague


def _mapping(value: object, shape: Shape | Variants, path: Path, bad: Collection[Path]) -> dict[str, object]:
    said: Mapping[str, object] = value if isinstance(value, dict) else {}
    made: dict[str, object] = {}
    if isinstance(shape, Variants):
        chosen = said.get(shape.tag)
        name = chosen if isinstance(chosen, str) and chosen in shape.shapes else UNKNOWN
        if name != chosen:
            said = _little(said)
        made[shape.tag], shape = name, shape.shapes[name]
    for name, field in shape.fields.items():
        here = (*path, name)
        if name in said and here not in bad:
            made[name] = _field(said[name], field, here, bad)
        elif name in said and name == "accept":
            made[name] = [ANY]  # its author meant to accept something
        elif field.required:
            made[name] = {} if field.keys else [] if field.many else _nothing(field, here, bad)
    return made


def _little(said: Mapping[str, object]) -> dict[str, object]:
    """Return what can be used of a step of an unknown type, of which nothing was checked: its id and its needs."""
    listed = said.get("needs")
    needs = [
        one.get("step", "") if isinstance(one, dict) else one for one in (listed if isinstance(listed, list) else ())
    ]
    id_ = said.get("id")
    return {
        "id": id_ if isinstance(id_, str) else "",
        "needs": [one if isinstance(one, str) else "" for one in needs],
    }


def _field(value: object, field: Field, path: Path, bad: Collection[Path]) -> object:
    if field.keys:
        said: Mapping[str, object] = value if isinstance(value, dict) else {}
        return {name: _one(one, field, (*path, name), bad) for name, one in said.items()}
    if field.many:
        listed = value if isinstance(value, list) else []
        return [_one(one, field, (*path, index), bad) for index, one in enumerate(listed)]
    return _one(value, field, path, bad)


def _one(value: object, field: Field, path: Path, bad: Collection[Path]) -> object:
    if field.shape is not None and (isinstance(value, dict) or field.kind is None):
        return _mapping({} if path in bad else value, field.shape, path, bad)
    return _nothing(field, path, bad) if path in bad else value


def _nothing(field: Field, path: Path, bad: Collection[Path]) -> object:
    """Return what a field says that says nothing."""
    if field.kind is None and field.shape is not None:
        return _mapping({}, field.shape, path, bad)
    return _PLAIN.get(field.kind or "text", "")
