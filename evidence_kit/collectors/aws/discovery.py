"""Where a service delivers its logs to: calls that tell, and what each answer says of one place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jmespath

from evidence_kit.collectors.aws.access import AwsAccess
from evidence_kit.collectors.aws.calltree import Call, Step, Values, Walk, filled, place_of, require_calls
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Scope, Unit

_FIELDS = frozenset({"path", "at", "prefix", "stream", "as", "states"})
_NOTHING_THERE = frozenset({UnitStatus.NOT_ENABLED, UnitStatus.NOT_CONFIGURED, UnitStatus.NOT_LICENSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place that logs go to. `status` is how its unit must end even if everything in it is had."""

    at: str  # a bucket with what follows it, or a log group; empty where nothing is delivered
    stream: str
    values: Mapping[str, str]
    status: UnitStatus | None = None
    reason: str = ""

    @property
    def settled(self) -> tuple[UnitStatus, str] | None:
        """Return how the unit is closed without asking, where nothing is delivered."""
        if self.status in _NOTHING_THERE:
            return self.status, self.reason
        return (
            None if self.at else (UnitStatus.NOT_CONFIGURED, f"{self.stream} delivers nowhere that this source reads")
        )


class Discovery:
    """What a source's `settings.discover` asks before any log is read."""

    def __init__(self, spec: SourceSpec, access: AwsAccess) -> None:
        found: Any = spec.settings["discover"]
        self._access = access
        self._service = str(found["service"])
        self._calls: Sequence[Call] = found["calls"]
        self.nothing = (UnitStatus(found["none"]["status"]), str(found["none"]["reason"]))
        require_calls(spec.name, self._calls)
        delivers = [rule for call in _all(self._calls) for rule in _rules(call)]
        if not delivers:
            raise UsageError(f"source {spec.name}: no call says what it delivers")
        for rule in delivers:
            if unknown := set(rule) - _FIELDS:
                raise UsageError(f"source {spec.name}: unknown field `{min(unknown)}` in `deliver`")

    def places(self, unit: Unit, scope: Scope, ctx: Context) -> Iterator[Place]:
        """Yield every place that the answers name; what could not be asked ends the enumeration as a Stop."""
        walk = Walk(wires=self._access.wires(unit, ctx), ctx=ctx, service=self._service)
        for step in walk.steps(self._calls, {**scope.params, **place_of(unit.target, unit.region)}):
            if not isinstance(step, Step):
                continue
            ctx.record(step.answer.exchange)
            for rule in _rules(step.call):
                yield from _places(rule, step)
        if (end := walk.end()) is not None:
            raise Stop(end.status, end.reason)


def _all(calls: Sequence[Call]) -> Iterator[Call]:
    for call in calls:
        yield call
        yield from _all(call.get("then", ()))


def _rules(call: Call) -> Sequence[Mapping[str, Any]]:
    said = call.get("deliver", ())
    return [said] if isinstance(said, Mapping) else said


def _places(rule: Mapping[str, Any], step: Step) -> Iterator[Place]:
    found = jmespath.search(rule["path"], step.answer.parsed)
    for item in found if isinstance(found, list) else [] if found is None else [found]:
        extra = {name: jmespath.search(path, item) for name, path in rule.get("as", {}).items()}
        values: Values = {**step.values, **extra}
        at = str(jmespath.search(rule["at"], item) or "")
        if at and (prefix := rule.get("prefix")):
            at = f"{at}/{jmespath.search(prefix, item) or ''}"
        stream = str(filled(rule.get("stream", ""), values)) or at
        status, reason = _state(rule, item, values)
        yield Place(at=at, stream=stream, values=_texts(values), status=status, reason=reason)


def _state(rule: Mapping[str, Any], item: object, values: Values) -> tuple[UnitStatus | None, str]:
    for state in rule.get("states", ()):
        if jmespath.search(state["when"], item):
            return UnitStatus(state["status"]), str(filled(state["reason"], values))
    return None, ""


def _texts(values: Values) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if isinstance(value, str | int | float)}
