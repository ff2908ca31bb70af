"""What a field of a document can be: one description for the strict parser, the JSON Schema and the reference."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import jmespath
from jmespath.exceptions import JMESPathError

from evidence_kit.errors import UsageError
from evidence_kit.model.document import Document, Path, did_you_mean
from evidence_kit.model.time import parse_period

Kind = Literal["text", "int", "number", "bool", "period", "jmespath", "cel", "texts", "values", "data"]
_SCALARS = (str, int, float, bool)
_PERIOD = r"^P(?=.)(\d{1,5}D)?(T(?=.)(\d{1,5}H)?(\d{1,5}M)?(\d{1,7}S)?)?$"
_DEEPEST = 20  # of a request body


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: its kind, what it may say, and what it is for.

    `texts` is a mapping of names to texts, `values` one of names to plain values or lists of them, `data` anything.
    `shape` takes the place of `kind` where a field has fields of its own; either may do where both are given.
    `keys` makes it a mapping of names that match to what has that shape.
    """

    help: str
    kind: Kind | None = "text"
    shape: "Shape | Variants | None" = None
    required: bool = False
    many: bool = False
    keys: str = ""
    among: tuple[str, ...] = ()
    pattern: str = ""
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """A mapping with known fields. `one_of` names fields of which exactly one is there."""

    fields: Mapping[str, Field]
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variants:
    """A mapping whose field `tag` says which fields it has."""

    tag: str
    shapes: Mapping[str, Shape]


def nested(
    help_: str, shape: Shape | Variants, *, required: bool = False, many: bool = False, keys: str = ""
) -> Field:
    """Return a field that has fields of its own."""
    return Field(help=help_, kind=None, shape=shape, required=required, many=many, keys=keys)


# -- the strict parser ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a document may not say, and where; `rule` is a short name for it."""

    path: Path
    message: str
    hint: str | None = None
    rule: str = "value"


def check(doc: Document, path: Path, shape: Shape | Variants) -> None:
    """Raise UsageError, with line and column, for the first thing that `shape` does not allow."""
    for fault in faults(doc, path, shape):
        raise doc.error(fault.path, fault.message, hint=fault.hint)


def faults(doc: Document, path: Path, shape: Shape | Variants) -> Iterator[Fault]:
    """Yield whatever `shape` does not allow below `path`."""
    value = doc.value(path)
    if not isinstance(value, dict):
        yield Fault(path, f"`{_said(path)}` is {_kind(value)}, not a mapping", rule="type")
        return
    fields = shape
    if isinstance(shape, Variants):
        if (wrong := _variant_fault(path, shape, value)) is not None:
            yield wrong
            return
        fields = _variant(shape, value)
    yield from _fields_of(doc, path, cast("Shape", fields), value)


def _fields_of(doc: Document, path: Path, shape: Shape, value: Mapping[str, object]) -> Iterator[Fault]:
    for key in value:
        if key not in shape.fields:
            yield Fault((*path, key), f"unknown field `{key}`", did_you_mean(str(key), shape.fields), "unknown-key")
    for name, field in shape.fields.items():
        if name in value:
            yield from _field_faults(doc, (*path, name), field)
        elif field.required:
            yield Fault(path, f"`{_said((*path, name))}` is missing", field.help, "missing-key")
    if shape.one_of and sum(name in value for name in shape.one_of) != 1:
        names = ", ".join(f"`{name}`" for name in shape.one_of)
        yield Fault(path, f"`{_said(path)}` needs exactly one of {names}", rule="missing-key")


def _variant_fault(path: Path, shape: Variants, value: Mapping[str, object]) -> Fault | None:
    said, at = value.get(shape.tag), (*path, shape.tag)
    if said is None:
        return Fault(path, f"`{_said(at)}` is missing", f"one of: {', '.join(sorted(shape.shapes))}", "missing-key")
    if not isinstance(said, str) or said not in shape.shapes:
        return Fault(at, f"unknown {shape.tag} `{said}`", did_you_mean(str(said), shape.shapes), shape.tag)
    return None


