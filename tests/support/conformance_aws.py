"""What the suite needs to run on a mechanism of AWS: the sandbox's cloud as a provider whose answers are known."""

import gzip
import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import ClassVar

import pytest
from support.conformance_faults import WIRE
from support.lab import END, QUESTIONS, catalogue, target

from evidence_kit.model.time import Window, compact
from evidence_kit.sandbox import faults
from evidence_kit.sandbox.incident import SHOP
from evidence_kit.testing import Answer, CollectorConformance, Provider

PLACE = (SHOP, "us-east-1")
_STAMP = re.compile(r"[0-9]{8}T[0-9]{4}")
KINDS = WIRE | {
    "dropped": {"kind": "reset"},
    "expired": {"kind": "expired"},
    "denied": {"kind": "denied"},
    "loop": {"kind": "token_loop"},
}
NO_WAIT = {"retry_after": "AWS names no time to wait"}
NO_LONG_LISTING = NO_WAIT | {
    "paging": "the sandbox lists a bucket on one page",
    "loop": "the sandbox lists a bucket on one page",
}
NOTHING_LISTED = (
    b'<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>'
    b"</ListVersionsResult>"
)
MORNING = Window(END - timedelta(hours=3), END - timedelta(hours=2))  # few files, and some


class AwsConformance(CollectorConformance):
    """Set `source`, the `operation` that faults befall, the answer of `silent` that says `empty`, and `truth`."""

    source: ClassVar[str]
    operation: ClassVar[str]
    silent: ClassVar[str] = ""  # an operation, where it is another one
    empty: ClassVar[bytes]
    place: ClassVar[tuple[str, str]] = PLACE
    window: ClassVar[Window | None] = None
    params: ClassVar[Mapping[str, str]] = MappingProxyType({})
    exempt = MappingProxyType(NO_WAIT)

    @pytest.fixture(autouse=True)
    def _clouds(self, clouds):
        self.clouds = clouds

    def spec(self):
        return replace(catalogue()[self.source], step=None)

    @abstractmethod
    def truth(self, cloud):
        """Return what there is to find, as it is written."""

    @contextmanager
    def provider(self, folder):
        cloud = self.clouds.get(end=END, lookup_tps=None)
        with _lent(cloud):
            spec = self.spec()
            questions = QUESTIONS.get(spec.mechanism, QUESTIONS["aws.s3_objects"])
            secret = cloud.environ["AWS_SECRET_ACCESS_KEY"]

            def answers():
                good = ((one, 200 <= one.status < 300 and one.operation not in questions) for one in cloud.door.sent)
                return [Answer(one.body or b"", evidence) for one, evidence in good]

            truth = tuple(self.truth(cloud))
            cloud.door.sent.clear()
            yield Provider(
                source=spec,
                target=target(*self.place),
                window=self.window or cloud.window,
                truth=truth,
                answers=answers,
                strike=lambda fault: cloud.door.faults.add(self.fault(fault)),
                canaries=lambda: [secret],
                environ=cloud.environ,
                params=self.params,
            )

    def fault(self, fault):
        if fault.kind == "empty":
            said = {"kind": "status", "status": 200, "body": self.empty}
            return faults.Fault(**said, operation=self.silent or self.operation, times=None)
        # A loop begins with a token, which the first page has.
        skip = 0 if fault.kind == "loop" else fault.skip
        return faults.Fault(**KINDS[fault.kind], operation=self.operation, skip=skip, times=fault.times)


@contextmanager
def _lent(cloud):
    """Lend a cloud in which the suite alters nothing, so that there is nothing to restore."""
    try:
        yield
    finally:
        unspent, failures = cloud.door.faults.unspent, list(cloud.door.failures)
        asked = Counter((one.operation, one.status) for one in cloud.door.sent)
        cloud.door.faults.clear()
        cloud.door.failures.clear()
    assert failures == []
    assert unspent == (), f"a fault never struck; what was asked, and how it was answered: {dict(asked)}"


def stamped(keys, window):
    """Return the keys whose name has a time within `window`."""
    return [key for key in keys if compact(window.start)[:13] <= _STAMP.search(key)[0] < compact(window.end)[:13]]


def event_ids(cloud, keys):
    """Return the events of some log files as they are written there."""
    with closing(cloud.client("s3")) as client:
        for key in keys:
            body = gzip.decompress(client.get_object(Bucket=cloud.bucket, Key=key)["Body"].read())
            yield from re.findall(rb'"eventID":"[^"]+"', body)
