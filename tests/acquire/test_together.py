"""Downloads fetched beside each other end as they would have ended one after the other."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from support.casemaker import SOURCE, SPEC, exchange
from support.lab import Lab, target

from evidence_kit.acquire import together
from evidence_kit.errors import Exit, ProviderError, VaultError
from evidence_kit.model.exchange import Beside, Closed, Download, Fetched, Page, Retryable, Stop, Stream
from evidence_kit.model.source import Limit
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Unit

S = UnitStatus
FAST = Limit(rps=1e6, burst=1000)


def whole(name, size=4):
    return Stream(exchange=exchange("Get", b""), chunks=iter((name[-4:].rjust(4).encode(),)), size=size)


@dataclass
class Shelf:
    """A store: what is in bulk, what comes of a first attempt there, and what `open` does."""

    first: dict[str, object] = field(default_factory=dict)  # an error, a size, None for a refusal
    alone: dict[str, object] = field(default_factory=dict)  # what `open` raises
    knows: bool = True
    budget: Limit = FAST
    bulk: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    then: object = None  # what happens after the first in bulk

    def takes(self, download):
        return self.knows and not download.name.startswith("large")

    def fetch(self, downloads):
        for download in downloads:
            if isinstance(download, float):
                continue
            self.bulk.append(download.name)
            came = self.first.get(download.name, 4)
            if isinstance(came, Retryable):
                yield Fetched(download=download, error=came)
            elif came is None:
                yield Fetched(download=download)
            else:
                yield Fetched(download=download, stream=whole(download.name, came))
            if self.then:
                self.then()

    def download(self, name):
        return Download(
            name=name,
            open=lambda: self.open(name),
            object={"key": name},
            beside=Beside(by=self, what=None, budget=self.budget),
        )

    def downloads(self, count):
        return [self.download(f"x{number:04}") for number in range(count)]

    @contextmanager
    def open(self, name):
        self.opened.append(name)
        if (error := self.alone.get(name)) is not None:
            raise error
        yield whole(name)


class Listing:
    """A collector of one unit that yields, or raises, what it is told to."""

    spec = SPEC

    def __init__(self, *items):
        self._items = items

    def units(self, scope, ctx):
        yield Unit(source=SOURCE, target=scope.target, window=scope.window)

    def acquire(self, unit, ctx):
        for item in self._items:
            if isinstance(item, BaseException):
                raise item
            yield item() if callable(item) else item


def page(n=0, cursor=None):
    body = b'{"n":%d}' % n
    return Page(name="list", body=body, exchange=exchange("List", body), next_cursor=cursor)


@pytest.fixture
def lab(tmp_path, cloud_end):
    return Lab(tmp_path / "case", Window(cloud_end - timedelta(hours=6), cloud_end)).open()


@pytest.fixture
def collect(lab):
    def run(*items, stop=None):
        with lab.vault.lock(), lab.vault.working():
            engine = lab.engine({SOURCE: Listing(*items)}, backoff=0.000_01)
            engine.stop = stop or engine.stop
            result = engine.collect(lab.order(SOURCE, targets=(target(),)))
        (outcome,) = result.outcomes
        return result, outcome

    return run


def names_of(lab):
    return [line["artifact"]["originalName"] for line in lab.exchanges() if line["artifact"]]


def test_all_that_was_listed_is_kept_with_its_listing_before_it(collect, lab):
    shelf = Shelf()
    one, two = shelf.downloads(3), [shelf.download("y1"), shelf.download("large")]
    result, outcome = collect(page(0, "more"), *one, page(1), *two)
    assert result.exit is Exit.OK
    assert (outcome.status, outcome.artifacts, outcome.bytes) == (S.COMPLETE, 7, 5 * 4 + 2 * 7)
    assert names_of(lab) == ["list/0", "x0000", "x0001", "x0002", "list/1", "y1", "large"]
    assert shelf.opened == ["large"]


def test_what_fails_at_first_is_asked_for_again_within_the_same_count(collect, lab):
    shelf = Shelf(first={"x0001": Retryable("reset")}, alone={})
    _, outcome = collect(page(), *shelf.downloads(3))
    assert (outcome.status, outcome.artifacts) == (S.COMPLETE, 4)
    assert shelf.opened == ["x0001"]
    attempts = {line["artifact"]["originalName"]: line["attempt"] for line in lab.exchanges() if line["artifact"]}
    assert attempts == {"list/0": 1, "x0000": 1, "x0001": 2, "x0002": 1}


def test_an_object_that_stays_away_is_given_up_after_as_many_attempts_as_any(collect):
    shelf = Shelf(first={"x0001": Retryable("reset")}, alone={"x0001": Retryable("reset again")})
    _, outcome = collect(page(), *shelf.downloads(3))
    assert outcome.status is S.PARTIAL_ERROR
    assert outcome.reason == "1 objects could not be had; the first: failed 5 times: reset again"
    assert len(shelf.opened) == 4
    assert outcome.artifacts == 3


def test_a_refusal_in_bulk_counts_as_what_the_usual_way_says_of_it(collect, lab):
    shelf = Shelf(first={"x0000": None, "x0002": None}, alone={"x0000": Stop(S.DENIED, "no")})
    _, outcome = collect(page(), *shelf.downloads(3))
    assert (outcome.status, outcome.artifacts) == (S.DENIED, 3)
    assert sorted(shelf.opened) == ["x0000", "x0002"]
    (finding,) = outcome.findings
    assert finding.facts == {"status": "denied", "key": "x0000"}


def test_a_short_body_in_bulk_is_on_record_and_another_attempt(collect, lab):
    shelf = Shelf(first={"x0001": 5})
    _, outcome = collect(page(), *shelf.downloads(2))
    assert (outcome.status, outcome.artifacts) == (S.COMPLETE, 3)
    (short,) = [line for line in lab.exchanges() if line["error"]]
    assert (short["error"], short["attempt"], short["body"]["bytes"]) == ("short body", 1, 4)
    assert not lab.vault.leftovers()


def test_where_all_are_refused_the_unit_ends_before_all_have_been_asked_for(collect):
    shelf = Shelf()
    listed = shelf.downloads(400)
    shelf.first = {item.name: None for item in listed}
    shelf.alone = {item.name: Stop(S.DENIED, "no") for item in listed}
    _, outcome = collect(page(), *listed)
    assert (outcome.status, outcome.reason) == (S.DENIED, "no")
    assert len(outcome.findings) < 25 + together.LANES
    assert len(shelf.bulk) <= 2 * together._ENOUGH


def test_the_first_of_a_bucket_goes_alone_and_shows_how(collect):
    shelf = Shelf(knows=False)
    listed = shelf.downloads(5)
    opened = shelf.open

    def teach(name):
        shelf.knows = True
        return opened(name)

    shelf.open = teach
    _, outcome = collect(page(), *listed)
    assert (shelf.opened, shelf.bulk) == (["x0000"], [item.name for item in listed[1:]])
    assert outcome.artifacts == 6


def test_where_nothing_goes_in_bulk_all_go_the_usual_way(collect):
    shelf = Shelf(knows=False)
    _, outcome = collect(page(), *shelf.downloads(12))
    assert sorted(shelf.opened) == [item.name for item in shelf.downloads(12)]
    assert (outcome.status, outcome.artifacts) == (S.COMPLETE, 13)


def test_what_was_listed_before_a_collector_failed_is_kept(collect, lab):
    shelf = Shelf()
    _, outcome = collect(page(0, "more"), *shelf.downloads(2), ProviderError("gone"))
    assert (outcome.status, outcome.reason) == (S.PARTIAL_ERROR, "gone")
    assert names_of(lab) == ["list/0", "x0000", "x0001"]


def test_an_operators_wish_to_stop_ends_it_after_what_is_under_way(collect):
    stop = threading.Event()
    shelf = Shelf(then=stop.set)
    _, outcome = collect(page(), *shelf.downloads(50), stop=stop)
    assert shelf.bulk == ["x0000"]
    assert (outcome.status, outcome.reason) == (S.PARTIAL_TRUNCATED, "interrupted by the operator")
    assert outcome.artifacts == 2


def test_a_full_group_does_not_wait_for_the_collector(collect, monkeypatch):
    monkeypatch.setattr(together, "GROUP", 4)
    shelf, seen = Shelf(), []
    last = Closed(status=S.COMPLETE, reason="")

    def look():
        seen.append(len(shelf.bulk))
        return last

    collect(page(), *shelf.downloads(9), look)
    assert seen == [8]
    assert len(shelf.bulk) == 9


def test_each_departure_keeps_to_the_budget_of_the_store(collect):
    shelf = Shelf(budget=Limit(rps=500, burst=1))
    _, outcome = collect(page(), *shelf.downloads(5))
    assert outcome.status is S.COMPLETE
    assert len(shelf.bulk) == 5


@pytest.mark.parametrize("many", [1, 30])
def test_a_store_that_fails_is_what_the_run_ends_with(lab, many):
    shelf = Shelf()

    class Full(type(lab.vault)):
        def stage(self, chunks):
            if b"".join(chunks := list(chunks)) == b"0000":
                raise VaultError("the disk is full")
            return super().stage(chunks)

    lab.vault = Full(lab.root)
    with lab.vault.lock(), lab.vault.working():
        engine = lab.engine({SOURCE: Listing(page(), *shelf.downloads(many))}, backoff=0.000_01)
        result = engine.collect(lab.order(SOURCE, targets=(target(),)))
    assert result.exit is Exit.VAULT
    assert shelf.bulk == ["x0000"]