def _variant(shape: Variants, value: Mapping[str, object]) -> Shape:
    chosen = shape.shapes[str(value[shape.tag])]
    tag = Field(help="which kind", among=tuple(shape.shapes), required=True)
    return Shape({shape.tag: tag, **chosen.fields}, chosen.one_of)


def _field_faults(doc: Document, path: Path, field: Field) -> Iterator[Fault]:
    if field.keys:
        yield from _named_faults(doc, path, field)
        return
    if not field.many:
        yield from _one_faults(doc, path, field)
        return
    value = doc.value(path)
    if not isinstance(value, list):
        yield Fault(path, f"`{_said(path)}` is {_kind(value)}, not a list", rule="type")
        return
    for index in range(len(value)):
        yield from _one_faults(doc, (*path, index), field)


def _named_faults(doc: Document, path: Path, field: Field) -> Iterator[Fault]:
    value = doc.value(path)
    if not isinstance(value, dict):
        yield Fault(path, f"`{_said(path)}` is {_kind(value)}, not a mapping", rule="type")
        return
    for name in value:
        if re.fullmatch(field.keys, name) is None:
            yield Fault((*path, name), f"`{str(name)[:80]}` cannot be a name here", f"it has to match `{field.keys}`")
        yield from _one_faults(doc, (*path, name), field)


def _one_faults(doc: Document, path: Path, field: Field) -> Iterator[Fault]:
    value = doc.value(path)
    if field.shape is not None and (field.kind is None or isinstance(value, dict)):
        yield from faults(doc, path, field.shape)
        return
    kind = cast("Kind", field.kind)
    if not _is(kind, value):
        yield Fault(path, f"`{_said(path)}` is {_kind(value)}, not {_MEANING[kind]}", rule="type")
    elif field.among and value not in field.among:
        yield Fault(path, f"unknown {_said(path[-1:])} `{value}`", did_you_mean(str(value), field.among))
    elif field.pattern and re.fullmatch(field.pattern, str(value)) is None:
        yield Fault(path, f"`{_said(path)}` cannot be `{str(value)[:80]}`", field.help)
    elif field.least is not None and cast("float", value) < field.least:
        yield Fault(path, f"`{_said(path)}` is at least {field.least}")
    else:
        yield from _meaning_faults(path, kind, value)


def _meaning_faults(path: Path, kind: Kind, value: object) -> Iterator[Fault]:
    try:
        if kind == "period":
            parse_period(str(value))
        if kind == "jmespath":
            jmespath.compile(value)
    except UsageError as error:
        yield Fault(path, error.message, error.hint)
    except JMESPathError as error:
        yield Fault(path, f"`{value}` is not a JMESPath expression", str(error).split("\n")[0])


_MEANING: Mapping[Kind, str] = {
    "text": "a text",
    "int": "a whole number",
    "number": "a number more than nothing",
    "bool": "`true` or `false`",
    "period": "a duration",
    "jmespath": "a JMESPath expression",
    "cel": "an expression",
    "texts": "a mapping of names to texts",
    "values": "a mapping of names to plain values",
    "data": "data",
}


def _is(kind: Kind, value: object) -> bool:
    if kind in {"text", "period", "jmespath", "cel"}:
        return isinstance(value, str) and bool(value or kind == "text")
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "texts":
        return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    if kind == "values":
        return isinstance(value, dict) and all(_is_plain(one) for one in value.values())
    return _is_data(value)


def _is_plain(value: object) -> bool:
    return isinstance(value, _SCALARS) or (
        isinstance(value, list) and all(isinstance(one, _SCALARS) for one in value)
    )


def _is_data(value: object, depth: int = 0) -> bool:
    if depth > _DEEPEST:
        return False
    if isinstance(value, dict):
        return all(_is_data(one, depth + 1) for one in value.values())
    if isinstance(value, list):
        return all(_is_data(one, depth + 1) for one in value)
    return value is None or isinstance(value, _SCALARS)


