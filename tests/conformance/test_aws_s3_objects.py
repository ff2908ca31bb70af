"""`aws.s3_objects` does what every collector must."""

from types import MappingProxyType

import pytest
from support.conformance_aws import MORNING, NO_LONG_LISTING, NOTHING_LISTED, AwsConformance, event_ids, stamped

pytestmark = pytest.mark.slow


class TestS3Objects(AwsConformance):
    source, operation, silent, empty = "aws.cloudtrail.s3", "GetObject", "ListObjectVersions", NOTHING_LISTED
    exempt = MappingProxyType(NO_LONG_LISTING)
    window = MORNING

    def truth(self, cloud):
        return event_ids(cloud, stamped(cloud.truth.log_keys[self.place], MORNING))
