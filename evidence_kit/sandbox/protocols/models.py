"""Services as botocore's models describe them, each loaded once a process: loading EC2's takes half a second."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.loaders import create_loader
from moto.core.model import OperationModel, ServiceModel
from moto.core.serialize import SERIALIZERS, ResponseSerializer, S3Serializer, SerializationContext

from evidence_kit.sandbox.faults import Dialect
from evidence_kit.sandbox.naming import Route, route_of

# Not the clients' own: botocore's S3 client takes the bucket out of the paths of the model that it was given.
_LOADER = create_loader()
_GROUP = re.compile(r"\(\?P<\w+>[^)]*\)")
# How operations page of which the SDK has no rule: the newer ones come without.
_OUTPUTS = ("NextToken", "nextToken", "NextMarker", "nextPageToken", "NextPageToken", "PaginationToken")
# What S3 calls the root of an answer where its model does not say; the other services follow their models.
_S3_ROOTS = {
    "GetBucketAclResponse": "AccessControlPolicy",
    "GetBucketCorsResponse": "CORSConfiguration",
    "GetBucketLifecycleConfigurationResponse": "LifecycleConfiguration",
    "GetBucketLocationResponse": "LocationConstraint",
    "GetBucketLoggingResponse": "BucketLoggingStatus",
    "GetBucketNotificationConfigurationResponse": "NotificationConfiguration",
    "GetBucketTaggingResponse": "Tagging",
    "GetBucketVersioningResponse": "VersioningConfiguration",
    "GetBucketWebsiteResponse": "WebsiteConfiguration",
    "GetObjectAclResponse": "AccessControlPolicy",
    "GetObjectTaggingResponse": "Tagging",
    "ListBucketsResponse": "ListAllMyBucketsResult",
    "ListMultipartUploadsResponse": "ListMultipartUploadsResult",
    "ListObjectVersionsResponse": "ListVersionsResult",
    "ListObjectsResponse": "ListBucketResult",
    "ListObjectsV2Response": "ListBucketResult",
    "ListPartsResponse": "ListPartsResult",
}
_MEDIA = {"rest-json": "application/json", "query": "text/xml", "ec2": "text/xml;charset=UTF-8"}


class _S3(S3Serializer):
    def _serialize_body(self, body: Mapping[str, Any]) -> str:
        return str(super()._serialize_body({_S3_ROOTS.get(root, root): value for root, value in body.items()}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How an operation pages, as botocore puts it: members of the request, paths in the answer."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    more: str = ""

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> "Paging":
        """Read one of botocore's rules."""
        more = rule.get("more_results", "")
        return cls(inputs=_several(rule["input_token"]), outputs=_several(rule["output_token"]), more=str(more))


@dataclass(frozen=True)
class Service:
    """One service: its model, how it is spoken with, how it pages."""

    name: str
    model: ServiceModel
    rules: Mapping[str, Mapping[str, Any]]

    @functools.cached_property
    def protocol(self) -> str:
        """Return the protocol that botocore's clients choose, which is not always the first that is named."""
        return str(self.model.resolved_protocol)

    @functools.cached_property
    def signs_as(self) -> str:
        """Return the name in the scope of a signature; several services may share one."""
        return str(self.model.signing_name)

    @functools.cached_property
    def dialect(self) -> Dialect:
        """Return how this service words its errors."""
        dialects: dict[str, Dialect] = {"rest-xml": "query", "query": "query", "ec2": "ec2"}
        return "s3" if self.name == "s3" else dialects.get(self.protocol, "json")

    @functools.cached_property
    def routes(self) -> tuple[Route, ...]:
        """Return the routes of a REST service; none for other protocols."""
        if not self.protocol.startswith("rest-"):
            return ()
        return tuple(route_of(self.operation(name)) for name in self.model.operation_names)

    def operation(self, name: str) -> OperationModel:
        """Return an operation's model; LookupError if there is no such operation."""
        if name not in self.model.operation_names:
            raise LookupError(f"{self.name} has no operation {name}")
        operation: OperationModel = self.model.operation_model(name)
        return operation

    def paging(self, name: str) -> Paging | None:
        """Return how an operation pages: by the SDK's rule, or by the token members of its model."""
        if name in self.rules:
            return Paging.of(self.rules[name])
        operation = self.operation(name)
        given = operation.output_shape.members if operation.output_shape else {}
        taken = operation.input_shape.members if operation.input_shape else {}
        for output in _OUTPUTS:
            for sent in (output, output.removeprefix("Next")):
                if output in given and sent in taken:
                    return Paging(inputs=(sent,), outputs=(output,))
        return None

    def write(self, name: str, output: Mapping[str, object], request_id: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of an answer given by the model's member names."""
        kind: type[ResponseSerializer] = _S3 if self.name == "s3" else SERIALIZERS[self.protocol]
        written = kind(self.operation(name), SerializationContext(request_id)).serialize(output)
        body, headers = written["body"], dict(written["headers"])
        if self.protocol == "json":
            headers["Content-Type"] = f"application/x-amz-json-{self.model.metadata.get('jsonVersion', '1.0')}"
        elif self.protocol in _MEDIA:
            headers["Content-Type"] = _MEDIA[self.protocol]
        return int(written["status_code"]), headers, body if isinstance(body, bytes) else (body or "").encode()


@functools.cache
def service(name: str) -> Service:
    """Return a service by botocore's name for it; LookupError if botocore has none of that name."""
    try:
        model = ServiceModel(_LOADER.load_service_model(name, "service-2"), service_name=name)
    except DataNotFoundError as error:
        raise LookupError(f"botocore has no model of {name}") from error
    try:
        rules = _LOADER.load_service_model(name, "paginators-1")["pagination"]
    except DataNotFoundError:
        rules = {}
    return Service(name, model, rules)


def particular(route: Route) -> tuple[int, int]:
    """Return how particular a route is: what it asks of query and headers, then how much of its path is fixed."""
    return route.weight[0], len(_GROUP.sub("", route.path.pattern))


def _several(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
