"""Paging of REST APIs: a token that goes back as a parameter or in the body, or a whole link; loops are caught."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import jmespath

from evidence_kit.collectors.web.wire import Answer, Ask, WebWire, same_host
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Where an answer says what follows, and how that is asked for."""

    next: str = ""  # JMESPath in the answer; a name with dots in quotation marks
    header: str = ""  # instead: a header of the answer, in lower case, that the provider's rule keeps on record
    sent_as: Literal["param", "body", "link"] = "param"
    name: str = "pageToken"  # of the parameter or the field of the body; `a.b` is a field of a field


def pages(
    wire: WebWire, ctx: Context, ask: Ask, paging: Paging | None, *, result: str = ""
) -> Iterator[tuple[Answer, str | None]]:
    """Yield `(answer, cursor of what follows or None)`; empty pages with a cursor are normal and go on.

    A token in a body makes a page that comes again a loop. One in a header does not: there the body is remembered.
    """
    seen: set[str] = set()
    bodies: set[str] = set()
    again = ""
    current = ask
    while True:
        answer = wire.call(ctx, current, result=result)
        cursor = _cursor(answer, paging)
        # What arrived is evidence even if what it promises is a loop: it goes out before the loop is judged.
        yield answer, cursor
        # One entry by itself may truly be listed twice; several in the same bytes are a page that came again.
        if paging is not None and paging.header and len(answer.parsed.get("value", ())) > 1:
            digest = hashlib.sha256(answer.body).hexdigest()
            again = again or (f"{ask.operation} gave the same page twice" if digest in bodies else "")
            bodies.add(digest)
        if cursor is None or paging is None:
            if again:  # the one that was due is missing; those behind it are not
                raise Stop(UnitStatus.PARTIAL_ERROR, again)
            return
        if cursor in seen:
            raise Stop(UnitStatus.PARTIAL_ERROR, f"{ask.operation} repeats a page token: the provider runs in a loop")
        seen.add(cursor)
        current = _following(ask, paging, cursor)


def _cursor(answer: Answer, paging: Paging | None) -> str | None:
    if paging is None:
        return None
    header = answer.exchange.headers.get(paging.header)
    found = header if paging.header else jmespath.search(paging.next, answer.parsed)
    return str(found) if found else None


def _following(ask: Ask, paging: Paging, cursor: str) -> Ask:
    if paging.sent_as == "link":
        return replace(ask, url=same_host(cursor, ask.url), params={})
    if paging.sent_as == "body":
        return replace(ask, body=_with(ask.body or {}, paging.name, cursor))
    return replace(ask, params={**ask.params, paging.name: cursor})


def _with(body: Mapping[str, Any], path: str, cursor: str) -> Mapping[str, Any]:
    name, _, rest = path.partition(".")
    return {**body, name: _with(body.get(name, {}), rest, cursor) if rest else cursor}
