"""Defender's advanced hunting through Graph: counted first, cut to what an answer can hold, counted again at the end.

The engine is that of Log Analytics. An answer ends at 100,000 rows without a word, so one with as many is not whole.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from evidence_kit.collectors.azure.access import AzureAccess, as_access
from evidence_kit.collectors.azure.hunting_wire import TooHeavy
from evidence_kit.collectors.azure.kusto import Limits, Question, Tongue
from evidence_kit.collectors.azure.log_analytics import Run
from evidence_kit.collectors.azure.query_answer import Reading
from evidence_kit.collectors.azure.query_tap import Answered, Query, require_within
from evidence_kit.collectors.azure.verdicts import told
from evidence_kit.collectors.tap import BadBody
from evidence_kit.collectors.web.wire import Answer, Ask
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import MAX_PAGE, Exchange, Item, Request, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import parse_instant, rfc3339
from evidence_kit.model.unit import Scope, Target, Unit

_PATH = "/v1.0/security/runHuntingQuery"
MAX_ROWS = 100_000  # an answer with as many was cut off; it does not say so
PACK_ROWS = 80_000
# An answer ends at 124 MB, and a page of ours at 64. Rows repeat the names of all columns.
PACK_BYTES = 32_000_000
_NAMES = 2000
_HUNTING = Tongue(
    time="Timestamp",
    item="tostring(pack_all())",  # hunting tables share no column that tells rows apart
    size=f"sum(estimate_data_size(*)) + {_NAMES} * count()",
)


class Hunting:
    """Acquires one table of advanced hunting."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:  # noqa: ARG002 - nothing has to be asked
        """Yield the one unit of a table; the window is cut when its rows have been counted."""
        table = str(self.spec.settings.get("table") or scope.params.get("table", ""))
        settings = {"table": table, "filter": scope.params.get("filter", "")}
        _question(settings)  # checked before it is used
        yield Unit(source=self.spec.name, target=scope.target, stream=table, window=scope.window, settings=settings)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the count, the rows and the count again; say where they differ."""
        if unit.window is None:
            raise UsageError("a query needs a window")
        desk = HuntingDesk(self._access, unit.target, ctx)
        run = Run(ctx=ctx, desk=desk, question=_question(unit.settings), window=unit.window)
        yield from told(run.items(), self.spec.permissions)


def _question(settings: Mapping[str, str]) -> Question:
    return Question(settings["table"], "", settings["filter"], _HUNTING)


class HuntingDesk:
    """Where the queries to one tenant are asked."""

    def __init__(self, access: AzureAccess, target: Target, ctx: Context) -> None:
        self.limits = Limits(max_rows=MAX_ROWS, pack_rows=PACK_ROWS, pack_bytes=PACK_BYTES)
        self._url = access.root(target, "graph") + _PATH
        self._wire = access.wire(target, "hunting", ctx, "queries")

    def ask(self, ctx: Context, query: Query) -> Answered:
        """Return the answer, whole or not, after as many attempts as the engine allows."""
        start, end = query.timespan
        ask = Ask(
            operation=f"Query {query.kind}",
            url=self._url,
            method="POST",
            body={"Query": query.text, "Timespan": f"{rfc3339(start)}/{rfc3339(end)}"},
        )
        began = ctx.now()
        try:
            answer = self._wire.call(ctx, ask)
        except TooHeavy as stop:
            return Answered(b"", self._failed(ask, began, ctx), Reading(), heavy=stop.reason, is_kept=False)
        if len(answer.body) > MAX_PAGE:
            ctx.record(answer.exchange)
            return Answered(b"", answer.exchange, Reading(), heavy=f"more than {MAX_PAGE:,} bytes", is_kept=False)
        return Answered(answer.body, answer.exchange, _read(answer, query))

    def _failed(self, ask: Ask, began: datetime, ctx: Context) -> Exchange:
        request = Request(method=ask.method, host=urlsplit(ask.url).netloc, path=_PATH, operation=ask.operation)
        return Exchange(request=request, sent_at=began, received_at=ctx.now(), error="too heavy")


def _read(answer: Answer, query: Query) -> Reading:
    """Read rows; Stop for what is no answer to the question that was asked."""
    rows: list[Mapping[str, Any]] = answer.parsed["results"]
    columns = tuple(str(one.get("name", "")) for one in answer.parsed["schema"])
    found = Reading(rows=len(rows), columns=columns)
    found.error = json.dumps(answer.parsed["error"])[:500] if "error" in answer.parsed else ""
    try:
        moments = [parse_instant(str(row[_HUNTING.time])) for row in rows if row.get(_HUNTING.time)]
        found.first, found.last = (rfc3339(min(moments)), rfc3339(max(moments))) if moments else ("", "")
        if query.kind == "query":
            require_within(found, query.window)
        else:
            found.kept = [[_plain(row.get(name)) for name in columns] for row in rows]
    except (UsageError, BadBody, AttributeError, TypeError) as error:
        raise Stop(UnitStatus.PARTIAL_ERROR, f"{query.kind}: rows that were not asked for: {error}"[:300]) from error
    return found


def _plain(value: object) -> object:
    """Return a number that came as text, as 64-bit numbers do in OData, as a number."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value
