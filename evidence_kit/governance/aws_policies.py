"""IAM policies for a set of sources: every action once, in a statement by what AWS lets it be limited to."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evidence_kit.errors import UsageError
from evidence_kit.governance.account_wide import ACCOUNT_WIDE
from evidence_kit.model.source import SourceSpec

MOST = 6_144  # characters of a managed policy; white space does not count
# How mechanisms read the files that services deliver; only there can buckets be named beforehand.
_READING_FILES = frozenset({"aws.cloudtrail_digest", "aws.s3_logs", "aws.s3_objects"})
_ON_BUCKETS = frozenset({"s3:ListBucket", "s3:ListBucketVersions"})
_ON_OBJECTS = frozenset({"s3:GetObject", "s3:GetObjectVersion"})
_DECRYPT = "kms:Decrypt"
# Nothing is decrypted but what S3 holds, whoever has these credentials.
_BY_S3 = {"StringLike": {"kms:ViaService": ["s3.*.amazonaws.com", "s3.*.amazonaws.com.cn"]}}
_BUCKET = re.compile(r"(?:arn:aws[a-z-]*:s3:::)?[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """What is granted alike."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    condition: Mapping[str, object] = field(default_factory=dict)

    def granting(self, actions: Sequence[str]) -> dict[str, object]:
        """Return it as IAM writes it, for some of its actions."""
        resource = self.resources[0] if len(self.resources) == 1 else list(self.resources)
        made: dict[str, object] = {"Sid": self.sid, "Effect": "Allow", "Action": list(actions), "Resource": resource}
        return {**made, "Condition": self.condition} if self.condition else made


def aws_policies(specs: Sequence[SourceSpec], *, buckets: Sequence[str] = ()) -> tuple[Mapping[str, object], ...]:
    """Return one policy, or as many as their size demands; `buckets` are the only ones whose files may be read."""
    policies: list[Mapping[str, object]] = []
    current: list[tuple[_Statement, list[str]]] = []
    for statement in _statements(specs, _arns(buckets)):
        for action in statement.actions:
            grown = _with(current, statement, action)
            if _size(grown) > MOST:
                policies.append(_policy(current))
                grown = [(statement, [action])]
            current = grown
    return (*policies, _policy(current)) if current else tuple(policies)


def _statements(specs: Sequence[SourceSpec], buckets: tuple[str, ...]) -> Iterator[_Statement]:
    """Yield the statements that grant anything.

    What a source reads that asks services, and not files, stands for every bucket: it cannot know their names.
    """
    files = {action for spec in specs if spec.mechanism in _READING_FILES for action in spec.permissions}
    calls = {action for spec in specs if spec.mechanism not in _READING_FILES for action in spec.permissions}
    by_name = (files & (_ON_BUCKETS | _ON_OBJECTS)) - calls
    rest = (files | calls) - by_name - {_DECRYPT}
    objects = tuple(f"{arn}/*" for arn in buckets)
    for statement in (
        _Statement(sid="EvidenceKitAccountWide", actions=tuple(sorted(rest & ACCOUNT_WIDE))),
        _Statement(sid="EvidenceKitAnyResource", actions=tuple(sorted(rest - ACCOUNT_WIDE))),
        _Statement(
            sid="EvidenceKitLogBuckets", actions=tuple(sorted(by_name & _ON_BUCKETS)), resources=buckets or ("*",)
        ),
        _Statement(
            sid="EvidenceKitLogFiles", actions=tuple(sorted(by_name & _ON_OBJECTS)), resources=objects or ("*",)
        ),
        _Statement(
            sid="EvidenceKitDecryptInS3",
            actions=tuple(sorted({_DECRYPT} & (files | calls))),
            condition=_BY_S3,
        ),
    ):
        if statement.actions:
            yield statement


def _arns(buckets: Sequence[str]) -> tuple[str, ...]:
    for bucket in buckets:
        if not _BUCKET.fullmatch(bucket):
            raise UsageError(f"`{bucket}` is no bucket", hint="its name, or its ARN in a partition other than `aws`")
    return tuple(bucket if bucket.startswith("arn:") else f"arn:aws:s3:::{bucket}" for bucket in sorted(set(buckets)))


def _with(
    current: Sequence[tuple[_Statement, list[str]]], statement: _Statement, action: str
) -> list[tuple[_Statement, list[str]]]:
    if current and current[-1][0] is statement:
        return [*current[:-1], (statement, [*current[-1][1], action])]
    return [*current, (statement, [action])]


def _policy(granted: Sequence[tuple[_Statement, list[str]]]) -> Mapping[str, object]:
    return {"Version": "2012-10-17", "Statement": [statement.granting(actions) for statement, actions in granted]}


def _size(granted: Sequence[tuple[_Statement, list[str]]]) -> int:
    return len(json.dumps(_policy(granted), separators=(",", ":")))
