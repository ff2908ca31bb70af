"""The generic mechanism: read-only calls described as data, paged, and followed by calls on what they list."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jmespath

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.fanout import regional_units
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.collectors.aws.wire import AwsWire
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Item, Page, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import epoch_ms
from evidence_kit.model.unit import Scope, Unit

Call = Mapping[str, Any]
_FIELDS = frozenset({"operation", "params", "result", "records", "each", "then", "repeat", "empty"})


class ApiCall:
    """Acquires a source whose `settings.calls` name operations, parameters and what follows from each page."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        self._service = str(spec.settings["service"])
        self._calls: Sequence[Call] = spec.settings["calls"]  # type: ignore[assignment]
        for call in self._calls:
            _require_known(spec.name, call)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit a region, or one for the account."""
        return regional_units(self.spec, scope, self._access, ctx)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the pages of every call, each followed by the calls that hang on it."""
        wire = self._access.wire(unit.target, self._service, unit.region, ctx)
        values = _window_values(unit)
        for call in self._calls:
            yield from self._run(wire, ctx, call, values)

    def _run(self, wire: AwsWire, ctx: Context, call: Call, values: Mapping[str, object]) -> Iterator[Item]:
        if "repeat" in call:
            yield from self._repeat(wire, ctx, call, values)
            return
        operation, params = str(call["operation"]), _filled(call.get("params", {}), values)
        for answer, cursor in pages(wire, ctx, operation, params, result=str(call.get("result", ""))):
            yield Page(
                name=operation,
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=cursor,
                records=_count(call, answer.parsed),
                suffix=_suffix(answer.body),
            )
            if (empty := call.get("empty")) and not jmespath.search(empty["path"], answer.parsed):
                yield Closed(status=UnitStatus(empty["status"]), reason=str(empty["reason"]))
            for following in call.get("then", []):
                yield from self._follow(wire, ctx, following, answer.parsed, values)

    def _follow(
        self, wire: AwsWire, ctx: Context, call: Call, parsed: Mapping[str, Any], values: Mapping[str, object]
    ) -> Iterator[Item]:
        each = call.get("each")
        if each is None:
            yield from self._run(wire, ctx, call, values)
            return
        found = jmespath.search(each["path"], parsed) or []
        size = int(each.get("batch", 0))
        several = [found[at : at + size] for at in range(0, len(found), size)] if size else found
        for value in several:
            yield from self._run(wire, ctx, call, {**values, each["as"]: value})

    def _repeat(self, wire: AwsWire, ctx: Context, call: Call, values: Mapping[str, object]) -> Iterator[Item]:
        """Ask again until the provider says that it is ready; every answer is kept."""
        rule, operation = call["repeat"], str(call["operation"])
        for attempt in range(int(rule["most"])):
            if attempt:
                ctx.pause(float(rule["every"]), f"{operation} is not ready yet")
            answer = wire.call(ctx, operation, _filled(call.get("params", {}), values))
            yield Page(
                name=operation,
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=None,
                suffix=_suffix(answer.body),
            )
            if jmespath.search(rule["until"], answer.parsed):
                for following in call.get("then", []):
                    yield from self._follow(wire, ctx, following, answer.parsed, values)
                return
        raise Stop(UnitStatus.PARTIAL_ERROR, f"{operation} was not ready after {rule['most']} questions")


def _require_known(source: str, call: Call) -> None:
    if unknown := set(call) - _FIELDS:
        raise UsageError(f"source {source}: unknown field `{min(unknown)}` in a call")
    for following in call.get("then", []):
        _require_known(source, following)


def _window_values(unit: Unit) -> dict[str, object]:
    if unit.window is None:
        return {}
    start, end = unit.window.start, unit.window.end
    return {
        "start": start,
        "end": end,
        "start_ms": epoch_ms(start),
        "end_ms": epoch_ms(end),
    }


def _filled(template: object, values: Mapping[str, object]) -> Any:  # noqa: ANN401 - parameters have any shape
    """Replace every string that is exactly `{name}`; values are never looked at again, so none can inject."""
    if isinstance(template, Mapping):
        return {key: _filled(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, values) for value in template]
    if isinstance(template, str) and template.startswith("{") and template.endswith("}"):
        return values[template[1:-1]]
    return template


def _count(call: Call, parsed: Mapping[str, Any]) -> int | None:
    path = call.get("records")
    return len(jmespath.search(path, parsed) or []) if path else None


def _suffix(body: bytes) -> str:
    return "xml" if body.lstrip()[:1] == b"<" else "json"
