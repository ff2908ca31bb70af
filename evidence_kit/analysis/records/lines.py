"""Records that are lines: JSON Lines, CSV and logs of text, each as it stands, without its line break."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from evidence_kit.analysis.records.body import has_lost_bytes
from evidence_kit.analysis.records.decoding import NotReadError, decode
from evidence_kit.analysis.records.documents import Documents
from evidence_kit.analysis.records.layout import PLAIN, Layout, lines_of
from evidence_kit.analysis.records.record import MAX_RECORD, Defect, Record
from evidence_kit.analysis.records.window import Window

# A file of one such member wraps its records, as delivered files of AWS and Azure do whatever their source is.
WRAPPERS = ("Records", "records", "configurationItems")


@dataclass(slots=True)
class Lines:
    """Reads a text line by line; `line` counts records, and places name the line of the file."""

    pieces: Iterator[str]
    artifact: str
    layout: Layout = PLAIN
    line: int = 0
    _number: int = 0
    _header: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Record | Defect]:
        """Yield what every line holds; one bad line spoils no other."""
        begun: list[str] = []  # lines of a quoted cell that has not ended, joined once
        size = 0
        for said in lines_of(self.pieces, MAX_RECORD):
            self._number += 1
            if said is None or size + len(said) > MAX_RECORD:
                self.line += 1
                yield self._defect(f"a record of more than {MAX_RECORD:,} characters")
                begun, size = [], 0
                continue
            is_open = bool(begun) != self.layout.turns(said)
            begun.append(said)
            size += len(said) + 1
            if is_open:
                continue
            text = "\n".join(begun)
            begun, size = [], 0
            if text.strip():
                yield from self._line(text)
        if begun:
            self.line += 1
            yield self._defect("a quoted cell has no end")

    def _line(self, text: str) -> Iterator[Record | Defect]:
        try:
            value = self._value(text)
            if value is None:
                return
        except NotReadError as error:
            self.line += 1
            yield self._defect(str(error))
            return
        if isinstance(value, dict) and len(value) <= 2 and (path := _wrapper(value)):
            inside = Documents(Window(iter([text])), self.artifact, ((path,),), self.line)
            yield from inside
            self.line = inside.line
            return
        self.line += 1
        yield Record(self.artifact, self.line, text, value)

    def _value(self, text: str) -> object:
        """Return what a line says; None for one that only names the columns."""
        if text.lstrip()[:1] in {"{", "["} and self.layout.split != "quoted":
            return decode(text)
        if has_lost_bytes(text):
            raise NotReadError("not UTF-8")
        header = self.layout.header_of(text, self._number)
        if header is not None:
            self._header = header or self._header
            return None
        return self.layout.named(text, self._header) if self.layout.split else text

    def _defect(self, reason: str) -> Defect:
        return Defect(self.artifact, self.line, f"line {self._number:,}", reason)


def _wrapper(value: Mapping[str, object]) -> str:
    return next((name for name in WRAPPERS if isinstance(value.get(name), list)), "")
