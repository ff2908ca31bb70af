"""What is read next is fetched while something before it is read: once, in bounds, and never for another."""

import io
import threading

import pytest

from evidence_kit.errors import MissingError, ProviderError
from evidence_kit.model.ports import Entry
from evidence_kit.vaults import ahead
from evidence_kit.vaults.ahead import Ahead

LARGEST = 100
PATHS = [f"bags/a/data/{number:03}" for number in range(200)]


class Bucket:
    """Objects by path; what was listed and fetched, and by which thread."""

    def __init__(self, sizes):
        self.sizes = dict(sorted(sizes.items()))
        self.fetched, self.listed = [], []
        self.broken = set()

    def listing(self, folder, last):
        self.listed.append((folder, last))
        for path, size in self.sizes.items():
            if path.startswith(f"{folder}/") and path > last:
                yield Entry(path, "file", size)

    def fetch(self, path):
        self.fetched.append((path, threading.current_thread().name.partition("_")[0]))
        if path in self.broken:
            raise ProviderError(f"`{path}` cannot be read")
        return io.BytesIO(path.encode())

    def by_others(self):
        return [path for path, thread in self.fetched if thread == "ahead"]

    def reader(self):
        made = Ahead(self.listing, self.fetch, largest=LARGEST)

        def read(path):
            return (made.take(path) or self.fetch(path)).read()

        return read


def test_everything_is_fetched_once_and_all_but_the_beginning_ahead() -> None:
    bucket = Bucket(dict.fromkeys(PATHS, 1))
    read = bucket.reader()

    assert [read(path) for path in PATHS] == [path.encode() for path in PATHS]
    assert sorted(path for path, _ in bucket.fetched) == PATHS
    assert sorted(bucket.by_others()) == PATHS[2:]
    assert bucket.listed == [("bags/a/data", PATHS[1])]


def test_a_second_reading_begins_anew() -> None:
    bucket = Bucket(dict.fromkeys(PATHS[:20], 1))
    read = bucket.reader()
    for path in PATHS[:20] * 2:
        assert read(path) == path.encode()

    assert len(bucket.listed) == 2


def test_whoever_asks_for_one_thing_or_jumps_about_gets_nothing_ahead() -> None:
    bucket = Bucket(dict.fromkeys(PATHS, 1))
    read = bucket.reader()
    for path in ("case.json", "bags/a/manifest-sha256.txt", PATHS[150], PATHS[20], PATHS[3]):
        read(path)

    assert bucket.by_others() == []
    assert bucket.listed == []


def test_no_more_than_a_bound_is_fetched_and_waits() -> None:
    bucket = Bucket(dict.fromkeys(PATHS, 1))
    read = bucket.reader()
    for path in PATHS[:3]:
        read(path)

    assert 1 <= len(bucket.by_others()) <= ahead._MOST + 1


def test_no_more_than_so_many_bytes_wait(monkeypatch) -> None:
    monkeypatch.setattr(ahead, "_MOST_BYTES", 250)
    bucket = Bucket(dict.fromkeys(PATHS, LARGEST))
    read = bucket.reader()
    for path in PATHS[:2]:
        read(path)

    assert len(bucket.by_others()) <= 3


def test_what_is_large_is_left_to_whoever_reads_it() -> None:
    bucket = Bucket({path: 1 + LARGEST * (number % 2) for number, path in enumerate(PATHS)})
    read = bucket.reader()
    for path in PATHS:
        assert read(path) == path.encode()

    assert sorted(bucket.by_others()) == PATHS[2::2]


def test_an_error_belongs_to_the_object_that_it_is_about() -> None:
    bucket = Bucket(dict.fromkeys(PATHS[:10], 1))
    bucket.broken.add(PATHS[5])
    read = bucket.reader()
    for path in PATHS[:5]:
        read(path)
    with pytest.raises(ProviderError, match=PATHS[5]):
        read(PATHS[5])

    assert read(PATHS[6]) == PATHS[6].encode()


def test_a_listing_that_fails_costs_only_the_lead() -> None:
    bucket = Bucket(dict.fromkeys(PATHS[:10], 1))

    def listing(*_):
        yield Entry(PATHS[2], "file", 1)
        raise MissingError("no more")

    bucket.listing = listing
    read = bucket.reader()

    assert [read(path) for path in PATHS[:10]] == [path.encode() for path in PATHS[:10]]
    assert bucket.by_others() == [PATHS[2]]


def test_what_somebody_put_between_is_not_fetched_for_ever() -> None:
    strangers = {f"bags/a/data/001-{number:05}": 1 for number in range(5000)}
    bucket = Bucket(dict.fromkeys(PATHS, 1) | strangers)
    read = bucket.reader()
    for path in PATHS:
        assert read(path) == path.encode()

    assert len(bucket.fetched) < len(PATHS) + 4 * ahead._MOST
