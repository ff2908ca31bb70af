"""`aws.cloudwatch_logs` does what every collector must."""

import json
from types import MappingProxyType

import pytest
from support.conformance_aws import AwsConformance

from evidence_kit.sandbox.applogs import BUSY

pytestmark = pytest.mark.slow


class TestCloudWatchLogs(AwsConformance):
    source, operation, empty = "aws.cloudwatch.logs", "FilterLogEvents", b'{"events": []}'
    params = MappingProxyType({"log_group_prefix": BUSY})

    def truth(self, cloud):
        count = cloud.truth.log_events[(*self.place, BUSY)]
        return (json.dumps(f'{{"n": {n}, "msg"')[1:-1].encode() for n in (*range(0, count, 500), count - 1))