def _said(path: Path) -> str:
    return ".".join(map(str, path)) or "the document"


def _kind(value: object) -> str:
    return (
        "empty"
        if value is None
        else {"dict": "a mapping", "list": "a list", "str": "a text"}.get(type(value).__name__, type(value).__name__)
    )


# -- the JSON Schema -----------------------------------------------------------------------------------------------

_SCHEMAS: Mapping[Kind, Mapping[str, object]] = {
    "text": {"type": "string"},
    "int": {"type": "integer"},
    "number": {"type": "number", "exclusiveMinimum": 0},
    "bool": {"type": "boolean"},
    "period": {"type": "string", "pattern": _PERIOD},
    "jmespath": {"type": "string", "minLength": 1},
    "cel": {"type": "string", "minLength": 1},
    "texts": {"type": "object", "additionalProperties": {"type": "string"}},
    "values": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                {"type": ["string", "number", "boolean"]},
                {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
            ]
        },
    },
    "data": {},
}


def schema_of(shape: Shape | Variants) -> dict[str, object]:
    """Return the JSON Schema of a mapping."""
    if isinstance(shape, Variants):
        # Not `oneOf`: an editor then names the kinds there are, and completes the fields of the one that was chosen.
        return {
            "type": "object",
            "properties": {shape.tag: {"enum": list(shape.shapes)}},
            "required": [shape.tag],
            "allOf": [
                {
                    "if": {"properties": {shape.tag: {"const": name}}, "required": [shape.tag]},
                    "then": _schema_of_variant(shape.tag, name, one),
                }
                for name, one in shape.shapes.items()
            ],
        }
    schema: dict[str, object] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _schema_of_field(field) for name, field in shape.fields.items()},
    }
    if required := [name for name, field in shape.fields.items() if field.required]:
        schema["required"] = required
    if shape.one_of:
        schema["oneOf"] = [{"required": [name]} for name in shape.one_of]
    return schema


def _schema_of_variant(tag: str, name: str, shape: Shape) -> dict[str, object]:
    schema = schema_of(shape)
    schema["properties"] = {tag: {"const": name}, **cast("dict[str, object]", schema["properties"])}
    schema["required"] = [tag, *cast("list[str]", schema.get("required", []))]
    return schema


def _schema_of_field(field: Field) -> dict[str, object]:
    parts: list[dict[str, object]] = []
    if field.kind is not None:
        one: dict[str, object] = dict(_SCHEMAS[field.kind])
        if field.among:
            one = {"enum": list(field.among)}
        if field.pattern:
            one["pattern"] = f"^(?:{field.pattern})$"
        if field.least is not None:
            one["minimum"] = field.least
        parts.append(one)
    if field.shape is not None:
        parts.append(schema_of(field.shape))
    schema: dict[str, object] = parts[0] if len(parts) == 1 else {"anyOf": parts}
    if field.many:
        schema = {"type": "array", "items": schema}
    if field.keys:
        schema = {
            "type": "object",
            "propertyNames": {"pattern": f"^(?:{field.keys})$"},
            "additionalProperties": schema,
        }
    return {"description": field.help, **schema}


# -- the reference -------------------------------------------------------------------------------------------------


def rows(shape: Shape | Variants, above: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield `(field, kind, help)` of every field at every depth, in the order of the table."""
    if isinstance(shape, Variants):
        for name, one in shape.shapes.items():
            yield f"{above}{shape.tag}: {name}", "", ""
            yield from rows(one, above)
        return
    for name, field in shape.fields.items():
        kind = " or ".join(part for part in (field.kind or "", "a mapping" if field.shape else "") if part)
        kind = " \\| ".join(f"`{word}`" for word in field.among) or kind
        kind = f"list of {kind}" if field.many else f"mapping of names to {kind}" if field.keys else kind
        yield f"{above}{name}", f"{kind}, required" if field.required else kind, field.help
        if field.shape is not None:
            yield from rows(field.shape, f"{above}{name}{'[]' if field.many else '.NAME' if field.keys else ''}.")
