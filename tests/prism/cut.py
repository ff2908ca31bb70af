"""Cuts paths out of an API description, with what they refer to and without its prose: `cut.py SPEC REGEX [PREFIX]`.

The paths get `PREFIX`, for prism matches whole paths and knows nothing of a server's. Prints JSON.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PROSE = {
    "description",
    "summary",
    "example",
    "examples",
    "externalDocs",
    "tags",
    "operationId",
    "deprecated",
    "title",
}
KEPT = ("openapi", "swagger", "security", "securityDefinitions", "consumes", "produces")
NAMED = {"properties", "definitions", "schemas", "parameters", "responses", "headers", "paths", "securitySchemes"}


def read(path: Path) -> Any:
    """Return a description; YAML, or JSON, which reads faster."""
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml.CSafeLoader)


def cut(spec: Any, wanted: str, prefix: str) -> dict[str, Any]:
    """Return the paths that fit `wanted`, and what they refer to, however far away."""
    kept = {name: spec[name] for name in KEPT if name in spec}
    kept["info"] = {name: spec["info"][name] for name in ("title", "version", "license") if name in spec["info"]}
    kept["paths"] = {prefix + path: get(one) for path, one in spec["paths"].items() if re.search(wanted, path)}
    if "securitySchemes" in spec.get("components", {}):
        kept["components"] = {"securitySchemes": spec["components"]["securitySchemes"]}
    seen: set[str] = set()
    todo = list(references(kept))
    while todo:
        reference = todo.pop()
        if reference in seen:
            continue
        seen.add(reference)
        *parents, name = reference.removeprefix("#/").split("/")
        source, place = spec, kept
        for step in parents:
            source, place = source[step], place.setdefault(step, {})
        place[name] = source[name]
        todo += references(source[name])
    return {**plain(kept, inside=""), "info": kept["info"]}


def get(item: Any) -> Any:
    """Return what a path answers to `GET` with 200; errors are the connector's own business."""
    method = "get" if "get" in item else "post"
    operation = {**item[method]}
    operation["responses"] = {"200": operation["responses"]["200"]}
    return {**({"parameters": item["parameters"]} if "parameters" in item else {}), method: operation}


def references(value: Any) -> Iterator[str]:
    """Yield every reference within the document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def plain(value: Any, *, inside: str) -> Any:
    """Leave out what is for people: prose, examples, extensions."""
    if isinstance(value, list):
        return [plain(one, inside="") for one in value]
    if not isinstance(value, dict):
        return value
    if inside in NAMED:
        return {name: plain(one, inside="") for name, one in value.items()}
    kept = {name: one for name, one in value.items() if name not in PROSE and not name.startswith("x-")}
    return {name: plain(one, inside=name) for name, one in kept.items()}


if __name__ == "__main__":
    print(
        json.dumps(cut(read(Path(sys.argv[1])), sys.argv[2], (*sys.argv, "")[3]), separators=(",", ":"), default=str)
    )
