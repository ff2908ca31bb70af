"""Our mechanism in front of a Cloud Storage that we did not write: generations, checksums, packed, large."""

import gzip
import hashlib
import random
from collections import Counter
from pathlib import Path

import pytest
import requests
from support.gcs_server import running_gcs_server
from support.google import SINKS

from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus

SOURCE = "gcp.logging.sink_objects"
LOG = "cloudaudit.googleapis.com/activity"
BUCKET = "shop-audit"
LARGE = 12 << 20


def name(hour, shard="S0"):
    return f"{LOG}/2026/11/21/{hour:02d}:00:00_{hour:02d}:59:59_{shard}.json"


def lines(hour):
    return f'{{"insertId":"{hour}"}}\n'.encode() * 200


@pytest.fixture
def store(google, tmp_path):
    """A bucket that keeps generations, and a project whose sink delivers to it."""
    files = (tmp_path / "sandbox-server.pem", tmp_path / "sandbox-server.key", tmp_path / "sandbox-ca.pem")
    google.estate.lists[SINKS] = [{"sinks": [{"name": "a", "destination": f"storage.googleapis.com/{BUCKET}"}]}]
    with running_gcs_server(files) as server:
        server.bucket(BUCKET, versioning=True)
        yield server


def collect(google, store, **more):
    return google.collect(SOURCE, target=google.target(**{"endpoint.storage": store.url}), **more)


def objects(google):
    """Return the name of every object that is in the case, with its bytes."""
    return {
        Path(path).name: body
        for path, body in google.lab.bodies(source=SOURCE)
        if not any(part.startswith("objects.list") for part in path.parts)
    }


def things(google):
    """Return what the ledger says of each object."""
    said = [(line.get("artifact") or {}).get("object") or {} for line in google.lab.exchanges()]
    return [thing for thing in said if "claimed.crc32c" in thing]


def test_the_hours_of_the_window_arrive_byte_for_byte_and_the_case_verifies(google, store):
    for hour in range(4, 14):
        store.put(BUCKET, name(hour), lines(hour))
    (outcome,) = collect(google, store).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert Counter(objects(google).values()) == Counter(lines(hour) for hour in range(6, 12))
    assert google.lab.verify().exit() is Exit.OK


def test_generation_and_both_checksums_of_listing_and_answer_are_kept_as_the_providers_claim(google, store):
    made = store.put(BUCKET, name(7), lines(7))
    collect(google, store)
    (thing,) = things(google)
    assert (thing["generation"], thing["md5Hash"]) == (made["generation"], made["md5Hash"])
    assert (thing["claimed.md5"], thing["claimed.crc32c"]) == (made["md5Hash"], made["crc32c"])


def test_an_object_stored_packed_stays_packed_so_that_its_checksums_hold(google, store):
    packed = gzip.compress(lines(8), mtime=0)
    store.put(BUCKET, name(8), packed, encoding="gzip")
    (outcome,) = collect(google, store).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert list(objects(google).values()) == [packed]


def test_the_trap_that_this_avoids_is_there(google, store):
    """Whoever does not ask for gzip is given other bytes than the checksums were made over."""
    packed = gzip.compress(lines(8), mtime=0)
    made = store.put(BUCKET, name(8), packed, encoding="gzip")
    url = f"{store.url}/storage/v1/b/{BUCKET}/o/{requests.utils.quote(name(8), safe='')}"
    asked = {"alt": "media", "generation": made["generation"]}
    with requests.get(
        url, params=asked, headers={"Accept-Encoding": "identity"}, verify=store.ca, timeout=60
    ) as answer:
        assert answer.content == lines(8) != packed
        assert made["md5Hash"] in answer.headers["x-goog-hash"]


def test_generations_that_were_overwritten_or_deleted_are_taken_each_under_its_own_checksum(google, store):
    old = store.put(BUCKET, name(9), b"before somebody rewrote it\n")
    new = store.put(BUCKET, name(9), b"after\n")
    gone = store.put(BUCKET, name(10), b"before somebody deleted it\n")
    store.delete(BUCKET, name(10))
    (outcome,) = collect(google, store).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert sorted(objects(google).values()) == [
        b"after\n", b"before somebody deleted it\n", b"before somebody rewrote it\n"
    ]  # fmt: skip
    assert {thing["generation"] for thing in things(google)} == {one["generation"] for one in (old, new, gone)}
    found = google.lab.findings()
    assert {one["kind"] for one in found} == {"older_version"}
    assert {one["facts"]["generation"] for one in found} == {old["generation"], gone["generation"]}


def test_a_large_object_is_streamed_whole(google, store):
    body = random.Random(7).randbytes(LARGE)
    store.put(BUCKET, name(6), body)
    (outcome,) = collect(google, store).outcomes
    assert (outcome.status, outcome.bytes >= LARGE) == (UnitStatus.COMPLETE, True)
    assert [hashlib.sha256(one).digest() for one in objects(google).values()] == [hashlib.sha256(body).digest()]


def test_an_object_composed_of_others_is_one_object(google, store):
    store.put(BUCKET, "p/1", lines(1))
    store.put(BUCKET, "p/2", lines(2))
    store.compose(BUCKET, name(11), "p/1", "p/2")
    (outcome,) = collect(google, store).outcomes
    assert outcome.status is UnitStatus.COMPLETE
    assert list(objects(google).values()) == [lines(1) + lines(2)]


def test_a_bucket_that_is_gone_is_an_error_and_never_empty(google, store):
    google.estate.lists[SINKS] = [{"sinks": [{"name": "a", "destination": "storage.googleapis.com/no-such-bucket"}]}]
    (outcome,) = collect(google, store).outcomes
    assert outcome.status is UnitStatus.PARTIAL_ERROR
    assert "no-such-bucket" in outcome.reason
