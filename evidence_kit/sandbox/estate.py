"""What stands in the two accounts before and after the incident: people, keys, roles, machines, trails.

Made through AWS's own API, so that whatever answers is what a real client would have left there.
"""

import gzip
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.cloudtrail.models import cloudtrail_backends
from moto.iam.models import iam_backends

from evidence_kit.sandbox.backend import Bucket
from evidence_kit.sandbox.incident import (
    ACCOUNTS,
    ATTACKER_IP,
    DATA,
    HOME,
    LEAKED_KEY,
    LOOT_BUCKET,
    PLANTED_KEY,
    PROMPT_BUCKET,
    SCORING,
    SHOP,
    Incident,
)
from evidence_kit.sandbox.prompts import PREFIX
from evidence_kit.sandbox.scoring import HONEST, PLANTED, deploy

ClientOf = Callable[[str, str, str], Any]  # service, account, region; botocore makes clients at run time
READER = "ir-readonly"
TRAIL = "main"
_ROLES = {
    SHOP: ("checkout-api", "inventory-sync", "platform-monitor", "ci-runner", "ir-responder"),
    DATA: ("pricing-export", "inventory-sync", "platform-monitor"),
}
_USERS = {SHOP: ("ci-deploy", "svc-pricing", "maria.lopez", "svc-backup"), DATA: ("ana.silva",)}
_READ_PRICES = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": f"arn:aws:s3:::{LOOT_BUCKET}/*"}],
    }
)
_EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


def trust(account: str) -> str:
    """Return the policy that lets `account` assume a role."""
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def settle(client: ClientOf, incident: Incident, bucket: str) -> None:
    """Build the estate as the responders find it."""
    for account in ACCOUNTS:
        open_account(client, account, bucket)
        _staff(client("iam", account, HOME), account)
        _machine(client("ec2", account, HOME), account)
    _leak(client("iam", SHOP, HOME))
    _log_prompts(client("bedrock", SHOP, HOME))
    scoring = client("sagemaker", SCORING.account, SCORING.region)
    deploy(scoring, SCORING, window=incident.window, swapped_at=incident.swapped_at)
    _date_trails(incident)


def open_account(client: ClientOf, account: str, bucket: str) -> None:
    """Give an account what every account of the estate has: a role for responders, and a trail."""
    client("iam", account, HOME).create_role(RoleName=READER, AssumeRolePolicyDocument=trust(SHOP))
    cloudtrail = client("cloudtrail", account, HOME)
    cloudtrail.create_trail(
        Name=TRAIL,
        S3BucketName=bucket,
        IsMultiRegionTrail=True,
        IncludeGlobalServiceEvents=True,
        EnableLogFileValidation=True,
    )
    values = ["arn:aws:s3"]
    selector = {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [{"Type": "AWS::S3::Object", "Values": values}],
    }
    cloudtrail.put_event_selectors(TrailName=TRAIL, EventSelectors=[selector])
    cloudtrail.start_logging(Name=TRAIL)


def _staff(iam: Any, account: str) -> None:  # noqa: ANN401  see ClientOf
    for role in _ROLES[account]:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust(SHOP))
    policy = iam.create_policy(PolicyName="pricing-read", PolicyDocument=_READ_PRICES)["Policy"]["Arn"]
    iam.create_policy(PolicyName="platform-admin", PolicyDocument=_EVERYTHING)
    iam.attach_role_policy(RoleName=_ROLES[account][0], PolicyArn=policy)
    iam.put_role_policy(RoleName=_ROLES[account][1], PolicyName="inline", PolicyDocument=_READ_PRICES)
    iam.create_group(GroupName="developers")
    for name in _USERS[account]:
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="developers", UserName=name)


def _leak(iam: Any) -> None:  # noqa: ANN401  see ClientOf
    iam.attach_user_policy(UserName="svc-backup", PolicyArn=f"arn:aws:iam::{SHOP}:policy/platform-admin")
    for owner, key in (("ci-deploy", LEAKED_KEY), ("svc-pricing", PLANTED_KEY)):
        made = iam.create_access_key(UserName=owner)["AccessKey"]["AccessKeyId"]
        _rename_key(made, key)
        iam.update_access_key(UserName=owner, AccessKeyId=key, Status="Inactive")


def _log_prompts(bedrock: Any) -> None:  # noqa: ANN401  see ClientOf
    """Log model calls in the home region; where the intruder turned that off there is nothing to set."""
    kinds = dict.fromkeys(
        ("textDataDeliveryEnabled", "imageDataDeliveryEnabled", "embeddingDataDeliveryEnabled"), True
    )
    place = {"s3Config": {"bucketName": PROMPT_BUCKET, "keyPrefix": PREFIX}}
    bedrock.put_model_invocation_logging_configuration(loggingConfig={**place, **kinds})


def fill_buckets(incident: Incident) -> None:
    """Lay down what models were asked, what the endpoint captured, and what both of its models are made of."""
    prompts, captures = Bucket(SHOP, PROMPT_BUCKET), Bucket(SHOP, SCORING.captures)
    for file in incident.prompts:
        prompts.put(file.key, file.body, {}, modified=file.delivered_at)
    for capture in incident.captured:
        captures.put(capture.key, capture.body, {}, modified=capture.written_at)
    models = Bucket(SHOP, SCORING.models)
    for version, at in ((HONEST, incident.window.start), (PLANTED, incident.swapped_at)):
        models.put(version.artifact, gzip.compress(version.model.encode(), mtime=0), {}, modified=at)


def _rename_key(made: str, key: str) -> None:
    """Let an access key have the id that the story gives it; IAM would draw one."""
    keys = iam_backends[SHOP]["aws"].access_keys
    keys[key] = keys.pop(made)
    keys[key].access_key_id = key


def _machine(ec2: Any, account: str) -> None:  # noqa: ANN401  see ClientOf
    group = ec2.create_security_group(GroupName="bastion", Description="way in for operators")["GroupId"]
    way_in = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": f"{ATTACKER_IP}/32"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[way_in])
    names = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": f"{ACCOUNTS[account]}-bastion"}]}]
    ec2.run_instances(
        ImageId="ami-0abcdef1234567890",
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
        SecurityGroupIds=[group],
        TagSpecifications=names,
    )


def _date_trails(incident: Incident) -> None:
    """Let GetTrailStatus tell the story's times and not those of the seeding."""
    shop = cloudtrail_backends[SHOP][HOME].trails[TRAIL].status
    shop.started, shop.stopped = _naive(incident.restarted_at), _naive(incident.stopped_at)
    cloudtrail_backends[DATA][HOME].trails[TRAIL].status.started = _naive(incident.window.start)


def _naive(moment: datetime) -> datetime:
    """Return what moto, which knows UTC only, calls a time."""
    return moment.replace(tzinfo=None)
