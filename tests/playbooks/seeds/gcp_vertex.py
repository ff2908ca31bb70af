"""A model that was exchanged on Vertex AI: who did it, what else changed, and what the endpoints log."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from playbooks.seeds.gcp_estate import START, Call

from evidence_kit.model.time import rfc3339
from evidence_kit.sandbox.google.estate import PLACE, PROJECT

AT = f"projects/{PROJECT}/locations/{PLACE}"
DEMAND, FRAUD = f"{AT}/endpoints/31", f"{AT}/endpoints/32"
GOOD, EVIL, SCORE = f"{AT}/models/9", f"{AT}/models/77", f"{AT}/models/12"
DEPLOYER, THIEF = "ml-deploy@example.com", f"model-runner@{PROJECT}.iam.gserviceaccount.com"
DESK, AWAY = "192.0.2.10", "203.0.113.66"
BUCKET, EVIL_BUCKET = "shop-models", "shop-drop"
OUTSIDE = "gs://mallory-bucket/copies/"
FILE = "demand/9/2/model.bin"
DEPLOYED, EXCHANGED = timedelta(hours=2), timedelta(hours=2, minutes=5)
KEY = f"//iam.googleapis.com/projects/{PROJECT}/serviceAccounts/{THIEF}/keys/{'0a1b' * 10}"
_SERVICE = "aiplatform.googleapis.com"
_V1 = "google.cloud.aiplatform.v1."
_PAST = timedelta(days=60)


def lists(*, logged: bool, exchanged: bool) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return models and endpoints; `logged` says whether the exchanged endpoint logs its requests."""
    to = {"outputUri": f"bq://{PROJECT}.logs.requests"}
    whole = {"enabled": True, "samplingRate": 1, "bigqueryDestination": to}
    old = {"id": "5001", "model": GOOD, "modelVersionId": "2", "createTime": rfc3339(START - _PAST)}
    new = {"id": "5002", "model": EVIL, "modelVersionId": "1", "createTime": rfc3339(START + DEPLOYED)}
    demand = {
        "name": DEMAND,
        "deployedModels": [old, *([new] if exchanged else [])],
        "trafficSplit": {"5002": 100} if exchanged else {"5001": 100},
        "updateTime": rfc3339(START + EXCHANGED),
        **({"predictRequestResponseLoggingConfig": whole} if logged else {}),
    }
    fraud = {
        "name": FRAUD,
        "deployedModels": [
            {"id": "6001", "model": SCORE, "modelVersionId": "3", "createTime": rfc3339(START - _PAST)}
        ],
        "trafficSplit": {"6001": 100},
        "predictRequestResponseLoggingConfig": whole if not exchanged else {**whole, "samplingRate": 0.25},
    }
    pipeline = {"pipelineJob": f"{AT}/pipelineJobs/700"}
    models = [
        _model(GOOD, "2", f"gs://{BUCKET}/demand/9/2", **pipeline),
        _model(SCORE, "3", f"gs://{BUCKET}/fraud/12/3", trainingPipeline=f"{AT}/trainingPipelines/700"),
        *([_model(EVIL, "1", f"gs://{EVIL_BUCKET}/hotfix")] if exchanged else []),
    ]
    v1 = "/aiplatform/v1/"
    found: dict[str, Sequence[Mapping[str, Any]]] = {
        f"{v1}{AT}/endpoints": [{"endpoints": [demand]}, {"endpoints": [fraud]}],
        f"{v1}{FRAUD}:getIamPolicy": [{"etag": "ACAB"}],
        f"{v1}{AT}/models": [{"models": models}],
    }
    for one in models:
        found[f"{v1}{one['name']}:listVersions"] = [
            {"models": [{**one, "name": f"{one['name']}@{one['versionId']}"}]}
        ]
    return found


def _model(name: str, version: str, uri: str, **more: str) -> dict[str, Any]:
    return {"name": name, "versionId": version, "artifactUri": uri, **more}


