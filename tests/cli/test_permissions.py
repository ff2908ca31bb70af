"""`sources permissions`: what to grant, as JSON or as a role, and what is said when it is much or nothing."""

import json

import pytest

from evidence_kit.errors import Exit


def test_one_source_of_aws_is_one_policy_for_the_named_bucket(run):
    told = run("sources", "permissions", "aws.cloudtrail.s3", "--bucket", "org-logs")
    policy = json.loads(told.out)["aws"]
    assert (told.code, told.err) == (0, "")
    resources = {one["Sid"]: one["Resource"] for one in policy["Statement"]}
    assert resources["EvidenceKitLogFiles"] == "arn:aws:s3:::org-logs/*"


def test_what_does_not_fit_into_one_policy_is_numbered_and_said(run):
    told = run("sources", "permissions", "--provider", "aws")
    made = json.loads(told.out)
    assert list(made) == [f"aws-{number}" for number in range(1, len(made) + 1)]
    assert f"AWS: {len(made)} policies" in told.err


def test_providers_are_not_mixed(run):
    both = json.loads(run("sources", "permissions", "aws.iam.account", "gcp.kms.keys").out)
    assert sorted(both) == ["aws", "gcp"]
    only = json.loads(run("sources", "permissions", "aws.iam.account", "gcp.kms.keys", "--provider", "gcp").out)
    assert only == {"gcp": both["gcp"]}


@pytest.mark.parametrize(("form", "words"), [("cloudformation", "AWS::IAM::Role"), ("terraform", '"aws_iam_role"')])
def test_a_role_can_be_had_instead(form, words, run):
    told = run("sources", "permissions", "aws.iam.account", "--format", form)
    assert told.code == 0
    assert words in told.out
    assert "iam:ListAccessKeys" in told.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which sources?"),
        (("aws.iam.account", "--format", "yaml"), "unknown format `yaml`"),
        (("gcp.kms.keys", "--format", "terraform"), "none of these sources is of AWS"),
        (("aws.cloudtrail.s3", "--bucket", "*"), "`*` is no bucket"),
    ],
)
def test_what_cannot_be_granted_is_refused(arguments, said, run):
    told = run("sources", "permissions", *arguments)
    assert told.code == Exit.USAGE
    assert said in told.err
    assert told.out == ""
