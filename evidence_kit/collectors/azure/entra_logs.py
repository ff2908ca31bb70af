"""`azure.entra_logs`: Entra's own logs, which a tenant without Entra ID P1 keeps for seven days only.

A window that such a tenant no longer holds looks like one in which nothing happened, hence the question for licences.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from evidence_kit.collectors.azure.access import as_access
from evidence_kit.collectors.azure.calls import AzureCalls
from evidence_kit.collectors.web.paging import Paging, pages
from evidence_kit.collectors.web.wire import Ask
from evidence_kit.model.exchange import Closed, Item, Page, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.retention import within_retention
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Finding, Scope, Target, Unit

FREE = timedelta(days=7)
# Plans within what a tenant bought; P2 holds what P1 does.
_PREMIUM = frozenset({"AAD_PREMIUM", "AAD_PREMIUM_P2"})
_ALIVE = frozenset({"Enabled", "Warning"})
_PAGING = Paging(next='"@odata.nextLink"', sent_as="link")
_UNKNOWN = "licences"  # in a unit's settings: why they are not known


class EntraLogs(AzureCalls):
    """Acquires Entra's logs, and says what the licence has let expire."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        super().__init__(spec, access)
        self._azure = as_access(access)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield the window; where no licence keeps it, what is older than seven days is a unit of its own."""
        limit = (ctx.now() - FREE).replace(microsecond=0)
        for unit in super().units(scope, ctx):
            if unit.window is None or unit.window.start >= limit:
                yield unit
                continue
            try:
                premium = self._is_premium(scope.target, ctx)
            except Stop as stop:
                yield replace(unit, settings={**unit.settings, _UNKNOWN: stop.reason})
                continue
            if premium:
                yield unit
                continue
            reason = "the tenant has no Entra ID P1: its logs are kept for 7 days"
            yield from within_retention(unit, FREE, ctx.now(), reason)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the pages; an old window without a record is no success where nobody knows how long logs are kept."""
        records = 0
        for item in super().acquire(unit, ctx):
            records += (item.records or 0) if isinstance(item, Page) else 0
            yield item
        unknown = unit.settings.get(_UNKNOWN)
        if records or unknown is None or unit.window is None or unit.window.end > ctx.now() - FREE:
            return
        message = f"the tenant's licences cannot be read: {unknown}"
        yield Remark(finding=Finding(kind="retention_unknown", message=message, window=unit.window))
        reason = (
            f"no records up to {rfc3339(unit.window.end)}; a tenant without Entra ID P1 keeps 7 days, and its "
            f"licences cannot be read"
        )
        yield Closed(status=UnitStatus.EXPIRED_RETENTION, reason=reason)

    def _is_premium(self, target: Target, ctx: Context) -> bool:
        """Ask what the tenant bought; the exchange goes on record."""
        wire = self._azure.wire(target, "graph", ctx, "ListSubscribedSkus")
        url = f"{self._azure.root(target, 'graph')}/v1.0/subscribedSkus"
        found = False
        for answer, _ in pages(wire, ctx, Ask(operation="ListSubscribedSkus", url=url), _PAGING, result="value"):
            ctx.record(answer.exchange)
            for sku in answer.parsed["value"]:
                plans = {plan.get("servicePlanName") for plan in sku.get("servicePlans", [])}
                found = found or (sku.get("capabilityStatus") in _ALIVE and bool(plans & _PREMIUM))
        return found
