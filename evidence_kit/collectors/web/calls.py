"""The generic mechanism of REST providers: calls described as data, paged, followed by calls on what they list."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import quote

import jmespath

from evidence_kit.collectors.web.paging import Paging, pages
from evidence_kit.collectors.web.wire import Ask, WebWire
from evidence_kit.errors import UsageError
from evidence_kit.model.exchange import Closed, Item, Page, Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import rfc3339
from evidence_kit.model.unit import Scope, Target, Unit

Call = Mapping[str, Any]
_FIELDS = frozenset(
    {
        "operation",
        "method",
        "api",
        "path",
        "params",
        "body",
        "headers",
        "result",
        "records",
        "first",
        "paging",
    }
    | {"each", "then", "empty"}
)
_SLOT = re.compile(r"\{([a-z_]+)\}")
# Calls that only read although they are POST: queries and searches with their question in the body.
METHODS = frozenset({"GET", "POST"})
_TICK = timedelta(seconds=1)


class Access(Protocol):
    """What the mechanisms of one provider share: who we are, where its APIs are, what a target is called there."""

    def wire(self, target: Target, api: str, ctx: Context, operation: str) -> WebWire:
        """Return the wire to one API, as the target's credentials."""
        ...

    def root(self, target: Target, api: str) -> str:
        """Return the address of an API, without a slash at its end."""
        ...

    def values(self, target: Target) -> Mapping[str, str]:
        """Return what call templates may name of a target: its project, subscription, tenant."""
        ...


class RestCalls:
    """Acquires a source whose `settings.calls` name paths, parameters and what follows from each page."""

    def __init__(self, spec: SourceSpec, access: Access) -> None:
        self.spec = spec
        self._access = access
        self._calls: Sequence[Call] = spec.settings["calls"]  # type: ignore[assignment]
        for call in self._calls:
            _require_known(spec.name, call)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:  # noqa: ARG002 - nothing has to be asked
        """Yield one unit a place that the target lists for this source, or one for the target."""
        window = scope.window if self.spec.windowed else None
        if self.spec.scope == "account":
            yield Unit(source=self.spec.name, target=scope.target, window=window)
            return
        for region in scope.target.regions or (str(self.spec.settings.get("region", "global")),):
            yield Unit(source=self.spec.name, target=scope.target, region=region, window=window)

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the pages of every call, each followed by the calls that hang on it."""
        values: dict[str, object] = {**self._access.values(unit.target), "region": unit.region}
        if unit.window is not None:
            values |= {
                "start": rfc3339(unit.window.start),
                "start_before": rfc3339(unit.window.start - _TICK),  # for providers that only know "after"
                "end": rfc3339(unit.window.end),
            }
        for call in self._calls:
            yield from self._run(ctx, unit, call, values)

    def _run(self, ctx: Context, unit: Unit, call: Call, values: Mapping[str, object]) -> Iterator[Item]:
        operation = str(call["operation"])
        api = str(filled(str(call.get("api", self.spec.settings.get("api", ""))), values))  # some live in each region
        wire = self._access.wire(unit.target, api, ctx, operation)
        ask = Ask(
            operation=operation,
            url=self._access.root(unit.target, api) + in_path(str(call["path"]), values),
            method=str(call.get("method", "GET")),
            params=filled(call.get("params", {}), values),
            body=filled(call["body"], values) if "body" in call else None,
            headers=call.get("headers", {}),
        )
        for answer, cursor in pages(wire, ctx, ask, self._paging(call), result=str(call.get("result", ""))):
            found = jmespath.search(call["records"], answer.parsed) if call.get("records") else None
            yield Page(
                name=operation,
                body=answer.body,
                exchange=answer.exchange,
                next_cursor=cursor,
                records=len(found or []) if call.get("records") else None,
                first_event=_edge(call.get("first"), found, min),
                last_event=_edge(call.get("first"), found, max),
                suffix="json.gz" if answer.exchange.coding == "gzip" else "json",
            )
            if (empty := call.get("empty")) and not jmespath.search(empty["path"], answer.parsed):
                yield Closed(status=UnitStatus(empty["status"]), reason=str(empty["reason"]))
            for following in call.get("then", []):
                yield from self._follow(ctx, unit, following, answer.parsed, values)

    def _follow(
        self, ctx: Context, unit: Unit, call: Call, parsed: Mapping[str, Any], values: Mapping[str, object]
    ) -> Iterator[Item]:
        each = call.get("each")
        if each is None:
            yield from self._run(ctx, unit, call, values)
            return
        for value in jmespath.search(each["path"], parsed) or []:
            yield from self._one(ctx, unit, call, {**values, each["as"]: value})

    def _one(self, ctx: Context, unit: Unit, call: Call, values: Mapping[str, object]) -> Iterator[Item]:
        """Run a call on one thing that was listed."""
        yield from self._run(ctx, unit, call, values)

    def _paging(self, call: Call) -> Paging | None:
        said = call.get("paging", self.spec.settings.get("paging"))
        return Paging(**said) if isinstance(said, Mapping) else None


def _require_known(source: str, call: Call) -> None:
    if unknown := set(call) - _FIELDS:
        raise UsageError(f"source {source}: unknown field `{min(unknown)}` in a call")
    if (method := str(call.get("method", "GET"))) not in METHODS:
        raise UsageError(f"source {source}: `{method}` does not only read")
    for following in call.get("then", []):
        _require_known(source, following)


def _edge(path: object, found: Any, choose: Any) -> str:  # noqa: ANN401 - what a provider sent, and min or max
    times = [str(time) for time in jmespath.search(f"[].{path}", found or []) or []] if path else []
    return str(choose(times)) if times else ""


def in_path(template: str, values: Mapping[str, object]) -> str:
    """Fill a path; a value is one component of it, whatever it contains, unless its slot is called `…_path`."""

    def fill(slot: re.Match[str]) -> str:
        return quote(str(_value(values, slot[1])), safe="/" if slot[1].endswith("_path") else "")

    path = _SLOT.sub(fill, template)
    # A value from an answer must not lead to another host (`.example.com/…` behind ours) nor up the tree.
    if not path.startswith("/") or {".", ".."} & set(path.split("/")):
        raise Stop(UnitStatus.PARTIAL_ERROR, f"`{path[:80]!a}` is no path within the API")
    return path


def filled(template: object, values: Mapping[str, object]) -> Any:  # noqa: ANN401 - parameters have any shape
    """Fill parameters in one pass: a string that is exactly `{name}` becomes the value, whatever it is.

    Within longer strings, such as filters, only what the engine and the inventory say may stand; values out of
    evidence cannot, for they could change the question.
    """
    if isinstance(template, Mapping):
        return {key: filled(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    if not isinstance(template, str):
        return template
    if whole := _SLOT.fullmatch(template):
        return _value(values, whole[1])
    return _SLOT.sub(lambda slot: _harmless(str(_value(values, slot[1]))), template)


def _value(values: Mapping[str, object], name: str) -> object:
    """Return what a slot stands for; a target without it is not one that this source is about."""
    if name not in values:
        raise Stop(UnitStatus.OUT_OF_SCOPE, f"the target names no `{name}`")
    return values[name]


def _harmless(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9:._/@-]*", value) is None:
        raise UsageError(f"`{value[:80]!a}` cannot stand within a question")
    return value
