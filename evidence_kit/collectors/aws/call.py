"""The generic mechanism: read-only calls described as data, a source's pages kept as they came."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import jmespath

from evidence_kit.collectors.aws.access import as_access
from evidence_kit.collectors.aws.calltree import Call, Step, Walk, require_calls, values_of
from evidence_kit.collectors.aws.fanout import regional_units
from evidence_kit.model.exchange import Item, Page
from evidence_kit.model.ports import Context
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.unit import Scope, Unit


class ApiCall:
    """Acquires a source whose `settings.calls` name operations, parameters and what follows from each page."""

    def __init__(self, spec: SourceSpec, access: object) -> None:
        self.spec = spec
        self._access = as_access(access)
        self._service = str(spec.settings["service"])
        self._calls: Sequence[Call] = spec.settings["calls"]  # type: ignore[assignment]
        require_calls(spec.name, self._calls)

    def units(self, scope: Scope, ctx: Context) -> Iterator[Unit]:
        """Yield one unit a region, or one for the account; the source's own parameters go along."""
        wanted = {param.name: scope.params.get(param.name, param.default) for param in self.spec.params}
        for unit in regional_units(self.spec, scope, self._access, ctx):
            yield replace(unit, settings={**unit.settings, **wanted})

    def acquire(self, unit: Unit, ctx: Context) -> Iterator[Item]:
        """Yield the pages of every call, each followed by the calls that hang on it."""
        walk = Walk(wires=self._access.wires(unit, ctx), ctx=ctx, service=self._service)
        for found in walk.steps(self._calls, values_of(unit)):
            yield _page(found) if isinstance(found, Step) else found
        if end := walk.end():
            yield end


def _page(step: Step) -> Page:
    path = step.call.get("records")
    return Page(
        name=step.operation,
        body=step.answer.body,
        exchange=step.answer.exchange,
        next_cursor=step.cursor,
        records=len(jmespath.search(path, step.answer.parsed) or []) if path else None,
        suffix=_suffix(step.answer.body),
    )


def _suffix(body: bytes) -> str:
    """Return what a body looks like; a report or a log portion is neither JSON nor XML."""
    first = body.lstrip()[:1]
    return {b"<": "xml", b"{": "json", b"[": "json"}.get(first, "bin")
