"""A bucket is a place like a folder; a folder gives out plain files and nothing that lies outside of it."""

import os

import boto3
import pytest

from evidence_kit.errors import AccessError, EmptyError, MissingError, UnexpectedError
from evidence_kit.vaults.delivered import Deliveries


@pytest.fixture
def bucket(environ):
    """A bucket with a partner's drop below `drop`."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="deliveries")
    for key in ("drop/a b.log", "drop/deep/ü.json", "dropped/other"):
        client.put_object(Bucket="deliveries", Key=key, Body=key.encode())
    yield Deliveries(environ)
    client.close()


def test_the_objects_below_a_prefix_are_listed_and_read_whatever_they_are_called(bucket):
    place = bucket.open("s3://deliveries/drop")
    found = {left.name: place.open(left.name).read() for left in place.walk()}
    assert found == {"a b.log": b"drop/a b.log", "deep/ü.json": "drop/deep/ü.json".encode()}
    assert (place.name, place.host, place.is_folder) == ("drop", "s3://deliveries", True)
    assert place.holds("a b.log") is None
    with pytest.raises(MissingError):
        place.open("gone")


def test_a_whole_bucket_is_called_by_its_name(bucket):
    assert bucket.open("s3://deliveries").name == "deliveries"


def test_a_file_is_a_place_with_one_file(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"2")
    place = Deliveries({}).open(str(tmp_path / "a"))
    assert [(left.name, left.size, left.plain) for left in place.walk()] == [("a", 1, True)]
    assert place.holds(str(tmp_path / "a")) == "a"
    assert place.holds(str(tmp_path / "b")) is None
    assert place.holds("/nowhere/else") is None


@pytest.mark.parametrize("said", ["missing", "a\0b"])
def test_what_is_not_there_is_no_place(tmp_path, said):
    with pytest.raises(EmptyError):
        Deliveries({}).open(f"{tmp_path}/{said}")


@pytest.mark.parametrize("name", ["link", "pipe", "below/x", "folder"])
def test_only_plain_files_are_opened(tmp_path, name):
    (tmp_path / "link").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "below").symlink_to("/etc")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnexpectedError):
        Deliveries({}).open(str(tmp_path)).open(name)


def test_a_file_of_the_dawn_of_time_has_a_time_too(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    os.utime(tmp_path / "a", (-(10**11), -(10**11)))
    (left,) = Deliveries({}).open(str(tmp_path)).walk()
    assert left.modified in {"", "-"} or left.modified.endswith("Z")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_denied(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(AccessError):
        list(Deliveries({}).open(str(tmp_path / "closed")).walk())
