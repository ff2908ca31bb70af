"""Which value of a record becomes which column: read from `fields/*.yaml`, one file for each shape of log."""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from evidence_kit.analysis.records.decoding import NotReadError, decode
from evidence_kit.analysis.records.layout import HEADERS, PLAIN, SPLITS, Layout
from evidence_kit.analysis.records.places import Place, place_of
from evidence_kit.analysis.records.swift import number_text
from evidence_kit.model.document import Document, did_you_mean, parse_document

API_VERSION = "evidence-kit/fields.v1"
COLUMNS = (
    "time", "action", "actor", "credential", "src_ip", "user_agent", "resource", "outcome", "target", "region",
)  # fmt: skip
_RULE = ("path", "outer", "match", "map", "const", "present", "join")
_ABSENT = frozenset({"", "-", "None", "N/A", "null"})  # what logs write for nothing
_PORT = re.compile(r"\[?([0-9a-fA-F:.]+?)\]?:\d{1,5}")
Outer = object
Rule = Callable[[object, Outer], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How records of some sources are read: an embedded document, columns of lines, and rules for each column."""

    name: str
    sources: tuple[str, ...]
    digest: str
    unwrap: tuple[Place, ...] = field(repr=False)
    layout: Layout = PLAIN
    rules: Mapping[str, tuple[Rule, ...]] = field(repr=False)

    def opened(self, value: object) -> object:
        """Return the document that a record carries as text or as JSON within a string, or the record itself."""
        for place in self.unwrap:
            inside = place(value)
            if isinstance(inside, dict):
                return inside
            if isinstance(inside, int | float) and not isinstance(inside, bool):
                inside = number_text(inside)
            if isinstance(inside, str) and inside:
                try:
                    return decode(inside) if inside.lstrip().startswith("{") else self._columns(inside, value)
                except NotReadError:
                    return value  # the record stands whole in `raw`
        return value

    def _columns(self, text: str, value: object) -> object:
        return self.layout.named(text, ()) if self.layout.split else value

    def columns(self, inner: object, outer: object) -> dict[str, str]:
        """Return each column that the record says something of: the first of its values, as text."""
        said: dict[str, str] = {}
        # A million records come through here ten times each: what could be calls is written out.
        for column, rules in self.rules.items():
            for rule in rules:
                found = rule(inner, outer)
                if found is None:
                    continue
                if type(found) is str:
                    if found in _ABSENT:
                        continue
                    said[column] = found if found.isascii() else _storable(found)
                    break
                if is_said(found):
                    said[column] = text_of(found) or ""
                    break
        return said


def is_said(value: object) -> bool:
    """Say whether a value says anything."""
    return value not in _ABSENT if isinstance(value, str) else value is not None and value not in ([], {})


def text_of(value: object) -> str | None:
    """Return a value as a column holds it: text as it stands, true and false, lists and objects as JSON."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if value.isascii() else _storable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return json.dumps(_with_digits(value), ensure_ascii=True, separators=(",", ":"))


def _with_digits(value: object) -> object:
    """Return a list or an object whose numbers are texts, whichever reader has read it."""
    if isinstance(value, dict):
        return {name: _with_digits(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_digits(item) for item in value]
    return number_text(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _storable(text: str) -> str:
    """Return text that can be written as UTF-8: a lone surrogate, which JSON can spell, cannot."""
    return text.encode("utf-8", "backslashreplace").decode()


def address_of(said: str) -> str:
    """Return an address without its port; whatever is no address stays as it stands."""
    found = _PORT.fullmatch(said)
    if found is None:
        return said
    try:
        return str(ipaddress.ip_address(found[1])) if _is_with_port(said) else said
    except ValueError:
        return said


def _is_with_port(said: str) -> bool:
    return said.startswith("[") or said.count(":") == 1


@cache
def shapes() -> tuple[Shape, ...]:
    """Return every shipped shape, by name."""
    folder = files("evidence_kit.analysis.records") / "fields"
    found = sorted((item for item in folder.iterdir() if item.name.endswith(".yaml")), key=lambda item: item.name)
    return tuple(parse_shape(item.read_bytes(), name=item.name) for item in found)


def shape_of(source: str) -> Shape:
    """Return the shape of a source: of all patterns that fit, the one that says most before its first `*`."""
    fits = [
        (len(f"{pattern}!".partition("*")[0]), shape.name, shape)
        for shape in shapes()
        for pattern in shape.sources
        if fnmatchcase(source, pattern)
    ]
    return max(fits, key=lambda fit: fit[:2])[2]


def parse_shape(text: bytes, *, name: str) -> Shape:
    """Read one shape; UsageError says where it is wrong."""
    doc = parse_document(text, name=name)
    doc.allow((), ("apiVersion", "kind", "name", "sources", "unwrap", "line", "fields"))
    if doc.at(("apiVersion",), str) != API_VERSION or doc.at(("kind",), str) != "Fields":
        raise doc.error(("apiVersion",), f"expected `apiVersion: {API_VERSION}` and `kind: Fields`")
    doc.allow(("fields",), COLUMNS)
    unwrap = doc.at(("unwrap",), list, default=[])
    return Shape(
        name=doc.at(("name",), str),
        sources=tuple(str(item) for item in doc.at(("sources",), list)),
        digest=doc.digest,
        unwrap=tuple(_place(doc, ("unwrap", at), str(item)) for at, item in enumerate(unwrap)),
        layout=_layout(doc),
        rules={column: tuple(_rules(doc, column)) for column in doc.at(("fields",), dict)},
    )


def _layout(doc: Document) -> Layout:
    if "line" not in doc.data:
        return PLAIN
    doc.allow(("line",), ("split", "header", "columns"))
    split, header = doc.at(("line", "split"), str), doc.at(("line", "header"), str, default="")
    for key, said, known in (("split", split, SPLITS), ("header", header, HEADERS)):
        if said not in known:
            raise doc.error(("line", key), f"unknown {key} `{said}`", hint=did_you_mean(said, known))
    columns = doc.at(("line", "columns"), list, default=[])
    return Layout(split=split, header=header, columns=tuple(map(str, columns)))


def _rules(doc: Document, column: str) -> Iterator[Rule]:
    for at, said in enumerate(doc.at(("fields", column), list)):
        here = ("fields", column, at)
        if isinstance(said, str):
            yield _place(doc, here, said)
            continue
        doc.allow(here, _RULE)
        yield _rule(doc, here)


def _rule(doc: Document, here: tuple[str | int, ...]) -> Rule:
    said: Mapping[str, object] = doc.at(here, dict)
    const = said.get("const")
    if "present" in said:
        place = _place(doc, here, str(said["present"]))
        return lambda inner, _: None if (found := place(inner)) is None or not is_said(found) else const
    if "join" in said:
        places = [_place(doc, here, str(item)) for item in doc.at((*here, "join"), list)]
        return lambda inner, _: _joined([place(inner) for place in places])
    if "outer" in said:
        outside = _place(doc, here, str(said["outer"]))
        return _changed(lambda _, outer: outside(outer), said)
    if "path" not in said:
        return lambda _, __: const
    return _changed(_place(doc, here, str(said["path"])), said)


def _changed(rule: Rule, said: Mapping[str, object]) -> Rule:
    """Return the rule with what `match` takes out of its value, or `map` calls it."""
    match, table = said.get("match"), said.get("map")
    if isinstance(match, str):
        pattern = re.compile(match)

        def taken(inner: object, outer: object) -> object:
            found = pattern.search(text_of(rule(inner, outer)) or "")
            return found[1] if found else None

        return taken
    if isinstance(table, dict):
        names = {str(name).lower(): text for name, text in table.items()}

        def called(inner: object, outer: object) -> object:
            found = text_of(rule(inner, outer))
            return None if found is None else names.get(found.lower(), names.get("*", found))

        return called
    return rule


def _joined(parts: Sequence[object]) -> str | None:
    return " ".join(text_of(part) or "" for part in parts) if all(map(is_said, parts)) else None


def _place(doc: Document, here: tuple[str | int, ...], said: str) -> Place:
    try:
        return place_of(said)
    except ValueError as error:
        raise doc.error(here, str(error)) from error
