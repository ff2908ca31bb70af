"""One policy for many sources: nothing twice, nothing wider than it must be, and never longer than IAM takes."""

import json
from dataclasses import replace

import pytest

from evidence_kit.errors import UsageError
from evidence_kit.governance.aws_policies import MOST, aws_policies
from evidence_kit.sources.catalogue import load_catalogue

ALL = {name: spec for name, spec in load_catalogue().items() if spec.provider == "aws"}
TRAIL, IAM = ALL["aws.cloudtrail.s3"], ALL["aws.iam.account"]


def by_sid(policy):
    return {one["Sid"].removeprefix("EvidenceKit"): one for one in policy["Statement"]}


def every_action(policies):
    return [action for policy in policies for statement in policy["Statement"] for action in statement["Action"]]


def length(policy):
    return len("".join(json.dumps(policy).split()))


def test_the_whole_catalogue_grants_every_action_exactly_once():
    wanted = {action for spec in ALL.values() for action in spec.permissions}
    assert sorted(every_action(aws_policies(list(ALL.values())))) == sorted(wanted)


def test_what_no_resource_can_limit_stands_apart():
    statements = by_sid(aws_policies([IAM])[0])
    assert statements["AccountWide"]["Action"] == ["iam:GetAccountAuthorizationDetails"]
    assert statements["AnyResource"]["Action"] == ["iam:GetAccessKeyLastUsed", "iam:ListAccessKeys"]


def test_named_buckets_are_the_only_ones_whose_files_can_be_read():
    statements = by_sid(aws_policies([TRAIL], buckets=["b-two", "arn:aws-us-gov:s3:::b-one", "b-two"])[0])
    assert statements["LogBuckets"]["Resource"] == ["arn:aws-us-gov:s3:::b-one", "arn:aws:s3:::b-two"]
    assert statements["LogFiles"]["Resource"] == ["arn:aws-us-gov:s3:::b-one/*", "arn:aws:s3:::b-two/*"]


def test_without_named_buckets_any_may_be_read():
    statements = by_sid(aws_policies([TRAIL])[0])
    assert {statements[sid]["Resource"] for sid in ("LogBuckets", "LogFiles")} == {"*"}


def test_a_source_that_asks_about_every_bucket_is_not_limited_to_the_named_ones():
    posture = replace(IAM, permissions=("s3:ListBucket",))
    statements = by_sid(aws_policies([TRAIL, posture], buckets=["b-one"])[0])
    assert "s3:ListBucket" in statements["AnyResource"]["Action"]
    assert statements["LogBuckets"]["Action"] == ["s3:ListBucketVersions"]


def test_keys_open_what_lies_in_s3_and_nothing_else():
    decrypt = by_sid(aws_policies([TRAIL])[0])["DecryptInS3"]
    assert decrypt["Action"] == ["kms:Decrypt"]
    assert decrypt["Condition"] == {"StringLike": {"kms:ViaService": ["s3.*.amazonaws.com", "s3.*.amazonaws.com.cn"]}}


@pytest.mark.parametrize("bucket", ["", "*", "b", "Upper", "a/b", "arn:aws:s3:::logs/*", "arn:aws:iam::1:role/x"])
def test_what_is_no_bucket_is_refused(bucket):
    with pytest.raises(UsageError):
        aws_policies([TRAIL], buckets=[bucket])


def many(count):
    return replace(IAM, permissions=tuple(f"service{at // 50}:DescribeSomething{at:04}" for at in range(count)))


def test_what_fits_into_one_policy_is_one():
    assert len(aws_policies([many(100)])) == 1


@pytest.mark.parametrize("count", [190, 400, 1000])
def test_no_policy_is_longer_than_iam_takes_and_none_could_take_more(count):
    policies = aws_policies([many(count)])
    assert len(policies) > 1
    assert all(length(policy) <= MOST for policy in policies)
    assert all(length(policy) > MOST - 60 for policy in policies[:-1])
    assert sorted(every_action(policies)) == sorted(many(count).permissions)


def test_no_source_no_policy():
    assert aws_policies([]) == ()
