"""What a request asks: its parameters by member name and in Python's types, whatever the protocol."""

import json
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, unquote

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.utils import parse_timestamp

from evidence_kit.sandbox.naming import Request
from evidence_kit.sandbox.protocols.models import Service, particular

Params = dict[str, object]


def wire_name(member: str, shape: Shape) -> str:
    """Return what a member is called on the wire."""
    return str(shape.serialization.get("name", member))


FORM = "application/x-www-form-urlencoded"


def recognise(request: Request, services: tuple[Service, ...]) -> tuple[Service, str] | None:
    """Return the service and the operation that a request is for; None if it is none of these."""
    target = request.headers.get("x-amz-target", "")
    form = read_form(request) if request.headers.get("content-type", "").startswith(FORM) else {}
    for service in services:
        prefix, _, name = target.rpartition(".")
        known = service.model.operation_names
        if target and prefix == service.model.metadata.get("targetPrefix") and name in known:
            return service, name
        if form and form.get("Version") == service.model.api_version and form.get("Action") in known:
            return service, form["Action"]
    if target or form:
        return None
    path, query = request.target.partition("?")[0], request.query
    fitting = [
        (service, route) for service in services for route in service.routes if route.fits(request, path, query)
    ]
    if not fitting:
        return None
    # Two operations can share a route; today's clients send the one that is not deprecated.
    service, route = max(
        fitting, key=lambda pair: (not pair[0].operation(pair[1].operation).deprecated, particular(pair[1]))
    )
    return service, route.operation


def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form."""
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def params_of(request: Request, service: Service, name: str) -> Params:
    """Return what the operation is asked for."""
    shape = service.operation(name).input_shape
    if shape is None:
        return {}
    if service.protocol in {"query", "ec2"}:
        found = _of_form(read_form(request), "", shape, ec2=service.protocol == "ec2")
        return found if isinstance(found, dict) else {}
    if service.protocol == "json":
        return _members(json.loads(request.body or b"{}"), shape)
    return _of_rest(request, service.operation(name), shape, _labels(request, service, name))


def _labels(request: Request, service: Service, name: str) -> dict[str, str]:
    path = request.target.partition("?")[0]
    route = next(route for route in service.routes if route.operation == name)
    match = route.path.fullmatch(path)
    return {label: unquote(value) for label, value in match.groupdict().items()} if match else {}


def _of_rest(request: Request, operation: OperationModel, shape: StructureShape, labels: dict[str, str]) -> Params:
    asked: Params = {}
    within = {name for name, sub in shape.members.items() if "location" not in sub.serialization}
    for name, sub in shape.members.items():
        value = _outside(request, sub, wire_name(name, sub), labels)
        if value is not None:
            asked[name] = value
    if not request.body or not within:
        return asked
    if operation.service_model.resolved_protocol == "rest-xml":
        raise LookupError(f"{operation.name}: bodies in XML are not read")
    payload = shape.serialization.get("payload")
    if payload is None:
        return asked | _members(json.loads(request.body), shape)
    sub = shape.members[payload]
    return asked | {payload: _load(json.loads(request.body), sub) if sub.type_name == "structure" else request.body}


def _outside(request: Request, shape: Shape, wire: str, labels: Mapping[str, str]) -> object:
    """Return the value of a member that stands in path, query or headers; None where it is not given."""
    match shape.serialization.get("location"):
        case "uri" if wire in labels:
            return _scalar(labels[wire], shape)
        case "querystring" if isinstance(shape, MapShape):
            return {name: values[0] for name, values in request.query.items()}
        case "querystring" if wire in request.query:
            values = request.query[wire]
            return (
                [_scalar(v, shape.member) for v in values]
                if isinstance(shape, ListShape)
                else _scalar(values[0], shape)
            )
        case "header" if wire.lower() in request.headers:
            return _scalar(request.headers[wire.lower()], shape)
        case _:
            return None


def _members(value: object, shape: Shape) -> Params:
    found = _load(value, shape)
    return found if isinstance(found, dict) else {}


def _load(value: object, shape: Shape) -> object:
    match value:
        case dict() if isinstance(shape, StructureShape) and not shape.is_document_type:
            named = {wire_name(name, sub): (name, sub) for name, sub in shape.members.items()}
            return {named[wire][0]: _load(item, named[wire][1]) for wire, item in value.items() if wire in named}
        case dict() if isinstance(shape, MapShape):
            return {name: _load(item, shape.value) for name, item in value.items()}
        case list() if isinstance(shape, ListShape):
            return [_load(item, shape.member) for item in value]
        case _:
            return _scalar(value, shape)


def _scalar(value: object, shape: Shape) -> object:
    """Read a leaf; what is not of its type is left as it came."""
    kind = shape.type_name
    if kind == "timestamp":
        return moment(value)
    if kind == "boolean" and isinstance(value, str):
        return value == "true"
    if kind in {"integer", "long"}:
        return int(str(value))
    return float(str(value)) if kind in {"float", "double"} else value


def moment(value: object) -> datetime:
    """Read an instant in any of the forms that AWS uses."""
    return parse_timestamp(value)  # type: ignore[arg-type]  # it takes numbers, too


def _of_form(form: Mapping[str, str], prefix: str, shape: Shape, *, ec2: bool) -> object:
    """Return the value that the fields under `prefix` spell; None where there are none."""
    if prefix and prefix not in form and not any(name.startswith(f"{prefix}.") for name in form):
        return None
    if isinstance(shape, StructureShape):
        found = {
            name: _of_form(form, f"{prefix}.{wire}" if prefix else wire, sub, ec2=ec2)
            for name, sub in shape.members.items()
            for wire in (_form_name(name, sub, ec2=ec2),)
        }
        return {name: value for name, value in found.items() if value is not None}
    if isinstance(shape, ListShape):
        flat = ec2 or shape.serialization.get("flattened")
        stem = prefix if flat else f"{prefix}.{wire_name('member', shape.member)}"
        return _numbered(form, stem, shape.member, ec2=ec2)
    if isinstance(shape, MapShape):
        stem = prefix if shape.serialization.get("flattened") else f"{prefix}.entry"
        return {
            form[f"{stem}.{n}.{wire_name('key', shape.key)}"]: _of_form(
                form, f"{stem}.{n}.{wire_name('value', shape.value)}", shape.value, ec2=ec2
            )
            for n in _numbers(form, stem)
        }
    return _scalar(form.get(prefix), shape)


def _numbered(form: Mapping[str, str], stem: str, shape: Shape, *, ec2: bool) -> list[object]:
    return [_of_form(form, f"{stem}.{n}", shape, ec2=ec2) for n in _numbers(form, stem)]


def _numbers(form: Mapping[str, str], stem: str) -> list[int]:
    rest = (name.removeprefix(f"{stem}.").partition(".")[0] for name in form if name.startswith(f"{stem}."))
    return sorted({int(number) for number in rest if number.isdigit()})


def _form_name(name: str, shape: Shape, *, ec2: bool) -> str:
    if isinstance(shape, ListShape) and shape.serialization.get("flattened") and not ec2:
        return wire_name(wire_name(name, shape), shape.member)
    if not ec2:
        return wire_name(name, shape)
    if "queryName" in shape.serialization:
        return str(shape.serialization["queryName"])
    wire = wire_name(name, shape)
    return wire[0].upper() + wire[1:]
