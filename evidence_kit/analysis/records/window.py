"""A text held a piece at a time, and where a JSON value in it ends, however large or wrong it is."""

import re
from collections.abc import Iterator

from evidence_kit.analysis.records.body import Unreadable
from evidence_kit.analysis.records.record import MAX_RECORD

_FLAT = re.compile(r'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)  # up to a bracket or a string cut off
_INSIDE = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_PLAIN = re.compile(r"[^\s,\]}]*+")
_SPACE = re.compile(r"[ \t\r\n]*+")
_PAIR = {"}": "{", "]": "["}
_MAX_OPEN = 1 << 20  # brackets open at once: a megabyte of nothing but `[` is no log


class Window:
    """The part of a text that is at hand: `text[at:]` is still to be read."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self.text, self.at = "", 0
        self.ended = False
        self.dropped = 0
        self.held: int | None = None  # from here on, text is kept although it has been read
        self.more()

    @property
    def offset(self) -> int:
        """Return how many characters of the whole text were read."""
        return self.dropped + self.at

    def more(self) -> bool:
        """Bring in the next piece and let go of what was read; False at the end of the text."""
        if self.ended:
            return False
        if self.held is not None and self.at - self.held > MAX_RECORD:
            self.held = None
        keep = self.at if self.held is None else self.held
        pieces, wanted = [self.text[keep:]], (len(self.text) - keep) // 2  # what is kept is copied: seldom
        for piece in self._pieces:
            pieces.append(piece)
            wanted -= len(piece)
            if piece and wanted <= 0:
                break
        self.ended = not any(pieces[1:])
        if self.ended:
            return False
        self.text = "".join(pieces)
        self.dropped += keep
        self.at -= keep
        self.held = None if self.held is None else 0
        return True

    def space(self) -> str:
        """Step over white space and return the character that follows, or nothing at the end."""
        while True:
            found = _SPACE.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def end(self) -> tuple[int, bool]:
        """Return where the value that starts here ends, and whether it is whole here; `at` moves if it is too large.

        Brackets and strings decide; whether the rest is JSON does not matter. Unreadable if it has no end.
        """
        return _Search(self).run()


class _Search:
    """Looks for the end of one value; it never holds more than MAX_RECORD of it and reads it once."""

    def __init__(self, window: Window) -> None:
        first = window.space()
        if not first:
            raise Unreadable("the JSON is cut short")
        self._window = window
        self._at = window.at
        self._open = bytearray()
        self._is_whole = True
        self._inside = first == '"'
        self._is_plain = first not in '"{['
        self._at += self._inside

    def run(self) -> tuple[int, bool]:
        step = self._plain if self._is_plain else self._step
        while not step():
            pass
        return self._at, self._is_whole

    def _plain(self) -> bool:
        found = _PLAIN.match(self._window.text, self._at)
        self._at = found.end() if found else self._at
        return self._at < len(self._window.text) or not self._more(must=False)

    def _step(self) -> bool:
        """Go on to the next bracket, end of string or end of what is at hand; True at the end of the value."""
        text = self._window.text
        found = (_INSIDE if self._inside else _FLAT).match(text, self._at)
        self._at = found.end() if found else self._at
        if self._at >= len(text) or (self._inside and text[self._at] != '"'):
            self._more(must=True)
            return False
        char = text[self._at]
        self._at += 1
        if char == '"':
            self._inside = not self._inside
            return not self._inside and not self._open
        if char in "{[":
            self._open += char.encode()
            if len(self._open) > _MAX_OPEN:
                raise Unreadable(f"more than {_MAX_OPEN:,} brackets are open at once")
            return False
        if not self._open or chr(self._open.pop()) != _PAIR[char]:
            raise Unreadable("brackets do not match")
        return not self._open

    def _more(self, *, must: bool) -> bool:
        window = self._window
        if self._at - window.at > MAX_RECORD:
            self._is_whole = False
            window.held = None
            window.at = self._at
        ahead = self._at - window.at
        if not window.more():
            if must:
                raise Unreadable("the JSON is cut short")
            return False
        self._at = window.at + ahead
        return True
