"""Paging as connectors tell it: what follows, when it ends, and that no loop runs for ever."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin

import jmespath
from jmespath.exceptions import JMESPathError

from evidence_kit.collectors.web.wire import Ask, same_host
from evidence_kit.model.exchange import Stop
from evidence_kit.model.status import UnitStatus

MOST_PAGES = 100_000  # of one call: a hundred million records at a thousand a page; a connector may say less or more
_LONGEST_COUNT = 18  # digits; what is longer counts nothing
_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[^;,<]+)*)")
_REL = re.compile(r';\s*rel\s*=\s*"?([^";]+)"?', re.IGNORECASE)


@dataclass(slots=True)
class Pager:
    """The pages of one call: knows how many came, and asks for the next."""

    settings: Mapping[str, Any]
    first: Ask
    pages: int = 0
    rows: int = 0
    total: int | None = None
    _seen: set[str] = field(default_factory=set)
    _last: str = ""

    def begin(self) -> Ask:
        """Return the first question, with the size of a page and where to begin."""
        said = self.settings
        ask = self.first
        if "size" in said:
            ask = put(ask, said["size"], said["size"]["value"])
        if said["type"] in {"offset", "page"}:
            ask = put(ask, said["send"], said.get("start", 0))
        self.first = ask
        return ask

    def next(self, value: object, headers: Mapping[str, str], rows: int, digest: str) -> str | None:
        """Return the cursor of what follows, or None at the end; the page itself is out already or goes out next."""
        self.pages, self.rows = self.pages + 1, self.rows + rows
        if "total" in self.settings:
            self.total = count(search(self.settings["total"], value), self.total)
        kind = self.settings["type"]
        if kind in {"offset", "page"}:
            return self._numbered(kind, value, rows, digest)
        cursor = self._cursor(kind, value, headers)
        return None if self._is_over(value, cursor) else cursor

    def require_new(self, cursor: str) -> None:
        """Stop for a cursor that was followed before, and for more pages than anybody has."""
        if cursor in self._seen:
            reason = f"{self.first.operation} repeats a page or its token: the provider runs in a loop"
            raise Stop(UnitStatus.PARTIAL_ERROR, reason)
        self._seen.add(cursor)
        if self.pages >= (most := self.settings.get("most", MOST_PAGES)):
            reason = f"{self.first.operation} has more than {most:,} pages, which is all that is asked for"
            raise Stop(UnitStatus.PARTIAL_TRUNCATED, reason)

    def following(self, cursor: str) -> Ask:
        """Return the question for what a cursor leads to."""
        said, kind = self.settings, self.settings["type"]
        if kind in {"link_header", "next_url"}:
            return replace(self.first, url=same_host(urljoin(self.first.url, cursor), self.first.url), params={})
        if kind in {"offset", "page"}:
            return put(self.first, said["send"], int(cursor))
        if said.get("repeat", True):
            return put(self.first, said["send"], cursor)
        alone = replace(self.first, params={}, body=None if self.first.body is None else {})
        return put(alone, said["send"], cursor)

    # -- what follows ------------------------------------------------------------------------------------------

    def _numbered(self, kind: str, value: object, rows: int, digest: str) -> str | None:
        """Go on until a page is empty: a short one may only mean that the provider gives fewer than we ask for."""
        said = self.settings
        told = "more" in said or self.total is not None
        over = (
            not search(said["more"], value) if "more" in said else self.total is not None and self.rows >= self.total
        )
        if rows == 0 or (told and over):
            if rows == 0 and "more" in said and not over:
                raise Stop(UnitStatus.PARTIAL_TRUNCATED, "the provider says that more follows, and gives nothing")
            return None
        start = int(said.get("start", 0))
        following = str(start + (self.rows if kind == "offset" else self.pages))
        if digest == self._last:  # the number is not heeded: the same page over and over
            self._seen.add(following)
        self._last = digest
        return following

    def _cursor(self, kind: str, value: object, headers: Mapping[str, str]) -> str | None:
        said = self.settings
        if kind == "none":
            return None
        if kind == "link_header":
            return linked(headers.get("link", ""), said.get("rel", "next"))
        where = said["cursor"]
        found = headers.get(where["header"].lower()) if isinstance(where, Mapping) else search(where, value)
        return str(found) if found not in (None, "", False) else None

    def _is_over(self, value: object, cursor: str | None) -> bool:
        if "more" not in self.settings:
            return cursor is None
        more = bool(search(self.settings["more"], value))
        if more and cursor is None:
            raise Stop(UnitStatus.PARTIAL_TRUNCATED, "the provider says that more follows, and not how to ask for it")
        return not more


def linked(header: str, relation: str) -> str | None:
    """Return the target of a relation in a `Link` header (RFC 8288)."""
    for target, attributes in _LINK.findall(header):
        found = _REL.search(attributes)
        if found and relation in found[1].split():
            return str(target)
    return None


def put(ask: Ask, place: Mapping[str, Any], value: object) -> Ask:
    """Return a question with a value in its query, its body or a header."""
    if "query" in place:
        return replace(ask, params={**ask.params, place["query"]: value})
    if "header" in place:
        return replace(ask, headers={**ask.headers, place["header"]: str(value)})
    return replace(ask, body=_with(ask.body or {}, str(place["body"]), value))


def _with(body: Mapping[str, Any], where: str, value: object) -> Mapping[str, Any]:
    name, _, rest = where.partition(".")
    inner = body.get(name)
    return {**body, name: _with(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value}


def search(expression: str, value: object) -> Any:  # noqa: ANN401 - what a provider sent
    """Return what an expression finds; Stop for a body of which it cannot be asked."""
    try:
        return jmespath.search(expression, value)
    except JMESPathError as error:
        reason = f"`{expression[:100]}` cannot be asked of the answer: {type(error).__name__}"
        raise Stop(UnitStatus.PARTIAL_ERROR, reason) from error


def count(value: object, known: int | None = None) -> int | None:
    """Return a provider's own count as a number, if it is one; providers write some as text."""
    if isinstance(value, bool) or value is None:
        return known
    text = str(value)
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_COUNT else known
