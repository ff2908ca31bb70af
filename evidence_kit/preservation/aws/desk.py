"""Where an action asks and acts at AWS."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evidence_kit.collectors.aws.access import AwsAccess, home_region
from evidence_kit.collectors.aws.paging import pages
from evidence_kit.collectors.aws.wire import Answer, AwsWire
from evidence_kit.collectors.tap import BadBody
from evidence_kit.model.ports import Context
from evidence_kit.model.unit import Target, Unit
from evidence_kit.preservation.allowed import require_read, require_write
from evidence_kit.preservation.desk import Desk

_IN_HEAD = frozenset({"header", "headers", "statusCode"})


class ActingWire(AwsWire):
    """A tapped client for operations that answer with nothing: their success has no body, and is one."""

    def _before_parse(self, response_dict: Mapping[str, Any], **more: object) -> None:
        try:
            super()._before_parse(response_dict, **more)
        except BadBody:
            said = {str(name).lower(): str(value) for name, value in response_dict["headers"].items()}
            if response_dict["body"] or said.get("content-length", "0") != "0" or not self._is_silent():
                raise

    def _is_silent(self) -> bool:
        """Say whether the operation under way answers in its headers alone."""
        shape = self._client.meta.service_model.operation_model(self._here.tap.request.operation).output_shape
        members = {} if shape is None else shape.members
        return all(member.serialization.get("location") in _IN_HEAD for member in members.values())


class ActingAws(AwsAccess):
    """Sessions and clients of the credentials that may act; shared with no collector."""

    def __init__(self) -> None:
        super().__init__()
        self._acting: dict[tuple[str, str, str], ActingWire] = {}

    def acting(self, target: Target, service: str, region: str, ctx: Context) -> ActingWire:
        """Return the tapped client of `service`, after making sure that the credentials are the target's."""
        region = region or home_region(target)
        self._require_identity(target, ctx)
        with self._lock:
            key = (target.id, service, region)
            if key not in self._acting:
                client, rules = self._client(target, service, region), self._paginators(service)
                self._acting[key] = ActingWire(client, target=target.id, region=region, paginators=rules)
            return self._acting[key]


class AwsDesk(Desk):
    """Asks and acts in one account and region. Operations are named `service:Operation`."""

    def __init__(
        self, unit: Unit, target: Target, access: ActingAws, ctx: Context, *, writes: tuple[str, ...]
    ) -> None:
        super().__init__(unit, ctx, writes=writes)
        self._target = target
        self._access = access

    @property
    def tags(self) -> list[dict[str, str]]:
        """Return the tags of everything that is made."""
        return [{"Key": f"evidence-kit:{name}", "Value": value} for name, value in self.marks.items()]

    def read(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        result: str = "",
        absent: frozenset[str] = frozenset(),
    ) -> Mapping[str, Any]:
        """Return what one question is answered; `absent` are error codes that say that there is nothing."""
        require_read(operation)
        wire, name = self._wire(operation)
        return self._kept(name, wire.call(self.anew, name, params, result=result, absent=absent))

    def read_all(
        self, operation: str, params: Mapping[str, object], *, result: str = ""
    ) -> Iterator[Mapping[str, Any]]:
        """Yield what each page of a list says."""
        require_read(operation)
        wire, name = self._wire(operation)
        for answer, cursor in pages(wire, self.anew, name, params, result=result):
            yield self._kept(name, answer, cursor)

    def write(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        done: Callable[[], bool],
        result: str = "",
    ) -> Mapping[str, Any]:
        """Change the target by an operation of the list; `done` looks before anything is sent again."""
        require_write(operation, params, granted=self.writes)
        wire, name = self._wire(operation)
        answer = self.sending(lambda ctx: wire.call(ctx, name, params, result=result), done)
        return {} if answer is None else self._kept(name, answer)

    def _wire(self, operation: str) -> tuple[ActingWire, str]:
        service, _, name = operation.partition(":")
        return self._access.acting(self._target, service, self.unit.region, self.anew), name

    def _kept(self, name: str, answer: Answer, cursor: str | None = None) -> Mapping[str, Any]:
        self.keep(name, answer.body, answer.exchange, cursor)
        return answer.parsed
