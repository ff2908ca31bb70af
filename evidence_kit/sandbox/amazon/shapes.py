"""Answers held against their model: a fixture can neither invent a member nor get its type wrong."""

import base64
import binascii
from collections.abc import Mapping
from functools import partial
from typing import TypeVar

from botocore.model import ListShape, MapShape, Shape, StructureShape

from evidence_kit.sandbox.protocols.asking import moment

T = TypeVar("T")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "character": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
}


def checked(value: object, shape: Shape, where: str) -> object:
    """Return `value` in Python's types, instants and blobs read; LookupError says where it departs from the model."""
    if isinstance(shape, StructureShape):
        return value if shape.is_document_type else _structure(value, shape, where)
    if isinstance(shape, ListShape):
        within = partial(checked, shape=shape.member)
        return [within(item, where=f"{where}[{n}]") for n, item in enumerate(_of(value, list, where))]
    if isinstance(shape, MapShape):
        return {key: checked(item, shape.value, f"{where}.{key}") for key, item in _of(value, dict, where).items()}
    return _leaf(value, shape, where)


def _structure(value: object, shape: StructureShape, where: str) -> dict[str, object]:
    given = _of(value, dict, where)
    if strange := given.keys() - shape.members.keys():
        raise LookupError(f"{where}: {shape.name} has no member {', '.join(sorted(strange))}")
    return {name: checked(item, shape.members[name], f"{where}.{name}") for name, item in given.items()}


def _leaf(value: object, shape: Shape, where: str) -> object:
    if shape.type_name == "timestamp":
        try:
            return moment(value)
        except (ValueError, RuntimeError) as error:
            raise LookupError(f"{where}: {value!r} is no instant") from error
    if shape.type_name == "blob":
        try:
            return base64.b64decode(_of(value, str, where), validate=True)
        except binascii.Error as error:
            raise LookupError(f"{where}: not base64") from error
    kind = _TYPES[shape.type_name]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise LookupError(f"{where}: {value!r} is no {shape.type_name}")
    known = getattr(shape, "enum", ())
    if known and value not in known:
        raise LookupError(f"{where}: {value!r} is none of {', '.join(known)}")
    return value


def _of(value: object, kind: type[T], where: str) -> T:
    if not isinstance(value, kind):
        raise LookupError(f"{where}: a {kind.__name__} is expected")  # noqa: TRY004  the fixture is wrong, not a caller
    return value
