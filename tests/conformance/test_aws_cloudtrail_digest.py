"""`aws.cloudtrail_digest` does what every collector must."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest
from support.conformance_aws import MORNING, NO_LONG_LISTING, NOTHING_LISTED, AwsConformance, stamped

pytestmark = pytest.mark.slow

HOURS = replace(MORNING, end=MORNING.end + timedelta(hours=1))  # a digest an hour


class TestCloudTrailDigest(AwsConformance):
    source, operation, silent, empty = "aws.cloudtrail.digest", "GetObject", "ListObjectVersions", NOTHING_LISTED
    exempt = MappingProxyType(NO_LONG_LISTING)
    window = HOURS

    def truth(self, cloud):
        keys = stamped(cloud.truth.digest_keys[self.place], HOURS)
        return (f'"digestS3Object":"{key}"'.encode() for key in keys)
