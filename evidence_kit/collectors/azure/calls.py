"""`azure.call`: Graph and Resource Manager, described as data, as the other REST providers are."""

from collections.abc import Iterator, Mapping

from evidence_kit.collectors.azure.access import as_access
from evidence_kit.collectors.azure.verdicts import told
from evidence_kit.collectors.web.calls import Call, RestCalls
from evidence_kit.model.exchange import Item, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Finding, Unit


class AzureCalls(RestCalls):
    """Acquires every source of Microsoft that is a list, or lists of what a list names."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        super().__init__(spec, as_access(access))

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the pages of every call, each followed by the calls that hang on it."""
        yield from told(super().acquire(unit, ctx), self.spec.permissions)

    def _one(self, ctx: Context, unit: Unit, call: Call, values: Mapping[str, object]) -> Iterator[Item]:
        """Run a call on one thing that was listed; one that is gone by now is noted, and the others are asked."""
        begun = False
        try:
            for item in super()._one(ctx, unit, call, values):
                begun = True
                yield item
        except Stop as stop:
            if begun or stop.status is not UnitStatus.NOT_CONFIGURED:
                raise
            thing = str(values[call["each"]["as"]])
            message = f"{call['operation']}: `{thing[:200]}` was listed, but is not there: {stop.reason}"
            facts = {"operation": str(call["operation"]), "object": thing}
            yield Remark(finding=Finding(kind="object_not_obtained", message=message, facts=facts))
