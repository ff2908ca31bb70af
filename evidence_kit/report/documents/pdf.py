r"""A document as PDF: the same document gives the same bytes, for nothing in it comes from the clock or the machine.

Without a font of the reader's own it uses Helvetica, which every PDF reader has, and which knows Western European
letters; every other character is written out (`\u05d0`), and the foot of the last page says how many were.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_kit.errors import UsageError
from evidence_kit.model.time import parse_instant
from evidence_kit.report.documents.blocks import Block, Heading, Items, Line, Paragraph, Span, Table
from evidence_kit.report.documents.writing import Document
from evidence_kit.report.verdict.text import visible

if TYPE_CHECKING:
    from fpdf import FPDF

_MARGIN, _LEADING, _SIZE, _CELL_SIZE = 18.0, 1.35, 10.0, 8.0  # millimetres; lines; points
_HEADINGS = {1: 16.0, 2: 13.0, 3: 10.5}
_POINT = 25.4 / 72
_PADDING = 2.2  # of a cell, both sides together; what cells themselves keep clear included
_MEASURED = 200  # rows, and letters of a cell, that say how wide a column is
_WORDS = (
    44.0,
    38.0,
    32.0,
    28.0,
    24.0,
    20.0,
    16.0,
    12.0,
)  # the widest word that is not broken, as far as there is room
_ENCODING = "windows-1252"
_OWN = "own"
_TOTAL = "\x7f" * 5  # where the number of pages goes, and room for it; no text that is shown can hold this
_BLANK_COLOUR, _TEXT_COLOUR, _FOOT_COLOUR = (150, 60, 0), (0, 0, 0), (90, 90, 90)


def render(document: Document, font: Path | None = None) -> bytes:
    """Return the PDF; UsageError where the extra `pdf` is not installed, or `font` is none."""
    return _Writer(document, font).bytes()


class _Writer:
    """Lays blocks out one below the other; a row longer than a page goes on on the next."""

    def __init__(self, document: Document, font: Path | None) -> None:
        self._document = document
        self._pdf = _sheet(document, font)
        self._family = _OWN if font else "Helvetica"
        self._known: frozenset[int] | None = _glyphs(self._pdf) if font else None
        self._replaced = 0
        self._letters: dict[tuple[str, float], dict[str, float]] = {}

    def bytes(self) -> bytes:
        for block in self._document.blocks:
            self._block(block)
        pdf = self._pdf
        pdf.ln(4)
        self._style(_CELL_SIZE, colour=_FOOT_COLOUR)
        self._write(self._document.origin, _CELL_SIZE)
        if self._replaced:
            self._write(
                f"{self._replaced:,} characters that this font does not have are written out by number.", _CELL_SIZE
            )
        return bytes(pdf.output())

    def _block(self, block: Block) -> None:
        pdf = self._pdf
        match block:
            case Heading(level, line):
                pdf.ln(4 if level > 1 else 0)
                if pdf.get_y() > pdf.h - 2.5 * _MARGIN:
                    pdf.add_page()
                self._style(_HEADINGS[level], bold=True)
                self._write(_plain(line), _HEADINGS[level])
            case Paragraph(line, is_note):
                self._spans(line, indent=4 if is_note else 0)
            case Items(items):
                for item in items:
                    self._spans((Span("•  "), *item), indent=3)
            case Table(titles, rows):
                self._table(titles, rows)
        pdf.ln(1.5)

    def _spans(self, line: Line, *, indent: float) -> None:
        pdf = self._pdf
        pdf.set_left_margin(_MARGIN + indent)
        pdf.set_x(_MARGIN + indent)
        for span in line:
            self._style(_SIZE, bold=span.kind == "strong", colour=_colour(span))
            pdf.write(_SIZE * _POINT * _LEADING, self._shown(_marked(span)))
        pdf.ln(_SIZE * _POINT * _LEADING)
        pdf.set_left_margin(_MARGIN)
        pdf.set_x(_MARGIN)

    def _table(self, titles: Sequence[Line], rows: Sequence[Sequence[Line]]) -> None:
        widths = self._widths(titles, rows)
        self._row(self._columns(titles, widths, bold=True), widths, titles, bold=True)
        for row in rows:
            columns = self._columns(row, widths)
            if self._turned(columns):
                self._row(self._columns(titles, widths, bold=True), widths, titles, bold=True)
            self._row(columns, widths, row)

    def _widths(self, titles: Sequence[Line], rows: Sequence[Sequence[Line]]) -> list[float]:
        """Return widths by what the columns hold: what their words need first, then more to whichever is deepest.

        Where words need more than there is, long ones are broken.
        """
        room = self._pdf.w - 2 * _MARGIN
        words, whole = [], []
        for at, title in enumerate(titles):
            self._style(_CELL_SIZE, bold=True)
            title_word = max(map(self._width, self._spelt(_plain(title)).split(" ")))
            self._style(_CELL_SIZE)
            texts = [self._spelt(_plain(row[at])[:_MEASURED]) for row in rows[:_MEASURED]]
            words.append(max([title_word, *(self._width(word) for text in texts for word in text.split(" "))]))
            whole.append(max([title_word, *map(self._width, texts)]))
        most = next((most for most in _WORDS if sum(min(word, most) + _PADDING for word in words) <= room), 0.0)
        widths = [min(word, most) + _PADDING for word in words] if most else [room / len(titles)] * len(titles)
        for _ in range(int(room - sum(widths))):
            depths = [text / (width - _PADDING + 0.1) for text, width in zip(whole, widths, strict=True)]
            widths[depths.index(max(depths))] += 1
        return widths

    def _columns(self, cells: Sequence[Line], widths: Sequence[float], *, bold: bool = False) -> list[list[str]]:
        """Return the lines of each cell of a row."""
        self._style(_CELL_SIZE, bold=bold)
        return [
            self._wrapped(self._shown(_plain(cell)), width - _PADDING)
            for cell, width in zip(cells, widths, strict=True)
        ]

    def _turned(self, columns: Sequence[Sequence[str]]) -> bool:
        """Turn to a new page before a row that would be torn and need not be."""
        pdf, deep = self._pdf, max(map(len, columns), default=0) * _CELL_SIZE * _POINT * _LEADING
        if pdf.get_y() + deep <= pdf.h - _MARGIN or deep > pdf.h - 3 * _MARGIN:
            return False
        pdf.add_page()
        return True

    def _row(
        self, columns: Sequence[Sequence[str]], widths: Sequence[float], cells: Sequence[Line], *, bold: bool = False
    ) -> None:
        pdf, height = self._pdf, _CELL_SIZE * _POINT * _LEADING
        self._style(_CELL_SIZE, bold=bold)
        for number in range(max(map(len, columns), default=0)):
            if pdf.get_y() + height > pdf.h - _MARGIN:
                pdf.add_page()
                self._style(_CELL_SIZE, bold=bold)
            left = _MARGIN
            for cell, column, width in zip(cells, columns, widths, strict=True):
                if number < len(column):
                    pdf.set_text_color(*_colour(cell[0]) if cell else _TEXT_COLOUR)
                    pdf.set_x(left + _PADDING / 2)
                    pdf.cell(width - _PADDING, height, column[number])
                left += width
            pdf.set_xy(_MARGIN, pdf.get_y() + height)
        pdf.set_draw_color(190)
        pdf.line(_MARGIN, pdf.get_y() + 0.4, pdf.w - _MARGIN, pdf.get_y() + 0.4)
        pdf.set_xy(_MARGIN, pdf.get_y() + 0.8)

    def _wrapped(self, text: str, width: float) -> list[str]:
        """Break a text after spaces, and within a word that is wider than the column."""
        found, line = [], ""
        for word in text.split(" "):
            joined = f"{line} {word}" if line else word
            if self._width(joined) <= width:
                line = joined
                continue
            found += [line] if line else []
            line = word
            while self._width(line) > width and len(line) > 1:
                fits = self._fitting(line, width)
                found.append(line[:fits])
                line = line[fits:]
        return [*found, line]

    def _fitting(self, word: str, width: float) -> int:
        total = 0.0
        for at, char in enumerate(word):
            total += self._width(char)
            if total > width:
                return max(at, 1)
        return len(word)

    def _width(self, text: str) -> float:
        """Return how wide a text is: no kerning is used, so that letters add up, and each is measured once."""
        known = self._letters.setdefault((self._pdf.font_style, self._pdf.font_size_pt), {})
        for char in text:
            if char not in known:
                known[char] = self._pdf.get_string_width(char)
        return sum(known[char] for char in text)

    def _write(self, text: str, size: float) -> None:
        self._pdf.set_x(_MARGIN)
        self._pdf.write(size * _POINT * _LEADING, self._shown(text))
        self._pdf.ln(size * _POINT * _LEADING)

    def _style(self, size: float, *, bold: bool = False, colour: tuple[int, int, int] = _TEXT_COLOUR) -> None:
        self._pdf.set_font(self._family, style="B" if bold else "", size=size)
        self._pdf.set_text_color(*colour)

    def _shown(self, text: str) -> str:
        """Return a text of characters that the font has, the others written out and counted."""
        self._replaced += sum(not self._has(char) for char in text)
        return self._spelt(text)

    def _spelt(self, text: str) -> str:
        return "".join(char if self._has(char) else _out(char) for char in text)

    def _has(self, char: str) -> bool:
        if char in _TOTAL:
            return False
        if self._known is not None:
            return ord(char) in self._known
        with suppress(UnicodeEncodeError):
            return bool(char.encode(_ENCODING))
        return False


def _sheet(document: Document, font: Path | None) -> "FPDF":
    try:
        from fpdf import FPDF
    except ImportError as error:
        raise UsageError("PDF needs the extra `pdf`", hint="`pip install 'evidence-kit[pdf]'`") from error

    class Sheet(FPDF):
        """A page with its number at the foot."""

        def footer(self) -> None:
            """Write the number."""
            self.set_y(-_MARGIN / 2 - 3)
            self.set_font("Helvetica", size=_CELL_SIZE)
            self.set_text_color(*_FOOT_COLOUR)
            self.cell(0, 3, f"{self.page_no()} / {_TOTAL}", align="R")

    sheet = Sheet(format="A4")
    sheet.set_margin(_MARGIN)
    sheet.set_auto_page_break(auto=True, margin=_MARGIN)
    sheet.core_fonts_encoding = _ENCODING
    sheet.alias_nb_pages(_TOTAL)
    sheet.set_creation_date(_moment(document.as_of))
    sheet.set_title(visible(f"{document.title}, case {document.case[:200]}"))
    sheet.set_creator(visible(document.tool))
    sheet.set_producer(visible(document.tool))
    sheet.set_lang("en")
    if font is not None:
        _add(sheet, font)
    sheet.add_page()
    return sheet


def _add(sheet: "FPDF", font: Path) -> None:
    ttlib = import_module("fontTools.ttLib")
    try:
        body = font.read_bytes()
        ttlib.TTFont(BytesIO(body)).getBestCmap()
        for style in ("", "B"):
            sheet.add_font(_OWN, style, font)
    except (OSError, ttlib.TTLibError, KeyError, ValueError) as error:
        raise UsageError(
            f"`{font}` cannot be used as a font: {str(error).lower()}", hint="a TrueType file"
        ) from error


def _glyphs(sheet: "FPDF") -> frozenset[int]:
    return frozenset(sheet.fonts[_OWN].cmap)  # type: ignore[union-attr]


def _moment(text: str) -> datetime:
    """Return the document's time to the second, which is all that a PDF keeps."""
    return parse_instant(text).replace(microsecond=0)


def _out(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode() if ord(char) > 0xFF else f"\\x{ord(char):02x}"


def _plain(line: Line) -> str:
    return "".join(map(_marked, line))


def _marked(span: Span) -> str:
    return f"[to be filled in: {span.text}]" if span.kind == "blank" else span.text


def _colour(span: Span) -> tuple[int, int, int]:
    return _BLANK_COLOUR if span.kind == "blank" else _TEXT_COLOUR
