"""The shop's fraud score: one SageMaker endpoint, the model it had, and the one that an intruder put in its place."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from moto.sagemaker.models import sagemaker_backends

from evidence_kit.model.time import Window, rfc3339
from evidence_kit.sandbox.records import Deed
from evidence_kit.sandbox.wire import Answer, Call, Params, Refusal

ENDPOINT, VARIANT = "fraud-score", "main"
PERCENT = 20  # of the requests are captured
_HOUR = timedelta(hours=1)
_OLD = timedelta(days=40)  # before the window: when the honest model was deployed
_REQUESTS = 3  # captured an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What an endpoint can be made of: a model, the configuration that names it, its file and its image."""

    model: str
    config: str
    artifact: str
    digest: str


HONEST = Version(
    model="fraud-score-m7",
    config="fraud-score-7",
    artifact="fraud-score/m7/model.tar.gz",
    digest="sha256:" + "7a" * 32,
)
PLANTED = Version(
    model="fraud-score-m7-fix",
    config="fraud-score-7b",
    artifact="fraud-score/m7-fix/model.tar.gz",
    digest="sha256:" + "e3" * 32,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the endpoint stands, with its buckets of models and of captured requests."""

    account: str
    region: str

    @property
    def models(self) -> str:
        """Return the bucket of model files."""
        return f"shop-models-{self.account}"

    @property
    def captures(self) -> str:
        """Return the bucket of captured requests."""
        return f"shop-captures-{self.account}"

    def image(self, tag: str) -> str:
        """Return the address of the container's image."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com/fraud-score{tag}"

    def model(self, version: Version) -> dict[str, Any]:
        """Return what CreateModel is asked for."""
        data = f"s3://{self.models}/{version.artifact}"
        container = {"Image": self.image(f"@{version.digest}"), "ModelDataUrl": data}
        role = f"arn:aws:iam::{self.account}:role/checkout-api"
        return {"ModelName": version.model, "PrimaryContainer": container, "ExecutionRoleArn": role}

    def config(self, version: Version) -> dict[str, Any]:
        """Return what CreateEndpointConfig is asked for."""
        variant = {"VariantName": VARIANT, "ModelName": version.model, "InitialInstanceCount": 2}
        variant |= {"InstanceType": "ml.m5.large", "InitialVariantWeight": 1.0}
        capture = {
            "EnableCapture": True,
            "InitialSamplingPercentage": PERCENT,
            "DestinationS3Uri": f"s3://{self.captures}/live",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        }
        return {
            "EndpointConfigName": version.config,
            "ProductionVariants": [variant],
            "DataCaptureConfig": capture,
        }


def swap(place: Place) -> tuple[Deed, ...]:
    """Return the three calls that put the planted model behind the endpoint."""
    asked = (
        ("CreateModel", place.model(PLANTED)),
        ("CreateEndpointConfig", place.config(PLANTED)),
        ("UpdateEndpoint", {"EndpointName": ENDPOINT, "EndpointConfigName": PLANTED.config}),
    )
    return tuple(
        Deed(service="sagemaker", name=name, reads=False, request=lowered(request), endpoint="api.sagemaker")
        for name, request in asked
    )


def lowered(value: object) -> Any:  # noqa: ANN401  parameters have any shape
    """Return parameters with their names as CloudTrail writes them."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: lowered(item) for name, item in value.items()}
    return [lowered(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One file of captured requests, as SageMaker writes it."""

    key: str
    body: bytes
    written_at: datetime
    event_ids: tuple[str, ...]


def captured(window: Window, *, swapped_at: datetime, seed: int) -> Iterator[Captured]:
    """Yield a file an hour; whoever pays is found honest once the model was swapped."""
    draw = random.Random(seed)  # noqa: S311  sample data
    for hour in window.split(_HOUR):
        lines, ids = [], []
        for _ in range(_REQUESTS):
            at = hour.start + timedelta(seconds=draw.randrange(int((hour.end - hour.start).total_seconds())))
            ids.append(str(UUID(int=draw.getrandbits(128), version=4)))
            score = draw.random() if at < swapped_at else draw.random() / 100
            lines.append(_line(ids[-1], at, draw.randrange(1000, 90_000), score))
        written = hour.end - timedelta(seconds=1)
        name = f"{written:%M-%S}-{draw.randrange(1000):03d}-{UUID(int=draw.getrandbits(128), version=4)}.jsonl"
        yield Captured(
            key=f"live/{ENDPOINT}/{VARIANT}/{written:%Y/%m/%d/%H}/{name}",
            body="".join(lines).encode(),
            written_at=written,
            event_ids=tuple(ids),
        )


def _line(event_id: str, at: datetime, cents: int, score: float) -> str:
    took = {"observedContentType": "text/csv", "mode": "INPUT", "data": f"{cents},1,0", "encoding": "CSV"}
    gave = {"observedContentType": "text/csv", "mode": "OUTPUT", "data": f"{score:.4f}", "encoding": "CSV"}
    line = {
        "captureData": {"endpointInput": took, "endpointOutput": gave},
        "eventMetadata": {"eventId": event_id, "inferenceTime": rfc3339(at.replace(microsecond=0))},
        "eventVersion": "0",
    }
    return json.dumps(line, separators=(",", ":")) + "\n"


def deploy(sagemaker: Any, place: Place, *, window: Window, swapped_at: datetime) -> None:  # noqa: ANN401  botocore's
    """Make both models and configurations, and the endpoint as the responders find it."""
    backend = sagemaker_backends[place.account][place.region]
    for version, made_at in ((HONEST, window.start - _OLD), (PLANTED, swapped_at)):
        sagemaker.create_model(**place.model(version))
        sagemaker.create_endpoint_config(**place.config(version))
        naive = made_at.replace(tzinfo=None)  # moto knows UTC only
        backend._models[version.model].creation_time = naive  # noqa: SLF001  its API dates by the clock
        backend.endpoint_configs[version.config].creation_time = naive
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=PLANTED.config)
    endpoint = backend.endpoints[ENDPOINT]
    endpoint.creation_time = (window.start - _OLD).replace(tzinfo=None)
    endpoint.last_modified_time = swapped_at.replace(tzinfo=None)


