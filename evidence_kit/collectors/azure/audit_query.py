"""`azure.audit_query`: the unified audit log of Microsoft 365 by a query that Graph carries out in its own time.

The query is an object at the provider: creating one reads the log and changes nothing else, and it stays listed there
under the name that we give it. Its id is in the first stored answer, so that a resumed run waits for the same query.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from evidence_kit.collectors.azure.access import as_access
from evidence_kit.collectors.azure.verdicts import told
from evidence_kit.collectors.web.paging import Paging, pages
from evidence_kit.collectors.web.wire import Answer, Ask
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Item, Page, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Scope, Unit

_UNDER_WAY = frozenset({"notStarted", "running"})
_PAGING = Paging(next='"@odata.nextLink"', sent_as="link")


class AuditQuery:
    """Acquires `m365.audit_query`."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        self._path = str(spec.settings["path"])
        poll: Mapping[str, Any] = spec.settings["poll"]  # type: ignore[assignment]
        self._every, self._most = float(poll["every"]), int(poll["most"])

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:  # noqa: ARG002 - nothing has to be asked
        """Yield one unit a target; the engine cuts its window."""
        yield Unit(source=self.spec.name, target=scope.target, window=scope.window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the query as created, its final state, and every page of its records."""
        yield from told(self._query(unit, ctx), self.spec.permissions)

    def _query(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        created = self._create(unit, ctx)
        yield _page("CreateQuery", created)
        where = f"{self._root(unit)}/{quote(str(created.parsed['id']), safe='')}"
        state = self._wait(unit, ctx, where)
        yield _page("GetQuery", state)
        _require_succeeded(state)
        yield from self._records(unit, ctx, where)

    def _root(self, unit: Unit) -> str:
        return f"{self._access.root(unit.target, 'graph')}{self._path}"

    def _create(self, unit: Unit, ctx: Context) -> Answer:
        if unit.window is None:
            raise UsageError("an audit log query needs a window")
        start, end = rfc3339(unit.window.start), rfc3339(unit.window.end)
        ask = Ask(
            operation="CreateQuery",
            url=self._root(unit),
            method="POST",
            body={
                "@odata.type": "#microsoft.graph.security.auditLogQuery",
                "displayName": f"evidence-kit {start} {end}",  # the same in every run, for the sake of a resume
                "filterStartDateTime": start,
                "filterEndDateTime": end,
            },
        )
        return self._access.wire(unit.target, "graph", ctx, ask.operation).call(ctx, ask, result="id")

    def _wait(self, unit: Unit, ctx: Context, where: str) -> Answer:
        """Return the query once it is at an end; on the way there, what it says goes on record only."""
        ask = Ask(operation="GetQuery", url=where)
        wire = self._access.wire(unit.target, "graph", ctx, ask.operation)
        for _ in range(self._most):
            answer = wire.call(ctx, ask, result="status")
            if answer.parsed["status"] not in _UNDER_WAY:
                return answer
            ctx.record(answer.exchange)
            ctx.pause(self._every, "Microsoft is still searching the audit log")
        waited = self._every * self._most / 3600
        raise Stop(UnitStatus.PARTIAL_TRUNCATED, f"the audit log query is still under way after {waited:.1f} hours")

    def _records(self, unit: Unit, ctx: Context, where: str) -> Iterator[Item]:
        ask = Ask(operation="ListRecords", url=f"{where}/records", params={"$top": 1000})
        wire = self._access.wire(unit.target, "graph", ctx, ask.operation)
        for answer, cursor in pages(wire, ctx, ask, _PAGING, result="value"):
            records = answer.parsed["value"]
            times = sorted(str(one["createdDateTime"]) for one in records if one.get("createdDateTime"))
            yield Page(
                name=ask.operation,
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=cursor,
                records=len(records),
                first_event=times[0] if times else "",
                last_event=times[-1] if times else "",
            )


def _page(name: str, answer: Answer) -> Page:
    return Page(name=name, body=answer.body, exchange=answer.exchange, next_cursor=None)


def _require_succeeded(state: Answer) -> None:
    """Raise Stop for a query that ended in any other way than with all its records."""
    if (status := str(state.parsed["status"])[:40]) != "succeeded":
        raise Stop(UnitStatus.PARTIAL_ERROR, f"Microsoft ended the audit log query as `{status}`")
