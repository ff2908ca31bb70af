"""A wire-level fake of single operations, shaped by botocore's own service models.

What an operation answers comes from Python; which members exist, their wire names and how they are written comes from
the model. It never answers with a member that the model does not know.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from botocore.model import ListShape, MapShape, Shape, StructureShape

from evidence_kit.sandbox.faults import Reply, error_reply
from evidence_kit.sandbox.naming import Request
from evidence_kit.sandbox.protocols.asking import params_of
from evidence_kit.sandbox.protocols.models import service


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
        spoken = service(call.service)
        answer = self.answers.get((call.service, call.operation))
        if answer is None:
            return error_reply(
                spoken.dialect, "UnknownOperationException", f"no such operation: {call.operation}", 404, request_id
            )
        try:
            output = answer(call, params_of(request, spoken, call.operation))
        except Refusal as refusal:
            return error_reply(spoken.dialect, refusal.code, refusal.message, refusal.status, request_id)
        require_known(output, spoken.operation(call.operation).output_shape)
        status, headers, body = spoken.write(call.operation, output, request_id)
        return Reply(status, (*headers.items(), ("x-amzn-RequestId", request_id)), body)


def require_known(value: object, shape: Shape | None) -> None:
    """Raise LookupError for a member that the model does not have, at any depth."""
    match value:
        case Mapping() if isinstance(shape, StructureShape):
            if strange := value.keys() - shape.members.keys():
                raise LookupError(f"{shape.name} has no member {', '.join(sorted(strange))}")
            for name, item in value.items():
                require_known(item, shape.members[name])
        case Mapping() if isinstance(shape, MapShape):
            for item in value.values():
                require_known(item, shape.value)
        case list() | tuple() if isinstance(shape, ListShape):
            for item in value:
                require_known(item, shape.member)
