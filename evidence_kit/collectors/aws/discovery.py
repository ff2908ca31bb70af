"""Where a service delivers its logs to: calls that tell, and what each answer says of one place."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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

_FIELDS = frozenset({"within", "path", "at", "prefix", "stream", "as", "states"})
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
        """Return how the unit is closed without asking, where nothing is delivered or what is cannot be read here."""
        if self.status and (self.status in _NOTHING_THERE or not self.at):
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
        """Yield every place that the answers name, each once; what could not be asked raises Stop after them."""
        walk = Walk(wires=self._access.wires(unit, ctx), ctx=ctx, service=self._service)
        found: dict[str, Place] = {}
        stopped: Stop | None = None
        try:
            for step in walk.steps(self._calls, {**scope.params, **place_of(unit.target, unit.region)}):
                if not isinstance(step, Step):
                    continue
                ctx.record(step.answer.exchange)
                for place in (place for rule in _rules(step.call) for place in _places(rule, step)):
                    found[place.stream] = _together(found[place.stream], place) if place.stream in found else place
        except Stop as stop:
            stopped = stop
        yield from found.values()
        if stopped:
            raise stopped
        if (end := walk.end()) is not None:
            raise Stop(end.status, end.reason)


def _together(one: Place, other: Place) -> Place:
    """Return one place that two settings name: what either delivers, and all that either leaves out."""
    if one.settled or other.settled:
        return other if one.settled else one
    if one.status is None or other.status is None:
        return other if one.status is None else one
    return one if other.reason in one.reason else replace(one, reason=f"{one.reason}; {other.reason}")


def _all(calls: Sequence[Call]) -> Iterator[Call]:
    for call in calls:
        yield call
        yield from _all(call.get("then", ()))


def _rules(call: Call) -> Sequence[Mapping[str, Any]]:
    said = call.get("deliver", ())
    return [said] if isinstance(said, Mapping) else said


def _places(rule: Mapping[str, Any], step: Step) -> Iterator[Place]:
    found = jmespath.search(rule["path"], _document(rule, step))
    for item in found if isinstance(found, list) else [] if found is None else [found]:
        extra = {name: jmespath.search(path, item) for name, path in rule.get("as", {}).items()}
        values: Values = {**step.values, **extra}
        at = str(jmespath.search(rule["at"], item) or "")
        if at and (prefix := rule.get("prefix")):
            at = f"{at}/{jmespath.search(prefix, item) or ''}"
        stream = str(filled(rule.get("stream", ""), values)) or at
        status, reason = _state(rule, item, values)
        yield Place(at=at, stream=stream, values=_texts(values), status=status, reason=reason)


def _document(rule: Mapping[str, Any], step: Step) -> object:
    """Return the answer, or the JSON document that a member of it holds as text."""
    if "within" not in rule:
        return step.answer.parsed
    text = jmespath.search(rule["within"], step.answer.parsed)
    if text is None:  # an answer that says "there is none" has no members
        return None
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        reason = f"{step.operation}: `{rule['within']}` is not a JSON document"
        raise Stop(UnitStatus.PARTIAL_ERROR, reason) from None


def _state(rule: Mapping[str, Any], item: object, values: Values) -> tuple[UnitStatus | None, str]:
    for state in rule.get("states", ()):
        if jmespath.search(state["when"], item):
            return UnitStatus(state["status"]), str(filled(state["reason"], values))
    return None, ""


def _texts(values: Values) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if isinstance(value, str | int | float)}
