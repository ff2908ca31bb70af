"""Tell which AWS operation a request is, from the request alone. Never looks at a reply."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel

# Signing names that differ from the name of the service model.
_MODEL_NAME = {"access-analyzer": "accessanalyzer", "monitoring": "cloudwatch"}
_PLACEHOLDER = re.compile(r"\\\{(\w+)(\\\+)?\\\}")
_CREDENTIAL = re.compile(
    r"(?P<key>[^/=\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request",
)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a SigV4 credential scope says."""

    access_key: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in; `target` is the path with its query, `headers` have lower-case names."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Return the path without its query, unquoted."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, list[str]]:
        """Return the query's values by name; a bare name has one empty value."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def credential(self) -> Credential:
        """Return the credential scope, of header or presigned query; all empty when unsigned."""
        signed = self.headers.get("authorization", "") or "".join(self.query.get("X-Amz-Credential", []))
        match = _CREDENTIAL.search(signed)
        return Credential(match["key"], match["region"], match["service"]) if match else Credential("", "", "")


@dataclass(frozen=True, slots=True)
class Route:
    """How one operation of a REST service looks on the wire."""

    operation: str
    method: str
    path: re.Pattern[str]
    query: frozenset[tuple[str, str]]
    headers: frozenset[str]

    @property
    def weight(self) -> tuple[int, int]:
        """Return how particular this route is: the most particular one that fits is meant."""
        return len(self.query) + len(self.headers), len(self.path.pattern)

    def fits(self, request: Request, path: str, query: Mapping[str, list[str]]) -> bool:
        """Say whether `request` can be this operation."""
        return (
            self.method == request.method
            and self.path.fullmatch(path) is not None
            and all(name in query and value in {"", query[name][0]} for name, value in self.query)
            and all(name in request.headers for name in self.headers)
        )


@functools.cache
def service_model(service: str) -> ServiceModel | None:
    """Return botocore's model of the service that signs as `service`."""
    try:
        return botocore.session.get_session().get_service_model(_MODEL_NAME.get(service, service))
    except UnknownServiceError:
        return None


@functools.cache
def routes(service: str) -> tuple[Route, ...]:
    """Return the routes of a REST service, the most particular first; none for other protocols."""
    model = service_model(service)
    if model is None or not str(model.metadata["protocol"]).startswith("rest-"):
        return ()
    found = (route_of(model.operation_model(name)) for name in model.operation_names)
    return tuple(sorted(found, key=lambda route: route.weight, reverse=True))


def route_of(operation: OperationModel) -> Route:
    """Return how an operation of a REST service looks on the wire."""
    uri, _, query = str(operation.http["requestUri"]).partition("?")
    pattern = _PLACEHOLDER.sub(lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", re.escape(uri))
    wanted = {(name, values[0]) for name, values in parse_qs(query, keep_blank_values=True).items()}
    headers: set[str] = set()
    shape = operation.input_shape
    members = shape.members if shape else {}
    for name in shape.required_members if shape else ():
        where = members[name].serialization
        if where.get("location") == "querystring":
            wanted.add((where["name"], ""))
        elif where.get("location") == "header":
            headers.add(where["name"].lower())
    return Route(
        operation.name,
        operation.http["method"],
        re.compile(pattern + "/?"),
        frozenset(wanted),
        frozenset(headers),
    )


def operation_of(request: Request, service: str) -> str:
    """Return the operation's name; `METHOD /path` when no model knows it."""
    target = request.headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    query = request.query
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        query |= parse_qs(request.body.decode("utf-8", "replace"))
    if "Action" in query:
        return query["Action"][0]
    path = request.path
    fitting = (route.operation for route in routes(service) if route.fits(request, path, query))
    return next(fitting, f"{request.method} {path}")
