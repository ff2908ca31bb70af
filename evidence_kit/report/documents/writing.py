"""A document as Markdown and as JSON, from the same blocks as its PDF."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.report.custody.markdown import escaped
from evidence_kit.report.documents.blocks import Block, Heading, Items, Line, Paragraph, Span, Table, blanks
from evidence_kit.report.verdict.text import visible

API_VERSION = "evidence-kit/document.v1"
_LEADING = tuple("#-+=>0123456789")  # what begins a heading, a list or a rule at the start of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document, made of a template or of a whole report.

    `as_of` is the time of the last event that the case has on record, never the clock's; of a whole report its own.
    """

    name: str
    title: str
    case: str
    as_of: str
    tool: str
    template_sha256: str  # empty where no template was
    is_own_template: bool
    blocks: tuple[Block, ...]

    @property
    def blanks(self) -> tuple[str, ...]:
        """Return everything that a person has to fill in."""
        return blanks(self.blocks)

    @property
    def origin(self) -> str:
        """Return the line that says what it was made of, for its foot."""
        said = f"case {self.case[:200]}, as of {self.as_of}, by {self.tool}"
        if self.template_sha256:
            whose = "the organisation's template" if self.is_own_template else "template"
            said = f"{said}, {whose} {self.template_sha256[:16]}"
        return visible(said)


def markdown(document: Document) -> Iterator[str]:
    """Yield the document as Markdown, line by line."""
    for block in document.blocks:
        yield from _block(block)
        yield ""
    yield f"*{escaped(document.origin)}*"


def as_json(document: Document) -> str:
    """Return the document as JSON."""
    said = {
        "apiVersion": API_VERSION,
        "name": document.name,
        "title": document.title,
        "case": document.case,
        "asOf": document.as_of,
        "tool": document.tool,
        "template": {"sha256": document.template_sha256, "own": document.is_own_template},
        "blanks": list(document.blanks),
        "blocks": [_plain(block) for block in document.blocks],
    }
    return json.dumps(said, indent=2, ensure_ascii=True) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, line):
            yield f"{'#' * level} {_line(line)}"
        case Paragraph(line, is_note):
            yield f"> {_begun(_line(line))}" if is_note else _begun(_line(line))
        case Items(items):
            yield from (f"- {_begun(_line(item))}" for item in items)
        case Table(titles, rows):
            yield _row(titles)
            yield f"|{'---|' * len(titles)}"
            yield from map(_row, rows)


def _row(cells: Sequence[Line]) -> str:
    return f"| {' | '.join(map(_line, cells))} |"


def _line(line: Line) -> str:
    return "".join(map(_span, line))


def _span(span: Span) -> str:
    before, after = (" " if span.text[at:][:1].isspace() else "" for at in (0, -1))
    text = escaped(span.text)
    match span.kind:
        case "strong":
            return f"**{text}**"
        case "blank":
            return f"**\\[to be filled in: {text}\\]**"
        case "typed":
            return f"*{text}*"
        case _:
            return f"{before}{text}{after}" if text else before


def _begun(text: str) -> str:
    """Return a line whose first character begins nothing."""
    if not text.startswith(_LEADING):
        return text
    digits = len(text) - len(text.lstrip("0123456789"))
    return f"{text[:digits]}\\{text[digits:]}" if text[digits : digits + 1] in {".", ")", *"#-+=>"} else text


def _plain(block: Block) -> Mapping[str, object]:
    match block:
        case Heading(level, line):
            return {"kind": "heading", "level": level, "line": _said(line)}
        case Paragraph(line, is_note):
            return {"kind": "note" if is_note else "paragraph", "line": _said(line)}
        case Items(items):
            return {"kind": "list", "items": [_said(item) for item in items]}
        case Table(titles, rows):
            return {
                "kind": "table",
                "titles": [_said(cell) for cell in titles],
                "rows": [[_said(cell) for cell in row] for row in rows],
            }


def _said(line: Line) -> list[Mapping[str, str]]:
    return [{"kind": span.kind, "text": span.text} for span in line]
