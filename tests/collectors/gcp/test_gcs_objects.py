"""Files of log sinks: each generation, byte for byte, under the checksum that the listing promised."""

import base64
import hashlib
from collections import Counter
from datetime import timedelta

import google_crc32c
import pytest
from support.google import END, SINKS

from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.sandbox.google.faults import Fault

SOURCE = "gcp.logging.sink_objects"
LOG = "cloudaudit.googleapis.com/activity"
BUCKET = "shop-audit"


def item(name, body, generation="1", **more):
    md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    crc32c = base64.b64encode(google_crc32c.value(body).to_bytes(4, "big")).decode()
    return {
        "kind": "storage#object", "name": name, "generation": generation, "size": str(len(body)), "md5Hash": md5,
        "crc32c": crc32c, "body": body, **more,
    }  # fmt: skip


def hour(number, *, day=21, shard="S0", body=None, **more):
    name = f"{LOG}/2026/11/{day}/{number:02d}:00:00_{number:02d}:59:59_{shard}.json"
    return item(name, body or f'{{"insertId":"{day}-{number}-{shard}"}}\n'.encode() * 50, **more)


@pytest.fixture
def sink(google):
    google.estate.lists[SINKS] = [
        {"sinks": [{"name": "a", "destination": f"storage.googleapis.com/{BUCKET}"}, {"name": "_Default"}]}
    ]
    google.estate.objects[BUCKET] = [hour(n) for n in range(4, 14)]
    return google


def files(google):
    return Counter(
        hashlib.sha256(body).hexdigest()
        for path, body in google.lab.bodies(source=SOURCE)
        if not any(part.startswith("objects.list") for part in path.parts)
    )


def digests(*items):
    return Counter(hashlib.sha256(one["body"]).hexdigest() for one in items)


def test_the_hours_of_the_window_are_taken_and_no_others(sink):
    (outcome,) = sink.collect(SOURCE).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert files(sink) == digests(*(hour(n) for n in range(6, 12)))
    assert sink.stored() == Counter(one.sha256 for one in sink.evidence() if one.path.startswith("/storage/")), (
        "listings too, as they were sent"
    )


def test_a_window_within_an_hour_takes_the_file_of_that_hour_and_what_came_late(sink):
    late = hour(11, shard="A0:1")
    sink.estate.objects[BUCKET].append(late)
    window = Window(END - timedelta(minutes=40), END - timedelta(minutes=20))
    sink.collect(SOURCE, window=window)
    assert files(sink) == digests(hour(11), late)


def test_generations_that_were_overwritten_are_taken_and_named(sink):
    old = hour(7, body=b"before somebody rewrote it\n", generation="0", timeDeleted="2026-11-21T10:00:00Z")
    sink.estate.objects[BUCKET].append(old)
    sink.collect(SOURCE)
    assert files(sink) == digests(old, *(hour(n) for n in range(6, 12)))
    (finding,) = sink.lab.findings()
    assert finding["kind"] == "older_version"
    assert finding["facts"]["generation"] == "0"


@pytest.mark.parametrize("kind", ["short", "status", "throttle", "reset"])
def test_a_fault_within_a_download_loses_nothing(sink, kind):
    sink.server.faults.add(Fault(kind=kind, path="08:00:00_08:59:59_S0.json", times=2, retry_after="0"))
    (outcome,) = sink.collect(SOURCE).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert files(sink) == digests(*(hour(n) for n in range(6, 12)))


def test_other_bytes_than_the_listing_promised_are_no_success(sink):
    sink.estate.objects[BUCKET] = [{**hour(7), "body": b"something else"}, hour(8)]
    (outcome,) = sink.collect(SOURCE).outcomes
    assert outcome.status is UnitStatus.INTEGRITY_FAILED
    assert files(sink) == digests(hour(8))


def test_a_composite_object_has_no_md5_and_is_held_to_its_crc(sink):
    whole = {name: value for name, value in hour(7).items() if name != "md5Hash"} | {"componentCount": 2}
    sink.estate.objects[BUCKET] = [whole]
    (outcome,) = sink.collect(SOURCE).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert files(sink) == digests(whole)
    sink.estate.objects[BUCKET] = [{**whole, "body": b"x" * len(whole["body"])}]
    (outcome,) = sink.collect(SOURCE).outcomes
    assert outcome.status is UnitStatus.INTEGRITY_FAILED
    assert "CRC32C" in outcome.reason


def test_what_arrives_under_a_wrong_checksum_is_on_the_ledger_each_time(sink):
    sink.estate.objects[BUCKET] = [{**hour(7), "body": b"y" * len(hour(7)["body"])}]
    (outcome,) = sink.collect(SOURCE).outcomes
    assert outcome.status is UnitStatus.INTEGRITY_FAILED
    assert [line["error"] for line in sink.lab.exchanges() if line.get("error")] == ["other checksum"] * 3
    assert sink.lab.findings()[0]["facts"]["status"] == "integrity_failed"


def test_an_object_without_any_checksum_is_taken_and_named(sink):
    bare = {name: value for name, value in hour(7).items() if name not in {"md5Hash", "crc32c"}}
    sink.estate.objects[BUCKET] = [bare]
    (outcome,) = sink.collect(SOURCE).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert [finding["kind"] for finding in sink.lab.findings()] == ["no_checksum"]


def test_an_object_that_was_listed_and_is_gone_keeps_the_unit_from_being_whole(sink):
    sink.server.faults.add(Fault(kind="status", status=404, path="08:00:00_08:59:59_S0.json", times=None))
    (outcome,) = sink.collect(SOURCE).outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "not there any more" in outcome.reason
    assert files(sink) == digests(*(hour(n) for n in range(6, 12) if n != 8))


@pytest.mark.parametrize("name", ["no-time.json", "99:00:00_99:59:59_S0.json", "10:00:00_09:00:00_S0.json"])
def test_a_name_without_a_time_is_a_finding(sink, name):
    sink.estate.objects[BUCKET] = [item(f"{LOG}/2026/11/21/{name}", b"x")]
    sink.collect(SOURCE)
    assert [finding["kind"] for finding in sink.lab.findings()] == ["unreadable_name"]


def test_without_a_sink_to_a_bucket_there_is_nothing_to_take(google):
    (outcome,) = google.collect(SOURCE).outcomes
    assert outcome.status is UnitStatus.NOT_CONFIGURED


def test_sinks_that_may_not_be_listed_are_denied_and_not_absent(google):
    google.server.faults.add(Fault(kind="denied", path="/sinks", times=None))
    (outcome,) = google.collect(SOURCE).outcomes
    assert outcome.status is UnitStatus.DENIED
