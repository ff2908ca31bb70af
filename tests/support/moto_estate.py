"""What the enforcing moto holds, so that sources find something to ask about at every depth."""

import gzip
import json
from datetime import timedelta

from support.enforcing import ACCOUNT, REGION, Enforcing
from support.lab import END

BUCKET = "trail-logs"
TRAIL = "the-trail"


def fill(moto: Enforcing) -> None:
    """Fill an open moto."""
    moto.client("organizations").create_organization(FeatureSet="ALL")
    logs = moto.client("logs")
    logs.create_log_group(logGroupName="/app/shop")
    moto.client("ssm").put_parameter(Name="/shop/size", Value="large", Type="String")
    moto.client("secretsmanager").create_secret(Name="shop/key", SecretString="not-a-secret")
    _fill_bucket(moto)
    trails = moto.client("cloudtrail")
    trails.create_trail(Name=TRAIL, S3BucketName=BUCKET)
    trails.start_logging(Name=TRAIL)
    iam = moto.client("iam")
    iam.create_user(UserName="somebody")
    iam.create_access_key(UserName="somebody")


def _fill_bucket(moto: Enforcing) -> None:
    s3 = moto.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    at = END - timedelta(hours=3)
    folder = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{at:%Y/%m/%d}"
    key = f"{folder}/{ACCOUNT}_CloudTrail_{REGION}_{at:%Y%m%dT%H%MZ}_1234567890abcdef.json.gz"
    s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(json.dumps({"Records": []}).encode()))
