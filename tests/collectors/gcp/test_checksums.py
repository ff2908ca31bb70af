"""Every promise about an object's bytes is held against what arrives, and each has bytes that break it."""

import base64
import hashlib
from contextlib import contextmanager
from datetime import UTC, datetime

import google_crc32c
import pytest

from evidence_kit.collectors.gcp.checksums import Promise
from evidence_kit.model.exchange import Exchange, Request, Retryable, Stop, Stream
from evidence_kit.model.status import UnitStatus

BODY = b"as it was stored"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
MD5 = base64.b64encode(hashlib.md5(BODY, usedforsecurity=False).digest()).decode()
CRC32C = base64.b64encode(google_crc32c.value(BODY).to_bytes(4, "big")).decode()
OTHER = "AAAAAA=="


def stream(body=BODY, claimed=None, **headers):
    request = Request(method="GET", host="h", path="/o")
    exchange = Exchange(request=request, sent_at=NOW, received_at=NOW, status=200, headers=headers)
    chunks = iter([body[:5], body[5:]])
    return Stream(exchange=exchange, chunks=chunks, size=len(body), claimed=claimed or {})


def read(promise, opened):
    """Return what came and what went on record."""
    record = []

    @contextmanager
    def opening():
        yield opened

    with promise.kept_by(record.append, opening) as kept:
        body = b"".join(kept.chunks)
    return body, record


def test_the_checksums_are_those_of_a_known_vector():
    assert base64.b64decode(Promise(crc32c="4waSgw==").crc32c).hex() == "e3069283", "CRC-32C of 123456789"
    promise = Promise(md5="JfnnlDI7RTiF9RgfG2JNCw==", crc32c="4waSgw==", size=9)
    assert read(promise, stream(b"123456789")) == (b"123456789", [])


@pytest.mark.parametrize(
    ("promise", "claimed"),
    [
        (Promise(md5=OTHER), {}),
        (Promise(crc32c=OTHER), {}),
        (Promise(md5=MD5, crc32c=OTHER), {}),
        (Promise(md5=MD5, crc32c=CRC32C, size=len(BODY) + 1), {}),
        (Promise(md5=MD5, crc32c=CRC32C), {"md5": OTHER}),
        (Promise(), {"crc32c": OTHER}),
        (Promise(crc32c="not Base64"), {}),
    ],
)
def test_a_promise_that_is_broken_is_worth_another_attempt_twice_and_then_a_verdict(promise, claimed):
    for _ in range(2):
        with pytest.raises(Retryable):
            read(promise, stream(claimed=claimed))
    with pytest.raises(Stop) as stop:
        read(promise, stream(claimed=claimed))
    assert stop.value.status is UnitStatus.INTEGRITY_FAILED


@pytest.mark.parametrize("claimed", [{}, {"md5": MD5, "crc32c": CRC32C, "etag": "x"}])
@pytest.mark.parametrize("promise", [Promise(), Promise(md5=MD5), Promise(crc32c=CRC32C, size=len(BODY))])
def test_a_promise_that_is_kept_lets_the_bytes_through(promise, claimed):
    assert read(promise, stream(claimed=claimed)) == (BODY, [])


def test_another_generation_than_the_one_asked_for_is_not_taken():
    with pytest.raises(Retryable, match="generation 7 was asked for and 8"):
        read(Promise(generation="7"), stream(**{"x-goog-generation": "8"}))
    assert read(Promise(generation="7"), stream(**{"x-goog-generation": "7"}))[0] == BODY
