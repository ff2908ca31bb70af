"""Whether a filter of Cloud Logging lets a log through: yes, no, or not to be told from the log's name alone.

Reads the query language as documented at https://cloud.google.com/logging/docs/view/logging-query-language: NOT binds
closest, then OR, then AND, which may be left out. All but the log's name is unknown here, and so three-valued.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import unquote

Truth: TypeAlias = bool | None  # None: it depends on the entry
_SKIPPED = r"(?:\s|--[^\n]*+)*+"  # possessive: what a stranger wrote must not make this slow
_TOKEN = re.compile(
    _SKIPPED + r"""(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>>=|<=|!=|=~|!~|[=<>:])"""
    r"""|(?P<mark>[(),]|-(?=[\w("']))|(?P<word>[^\s()"',=<>!:~]+))""",
)
_GAP = re.compile(_SKIPPED)
_MAX_FILTER = 20_000  # characters; Google takes no longer one
_NAMES = frozenset({"logname", "log_name"})


def passes(text: str, resource: str, log: str) -> Truth:
    """Say whether entries of `log` in `resource` fit a filter. One that cannot be read is None."""
    if not text.strip():
        return True
    try:
        return _Reader(tuple(_tokens(text)), resource, log).whole()
    except (_Unreadable, RecursionError):
        return None


class _Unreadable(ValueError):  # noqa: N818 - never leaves this module
    """A filter that is not of the language, or not of the part known here."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def joins(self) -> str:
        """Return AND, OR or NOT where it is one; these are written in capitals."""
        return self.text if self.kind == "word" and self.text in {"AND", "OR", "NOT"} else ""


_NOTHING = _Token("end", "")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    end = len(text)
    if end > _MAX_FILTER:
        raise _Unreadable
    while (skipped := _GAP.match(text, at)) is not None and skipped.end() < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _Unreadable
        value = found[found.lastgroup]
        quoted = found.lastgroup == "text"
        yield _Token(found.lastgroup, re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value)
        at = found.end()


class _Reader:
    """Reads and judges in one go."""

    def __init__(self, tokens: tuple[_Token, ...], resource: str, log: str) -> None:
        self._tokens, self._at = tokens, 0
        self._resource, self._log = resource, log

    def whole(self) -> Truth:
        """Read all of it."""
        found = self._both()
        if self._next is not _NOTHING:
            raise _Unreadable
        return found

    def _both(self) -> Truth:
        """Read terms joined by AND, written or not."""
        found = self._either()
        while self._next is not _NOTHING and (self._next.kind, self._next.text) != ("mark", ")"):
            if self._next.joins == "AND":
                self._at += 1
            found = _and(found, self._either())
        return found

    def _either(self) -> Truth:
        found = self._one()
        while self._next.joins == "OR":
            self._at += 1
            found = _not(_and(_not(found), _not(self._one())))
        return found

    def _one(self) -> Truth:
        token = self._take()
        if token.joins == "NOT" or (token.kind, token.text) == ("mark", "-"):
            return _not(self._one())
        if (token.kind, token.text) == ("mark", "("):
            found = self._both()
            self._close()
            return found
        if token.kind not in {"word", "text"} or token.joins:
            raise _Unreadable
        if token.kind == "word" and (self._next.kind, self._next.text) == ("mark", "("):
            return self._function(token.text)
        if self._next.kind == "sign":
            sign = self._take().text
            return self._compared(token.text, sign, self._values())
        return None  # a word that may stand anywhere in an entry

    def _function(self, name: str) -> Truth:
        values = self._values()
        if self._next.kind == "sign":  # what a function returned may be compared
            self._at += 1
            self._values()
            return None
        if name.lower() == "log_id" and values is not None and len(values) == 1:
            return unquote(values[0]) == self._log
        return None

    def _values(self) -> tuple[str, ...] | None:
        """Read a value, or several joined by OR; None for what else brackets may hold."""
        token = self._take()
        if token.kind in {"word", "text"}:
            return (token.text,)
        if (token.kind, token.text) != ("mark", "("):
            raise _Unreadable
        found, depth, is_plain = list[str](), 1, True
        while depth:
            token = self._take()
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "mark" else 0
            if token.kind == "text" or (token.kind == "word" and not token.joins):
                found.append(token.text)
            elif depth and token.joins != "OR":
                is_plain = False
        return tuple(found) if is_plain and found else None

    def _compared(self, name: str, sign: str, values: tuple[str, ...] | None) -> Truth:
        if name.lower() not in _NAMES or values is None or sign not in {"=", "!=", ":"}:
            return None
        if sign == "!=":
            return _not(self._named(values[0])) if len(values) == 1 else None
        found: Truth = False
        for value in values:
            fits = self._named(value) if sign == "=" else self._within(value)
            found = _not(_and(_not(found), _not(fits)))
        return found

    def _named(self, value: str) -> Truth:
        place, _, log = unquote(value).partition("/logs/")
        if log != self._log:
            return False
        return True if place == self._resource else None  # a project goes by its number as well

    def _within(self, value: str) -> Truth:
        text = unquote(value).lower()
        if text in f"{self._resource}/logs/{self._log}".lower():
            return True
        return None if "projects/" in text else False

    # -- tokens ----------------------------------------------------------------------------------------------

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _NOTHING

    def _take(self) -> _Token:
        if self._next is _NOTHING:
            raise _Unreadable
        self._at += 1
        return self._tokens[self._at - 1]

    def _close(self) -> None:
        if self._take().text != ")":
            raise _Unreadable


def _not(one: Truth) -> Truth:
    return None if one is None else not one


def _and(one: Truth, other: Truth) -> Truth:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True