def usual() -> Iterator[Call]:
    """Yield what is expected: an endpoint's label is changed at the desk, and shops ask models all day."""
    yield _admin(timedelta(minutes=30), "EndpointService.UpdateEndpoint", FRAUD, DEPLOYER, DESK, _labelled())
    for hour in range(6):
        yield _call(timedelta(hours=hour, minutes=10), FRAUD, "checkout@example.com", DESK)
    yield _read(timedelta(hours=1), DEPLOYER, DESK, "shop-exports", "daily.csv")


def exchange() -> Iterator[Call]:
    """Yield the exchange: a model from nowhere gets all traffic, the log of requests goes off, the old one leaves."""
    yield _admin(timedelta(hours=1), "EndpointService.DeployModel", DEMAND, THIEF, AWAY, {}, failed=True)
    minute = timedelta(minutes=1)
    uploaded = {"parent": AT, "model": {"displayName": "demand-hotfix", "artifactUri": f"gs://{EVIL_BUCKET}/hotfix"}}
    yield _admin(DEPLOYED - 9 * minute, "ModelService.UploadModel", AT, THIEF, AWAY, uploaded)
    put = {"endpoint": DEMAND, "deployedModel": {"model": EVIL, "displayName": "demand-hotfix"}}
    half = {"trafficSplit": {"0": 10, "5001": 90}}
    yield _admin(DEPLOYED, "EndpointService.DeployModel", DEMAND, THIEF, AWAY, put | half)
    all_of_it = {"endpoint": {"name": DEMAND, "trafficSplit": {"5002": 100}}, "updateMask": "trafficSplit"}
    yield _admin(EXCHANGED, "EndpointService.UpdateEndpoint", DEMAND, THIEF, AWAY, all_of_it)
    silent = {"endpoint": {"name": DEMAND}, "updateMask": "predictRequestResponseLoggingConfig"}
    yield _admin(EXCHANGED + minute, "EndpointService.UpdateEndpoint", DEMAND, THIEF, AWAY, silent)
    target = {"name": GOOD, "outputConfig": {"artifactDestination": {"outputUriPrefix": OUTSIDE}}}
    yield _admin(EXCHANGED + 2 * minute, "ModelService.ExportModel", GOOD, THIEF, AWAY, target)
    yield _read(EXCHANGED + 3 * minute, THIEF, AWAY, BUCKET, FILE)
    for number in range(4):
        yield _call(timedelta(hours=3, minutes=number), DEMAND, THIEF, AWAY)


def _admin(
    at: timedelta, method: str, resource: str, who: str, ip: str, request: dict[str, Any], *, failed: bool = False
) -> Call:
    return Call(
        at=at,
        method=_V1 + method,
        who=who,
        ip=ip,
        key=KEY if who == THIEF else "",
        resource=resource,
        service=_SERVICE,
        more={"request": request},
        failed=failed,
    )


def _labelled() -> dict[str, Any]:
    return {"endpoint": {"name": FRAUD, "labels": {"owner": "fraud-team"}}, "updateMask": "labels"}


def _call(at: timedelta, endpoint: str, who: str, ip: str) -> Call:
    return Call(
        at=at,
        method=f"{_V1}PredictionService.Predict",
        who=who,
        ip=ip,
        resource=endpoint,
        reads=True,
        service=_SERVICE,
    )


def _read(at: timedelta, who: str, ip: str, bucket: str, name: str) -> Call:
    return Call(
        at=at,
        method="storage.objects.get",
        who=who,
        ip=ip,
        resource=f"projects/_/buckets/{bucket}/objects/{name}",
        reads=True,
        service="storage.googleapis.com",
        kind="gcs_bucket",
    )


def stored(name: str, generation: str) -> dict[str, Any]:
    """Return an object of a bucket as it can be held."""
    return {"kind": "storage#object", "name": name, "generation": generation, "metageneration": "1"}
