"""Which value of a record becomes which column: read from `fields/*.yaml`, one file for each shape of log."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from evidence_kit.analysis.records.decoding import NotReadError, decode
from evidence_kit.analysis.records.layout import HEADERS, PLAIN, SPLITS, Layout
from evidence_kit.analysis.records.places import Place, names_of, nothing, place_of
from evidence_kit.analysis.records.rules import Batch, Rule, Text, column, is_said, said_by, text_of
from evidence_kit.analysis.records.swift import number_text
from evidence_kit.model.document import Document, did_you_mean, parse_document

API_VERSION = "evidence-kit/fields.v1"
COLUMNS = (
    "time", "action", "actor", "credential", "src_ip", "user_agent", "resource", "outcome", "target", "region",
)  # fmt: skip
_RULE = ("path", "outer", "match", "map", "const", "present", "join")
_PORT = re.compile(r"\[?([0-9a-fA-F:.]+?)\]?:\d{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How records of some sources are read: an embedded document, columns of lines, and rules for each column."""

    name: str
    sources: tuple[str, ...]
    digest: str
    unwrap: tuple[Rule, ...] = field(repr=False)
    layout: Layout = PLAIN
    rules: Mapping[str, tuple[Rule, ...]] = field(repr=False)

    def opened(self, value: object) -> object:
        """Return the document that a record carries as text or as JSON within a string, or the record itself."""
        for rule in self.unwrap:
            inside = rule.place(value)
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

    def columns(self, outer: Batch, inner: Batch) -> Mapping[str, Sequence[Text]]:
        """Return what the records say of each column that the shape has rules for, by the documents they carry."""
        return {name: column(rules, inner, outer) for name, rules in self.rules.items()}

    def closed(self, outer: Batch, inner: Batch) -> Sequence[int]:
        """Return which records carry what begins as a document and cannot be read as one."""
        if inner is outer:
            return ()
        pairs = enumerate(zip(outer.values, inner.values, strict=True))
        return [at for at, (value, opened) in pairs if opened is value and self._is_begun(value)]

    def _is_begun(self, value: object) -> bool:
        for rule in self.unwrap:
            inside = rule.place(value)
            if isinstance(inside, str) and inside:
                return inside.lstrip().startswith("{")
        return False

    def inner(self, outer: Batch) -> Batch:
        """Return the documents that the records carry, which mostly are the records themselves."""
        carried = [rule.each(outer) for rule in self.unwrap]
        if all(found.count(None) == len(found) for found in carried):
            return outer
        return Batch([self.opened(value) for value in outer.values])


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
        unwrap=tuple(_plain(doc, ("unwrap", at), str(item)) for at, item in enumerate(unwrap)),
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


def _rules(doc: Document, name: str) -> Iterator[Rule]:
    for at, said in enumerate(doc.at(("fields", name), list)):
        here = ("fields", name, at)
        if isinstance(said, str):
            yield _plain(doc, here, said)
            continue
        doc.allow(here, _RULE)
        yield _rule(doc, here)


def _rule(doc: Document, here: tuple[str | int, ...]) -> Rule:
    said: Mapping[str, object] = doc.at(here, dict)
    const = said.get("const")
    if "present" in said:
        there = _plain(doc, here, str(said["present"]))
        said_there = said_by(const)
        return Rule(nothing) if said_there is None else replace(there, says=said_there)
    if "join" in said:
        places = [_place(doc, here, str(item)) for item in doc.at((*here, "join"), list)]
        return Rule(lambda value: _joined([place(value) for place in places]))
    if "outer" in said:
        return replace(_plain(doc, here, str(said["outer"])), then=_change(said), is_outer=True)
    if "path" not in said:
        return Rule(lambda _: const)
    return replace(_plain(doc, here, str(said["path"])), then=_change(said))


def _change(said: Mapping[str, object]) -> Callable[[object], object] | None:
    """Return what takes `match` out of a value, or calls it as `map` does."""
    match, table = said.get("match"), said.get("map")
    if isinstance(match, str):
        pattern = re.compile(match)

        def taken(value: object) -> object:
            found = pattern.search(text_of(value) or "")
            return found[1] if found else None

        return taken
    if isinstance(table, dict):
        names = {str(name).lower(): text for name, text in table.items()}

        def called(value: object) -> object:
            found = text_of(value) or ""
            return names.get(found.lower(), names.get("*", found))

        return called
    return None


def _joined(parts: Sequence[object]) -> str | None:
    return " ".join(text_of(part) or "" for part in parts) if all(map(is_said, parts)) else None


def _plain(doc: Document, here: tuple[str | int, ...], said: str) -> Rule:
    return Rule(_place(doc, here, said), names_of(said))


def _place(doc: Document, here: tuple[str | int, ...], said: str) -> Place:
    try:
        return place_of(said)
    except ValueError as error:
        raise doc.error(here, str(error)) from error
