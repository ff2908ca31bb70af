"""An action in the shape of a collector, so that the engine plans, paces, records, signs and seals what it does."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from evidence_kit.errors import AccessError, ProviderError, UsageError
from evidence_kit.model.exchange import Item, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Scope, Unit
from evidence_kit.preservation.catalogue import ActionSpec
from evidence_kit.preservation.credentials import acting, refusal
from evidence_kit.preservation.deed import Deed, Poll, Standing, carry_out
from evidence_kit.preservation.desk import Desk

MARKS = ("case", "run", "step")
_UNWRITABLE = re.compile(r"[^\w .:=+@/-]", re.ASCII)  # in a tag, at one provider or another
_LONGEST = 120  # of what is written on a thing; with the names of its fields, it fits into a description
_REGION = re.compile(r"[a-z]{2,8}(-[a-z]+)+-\d{1,2}")
_SLOT = re.compile(r"\{(\w+)\}")
Opener = Callable[[Unit, Context, tuple[str, ...]], Desk]


class Preserver:
    """Carries out one action. Planning looks at the target and changes nothing; acquiring acts."""

    def __init__(self, action: ActionSpec, opened: Opener, deed: Callable[[Unit], Deed[Any]]) -> None:
        self.action = action
        self.spec = action.source
        self._opened = opened
        self._deed = deed

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit a resource, with what would be done to it; no call is made without credentials that may."""
        whole = Unit(source=self.spec.name, target=scope.target, region=self._region(scope))
        for values in self._asked(scope.params):
            try:
                unit = self._unit(whole, values, scope.params)
            except UsageError as error:
                # A value out of evidence may say anything: it is named by its digest, and the others go on.
                stream = f"unreadable-{hashlib.sha256(json.dumps(values).encode()).hexdigest()[:12]}"
                yield replace(whole, stream=stream, settled=(UnitStatus.PARTIAL_ERROR, error.message))
                continue
            if acting(scope.target) is None:
                yield replace(unit, settled=(UnitStatus.DENIED, refusal(scope.target)))
                continue
            yield self._surveyed(unit, ctx)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Look, do what is missing, look again: everything that is answered is kept."""
        poll = self.spec.settings.get("poll")
        try:
            desk = self._opened(unit, ctx, self.action.writes)
            yield from carry_out(self._deed(unit), desk, ctx, Poll(**poll) if isinstance(poll, Mapping) else Poll())
        except Stop as stop:
            raise Stop(*self._unmet(stop)) from stop

    # -- planning --------------------------------------------------------------------------------------------

    def _region(self, scope: Scope) -> str:
        given, regions = scope.params.get("region", ""), scope.target.regions
        if given and _REGION.fullmatch(given) is None:
            raise UsageError(f"`{given[:80]!a}` is no region")
        if self.spec.scope == "account" or given:
            return given
        if len(regions) != 1:
            raise UsageError(f"{self.spec.name} needs a region", hint="give it with `region`")
        return regions[0]

    def _asked(self, params: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """Yield the params of each unit: many values of one param come numbered, as `name.1`, `name.2` and so on."""
        fixed: dict[str, str] = {}
        for param in self.spec.params:
            value = params.get(param.name, param.default)
            if value or param.name != self.action.many:
                fixed[param.name] = value
            if param.required and not value and not (param.name == self.action.many and f"{param.name}.1" in params):
                raise UsageError(f"{self.spec.name} needs `{param.name}`", hint=param.help)
        if not self.action.many or self.action.many in fixed:
            yield fixed
            return
        number = 1
        while (name := f"{self.action.many}.{number}") in params:
            yield {**fixed, self.action.many: params[name]}
            number += 1

    def _unit(self, whole: Unit, values: Mapping[str, str], params: Mapping[str, str]) -> Unit:
        """Return the unit of one resource; UsageError for a value that cannot be one."""
        for name, value in values.items():
            if self.action.patterns[name].fullmatch(value) is None:
                raise UsageError(f"`{value[:80]!a}` cannot be the `{name}` of {self.spec.name}")
        marks = {name: params.get(name, "") for name in MARKS}
        if absent := [name for name, value in marks.items() if not value]:
            raise UsageError(f"{self.spec.name} needs a `{absent[0]}` to write on what it makes")
        unit = replace(whole, stream=_SLOT.sub(lambda slot: values[slot[1]], self.action.resource))
        written = {name: _UNWRITABLE.sub("-", value)[:_LONGEST] for name, value in marks.items()}
        settings = {**values, **written, "token": _token(unit, marks, values)}
        unit = replace(unit, settings=settings)
        self._deed(unit)  # what a pattern cannot tell, such as a date
        return unit

    def _surveyed(self, unit: Unit, ctx: Context) -> Unit:
        """Return the unit with what would be done; one that cannot be done is closed with the reason."""
        try:
            desk = self._opened(unit, ctx, self.action.writes)
            try:
                state = self._deed(unit).look(desk)
            finally:
                for page in desk.drain():
                    ctx.record(page.exchange)
        except Stop as stop:
            return replace(unit, settled=self._unmet(stop))
        except AccessError as error:
            return replace(unit, settled=(UnitStatus.DENIED, error.message))
        except ProviderError as error:
            return replace(unit, settled=(UnitStatus.PARTIAL_ERROR, error.message))
        if state.standing is Standing.UNFIT:
            return replace(unit, settled=(UnitStatus.PARTIAL_ERROR, state.said))
        is_open = state.standing is Standing.MISSING
        would = state.would if is_open else f"nothing to do: {state.said}"
        return replace(unit, settings={**unit.settings, "would": would})

    def _unmet(self, stop: Stop) -> tuple[UnitStatus, str]:
        """Return how a unit ends that keeps nothing: what is off or not there is no success here."""
        if stop.status in {UnitStatus.DENIED, UnitStatus.DENIED_BY_POLICY}:
            return stop.status, f"{stop.reason} (needed: {', '.join(self.spec.permissions)})"[:900]
        if stop.status.is_whole:
            return UnitStatus.PARTIAL_ERROR, f"nothing was preserved: {stop.reason}"
        return stop.status, stop.reason


def _token(unit: Unit, marks: Mapping[str, str], values: Mapping[str, str]) -> str:
    """Return what is equal for equal work alone: this run's, this step's, on this resource."""
    said = [unit.source, unit.target.provider, unit.target.id, unit.region, marks, values]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]
