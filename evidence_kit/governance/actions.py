"""Which IAM actions the operations of a source take: named alike as a rule, and the exceptions as data.

Checked in the tests against AWS's own table of actions, and against the signing names of AWS's service models.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from evidence_kit.model.source import SourceSpec

# IAM's name of a service where it is not the SDK's.
PREFIXES: Mapping[str, str] = {
    "accessanalyzer": "access-analyzer",
    "amp": "aps",
    "bedrock-agent": "bedrock",
    "bedrock-agentcore-control": "bedrock-agentcore",
    "bedrock-data-automation": "bedrock",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "emr": "elasticmapreduce",
    "kinesisanalyticsv2": "kinesisanalytics",
    "mwaa": "airflow",
    "opensearch": "es",
    "opensearchserverless": "aoss",
    "resourcegroupstaggingapi": "tag",
    "s3control": "s3",
    "sagemaker-featurestore-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "service-quotas": "servicequotas",
    "sesv2": "ses",
    "sso-admin": "sso",
    "stepfunctions": "states",
    "timestream-query": "timestream",
}
# Services that grant HTTP methods instead of operations.
_BY_METHOD: Mapping[str, tuple[str, ...]] = {"apigateway": ("apigateway:GET",), "apigatewayv2": ("apigateway:GET",)}
# An object is stored under a key as often as not; who may read it and not decrypt it gets nothing.
_READING = ("s3:GetObject", "s3:GetObjectVersion", "kms:Decrypt")
# Operations that take other actions than their own name.
EXCEPTIONS: Mapping[str, tuple[str, ...]] = {
    "accessanalyzer:GetFindingV2": ("access-analyzer:GetFinding",),
    "accessanalyzer:ListFindingsV2": ("access-analyzer:ListFindings",),
    "s3:GetBucketAccelerateConfiguration": ("s3:GetAccelerateConfiguration",),
    "s3:GetBucketAnalyticsConfiguration": ("s3:GetAnalyticsConfiguration",),
    "s3:GetBucketCors": ("s3:GetBucketCORS",),
    "s3:GetBucketEncryption": ("s3:GetEncryptionConfiguration",),
    "s3:GetBucketIntelligentTieringConfiguration": ("s3:GetIntelligentTieringConfiguration",),
    "s3:GetBucketInventoryConfiguration": ("s3:GetInventoryConfiguration",),
    "s3:GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration",),
    "s3:GetBucketMetricsConfiguration": ("s3:GetMetricsConfiguration",),
    "s3:GetBucketNotificationConfiguration": ("s3:GetBucketNotification",),
    "s3:GetBucketReplication": ("s3:GetReplicationConfiguration",),
    "s3:GetObject": _READING,
    "s3:GetObjectLockConfiguration": ("s3:GetBucketObjectLockConfiguration",),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:HeadObject": _READING,
    "s3:ListBucketAnalyticsConfigurations": ("s3:GetAnalyticsConfiguration",),
    "s3:ListBucketIntelligentTieringConfigurations": ("s3:GetIntelligentTieringConfiguration",),
    "s3:ListBucketInventoryConfigurations": ("s3:GetInventoryConfiguration",),
    "s3:ListBucketMetricsConfigurations": ("s3:GetMetricsConfiguration",),
    "s3:ListBuckets": ("s3:ListAllMyBuckets",),
    "s3:ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListObjects": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3control:GetPublicAccessBlock": ("s3:GetAccountPublicAccessBlock",),
    "sts:GetCallerIdentity": (),  # everybody may ask who they are
}
# The modules whose `OPERATIONS` a mechanism issues beside the calls of its sources.
_ISSUING: Mapping[str, tuple[str, ...]] = {
    "aws.call": ("access",),
    "aws.cloudtrail_digest": ("access", "trails", "listing", "cloudtrail_digest"),
    "aws.cloudtrail_lookup": ("access", "cloudtrail_lookup"),
    "aws.cloudwatch_logs": ("access", "cloudwatch_logs", "insights"),
    "aws.s3_logs": ("access", "listing", "objects"),
    "aws.s3_objects": ("access", "trails", "listing", "objects"),
}
# What finding out where a source is to be asked takes. `account:ListRegions` is not among it: it only stands in.
_OF_SCOPE: Mapping[str, tuple[str, ...]] = {
    "region": ("ec2:DescribeRegions",),
    "organization": ("organizations:DescribeOrganization", "organizations:ListDelegatedAdministrators"),
}
_PACKAGE = "evidence_kit.collectors.aws"


def actions_of(operation: str) -> tuple[str, ...]:
    """Return the IAM actions that an operation takes; it is named `service:Operation` as the SDK does."""
    service, _, name = operation.partition(":")
    if service in _BY_METHOD:
        return _BY_METHOD[service]
    return EXCEPTIONS.get(operation, (f"{PREFIXES.get(service, service)}:{name}",))


def operations_of(spec: SourceSpec) -> tuple[str, ...]:
    """Return every operation that a source of AWS can issue, as `service:Operation`, sorted, each once."""
    issued = {operation for module in _ISSUING.get(spec.mechanism, ()) for operation in _own(module, spec)}
    issued.update(_OF_SCOPE.get(spec.scope, ()))
    settings: Mapping[str, Any] = spec.settings
    for asked in (settings, settings.get("discover", {})):
        issued.update(_listed(asked.get("calls", ()), str(asked.get("service", ""))))
    return tuple(sorted(issued))


def needed(spec: SourceSpec) -> frozenset[str]:
    """Return the IAM actions that a source of AWS takes."""
    return frozenset(action for operation in operations_of(spec) for action in actions_of(operation))


def _own(module: str, spec: SourceSpec) -> Sequence[str]:
    """Return what a module asks for this source: no object where only listings are wanted, no count without leave.

    What a parameter takes beside the source's own stands with the parameter.
    """
    if module == "insights" or (module == "objects" and spec.settings.get("bodies") is False):
        return ()
    found: Sequence[str] = import_module(f"{_PACKAGE}.{module}").OPERATIONS
    return found


def _listed(calls: Sequence[Mapping[str, Any]], service: str) -> Iterator[str]:
    for call in calls:
        yield f"{call.get('service', service)}:{call['operation']}"
        yield from _listed(call.get("then", ()), service)
