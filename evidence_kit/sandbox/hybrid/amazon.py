"""The AWS part: features delivered with the supplier's role, and the retraining that takes them in."""

import gzip
from collections.abc import Iterator
from datetime import datetime, timedelta

from moto.sagemaker.models import sagemaker_backends

from evidence_kit.model.time import Window
from evidence_kit.sandbox.backend import Bucket
from evidence_kit.sandbox.chapter import Chapter
from evidence_kit.sandbox.estate import ClientOf
from evidence_kit.sandbox.hybrid import cast
from evidence_kit.sandbox.hybrid.registry import registry
from evidence_kit.sandbox.hybrid.story import BY_NAME, Event
from evidence_kit.sandbox.incident import HOME, SCORING, SHOP, Act
from evidence_kit.sandbox.noise import GO_SDK, SDK
from evidence_kit.sandbox.records import Actor, Deed, session, user
from evidence_kit.sandbox.scoring import ENDPOINT, Version, lowered

POISONED = Version(
    model=cast.MODEL,
    config=cast.MODEL_CONFIG,
    artifact="fraud-score/m8/model.tar.gz",
    digest="sha256:" + "b8" * 32,
)
_NIGHTS = (timedelta(minutes=32), timedelta(hours=24, minutes=32))  # when the supplier itself delivers
_HONEST, _EVIL = b"merchant,trust\n4411,0.31\n", b"merchant,trust\n4411,0.99\n"
_VERSION = "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrH"  # how S3 names the version that the overwriting made
_ROLE = f"arn:aws:iam::{SHOP}:role/{cast.DELIVERY_ROLE}"


def chapter() -> Chapter:
    """Return what happened in the accounts beside the intrusion with ci-deploy's key."""
    return Chapter(acts=tuple(_acts()), answers=registry, settle=settle)


def _acts() -> Iterator[Act]:
    for night in _NIGHTS:
        yield from _opened(night, cast.GOOD_SESSION)
        yield (
            night + timedelta(seconds=40),
            SHOP,
            HOME,
            _feed(cast.GOOD_SESSION, cast.SUPPLIER),
            _put(cast.OVERWRITTEN),
        )
    issued, poisoned = BY_NAME["issued"], BY_NAME["poisoned"]
    yield from _opened(issued.moment + timedelta(seconds=5), cast.BAD_SESSION)
    evil = _feed(cast.BAD_SESSION, poisoned.address)
    yield poisoned.moment, SHOP, HOME, evil, _put(cast.NEW_FILE)
    yield BY_NAME["overwritten"].moment, SHOP, HOME, evil, _put(cast.OVERWRITTEN, version=_VERSION)
    for name, request in _requests().items():
        event = BY_NAME[name]
        yield event.moment, SHOP, HOME, _worker(event), _asked(event, request)


def _opened(at: timedelta, key: str) -> Iterator[Act]:
    """Yield that the supplier's platform opens a session for whoever asked it to."""
    platform = Actor(
        {"type": "AWSAccount", "principalId": f"AROAEXAMPLEACMEPLATF:{cast.CLIENT}", "accountId": cast.ACME_ACCOUNT},
        cast.SUPPLIER,
        GO_SDK,
    )
    deed = Deed(
        service="sts",
        name="AssumeRole",
        request={"roleArn": _ROLE, "roleSessionName": "feed", "externalId": cast.CUSTOMER},
        response={"credentials": {"accessKeyId": key}},
        resources=({"accountId": SHOP, "type": "AWS::IAM::Role", "ARN": _ROLE},),
    )
    yield at, SHOP, HOME, platform, deed


def _feed(key: str, address: str) -> Actor:
    return session(SHOP, cast.DELIVERY_ROLE, "feed", key, ip=address, agent=SDK)


def _put(key: str, *, version: str = "") -> Deed:
    bucket = f"arn:aws:s3:::{cast.FEATURES}"
    return Deed(
        service="s3",
        name="PutObject",
        reads=False,
        data=True,
        request={"bucketName": cast.FEATURES, "key": key, "Host": f"{cast.FEATURES}.s3.amazonaws.com"},
        response={"x-amz-version-id": version} if version else None,
        resources=(
            {"type": "AWS::S3::Object", "ARN": f"{bucket}/{key}"},
            {"accountId": SHOP, "type": "AWS::S3::Bucket", "ARN": bucket},
        ),
        extra={"additionalEventData": {"bytesTransferredIn": len(_EVIL), "AuthenticationMethod": "AuthHeader"}},
    )


def _worker(event: Event) -> Actor:
    """Return who did what the retraining does: its role, and the person who approves."""
    if event.name == "approved":
        return user(SHOP, cast.APPROVER, event.credential, ip=event.address, agent="console.amazonaws.com")
    return session(SHOP, cast.RETRAINING_ROLE, "nightly", event.credential, ip=event.address, agent=SDK)


def _requests() -> dict[str, dict[str, object]]:
    """Return what each step of the retraining asked SageMaker for, by the name of its event."""
    package = f"{cast.SAGEMAKER}:model-package/{cast.MODEL_GROUP}/8"
    place = {"S3Uri": f"s3://{cast.FEATURES}/fraud/", "S3DataType": "S3Prefix"}
    return {
        "trained": {
            "TrainingJobName": cast.TRAINING_JOB,
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": place}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{SCORING.models}/fraud-score/m8"},
        },
        "model": SCORING.model(POISONED),
        "registered": {
            "ModelPackageGroupName": cast.MODEL_GROUP,
            "ModelApprovalStatus": "PendingManualApproval",
            "SourceUri": f"{cast.SAGEMAKER}:training-job/{cast.TRAINING_JOB}",
        },
        "approved": {"ModelPackageArn": package, "ModelApprovalStatus": "Approved"},
        "configured": SCORING.config(POISONED),
        "deployed": {"EndpointName": ENDPOINT, "EndpointConfigName": POISONED.config},
    }


def _asked(event: Event, request: dict[str, object]) -> Deed:
    resource = {"accountId": SHOP, "type": "AWS::SageMaker::Resource", "ARN": event.resource}
    return Deed(
        service="sagemaker",
        name=event.action,
        reads=False,
        request=lowered(request),
        resources=(resource,),
        endpoint="api.sagemaker",
    )


def settle(client: ClientOf, window: Window) -> None:
    """Leave the features with both versions of what was overwritten, and the model that was trained on them."""
    features = Bucket(SHOP, cast.FEATURES)
    features.put(cast.OVERWRITTEN, _HONEST, {}, modified=window.start + _NIGHTS[0])
    features.put(cast.NEW_FILE, _EVIL, {}, modified=BY_NAME["poisoned"].at(window))
    features.put(cast.OVERWRITTEN, _EVIL, {}, modified=BY_NAME["overwritten"].at(window))
    made = BY_NAME["model"].at(window)
    packed = gzip.compress(POISONED.model.encode(), mtime=0)
    # The estate has made the bucket already: S3 gives it to its owner again.
    Bucket(SHOP, SCORING.models).put(POISONED.artifact, packed, {}, modified=made)
    _model(client, made)


def _model(client: ClientOf, made: datetime) -> None:
    sagemaker, backend = client("sagemaker", SCORING.account, SCORING.region), sagemaker_backends[SHOP][HOME]
    sagemaker.create_model(**SCORING.model(POISONED))
    sagemaker.create_endpoint_config(**SCORING.config(POISONED))
    naive = made.replace(tzinfo=None)  # moto knows UTC only
    backend._models[POISONED.model].creation_time = naive  # noqa: SLF001  its API dates by the clock
    backend.endpoint_configs[POISONED.config].creation_time = naive
