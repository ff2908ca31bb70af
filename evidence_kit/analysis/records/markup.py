"""Records within XML: the items of its lists, as they stand; a document without a list is one record."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from evidence_kit.analysis.records.body import has_lost_bytes
from evidence_kit.analysis.records.record import MAX_DEPTH, MAX_RECORD, Defect, Record

_ITEMS = frozenset({"item", "member"})  # what AWS's query protocols call them; others are named by the source's path


@dataclass(slots=True)
class Markup:
    """Reads one document, which AWS bounds far below what is held here."""

    pieces: Iterator[str]
    artifact: str
    names: frozenset[str] = frozenset()
    _tree: list[tuple[str, dict[str, object], list[str]]] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)  # where each open item starts; the outermost is a record
    _found: list[tuple[int, int, object]] = field(default_factory=list)
    _root: object = None
    _data: bytes = b""

    def __iter__(self) -> Iterator[Record | Defect]:
        """Yield its records; a document that cannot be read is one defect."""
        text = ""
        for piece in self.pieces:
            text += piece
            if len(text) > MAX_RECORD:
                yield Defect(self.artifact, 0, "document", f"XML of more than {MAX_RECORD:,} characters")
                return
        if has_lost_bytes(text):
            yield Defect(self.artifact, 0, "document", "not UTF-8")
            return
        data = self._data = text.encode()
        parser = self._parser()
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, _RefusedError) as error:
            yield Defect(self.artifact, 0, f"byte {parser.CurrentByteIndex:,}", f"not XML: {error}")
            return
        for line, (start, end, value) in enumerate(self._found or [(0, len(data), self._root)], start=1):
            yield Record(self.artifact, line, data[start:end].decode(), value)

    def _parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True

        def start(name: str, _: object) -> None:
            local = name.rpartition(":")[2]
            if len(self._tree) >= MAX_DEPTH:
                raise _RefusedError(f"nested more than {MAX_DEPTH} deep")
            self._tree.append((local, {}, []))
            if local in _ITEMS or local in self.names:
                self._starts.append(parser.CurrentByteIndex)

        def end(_: str) -> None:
            self._ended(parser.CurrentByteIndex)  # of `</name>`, or what follows `<name/>`

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler = self._said
        parser.StartDoctypeDeclHandler = _refuse
        return parser

    def _said(self, text: str) -> None:
        self._tree[-1][2].append(text)

    def _ended(self, index: int) -> None:
        """Close the element that is open: as text, or as a mapping of what is inside."""
        local, inside, text = self._tree.pop()
        value: object = inside or "".join(text)
        if self._tree:
            above = self._tree[-1][1]
            before = above.get(local)
            if isinstance(before, list):
                before.append(value)
            else:
                above[local] = value if before is None else [before, value]
        else:
            self._root = value
        if local in _ITEMS or local in self.names:
            start = self._starts.pop()
            if not self._starts:
                is_whole = not inside and not text and self._data.endswith(b"/>", start, index)
                self._found.append((start, index if is_whole else self._data.index(b">", index) + 1, value))


class _RefusedError(ValueError):
    """Something that no evidence holds and that could be an attack on the reader."""


def _refuse(*_: object) -> None:
    raise _RefusedError("a document type, which may define entities, is refused")
