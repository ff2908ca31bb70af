"""OASIS's own schemas of CACAO 2.0, and what they leave open: fields that no schema knows, ids that lead nowhere."""

import json
from functools import cache
from pathlib import Path

import jsonschema
from referencing import Registry, Resource

FOLDER = Path(__file__).parents[1] / "fixtures" / "cacao" / "schemas"


@cache
def schemas():
    """Return every schema by its id."""
    found = [json.loads(path.read_text()) for path in FOLDER.rglob("*.json")]
    return {one["$id"]: one for one in found}


@cache
def validator():
    """Return what checks a playbook as its schema declares: by draft 7."""
    registry = Registry().with_resources((name, Resource.from_contents(one)) for name, one in schemas().items())
    (top,) = (one for name, one in schemas().items() if name.endswith("/schemas/playbook.json"))
    return jsonschema.Draft7Validator(top, registry=registry)


def known_fields(title):
    """Return the fields that the specification has for a kind of object, those of its bases with them."""
    (found,) = (one for one in schemas().values() if one.get("title") == title)
    parts = [found, *found.get("allOf", ())]
    fields = {name for part in parts for name in part.get("properties", {})}
    for part in parts:
        if "$ref" in part:
            base = part["$ref"].rsplit("/", 1)[-1].removesuffix(".json")
            fields |= known_fields(base)
    return fields


def ids(value):
    """Yield every id that an object refers to."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in {"step_extensions", "playbook_extensions"}:
                yield from ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from ids(item)
    elif isinstance(value, str) and "--" in value and " " not in value:
        yield value
