"""A wire-level fake of AWS's `json` and `rest-json` services, shaped by botocore's own service models.

What an operation answers comes from Python; which members exist, their wire names and how instants are written
comes from the model. It never answers with a member that the model does not know.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from evidence_kit.sandbox.faults import Reply, json_error
from evidence_kit.sandbox.naming import Request, routes, service_model


@dataclass(frozen=True, slots=True)
class Call:
    """Who calls which operation, where."""

    account: str
    region: str
    service: str
    operation: str


Params = Mapping[str, object]
Answer = Callable[[Call, Params], Mapping[str, object]]


class Refusal(Exception):  # noqa: N818  it is an answer and not an error of this program
    """A service says no: `code` is the exception's name on the wire."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Wire:
    """The operations served from Python, by service and operation.

    A service in `whole` is served here alone: its other operations are refused and not looked for elsewhere.
    """

    answers: Mapping[tuple[str, str], Answer]

    @cached_property
    def whole(self) -> frozenset[str]:
        """Return the services of which nothing goes to moto."""
        return frozenset({"guardduty"})

    def serves(self, service: str, operation: str) -> bool:
        """Say whether this operation is answered here."""
        return service in self.whole or (service, operation) in self.answers

    def answer(self, call: Call, request: Request, request_id: str) -> Reply:
        """Read the parameters, ask, write the answer or the refusal."""
        answer = self.answers.get((call.service, call.operation))
        if answer is None:
            return json_error("UnknownOperationException", f"no such operation: {call.operation}", 404, request_id)
        operation = _operation(call)
        try:
            output = answer(call, read(operation, call.service, request))
        except Refusal as refusal:
            return json_error(refusal.code, refusal.message, refusal.status, request_id)
        headers = (("Content-Type", content_type(operation)), ("x-amzn-RequestId", request_id))
        return Reply(200, headers, write(operation, output))


def _operation(call: Call) -> OperationModel:
    model = service_model(call.service)
    if model is None:
        raise LookupError(f"botocore has no model of {call.service}")
    return model.operation_model(call.operation)


def content_type(operation: OperationModel) -> str:
    """Return the media type of the operation's protocol."""
    version = operation.service_model.metadata.get("jsonVersion")
    return f"application/x-amz-json-{version}" if version else "application/json"


def read(operation: OperationModel, service: str, request: Request) -> Params:
    """Return the request's parameters by member name, in Python's types."""
    wire: dict[str, object] = dict(json.loads(request.body)) if request.body else {}
    for route in routes(service):
        if route.operation == operation.name and (match := route.path.fullmatch(request.path)):
            wire |= match.groupdict()
    wire |= {name: values if len(values) > 1 else values[0] for name, values in request.query.items()}
    shape = operation.input_shape
    found = _load(wire, shape) if shape else {}
    return found if isinstance(found, dict) else {}


def write(operation: OperationModel, output: Mapping[str, object]) -> bytes:
    """Return the body for `output`, given by member name."""
    shape = operation.output_shape
    return json.dumps(_dump(output, shape) if shape else {}, separators=(",", ":")).encode()


def wire_name(member: str, shape: Shape) -> str:
    """Return what a member is called on the wire."""
    return str(shape.serialization.get("name", member))


def _load(value: object, shape: Shape) -> object:
    match value:
        case dict() if isinstance(shape, StructureShape):
            named = {wire_name(member, sub): (member, sub) for member, sub in shape.members.items()}
            return {named[name][0]: _load(item, named[name][1]) for name, item in value.items() if name in named}
        case dict() if isinstance(shape, MapShape):
            return {name: _load(item, shape.value) for name, item in value.items()}
        case list() if isinstance(shape, ListShape):
            return [_load(item, shape.member) for item in value]
        case _:
            return _load_scalar(value, shape.type_name)


def _load_scalar(value: object, kind: str) -> object:
    if kind == "timestamp":
        return instant(value)
    if kind in {"integer", "long"}:
        return int(str(value))
    return value


def instant(value: object) -> datetime:
    """Read epoch seconds or RFC 3339 as aware UTC."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value)).astimezone(UTC)


def _dump(value: object, shape: Shape) -> object:
    match value:
        case Mapping() if isinstance(shape, StructureShape):
            strange = value.keys() - shape.members.keys()
            if strange:
                raise LookupError(f"{shape.name} has no member {', '.join(sorted(strange))}")
            return {wire_name(m, shape.members[m]): _dump(item, shape.members[m]) for m, item in value.items()}
        case Mapping() if isinstance(shape, MapShape):
            return {name: _dump(item, shape.value) for name, item in value.items()}
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return _dump_instant(value, shape)
        case Sequence() if isinstance(shape, ListShape):
            return [_dump(item, shape.member) for item in value]
        case _:
            return value


def _dump_instant(moment: datetime, shape: Shape) -> object:
    if shape.serialization.get("timestampFormat") == "iso8601":
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return moment.timestamp()
