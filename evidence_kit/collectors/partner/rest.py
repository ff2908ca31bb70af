"""The collector of every connector: what its file says, asked, paged, followed, and held against what was told."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from evidence_kit.collectors.partner.access import as_access
from evidence_kit.collectors.partner.cap import listed
from evidence_kit.collectors.partner.desk import Desk
from evidence_kit.collectors.partner.follow import Follower
from evidence_kit.collectors.partner.jobs import ordered
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Item, Page, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Scope, Unit

_PARAM = "param."


class PartnerRest:
    """Acquires a source that a connector describes."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:  # noqa: ARG002 - nothing has to be asked
        """Yield the one unit of a target; one that lacks a value is settled at once."""
        values = self._values(scope)
        window = scope.window if self.spec.windowed else None
        unit = Unit(source=self.spec.name, target=scope.target, window=window, settings=values)
        missing = [one.name for one in self.spec.params if one.required and not values.get(one.name)]
        if missing:
            reason = f"the inventory names no `{missing[0]}` for this target, nor does `--set`"
            yield replace(unit, settled=(UnitStatus.OUT_OF_SCOPE, reason))
            return
        yield unit

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield what the API gives; say in the end why that is not all, if it is not."""
        line = self._access.line(self.spec, unit.target, unit.settings, ctx)
        verdicts, wire = self._access.wire(self.spec, unit.target, line, ctx)
        desk = Desk(ctx=ctx, spec=self.spec, line=line, wire=wire, verdicts=verdicts, values=dict(unit.settings))
        came = False
        try:
            for item in self._ordered(desk, unit) if "job" in desk.settings else self._listed(desk, unit):
                yield item
                came = came or isinstance(item, Page)
        except Stop as stop:
            if stop.status.is_whole and desk.ends:
                raise Stop(*desk.ends[0]) from stop
            if came and stop.status.is_whole:
                # "Nothing is set up here" cannot be said of a unit that has brought something and then broke off.
                raise Stop(UnitStatus.PARTIAL_ERROR, stop.reason) from stop
            raise
        if desk.ends:
            status, reason = desk.ends[0]
            yield Closed(status=status, reason=reason)

    def _listed(self, desk: Desk, unit: Unit) -> Iterator[Item]:
        follower = self._follower(desk, unit, desk.settings.get("each"), desk.values)
        for item, reading in listed(desk, unit.window):
            yield item
            if follower and reading is not None:
                yield from follower.items(reading)
        if follower:
            follower.finish()

    def _ordered(self, desk: Desk, unit: Unit) -> Iterator[Item]:
        for item, reading, values in ordered(desk, unit.window):
            yield item
            follower = self._follower(desk, unit, desk.settings["job"].get("each"), values)
            if follower and reading is not None:
                yield from follower.items(reading)
                follower.finish()
            if reading is not None and "total" in desk.settings["job"]:
                came = follower.counted if follower else len(desk.records(reading))
                desk.compare_job(reading, came)

    def _follower(
        self, desk: Desk, unit: Unit, each: Mapping[str, Any] | None, values: Mapping[str, object]
    ) -> Follower | None:
        return Follower(desk=desk, target=unit.target, each=each, values=values) if each else None

    def _values(self, scope: Scope) -> dict[str, str]:
        """Return the values of the target: its own, those of `--set`, or what stands in for them."""
        said: Mapping[str, Any] = self.spec.settings
        patterns = {one["name"]: one.get("pattern", "") for one in said.get("params", ())}
        values: dict[str, str] = {}
        for param in self.spec.params:
            own = scope.target.access.get(f"{_PARAM}{param.name}", param.default)
            value = scope.params.get(param.name, own)
            if value and patterns.get(param.name) and re.fullmatch(patterns[param.name], value) is None:
                raise UsageError(
                    f"`{value[:80]!a}` cannot be the `{param.name}` of {scope.target.label}", hint=param.help
                )
            if value:
                values[param.name] = value
        return values
