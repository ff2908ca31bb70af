"""`store`, and `verify` of what it put into a bucket."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from support import buckets
from support.between import between
from support.ministack import ministack

from evidence_kit.custody.log import LOG

__all__ = ["ministack"]
UNTIL = (datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def sealed(run, opened, window, inventory):
    """A sealed case of the home's own key."""
    told = run(
        *("collect", "aws.cloudtrail.lookup", "--case", opened, *window, *inventory),
        *("--region", "us-east-1", "--target", "shop"),
    )
    assert told.code == 0, told.err
    return opened


@pytest.fixture
def bucket(ministack, request, monkeypatch):
    """Put a bucket with Object Lock where the next command finds it; return what makes the environment so."""
    made = buckets.amazon(ministack, buckets.name_of(request.node.nodeid))

    def enter():
        buckets.enter(monkeypatch, made)
        return f"{made.url}/IR-1"

    return enter


def test_a_case_is_stored_locked_told_and_verified(run, sealed, bucket) -> None:
    place = bucket()
    told = run("store", sealed, place, "--purpose", "kept for trial", "--retain-until", UNTIL, "--legal-hold")
    event = json.loads(run("custody", "log", sealed, "--json").out)[-1]
    verified = run("verify", place, "--require-complete")

    assert told.code == 0, told.err
    assert told.out.startswith(f"stored  {place}")
    assert (event["name"], event["export"]["store"]["at"], event["export"]["purpose"]) == (
        "exported",
        place,
        "kept for trial",
    )
    assert verified.code == 0, verified.out
    assert f"COMPLIANCE mode until {UNTIL[:10]} and under legal hold" in verified.out
    assert run("verify", sealed, "--require-complete").code == 0


def test_every_format_tells_of_a_version_that_is_another(run, sealed, bucket, ministack) -> None:
    place = bucket()
    assert run("store", sealed, place).code == 0
    name = place.removeprefix("s3://").partition("/")[0]
    body = (sealed / "case.json").read_bytes()
    ministack.client("s3").put_object(Bucket=name, Key="IR-1/case.json", Body=body)

    for kind in ("json", "junit", "sarif", "github"):
        told = run("verify", place, "--format", kind)
        assert (told.code, "it was written 2 times" in told.out) == (12, True), kind


def test_the_same_as_one_document(run, sealed, bucket) -> None:
    place = bucket()
    said = json.loads(run("store", sealed, place, "--json").out)

    assert (said["name"], said["to"], said["store"]["mode"], said["store"]["legalHold"]) == (
        place,
        "store",
        "",
        False,
    )
    assert run("report", sealed, "--format", "md").code == 0  # whoever tells of exports can tell of this one


def test_nothing_is_stored_of_a_case_without_evidence(run, opened, bucket) -> None:
    told = run("store", opened, bucket())

    assert told.code == 2
    assert "nothing was collected" in told.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--retain-until", "2020-01-01T00:00:00Z"], "has passed"),
        (["--retain-until", "next year"], "is not a time"),
        (["--retain-until", UNTIL, "--mode", "forever"], "no mode"),
    ],
)
def test_a_lock_that_makes_no_sense_is_usage(run, opened, options, said) -> None:
    told = run("store", opened, "s3://bucket/prefix", *options)

    assert told.code == 2
    assert said in told.err


def test_a_place_that_is_no_bucket_is_usage(run, opened) -> None:
    told = run("store", opened, "somewhere/else")

    assert told.code == 2
    assert "s3://BUCKET/PREFIX" in told.err


def test_a_bucket_that_is_not_there_is_empty_and_the_case_is_as_it_was(run, sealed, bucket) -> None:
    bucket()
    before = (sealed / LOG).read_bytes()
    told = run("store", sealed, "s3://nobody-has-this/p")

    assert told.code == 4
    assert (sealed / LOG).read_bytes() == before


def test_denied_access_is_access_and_shows_no_secret(run, sealed, bucket, ministack, monkeypatch) -> None:
    place = bucket()
    with between(ministack.url) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
        server.refuse = lambda said: b"<Error><Code>AccessDenied</Code></Error>" if "PUT" in said else b""
        told = run("store", sealed, place)

    assert told.code == 5
    assert "s3:PutObject" in told.err
    assert "hunter2" not in told.err + told.out
