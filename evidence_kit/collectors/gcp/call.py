"""The generic mechanism for Google: calls described as data, in every place that Google lists."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from evidence_kit.collectors.gcp.access import as_access
from evidence_kit.collectors.gcp.marks import Marks
from evidence_kit.collectors.web.calls import Call, RestCalls, in_path
from evidence_kit.collectors.web.paging import Paging, pages
from evidence_kit.collectors.web.wire import Ask
from evidence_kit.model.exchange import Closed, Item, Page, Remark, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Finding, Scope, Unit

# Where a list over all places names those that did not answer, API by API. Such a list is not whole.
_SILENT = ("unreachable", "unreachables", "missingZones", "failedLocations")

_TABLE = re.compile(r"bq://(.+)\.([^./]+)\.([^./]+)")
_UNANSWERED = "not_answered"
_ONE_OF_MANY = frozenset(
    {UnitStatus.DENIED, UnitStatus.DENIED_BY_POLICY, UnitStatus.NOT_CONFIGURED, UnitStatus.NOT_ENABLED}
)


class GcpCalls(RestCalls):
    """Acquires a source of `gcp.call`."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self._google = as_access(access)
        super().__init__(spec, self._google)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit a place: those of the inventory, or all that the API named in `locations` lists."""
        whole = Unit(source=self.spec.name, target=scope.target, window=scope.window if self.spec.windowed else None)
        if self.spec.settings.get("needs") == "organization" and not scope.target.access.get("organization"):
            reason = "the inventory names no `organization` for this target"
            yield replace(whole, settled=(UnitStatus.OUT_OF_SCOPE, reason))
            return
        if self.spec.scope == "account" or scope.target.regions:
            yield from super().units(scope, ctx)
            return
        regions = self._locations(scope, ctx)
        yield from (replace(whole, region=region) for region in regions)
        if not regions:
            yield replace(whole, settled=(UnitStatus.NOT_CONFIGURED, "Google lists no location for this project"))

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the pages of every call; what did not answer, though listed, keeps the unit from being complete."""
        silent: set[str] = set()
        came, failed, marks = False, 0, Marks(self.spec)
        try:
            for item in super().acquire(unit, ctx):
                yield item
                came = came or isinstance(item, Page)
                if isinstance(item, Page):
                    silent |= _silent(item.body)
                    yield from marks.read(item.name, item.body)
                failed += isinstance(item, Remark) and item.finding.kind == _UNANSWERED
        except Stop as stop:
            if came and stop.status.is_whole:  # true of one call, not of the unit
                raise Stop(UnitStatus.PARTIAL_ERROR, stop.reason) from stop
            raise self._advised(unit, stop) from stop
        if silent:
            named = ", ".join(sorted(silent))[:500]
            yield Remark(finding=Finding(kind="unreachable", message=f"these places did not answer: {named}"))
            yield Closed(status=UnitStatus.PARTIAL_ERROR, reason=f"these places did not answer: {named}")
        elif failed:
            yield Closed(status=UnitStatus.PARTIAL_ERROR, reason=f"{failed} questions about what was listed failed")
        else:
            yield from marks.closed()

    def _advised(self, unit: Unit, stop: Stop) -> Stop:
        """Return the end of a unit; a refusal by Workspace says what would help."""
        if self.spec.settings.get("needs") != "subject" or stop.status is not UnitStatus.DENIED:
            return stop
        help_ = (
            "name a `subject` in the inventory: an administrator as whom the key may act by domain-wide delegation"
        )
        if subject := unit.target.access.get("subject"):
            help_ = f"`{subject}` needs a role in Workspace with the privilege Reports"
        return Stop(stop.status, f"{stop.reason}; {help_}")

    def _one(self, ctx: Context, unit: Unit, call: Call, values: Mapping[str, object]) -> Iterator[Item]:
        """Run a call on one thing that was listed; one that is gone or closed to us does not end the others."""
        listed = call["each"]["as"]
        try:
            yield from super()._one(ctx, unit, call, {**values, **_table(listed, str(values[listed]))})
        except Stop as stop:
            if stop.status not in _ONE_OF_MANY:
                raise
            thing = str(values.get(listed, ""))
            message = f"{call['operation']} of `{thing[:300]}`: {stop.reason}"
            facts = {"status": stop.status.value, "of": thing[:1000]}
            yield Remark(finding=Finding(kind=_UNANSWERED, message=message, facts=facts))

    def _locations(self, scope: Scope, ctx: Context) -> tuple[str, ...]:
        """Return every place of the API, asked once a target."""
        api, target = str(self.spec.settings["locations"]), scope.target

        def find() -> tuple[str, ...]:
            wire = self._google.wire(target, api, ctx, "locations.list")
            path = in_path("/v1/projects/{project}/locations", self._google.values(target))
            ask = Ask(operation="locations.list", url=self._google.root(target, api) + path)
            found: dict[str, None] = {}
            for answer, _ in pages(wire, ctx, ask, Paging(next="nextPageToken")):
                ctx.record(answer.exchange)
                found |= {str(one["locationId"]): None for one in answer.parsed.get("locations", [])}
            return tuple(sorted(found))

        return self._google.once(target, f"locations {api}", find)


def _table(slot: str, value: str) -> Mapping[str, str]:
    """Return the parts of a table of BigQuery that is written as `bq://PROJECT.DATASET.TABLE`."""
    if not value.startswith("bq://"):
        return {}
    if (found := _TABLE.fullmatch(value)) is None:
        raise Stop(UnitStatus.NOT_CONFIGURED, "no table is named")
    return {f"{slot}_project": found[1], f"{slot}_dataset": found[2], f"{slot}_name": found[3]}


def _silent(body: bytes) -> set[str]:
    parsed = json.loads(body)
    return {str(place) for name in _SILENT for place in parsed.get(name) or []}