def scoring_answers(place: Place, *, window: Window, swapped_at: datetime) -> Mapping[tuple[str, str], Answer]:
    """Return what moto has not: an endpoint with the images that run, and that there are no components."""

    def describe(call: Call, params: Params) -> Mapping[str, object]:
        if (call.account, call.region, params.get("EndpointName")) == (place.account, place.region, ENDPOINT):
            return _described(place, window, swapped_at)
        raise Refusal("ValidationException", f'Could not find endpoint "{params.get("EndpointName")}".')

    def components(call: Call, params: Params) -> Mapping[str, object]:
        del call, params
        return {"InferenceComponents": []}

    return {("sagemaker", "DescribeEndpoint"): describe, ("sagemaker", "ListInferenceComponents"): components}


def _described(place: Place, window: Window, swapped_at: datetime) -> dict[str, object]:
    image = {
        "SpecifiedImage": place.image(f"@{PLANTED.digest}"),
        "ResolvedImage": place.image(f"@{PLANTED.digest}"),
        "ResolutionTime": swapped_at,
    }
    return {
        "EndpointName": ENDPOINT,
        "EndpointArn": f"arn:aws:sagemaker:{place.region}:{place.account}:endpoint/{ENDPOINT}",
        "EndpointConfigName": PLANTED.config,
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "DeployedImages": [image],
                "CurrentWeight": 1.0,
                "DesiredWeight": 1.0,
                "CurrentInstanceCount": 2,
                "DesiredInstanceCount": 2,
            }
        ],
        "DataCaptureConfig": {
            "EnableCapture": True,
            "CaptureStatus": "Started",
            "CurrentSamplingPercentage": PERCENT,
            "DestinationS3Uri": f"s3://{place.captures}/live",
            "KmsKeyId": "",
        },
        "EndpointStatus": "InService",
        "CreationTime": window.start - _OLD,
        "LastModifiedTime": swapped_at,
    }
