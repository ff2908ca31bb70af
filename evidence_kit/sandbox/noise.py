"""An ordinary day of a retail estate, so that the attack has to be found in it. Nothing here is suspicious."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial

from evidence_kit.model.time import Window
from evidence_kit.sandbox.records import Actor, Deed, Record, Scribe, service, session

SDK = "Boto3/1.40.11 md/Botocore#1.40.11 ua/2.1 os/linux#6.1 lang/python#3.12.4 cfg/retry-mode#standard"
GO_SDK = "aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.2 md/GOOS#linux md/GOARCH#arm64"
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.12.2 terraform-provider-aws/6.2.0 aws-sdk-go-v2/1.36.5"
EVENTS = range(60, 161)  # management events an account and region
READS = range(4, 9)  # ordinary data events an account and region

# How often, what. Names are those of the calls that fill real trails.
_ROUTINE: Mapping[str, tuple[tuple[int, Deed], ...]] = {
    "platform-monitor": (
        (6, Deed(service="ec2", name="DescribeInstances", request={"instancesSet": {}, "filterSet": {}})),
        (4, Deed(service="monitoring", name="DescribeAlarms", request={"maxRecords": 100})),
        (3, Deed(service="logs", name="DescribeLogGroups", request={"limit": 50})),
        (3, Deed(service="ec2", name="DescribeSecurityGroups", request={"securityGroupSet": {}})),
        (2, Deed(service="cloudtrail", name="DescribeTrails", request={"includeShadowTrails": True})),
    ),
    "checkout-api": (
        (5, Deed(service="kms", name="Decrypt", request={"encryptionAlgorithm": "SYMMETRIC_DEFAULT"})),
        (3, Deed(service="dynamodb", name="DescribeTable", request={"tableName": "basket"})),
        (2, Deed(service="secretsmanager", name="GetSecretValue", request={"secretId": "checkout/psp"})),
    ),
    "inventory-sync": (
        (4, Deed(service="s3", name="ListBuckets")),
        (3, Deed(service="sqs", name="ListQueues", request={"queueNamePrefix": "stock-"})),
        (1, Deed(service="glue", name="StartJobRun", reads=False, request={"jobName": "stock-levels"})),
    ),
    "ci-runner": (
        (2, Deed(service="ecr", name="DescribeRepositories", request={"repositoryNames": ["checkout"]})),
        (1, Deed(service="ecs", name="UpdateService", reads=False, request={"service": "checkout"})),
    ),
}
_ADDRESS = {"platform-monitor": "203.0.113.10", "ci-runner": "203.0.113.77"}
_AGENT = {"platform-monitor": GO_SDK, "ci-runner": TERRAFORM}


def noise(scribe: Scribe, account: str, region: str, window: Window, scale: int) -> Iterator[Record]:
    """Yield the ordinary records of one account and region, in no order."""
    draw = scribe.random
    seconds = int((window.end - window.start).total_seconds())
    acts = _acts(account, region)
    weights = [weight for weight, _, _ in acts]
    doing = draw.choices(acts, weights, k=draw.choice(EVENTS) * scale)
    reading = [(1, _role(account, region, "inventory-sync"), _read) for _ in range(draw.choice(READS) * scale)]
    for _, actor, deed in [*doing, *reading]:
        # A fifth comes in bursts on the full minute, as schedules do: equal times must not confuse anybody.
        offset = draw.randrange(seconds)
        offset -= offset % 60 if draw.random() < 0.2 else 0
        yield scribe.write(window.start + timedelta(seconds=offset), account, region, actor, deed(account, scribe))


_Doing = tuple[int, Actor, Callable[[str, Scribe], Deed]]


def _acts(account: str, region: str) -> list[_Doing]:
    acts: list[_Doing] = [(8, service("lambda"), _assume)]
    for role, routine in _ROUTINE.items():
        actor = _role(account, region, role)
        acts += [(weight, actor, partial(_same, deed)) for weight, deed in routine]
    return acts


def _same(deed: Deed, account: str, scribe: Scribe) -> Deed:
    del account, scribe
    return deed


def _role(account: str, region: str, role: str) -> Actor:
    initials = role.replace("-", "")[:4].upper()
    key = f"ASIAEXAMPLE{account[0] * 3}{region[:2].upper()}{initials}"
    return session(
        account, role, f"{role}-{region}", key, ip=_ADDRESS.get(role, "10.20.4.18"), agent=_AGENT.get(role, SDK)
    )


def _assume(account: str, scribe: Scribe) -> Deed:
    role = scribe.random.choice(("checkout-api", "inventory-sync"))
    arn = f"arn:aws:iam::{account}:role/{role}"
    return Deed(
        service="sts",
        name="AssumeRole",
        request={"roleArn": arn, "roleSessionName": role},
        response={"credentials": {"accessKeyId": f"ASIAEXAMPLE{scribe.random.randrange(10**9):09d}"}},
        resources=({"accountId": account, "type": "AWS::IAM::Role", "ARN": arn},),
        extra={"sharedEventID": scribe.uuid()},
    )


def _read(account: str, scribe: Scribe) -> Deed:
    bucket, key = f"catalogue-{account}", f"images/{scribe.random.randrange(10**6):06d}.jpg"
    return object_read(account, bucket, key, size=scribe.random.randrange(20_000, 400_000))


def object_read(account: str, bucket: str, key: str, *, size: int) -> Deed:
    """Return S3 GetObject, a data event."""
    return Deed(
        service="s3",
        name="GetObject",
        data=True,
        request={"bucketName": bucket, "key": key, "Host": f"{bucket}.s3.amazonaws.com"},
        resources=(
            {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"},
            {"accountId": account, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"},
        ),
        extra={"additionalEventData": {"bytesTransferredOut": size, "AuthenticationMethod": "AuthHeader"}},
    )
