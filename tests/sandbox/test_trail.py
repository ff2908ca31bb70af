"""Check that the sandbox lays down CloudTrail's files as AWS does: names, hours, chain and signatures."""

import gzip
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_kit.custody.cloudtrail import check_chain, inflated_sha256, parse_digest
from evidence_kit.errors import UsageError
from evidence_kit.model.time import Window, parse_instant, rfc3339
from evidence_kit.sandbox.trail import MAX_RECORDS, Delivery, TrailKey, deliver

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
KEY = TrailKey.generate()
LOG = re.compile(
    r"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/(18|19)"
    r"/111122223333_CloudTrail_eu-west-1_(202611\1T[0-9]{4})Z_[A-Za-z0-9]{16}\.json\.gz"
)


class Bucket:
    """What was put, in order, put-once."""

    def __init__(self, events: Sequence[Mapping[str, object]], *logging: Window, **changed: object) -> None:
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        settings = {
            "account": "111122223333",
            "region": "eu-west-1",
            "trail": "audit",
            "home_region": "us-east-1",
            "bucket": "logs",
            "key": KEY,
        }
        self.delivery: Delivery = deliver(**(settings | changed), events=events, logging=logging, put=self.put)

    def put(self, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        assert key not in self.objects
        self.objects[key] = (body, dict(metadata))

    def text(self, key: str) -> bytes:
        return gzip.decompress(self.objects[key][0])

    def json(self, key: str) -> dict[str, object]:
        return json.loads(self.text(key))

    def records(self) -> list[dict[str, object]]:
        return [record for key in self.delivery.log_keys for record in self.json(key)["Records"]]

    def spans(self) -> list[tuple[object, object]]:
        return [
            (value["digestStartTime"], value["digestEndTime"]) for value in map(self.json, self.delivery.digest_keys)
        ]


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def span(start: float, end: float) -> Window:
    return Window(at(start), at(end))


def event(minutes: float, **more: object) -> dict[str, object]:
    return {"eventID": f"e{minutes}", "eventTime": rfc3339(at(minutes))} | more


def test_every_event_while_logging_is_delivered_once():
    events = [event(minute) for minute in range(120)]
    bucket = Bucket(events, span(0, 120))
    assert sorted(record["eventID"] for record in bucket.records()) == sorted(e["eventID"] for e in events)
    assert bucket.delivery.event_ids == {e["eventID"] for e in events}


def test_event_while_the_trail_is_stopped_is_delivered_nowhere():
    bucket = Bucket([event(10), event(60), event(130)], span(0, 60), span(120, 180))
    assert bucket.delivery.event_ids == {"e10", "e130"}
    assert [record["eventID"] for record in bucket.records()] == ["e10", "e130"]


def test_hours_are_full_but_the_first_and_the_last():
    assert Bucket([], span(20, 150)).spans() == [
        ("2026-11-18T12:20:00Z", "2026-11-18T13:00:00Z"),
        ("2026-11-18T13:00:00Z", "2026-11-18T14:00:00Z"),
        ("2026-11-18T14:00:00Z", "2026-11-18T14:30:00Z"),
    ]


def test_new_interval_starts_a_new_chain():
    bucket = Bucket([], span(180, 240), span(0, 120))
    starts = [bucket.json(key)["previousDigestS3Object"] for key in bucket.delivery.digest_keys]
    assert starts == [None, bucket.delivery.digest_keys[0], None]


def test_chain_verifies_with_the_public_key():
    bucket = Bucket([event(minute) for minute in range(300)], span(20, 150), span(180, 300))
    digests = [
        parse_digest(body, signature=metadata["signature"], name=key, stored=("logs", key))
        for key, (body, metadata) in bucket.objects.items()
        if metadata
    ]
    result = check_chain(digests, {KEY.fingerprint: KEY.public_der})
    assert (result.valid, result.defects) == (5, ())
    assert [finding.window for finding in result.findings] == [span(150, 180)]
    assert {log.key: log.sha256 for log in result.logs} == {
        key: inflated_sha256([bucket.objects[key][0]]) for key in bucket.delivery.log_keys
    }


def test_digest_carries_its_signature_as_user_metadata():
    bucket = Bucket([], span(0, 60))
    (key,) = bucket.delivery.digest_keys
    assert bucket.objects[key][1].keys() == {"signature", "signature-algorithm"}
    assert bucket.objects[key][1]["signature-algorithm"] == "SHA256withRSA"


def test_digest_is_filed_under_its_end():
    (key,) = Bucket([], span(660, 720)).delivery.digest_keys
    folder, name = key.rsplit("/", 1)
    assert folder == "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/19"
    assert name == "111122223333_CloudTrail-Digest_eu-west-1_audit_us-east-1_20261119T000000Z.json.gz"


def test_log_is_filed_under_its_delivery():
    bucket = Bucket([event(minute) for minute in range(700, 740)], span(660, 780))
    names = [LOG.fullmatch(key) for key in bucket.delivery.log_keys]
    assert {name[1] for name in names} == {"18", "19"}


def test_log_is_delivered_about_five_minutes_after_its_events():
    bucket = Bucket([event(minute) for minute in range(50)], span(0, 60))
    for key in bucket.delivery.log_keys:
        delivered_at = parse_instant(f"{LOG.fullmatch(key)[2]}00Z")
        for record in bucket.json(key)["Records"]:
            assert timedelta(0) < delivered_at - parse_instant(record["eventTime"]) <= timedelta(minutes=7)


def test_last_events_before_a_stop_stand_in_its_last_digest():
    bucket = Bucket([event(59.9)], span(0, 60))
    (log,), (digest,) = bucket.delivery.log_keys, bucket.delivery.digest_keys
    assert LOG.fullmatch(log)[2] == "20261118T1259"
    assert [entry["s3Object"] for entry in bucket.json(digest)["logFiles"]] == [log]


def test_log_that_arrives_in_the_next_hour_stands_in_the_next_digest():
    bucket = Bucket([event(58)], span(0, 120))
    listed = [len(bucket.json(key)["logFiles"]) for key in bucket.delivery.digest_keys]
    assert listed == [0, 1]


def test_log_holds_a_bounded_number_of_records():
    bucket = Bucket([event(1, eventID=f"e{n}") for n in range(2 * MAX_RECORDS + 1)], span(0, 60))
    sizes = [len(bucket.json(key)["Records"]) for key in bucket.delivery.log_keys]
    assert sorted(sizes) == [1, MAX_RECORDS, MAX_RECORDS]


def test_equal_events_get_files_of_different_names():
    assert len(Bucket([event(1)] * 2 * MAX_RECORDS, span(0, 60)).delivery.log_keys) == 2


def test_records_are_kept_exactly_as_given():
    given = event(1, z="é\u2028", a=[None, 1, 1.5, True], userIdentity={"userName": "alice"})
    bucket = Bucket([given], span(0, 60))
    (key,) = bucket.delivery.log_keys
    text = json.dumps({"Records": [given]}, ensure_ascii=False, separators=(",", ":"))
    assert bucket.text(key) == text.encode()


def test_digest_of_a_quiet_hour_is_empty():
    bucket = Bucket([], span(0, 60))
    value = bucket.json(bucket.delivery.digest_keys[0])
    assert (value["logFiles"], value["oldestEventTime"], value["newestEventTime"]) == ([], None, None)


def test_digest_spans_the_times_of_its_events():
    bucket = Bucket([event(12), event(3), event(30)], span(0, 60))
    value = bucket.json(bucket.delivery.digest_keys[0])
    assert (value["oldestEventTime"], value["newestEventTime"]) == (rfc3339(at(3)), rfc3339(at(30)))


def test_objects_arrive_in_the_order_of_their_delivery():
    bucket = Bucket([event(minute) for minute in range(0, 120, 10)], span(0, 120))
    order = list(bucket.objects)
    for digest in bucket.delivery.digest_keys:
        for entry in bucket.json(digest)["logFiles"]:
            assert order.index(entry["s3Object"]) < order.index(digest)


@pytest.mark.parametrize("prefix", ["audit/logs", "audit/logs/"])
def test_prefix_stands_before_every_key(prefix):
    bucket = Bucket([event(1)], span(0, 60), prefix=prefix)
    assert all(key.startswith("audit/logs/AWSLogs/") for key in bucket.objects)


@settings(deadline=None)
@given(st.lists(st.integers(0, 7199), max_size=50))
def test_same_input_gives_the_same_bytes(seconds):
    events = [event(second / 60, eventID=f"e{n}") for n, second in enumerate(seconds)]
    assert Bucket(events, span(0, 120)).objects == Bucket(events, span(0, 120)).objects


def test_another_key_changes_no_log():
    mine = Bucket([event(1)], span(0, 60))
    theirs = Bucket([event(1)], span(0, 60), key=TrailKey.generate())
    (log,) = mine.delivery.log_keys
    assert mine.objects[log] == theirs.objects[log]


def test_fractions_of_a_second_are_refused():
    with pytest.raises(UsageError, match="whole seconds"):
        Bucket([], Window(at(0) + timedelta(microseconds=1), at(60)))


def test_key_is_rsa_2048_and_named_by_the_md5_of_its_pkcs1_form():
    public = load_der_public_key(KEY.public_der)
    assert isinstance(public, RSAPublicKey)
    assert public.key_size == 2048
    assert KEY.fingerprint == hashlib.md5(KEY.public_der, usedforsecurity=False).hexdigest()
