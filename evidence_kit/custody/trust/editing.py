"""Changing a YAML document as text: comments, order and spelling of everything else stay as a person wrote them.

Each change is checked: the new text must parse to the old data with exactly that change, or nothing is returned.
"""

import copy

import yaml

from evidence_kit.errors import UsageError
from evidence_kit.model.document import parse_document

_INDENT = 2  # of an entry as `writing` makes it


def add_entry(text: str, section: str, entry: str, *, name: str) -> str:
    """Return `text` with one more entry at the end of the list `section`, which is made if need be."""
    data = _data(text, name)
    (added,) = _list(_data(f"{section}:\n{entry}", name), section)
    value = _pair(_root(text, name), section)
    newline = "\r\n" if "\r\n" in text else "\n"
    if value is None:
        changed = _inserted(text, len(text.rstrip()), f"{section}:\n{entry}", newline)
    else:
        key, node = value
        if not _is_blank(node) and not _is_block(node, yaml.SequenceNode):
            raise _unfit(name, node, section)
        column = node.start_mark.column if isinstance(node, yaml.SequenceNode) else _INDENT
        end = _end(text, node) if isinstance(node, yaml.SequenceNode) else key.end_mark.index
        changed = _inserted(text, end, _moved(entry, column), newline)
    return _checked(changed, {**data, section: [*_list(data, section), added]}, name)


def set_field(text: str, section: str, index: int, field: str, value: str, *, name: str) -> str:
    """Return `text` with `field: value` in entry `index` of the list `section`, in place of what it said before."""
    pair = _pair(_root(text, name), section)
    if pair is None or not isinstance(pair[1], yaml.SequenceNode):
        raise _unfit(name, _root(text, name), section)
    node = pair[1].value[index]
    if not _is_block(node, yaml.MappingNode):
        raise _unfit(name, node, section)
    newline = "\r\n" if "\r\n" in text else "\n"
    old = _pair(node, field)
    if old:
        start, end = old[0].start_mark.index, _end(text, old[1])
        changed = f"{text[:start]}{field}: {value}{text[end:]}"
    else:
        indent = " " * node.value[0][0].start_mark.column
        changed = _inserted(text, _end(text, node), f"{indent}{field}: {value}\n", newline)
    expected = copy.deepcopy(_data(text, name))
    _list(expected, section)[index][field] = _data(f"{field}: {value}", name)[field]  # type: ignore[index]
    return _checked(changed, expected, name)


def _checked(changed: str, expected: dict[str, object], name: str) -> str:
    if _data(changed, name) != expected:
        raise UsageError(f"{name}: cannot be changed without touching something else", hint="edit it by hand")
    return changed


def _data(text: str, name: str) -> dict[str, object]:
    return dict(parse_document(text.encode(), name=name).data)


def _list(data: dict[str, object], section: str) -> list[object]:
    found = data.get(section)
    return found if isinstance(found, list) else []


def _root(text: str, name: str) -> yaml.MappingNode:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise UsageError(f"{name}:1:1: the document is not one field a line, and is left as it is")
    return root


def _pair(mapping: yaml.MappingNode, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next((pair for pair in mapping.value if pair[0].value == name), None)


def _is_block(node: yaml.Node, kind: type[yaml.CollectionNode]) -> bool:
    return isinstance(node, kind) and not node.flow_style


def _is_blank(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.value and node.style is None


def _end(text: str, node: yaml.Node) -> int:
    """Return where the last character of a node stands; the parser counts blank lines and comments behind it in."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        key, value = last if isinstance(last, tuple) else (last, last)
        node = key if _is_blank(value) else value
    return len(text[: node.end_mark.index].rstrip())


def _inserted(text: str, end: int, lines: str, newline: str) -> str:
    """Return `text` with whole lines after the one in which `end` lies."""
    place = text.find("\n", end) + 1
    before, after = (text[:place], text[place:]) if place else (f"{text}{newline}", "")
    return before + lines.replace("\n", newline) + after


def _moved(entry: str, column: int) -> str:
    """Return an entry whose dash stands in `column`."""
    return "".join(f"{' ' * column}{line[_INDENT:]}" for line in entry.splitlines(keepends=True))


def _unfit(name: str, node: yaml.Node, what: str) -> UsageError:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    return UsageError(
        f"{name}:{line}:{column}: `{what}` is not a list with one `- ` an entry, and is left as it is",
        hint="write it that way, or edit the file by hand",
    )
