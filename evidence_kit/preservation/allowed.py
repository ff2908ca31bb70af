"""Every operation by which an action may change a target, and what it may say: the one list, held to at every call.

None deletes, disables, shortens or exposes anything. What is not here is not sent, whatever a description says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from evidence_kit.errors import UsageError

_READS = re.compile(r"[a-z0-9]+:(?:(?:Get|List|Describe)[A-Z]\w*|[a-zA-Z.]+\.(?:get|list))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """One writing operation: why it harms nothing, the fields it may carry, and what some of them must say.

    `must` maps JMESPath to the only value that may stand there.
    """

    why: str
    fields: frozenset[str]
    method: str = "POST"
    must: Mapping[str, object] = field(default_factory=dict)


def _fields(names: str) -> frozenset[str]:
    return frozenset(names.split())


WRITING: Mapping[str, Allowed] = {
    "ec2:CreateSnapshot": Allowed(
        why="adds a copy of a volume, which stays private",
        fields=_fields("VolumeId Description TagSpecifications"),
    ),
    "ec2:CreateSnapshots": Allowed(
        why="adds a copy of each of an instance's volumes, which stays private",
        fields=_fields("InstanceSpecification Description TagSpecifications"),
    ),
    "rds:CreateDBSnapshot": Allowed(
        why="adds a copy of a database, which stays private",
        fields=_fields("DBInstanceIdentifier DBSnapshotIdentifier Tags"),
    ),
    "rds:CreateDBClusterSnapshot": Allowed(
        why="adds a copy of a cluster, which stays private",
        fields=_fields("DBClusterIdentifier DBClusterSnapshotIdentifier Tags"),
    ),
    "s3:PutObjectLegalHold": Allowed(
        why="keeps a version from being deleted",
        fields=_fields("Bucket Key VersionId LegalHold"),
        must={"LegalHold.Status": "ON"},
    ),
    "s3:PutObjectRetention": Allowed(
        why="keeps a version from being deleted until a date; without the bypass, S3 lets no date come nearer",
        fields=_fields("Bucket Key VersionId Retention"),
    ),
    "s3:PutBucketVersioning": Allowed(
        why="keeps what is overwritten or deleted from now on",
        fields=_fields("Bucket VersioningConfiguration"),
        must={"VersioningConfiguration": {"Status": "Enabled"}},
    ),
    "logs:PutRetentionPolicy": Allowed(
        why="keeps log events longer",
        fields=_fields("logGroupName retentionInDays"),
    ),
    "compute:snapshots.insert": Allowed(
        why="adds a copy of a disk, which stays private",
        fields=_fields("name sourceDisk labels description"),
    ),
    "storage:objects.patch": Allowed(
        why="keeps an object from being deleted or replaced",
        method="PATCH",
        fields=_fields("temporaryHold eventBasedHold"),
        must={"values(@)": [True]},
    ),
    "storage:buckets.patch": Allowed(
        why="keeps what a bucket holds longer; it locks nothing",
        method="PATCH",
        fields=_fields("retentionPolicy"),
        must={"retentionPolicy.keys(@)": ["retentionPeriod"]},
    ),
    "logging:buckets.patch": Allowed(
        why="keeps log entries longer; it locks nothing",
        method="PATCH",
        fields=_fields("retentionDays"),
    ),
    "arm:CreateSnapshot": Allowed(
        why="adds a copy of a disk, which no network reaches",
        method="PUT",
        fields=_fields("location tags properties"),
        must={
            "properties.networkAccessPolicy": "DenyAll",
            "properties.publicNetworkAccess": "Disabled",
            "properties.creationData.createOption": "Copy",
        },
    ),
    "arm:SetLegalHold": Allowed(
        why="keeps a container's blobs from being changed or deleted",
        fields=_fields("tags allowProtectedAppendWritesAll"),
    ),
    "arm:PutImmutabilityPolicy": Allowed(
        why="keeps a container's blobs longer; it locks nothing",
        method="PUT",
        fields=_fields("properties"),
        must={"sort(keys(properties))": ["allowProtectedAppendWritesAll", "immutabilityPeriodSinceCreationInDays"]},
    ),
    "arm:UpdateTable": Allowed(
        why="keeps a table's rows longer",
        method="PATCH",
        fields=_fields("properties"),
        must={"properties.keys(@)": ["totalRetentionInDays"]},
    ),
}


def require_read(operation: str) -> None:
    """Raise UsageError for an operation, named `service:Operation`, whose name does not say that it only reads."""
    if not _READS.fullmatch(operation):
        raise UsageError(f"`{operation[:80]!a}` is not known to be read-only")


def require_write(operation: str, said: Mapping[str, Any], *, granted: tuple[str, ...], method: str = "POST") -> None:
    """Raise UsageError unless the operation is allowed here, granted to the action, and says nothing beyond that."""
    allowed = WRITING.get(operation)
    if allowed is None or operation not in granted:
        raise UsageError(f"`{operation[:80]!a}` is none of the operations that this action may change a target by")
    if method != allowed.method:
        raise UsageError(f"`{operation}` is sent by {allowed.method}, not by {method}")
    if strange := sorted(set(said) - allowed.fields):
        raise UsageError(f"`{operation}` may not say `{strange[0]}`")
    for path, wanted in allowed.must.items():
        if _found(path, said) != wanted:
            raise UsageError(f"`{operation}` says at `{path}` what it may not say")


def _found(path: str, said: Mapping[str, Any]) -> object:
    try:
        return jmespath.search(path, dict(said))
    except JMESPathError:
        return None  # it is not there, or of another kind
