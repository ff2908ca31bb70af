"""Where an action asks and acts over HTTP: at Google and at Microsoft."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evidence_kit.collectors.tap import BadBody
from evidence_kit.collectors.web.calls import Access, in_path
from evidence_kit.collectors.web.paging import Paging, pages
from evidence_kit.collectors.web.wire import Answer, Ask
from evidence_kit.model.exchange import Stop
from evidence_kit.model.ports import Context
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Target, Unit
from evidence_kit.preservation.allowed import require_read, require_write
from evidence_kit.preservation.desk import Desk

_NOTHING: Mapping[str, Any] = {}


class WebDesk(Desk):
    """Asks and acts in one project or subscription. Operations are named `api:Operation`; a path may have slots."""

    def __init__(self, unit: Unit, target: Target, access: Access, ctx: Context, *, writes: tuple[str, ...]) -> None:
        super().__init__(unit, ctx, writes=writes)
        self._target = target
        self._access = access

    @property
    def values(self) -> Mapping[str, str]:
        """Return what paths may name: the target's project or subscription, and what the action was asked for."""
        return {**self.unit.settings, "name": self.name, **self._access.values(self._target)}

    def read(
        self, operation: str, path: str, params: Mapping[str, Any] = _NOTHING, *, slots: Mapping[str, str] = _NOTHING
    ) -> Mapping[str, Any] | None:
        """Return what one question is answered, or None where there is no such thing."""
        require_read(operation)
        api, _, name = operation.partition(":")
        ask = Ask(operation=name, url=self._url(api, path, slots), params=params)
        try:
            answer = self._access.wire(self._target, api, self.anew, name).call(self.anew, ask)
        except Stop as stop:
            if stop.status is UnitStatus.NOT_CONFIGURED:
                return None  # the refusal is on record
            raise
        return self._kept(name, answer)

    def read_all(
        self, operation: str, path: str, params: Mapping[str, Any], paging: Paging, *, result: str = ""
    ) -> Iterator[Mapping[str, Any]]:
        """Yield what each page of a list says."""
        require_read(operation)
        api, _, name = operation.partition(":")
        ask = Ask(operation=name, url=self._url(api, path, _NOTHING), params=params)
        wire = self._access.wire(self._target, api, self.anew, name)
        for answer, cursor in pages(wire, self.anew, ask, paging, result=result):
            yield self._kept(name, answer, cursor)

    def write(
        self,
        operation: str,
        path: str,
        body: Mapping[str, Any],
        *,
        done: Callable[[], bool],
        method: str = "POST",
        params: Mapping[str, Any] = _NOTHING,
        headers: Mapping[str, str] = _NOTHING,
        slots: Mapping[str, str] = _NOTHING,
    ) -> None:
        """Change the target by an operation of the list; `done` looks before anything is sent again."""
        require_write(operation, body, granted=self.writes, method=method)
        api, _, name = operation.partition(":")
        ask = Ask(
            operation=name,
            url=self._url(api, path, slots),
            method=method,
            params=params,
            body=body,
            headers=headers,
            read=_said,
        )
        wire = self._access.wire(self._target, api, self.anew, name)
        answer = self.sending(lambda ctx: wire.call(ctx, ask), done)
        if answer is not None:
            self._kept(name, answer)

    def _url(self, api: str, path: str, slots: Mapping[str, str]) -> str:
        return self._access.root(self._target, api) + in_path(path, {**self.values, **slots})

    def _kept(self, name: str, answer: Answer, cursor: str | None = None) -> Mapping[str, Any]:
        self.keep(name, answer.body, answer.exchange, cursor)
        return answer.parsed


def _said(body: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
    """Read the answer to a change: the next look tells what it brought, so it may be empty, but no portal's page."""
    if body and "json" not in headers.get("content-type", "").lower():
        raise BadBody("a success with a body that is not the API's")
    return _NOTHING
