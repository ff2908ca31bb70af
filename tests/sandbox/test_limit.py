from collections import deque
from contextlib import closing
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from evidence_kit.sandbox.cloud import Cloud


def test_more_than_two_lookups_a_second_are_throttled_by_default(clouds):
    clouds.close()
    end = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
    with Cloud(end=end, log_events=10) as cloud, closing(cloud.client("cloudtrail")) as client:
        with pytest.raises(ClientError, match="Rate exceeded") as refused:
            deque((client.lookup_events(MaxResults=1) for _ in range(20)), maxlen=0)
        assert refused.value.response["Error"]["Code"] == "ThrottlingException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
