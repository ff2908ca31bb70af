"""YAML that people write, read strictly: every fault has a line and a column.

No anchors, no aliases, no tags, no duplicate keys: each lets a document mean something other than it shows.
"""

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from evidence_kit.errors import UsageError

T = TypeVar("T")
MAX_DOCUMENT = 4 << 20  # an inventory of 10,000 accounts is about 2 MB
MAX_DEPTH = 50  # a playbook nests about ten deep; the parser's time grows with the square, its stack with each level
_FAST: type[yaml.CSafeLoader] | None = getattr(yaml, "CSafeLoader", None)  # absent where PyYAML was built without it
_PLAIN = {
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:float",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:null",
    "tag:yaml.org,2002:timestamp",  # kept as the text that was written
}
# YAML 1.1 reads these as truth values, octal or sexagesimal numbers, 1.2 as text or other numbers: `NO` is a country,
# `012345670123` an account. Whoever means either says so.
_TWO_WAYS = re.compile(r"[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF|[-+]?0[0-9_]+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+")
_MOST = 100  # flaws that are told of one document
Path = tuple[str | int, ...]
Mark = tuple[int, int]  # line and column, from 1


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that YAML lets people write and that is refused here; `rule` is a short name for it."""

    at: Mark
    message: str
    rule: str = "syntax"
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value is written: its key, its first character, the place after its last, and its kind of quotes."""

    key: Mark | None
    start: Mark
    end: Mark
    style: str


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document: plain data, the digest of its bytes, and where each value stands."""

    name: str
    data: Mapping[str, object]
    digest: str
    marks: Mapping[Path, tuple[int, int]] = field(repr=False)

    def error(self, path: Path, message: str, *, hint: str | None = None) -> UsageError:
        """Build the error that points at `path`, or at its nearest parent."""
        while path and path not in self.marks:
            path = path[:-1]
        line, column = self.marks.get(path, (1, 1))
        return UsageError(f"{self.name}:{line}:{column}: {message}", hint=hint)

    def value(self, path: Path) -> object:
        """Return whatever stands at `path`, which is there."""
        value: object = self.data
        for step in path:
            value = value[step]  # type: ignore[index]
        return value

    def at(self, path: Path, kind: type[T], *, default: T | None = None) -> T:
        """Return the value at `path` if it is of `kind`; `default` stands in for an absent one."""
        value: object = self.data
        for step in path:
            try:
                value = value[step]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                value = None
                break
        if value is None and default is not None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            said = "is missing" if value is None else f"is {type(value).__name__}, not {kind.__name__}"
            raise self.error(path, f"`{'.'.join(map(str, path))}` {said}")
        return value

    def allow(self, path: Path, names: Iterable[str]) -> None:
        """Raise UsageError for a key below `path` that is not among `names`."""
        known = sorted(names)
        for key in self.at(path, dict) if path else self.data:
            if key not in known:
                raise self.error((*path, key), f"unknown field `{key}`", hint=did_you_mean(str(key), known))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known word, or all of them."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else f"known are: {', '.join(words)}"


def parse_document(text: bytes, *, name: str) -> Document:
    """Read one YAML mapping strictly; UsageError says where it is wrong."""
    if len(text) > MAX_DOCUMENT:
        raise UsageError(f"{name}: larger than {MAX_DOCUMENT:,} bytes")
    doc, flaws = _read(text, name, None)
    for flaw in flaws:
        raise UsageError(f"{name}:{flaw.at[0]}:{flaw.at[1]}: {flaw.message}", hint=flaw.hint)
    if doc is None:
        raise AssertionError
    return doc


def read_document(text: bytes, *, name: str) -> tuple[Document | None, tuple[Flaw, ...], Mapping[Path, Spot]]:
    """Return what can be read of a document, all that is wrong with it, and how each value is written."""
    spots: dict[Path, Spot] = {}
    doc, flaws = _read(text, name, spots)
    return doc, tuple(flaws), spots


def _read(text: bytes, name: str, spots: dict[Path, Spot] | None) -> tuple[Document | None, list[Flaw]]:
    if len(text) > MAX_DOCUMENT:
        return None, [Flaw((1, 1), f"larger than {MAX_DOCUMENT:,} bytes")]
    try:
        node, flaws = _compose(text.decode("utf-8"), several=spots is not None)
    except UnicodeDecodeError as error:
        return None, [Flaw(_where(text[: error.start].decode()), "not UTF-8")]
    except yaml.MarkedYAMLError as error:
        return None, [Flaw(_at(error.problem_mark), str(error.problem), hint=_hint(error))]
    except yaml.reader.ReaderError as error:
        at = _where(text.decode("utf-8")[: error.position])
        return None, [Flaw(at, f"character U+{error.character:04X} may not stand in YAML")]
    if node is None and flaws:
        return None, flaws
    if not isinstance(node, yaml.MappingNode):
        return None, [*flaws, Flaw((1, 1), "expected a mapping at the top")]
    builder = _Builder(spots, flaws)
    data = builder.mapping(node, ())
    return Document(name, data, hashlib.sha256(text).hexdigest(), builder.marks), flaws


def _compose(text: str, *, several: bool) -> tuple[yaml.Node | None, list[Flaw]]:
    """Read the tree of a document: by libyaml, sixteen times as fast, or by Python, whose errors are clearer.

    What a document means must not hang on how PyYAML was built. What libyaml is laxer about, Python alone judges: a
    tab between tokens, an unquoted `?` within a flow; where they are text, that costs time and nothing else.
    """
    if _FAST is not None and "\t" not in text:
        try:
            node, flaws = _composed(text, _FAST, several=several)
        except yaml.YAMLError:
            node, flaws = None, []
        if node is not None and not flaws:
            return node, flaws
    return _composed(text, yaml.SafeLoader, several=several)


def _composed(
    text: str, loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader], *, several: bool
) -> tuple[yaml.Node | None, list[Flaw]]:
    flaws: list[Flaw] = []
    for flaw in _sharing(text, loader):
        flaws.append(flaw)
        if not several or flaw.rule == "depth" or len(flaws) >= _MOST:
            return None, flaws
    return yaml.compose(text, Loader=loader), flaws


class _LaxError(yaml.YAMLError):
    """Something that libyaml reads otherwise than Python does."""


def _index(mark: object) -> int:
    return int(getattr(mark, "index", 0))


def _at(mark: object) -> Mark:
    return getattr(mark, "line", 0) + 1, getattr(mark, "column", 0) + 1


def _hint(error: yaml.MarkedYAMLError) -> str | None:
    said = str(error.problem)
    if "mapping values are not allowed" in said or "cannot start any token" in said:
        return "put a text that contains `: ` or begins with a sign in quotes"
    return None


def _where(before: str) -> Mark:
    """Return the place that follows `before`."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _sharing(text: str, loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader]) -> Iterator[Flaw]:
    depth = flow = begin = quoted = 0
    for event in yaml.parse(text, Loader=loader):
        opens = isinstance(event, yaml.CollectionStartEvent)
        change = opens - isinstance(event, yaml.CollectionEndEvent)
        depth += change
        if opens and getattr(event, "flow_style", False) and not flow:
            begin, flow, quoted = _index(event.start_mark), 1, 0
        elif flow:
            flow += change
            if isinstance(event, yaml.ScalarEvent) and event.style:
                quoted += text.count("?", _index(event.start_mark), _index(event.end_mark))
            if not flow and loader is _FAST and text.count("?", begin, _index(event.end_mark) + 1) > quoted:
                raise _LaxError
        if depth > MAX_DEPTH:
            yield Flaw(_at(event.start_mark), f"nested more than {MAX_DEPTH} deep", "depth")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            yield Flaw(_at(event.start_mark), "anchors and aliases are not allowed", "no-alias")
        if getattr(event, "tag", None):
            yield Flaw(_at(event.start_mark), "tags are not allowed", "no-tag")


