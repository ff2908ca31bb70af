"""What a document is made of, and the small markup in which templates write it.

A line begins a heading (`#` to `###`), an item (`-`), a note (`>`) or a row (`|`); other lines make a paragraph.
Within a line: `**strong**`, `` `as typed` `` and `[[what a person has to fill in]]`; a backslash takes a character
for itself.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "strong", "typed", "blank"]
_INLINE = re.compile(r"\\(.)|\*\*((?:\\.|[^\\])+?)\*\*|`((?:\\.|[^\\`])+)`|\[\[((?:\\.|[^\\])+?)\]\]|(.)")
_ESCAPED = re.compile(r"\\(.)")
_CELL = re.compile(r"((?:\\.|[^\\|])*)\|")
_RULE = re.compile(r"\|[-| ]*-[-| ]*\|")
_KINDS: tuple[Kind, ...] = ("text", "strong", "typed", "blank", "text")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text; a `blank` is for a person to fill in, and its text says with what."""

    text: str
    kind: Kind = "text"


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the first to third level."""

    level: int
    line: Line


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences; `note` says that they are about the document and not of it."""

    line: Line
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with one row of titles."""

    titles: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]


Block = Heading | Paragraph | Items | Table


def parse(text: str) -> tuple[Block, ...]:
    """Return the blocks that a rendered template writes."""
    return tuple(block for group in _groups(text.split("\n")) for block in _blocks(group))


def spans(text: str) -> Line:
    """Return one line, taken apart."""
    found: list[Span] = []
    for matched in _INLINE.finditer(text):
        at = matched.lastindex or 1
        said = _ESCAPED.sub(r"\1", matched[at]) if at in {2, 3, 4} else matched[at]
        kind = _KINDS[at - 1]
        if found and kind == found[-1].kind == "text":
            said = found.pop().text + said
        found.append(Span(said, kind))
    return tuple(found)


def blanks(blocks: Sequence[Block]) -> tuple[str, ...]:
    """Return everything that a person has to fill in, in order."""
    return tuple(span.text for block in blocks for line in lines(block) for span in line if span.kind == "blank")


def lines(block: Block) -> Iterator[Line]:
    """Yield every line of a block."""
    match block:
        case Heading() | Paragraph():
            yield block.line
        case Items():
            yield from block.items
        case Table():
            yield from block.titles
            yield from (cell for row in block.rows for cell in row)


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield lines that belong together: of one kind, without an empty one between."""
    group: list[str] = []
    for text in (one.strip() for one in texts):
        if group and (not text or text.startswith("#") or _mark(text) != _mark(group[0])):
            yield group
            group = []
        if text:
            group.append(text)
    if group:
        yield group


def _mark(text: str) -> str:
    return next((mark for mark in ("#", "- ", "> ", "|") if text.startswith(mark)), "")


def _blocks(group: Sequence[str]) -> Iterator[Block]:
    match _mark(group[0]):
        case "#":
            marks, _, text = group[0].partition(" ")
            yield Heading(min(len(marks), 3), spans(text))
        case "- ":
            yield Items(tuple(spans(text[2:].strip()) for text in group))
        case "> ":
            yield Paragraph(spans(" ".join(text[2:].strip() for text in group)), is_note=True)
        case "|":
            titles, *rows = (_cells(text) for text in group if not _RULE.fullmatch(text))
            yield Table(titles, tuple((*row, *((),) * (len(titles) - len(row)))[: len(titles)] for row in rows))
        case _:
            yield Paragraph(spans(" ".join(group)))


def _cells(text: str) -> tuple[Line, ...]:
    return tuple(spans(cell.strip()) for cell in _CELL.findall(text[1:] if text.endswith("|") else f"{text[1:]}|"))
