"""Paging of REST APIs: a token that goes back as a parameter or in the body, or a whole link; loops are caught."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import jmespath

from evidence_kit.collectors.web.wire import Answer, Ask, WebWire, same_host
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Where an answer says what follows, and how that is asked for."""

    next: str  # JMESPath in the answer; a name with dots in quotation marks
    sent_as: Literal["param", "body", "link"] = "param"
    name: str = "pageToken"  # of the parameter or the field of the body


def pages(
    wire: WebWire, ctx: Context, ask: Ask, paging: Paging | None, *, result: str = ""
) -> Iterator[tuple[Answer, str | None]]:
    """Yield `(answer, cursor of what follows or None)`; empty pages with a cursor are normal and go on."""
    seen: set[str] = set()
    current = ask
    while True:
        answer = wire.call(ctx, current, result=result)
        found = jmespath.search(paging.next, answer.parsed) if paging else None
        cursor = str(found) if found else None
        # What arrived is evidence even if what it promises is a loop: it goes out before the loop is judged.
        yield answer, cursor
        if cursor is None or paging is None:
            return
        if cursor in seen:
            raise Stop(UnitStatus.PARTIAL_ERROR, f"{ask.operation} repeats a page token: the provider runs in a loop")
        seen.add(cursor)
        current = _following(ask, paging, cursor)


def _following(ask: Ask, paging: Paging, cursor: str) -> Ask:
    if paging.sent_as == "link":
        return replace(ask, url=same_host(cursor, ask.url), params={})
    if paging.sent_as == "body":
        return replace(ask, body={**(ask.body or {}), paging.name: cursor})
    return replace(ask, params={**ask.params, paging.name: cursor})
