"""YAML that people write, read strictly: every fault has a line and a column.

No anchors, no aliases, no tags, no duplicate keys: each lets a document mean something other than it shows.
"""

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from evidence_kit.errors import UsageError

T = TypeVar("T")
MAX_DOCUMENT = 4 << 20  # an inventory of 10,000 accounts is about 2 MB
MAX_DEPTH = 50  # a playbook nests about ten deep; the parser's time grows with the square, its stack with each level
_FAST: type[yaml.CSafeLoader] | None = getattr(yaml, "CSafeLoader", None)  # absent where PyYAML was built without it
_LAX = re.compile(r"[\t?]")  # a tab between tokens, a `?` within a flow; within quotation marks they are text
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'")
_PLAIN = {
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:float",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:null",
    "tag:yaml.org,2002:timestamp",  # kept as the text that was written
}
Path = tuple[str | int, ...]


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
    marks: dict[Path, tuple[int, int]] = {}
    try:
        said = text.decode("utf-8")
        node = _compose(said, name)
    except UnicodeDecodeError as error:
        raise UsageError(f"{_where(name, text[: error.start].decode())}: not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        raise _marked(name, error.problem_mark, str(error.problem)) from error
    except yaml.reader.ReaderError as error:
        raise _unreadable(name, text, error) from error
    if not isinstance(node, yaml.MappingNode):
        raise UsageError(f"{name}:1:1: expected a mapping at the top")
    return Document(name, _build_mapping(node, (), marks, name), hashlib.sha256(text).hexdigest(), marks)


def _compose(text: str, name: str) -> yaml.Node | None:
    """Read the tree of a document: by libyaml, sixteen times as fast, or by Python, whose errors are clearer.

    What a document means must not hang on how PyYAML was built: what libyaml is laxer about, Python alone judges.
    """
    if _FAST is not None and not _LAX.search(_QUOTED.sub("", text)):
        try:
            _refuse_sharing(text, name, _FAST)
            return yaml.compose(text, Loader=_FAST)
        except yaml.YAMLError:
            pass
    _refuse_sharing(text, name, yaml.SafeLoader)
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _marked(name: str, mark: object, message: str) -> UsageError:
    line, column = getattr(mark, "line", 0) + 1, getattr(mark, "column", 0) + 1
    return UsageError(f"{name}:{line}:{column}: {message}")


def _where(name: str, before: str) -> str:
    """Return the place that follows `before`."""
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return f"{name}:{line}:{column}"


def _unreadable(name: str, text: bytes, error: yaml.reader.ReaderError) -> UsageError:
    where = _where(name, text.decode("utf-8")[: error.position])
    return UsageError(f"{where}: character U+{error.character:04X} may not stand in YAML")


def _refuse_sharing(text: str, name: str, loader: type[yaml.SafeLoader] | type[yaml.CSafeLoader]) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _marked(name, event.start_mark, f"nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _marked(name, event.start_mark, "anchors and aliases are not allowed")
        if getattr(event, "tag", None):
            raise _marked(name, event.start_mark, "tags are not allowed")


def _build(node: yaml.Node, path: Path, marks: dict[Path, tuple[int, int]], name: str) -> object:
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(node, path, marks, name)
    marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*path, index), marks, name) for index, child in enumerate(node.value)]
    if node.tag not in _PLAIN:
        raise _marked(name, node.start_mark, f"unsupported kind of value `{node.tag}`")
    if node.tag.endswith(("str", "timestamp")):
        return str(node.value)
    try:
        return yaml.SafeLoader("").construct_object(node)
    except ValueError as error:
        raise _marked(name, node.start_mark, f"not a number that can be read: {error}") from error


def _build_mapping(
    node: yaml.MappingNode, path: Path, marks: dict[Path, tuple[int, int]], name: str
) -> dict[str, object]:
    marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    mapping: dict[str, object] = {}
    for key_node, value_node in node.value:
        key = key_node.value
        if key_node.tag != "tag:yaml.org,2002:str":
            raise _marked(name, key_node.start_mark, f"key `{key}` is not a string; put it in quotes")
        if key in mapping:
            raise _marked(name, key_node.start_mark, f"duplicate key `{key}`")
        mapping[key] = _build(value_node, (*path, key), marks, name)
    return mapping