class _Builder:
    """Makes plain data of a tree, and keeps account of where everything stands and what is wrong with it."""

    def __init__(self, spots: dict[Path, Spot] | None, flaws: list[Flaw]) -> None:
        self.marks: dict[Path, Mark] = {}
        self._spots, self._flaws = spots, flaws
        self._seen: set[int] = set()

    def mapping(self, node: yaml.MappingNode, path: Path, key: yaml.Node | None = None) -> dict[str, object]:
        """Return a mapping; of two keys that are alike the first stands."""
        self._note(node, path, key)
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            name = key_node.value
            if key_node.tag != "tag:yaml.org,2002:str":
                self._refuse(key_node, f"key `{name}` is not a string; put it in quotes", "type")
            elif name in mapping:
                self._refuse(key_node, f"duplicate key `{name}`", "duplicate-key")
            else:
                mapping[name] = self._value(value_node, (*path, name), key_node)
        return mapping

    def _value(self, node: yaml.Node, path: Path, key: yaml.Node | None = None) -> object:
        if id(node) in self._seen:  # an alias, which was told of; to follow it may never end
            return None
        if isinstance(node, yaml.MappingNode):
            self._seen.add(id(node))
            return self.mapping(node, path, key)
        self._note(node, path, key)
        if isinstance(node, yaml.SequenceNode):
            self._seen.add(id(node))
            return [self._value(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node)

    def _scalar(self, node: yaml.Node) -> object:
        if (getattr(node, "style", "") or "") == "" and _TWO_WAYS.fullmatch(node.value):
            said = f"`{node.value}` is one thing to some programs and another to others"
            self._refuse(node, f"{said}: put it in quotes, or write `true`, `false` or a plain number", "two-ways")
            return str(node.value)
        if node.tag not in _PLAIN:
            self._refuse(node, f"unsupported kind of value `{node.tag}`", "no-tag")
            return str(node.value)
        if node.tag.endswith(("str", "timestamp")):
            return str(node.value)
        try:
            return yaml.SafeLoader("").construct_object(node)
        except ValueError as error:
            self._refuse(node, f"not a number that can be read: {error}", "type")
            return None

    def _note(self, node: yaml.Node, path: Path, key: yaml.Node | None) -> None:
        start = _at(node.start_mark)
        self.marks[path] = start
        if self._spots is not None:
            style = getattr(node, "style", "") or ""
            self._spots[path] = Spot(_at(key.start_mark) if key else None, start, _at(node.end_mark), style)

    def _refuse(self, node: yaml.Node, message: str, rule: str) -> None:
        if len(self._flaws) < _MOST:
            self._flaws.append(Flaw(_at(node.start_mark), message, rule))
