"""Nothing is changed with credentials that were given for reading, and a refusal says what would help."""

from dataclasses import replace

import pytest
from support.enforcing import ACCOUNT, REGION
from support.preserving import actions, only, settled

from evidence_kit.model.unit import Target
from evidence_kit.preservation.credentials import acting

ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["sts:*", "ec2:Describe*"], "Resource": "*"}],
}


def of(provider, **access):
    return Target(provider=provider, id=ACCOUNT, regions=(REGION,), access=access)


@pytest.fixture
def volume(moto):
    return moto.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]


@pytest.mark.parametrize("access", [{}, {"role": "arn:aws:iam::1:role/reader"}, {"preserve": "yes"}])
def test_without_credentials_of_its_own_nothing_is_asked_and_the_reason_says_what_to_add(aws, line, access):
    aws.target = replace(aws.target, access=access)
    status, reason = settled(aws.plan("aws.ebs.snapshot_volume", volume_id="vol-0123456789abcdef0"))
    assert status == "denied"
    assert "`preserve: {role: …}`" in reason
    assert "`preserve: same`" in reason
    assert line.seen == []


def test_a_permission_that_is_refused_is_named_and_nothing_is_made(aws, moto, line, volume):
    moto.allow([READ])
    status, reason = only(aws.do("aws.ebs.snapshot_volume", volume_id=volume))
    moto.open()
    assert status == "denied"
    assert "(needed: ec2:DescribeVolumes, ec2:DescribeSnapshots, ec2:CreateSnapshot, ec2:CreateTags)" in reason
    assert moto.client("ec2").describe_snapshots(OwnerIds=["self"], Filters=[
        {"Name": "volume-id", "Values": [volume]}
    ])["Snapshots"] == []  # fmt: skip


def test_a_refused_action_looks_again_before_it_says_that_nothing_was_done(aws, moto, volume):
    moto.allow([READ])
    aws.do("aws.ebs.snapshot_volume", volume_id=volume)
    moto.open()
    assert aws.operations()[-2:] == ["DescribeVolumes", "DescribeSnapshots"]


def test_a_role_of_its_own_is_assumed(aws, line, moto, volume):
    aws.target = replace(aws.target, access={"preserve.role": f"arn:aws:iam::{ACCOUNT}:role/keeper"})
    assert only(aws.do("aws.ebs.snapshot_volume", volume_id=volume)) == ("complete", "")
    assert line.count("role%2Fkeeper") >= 1


def test_what_says_who_reads_is_never_taken_along():
    reader = of(
        "aws", role="arn:r", profile="reader", externalId="x", sessionPolicies="p", partition="aws",
        memberRole="m", **{"preserve.profile": "keeper", "endpoint.s3": "https://x"},
    )  # fmt: skip
    found = acting(reader)
    assert found is not None
    own = {name: value for name, value in found.access.items() if not name.startswith("preserve.")}
    assert own == {"profile": "keeper", "partition": "aws", "endpoint.s3": "https://x"}


@pytest.mark.parametrize("said", [{"externalId": "x"}, {"sessionPolicies": "p"}, {"externalId": "x", "role": ""}])
def test_what_only_goes_along_with_a_role_lets_nobody_act(said):
    own = {f"preserve.{name}": value for name, value in said.items()}
    assert acting(of("aws", role="arn:r", profile="reader", **own)) is None


def test_the_operators_profile_may_assume_the_acting_role_but_not_act_itself():
    found = acting(of("aws", role="arn:r", profile="me", externalId="x", **{"preserve.role": "arn:k"}))
    assert found is not None
    assert (found.access["role"], found.access["profile"], "externalId" in found.access) == ("arn:k", "me", False)


def test_googles_subject_and_key_of_reading_are_left_behind():
    found = acting(of("gcp", credentials="r.json", subject="a@x", organization="1", **{"preserve.credentials": "k"}))
    assert found is not None
    assert (found.access["credentials"], found.access["organization"], "subject" in found.access) == ("k", "1", False)


def test_every_action_says_who_can_undo_it_and_what_it_costs():
    for action in actions().values():
        assert action.reversible
        assert action.cost
        assert action.source.permissions
        assert action.source.docs.startswith("https://")
