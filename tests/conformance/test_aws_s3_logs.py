"""`aws.s3_logs` does what every collector must."""

from types import MappingProxyType

import pytest
from support.conformance_aws import MORNING, NO_LONG_LISTING, NOTHING_LISTED, PLACE, AwsConformance, event_ids

from evidence_kit.model.time import compact
from evidence_kit.sandbox.cloud import BUCKET

pytestmark = pytest.mark.slow

ACCOUNT, REGION = PLACE
HOUR = compact(MORNING.start)[:11]  # files of one hour
FOLDER = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{MORNING.start:%Y/%m/%d}"


class TestS3Logs(AwsConformance):
    source, operation, silent, empty = "aws.s3.objects", "GetObject", "ListObjectVersions", NOTHING_LISTED
    exempt = MappingProxyType(NO_LONG_LISTING)
    params = MappingProxyType({"bucket": BUCKET, "prefix": f"{FOLDER}/{ACCOUNT}_CloudTrail_{REGION}_{HOUR}"})

    def truth(self, cloud):
        keys = cloud.truth.log_keys[self.place]
        return event_ids(cloud, [key for key in keys if key.startswith(self.params["prefix"])])
