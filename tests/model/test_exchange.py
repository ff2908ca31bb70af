import dataclasses
from datetime import UTC, datetime

import pytest

from evidence_kit.model.exchange import MAX_PAGE, Exchange, Page, Request, Retryable, Stop
from evidence_kit.model.ports import Entry, Stored
from evidence_kit.model.source import Limit, Param
from evidence_kit.model.status import UnitStatus

NOW = datetime(2026, 11, 21, tzinfo=UTC)
EXCHANGE = Exchange(request=Request(method="GET", host="example.com", path="/"), sent_at=NOW, received_at=NOW)


def test_an_exchange_without_a_response_has_no_status():
    assert EXCHANGE.status is None
    assert EXCHANGE.headers == {}


def test_the_default_headers_cannot_be_shared_by_writing_to_them():
    with pytest.raises(TypeError):
        EXCHANGE.headers["x"] = "y"


def test_a_page_must_say_what_follows():
    with pytest.raises(TypeError, match="next_cursor"):
        Page(name="x", body=b"", exchange=EXCHANGE)


@pytest.mark.parametrize("error", [Retryable("slow down", throttled=True, after=2.0), Retryable("broken pipe")])
def test_a_failed_attempt_is_broken_unless_it_says_throttled(error):
    assert error.throttled == (error.after is not None)


def test_a_stop_carries_status_and_reason():
    stop = Stop(UnitStatus.DENIED, "no permission")
    assert (stop.status, stop.reason, str(stop)) == (UnitStatus.DENIED, "no permission", "no permission")


def test_a_page_may_be_as_large_as_the_largest_response():
    assert MAX_PAGE == 64 * 1024 * 1024


@pytest.mark.parametrize(
    "thing", [EXCHANGE, Entry("a", "file", 1), Stored("a", "b", 1), Limit(rps=1), Param(name="a", help="b")]
)
def test_words_are_frozen(thing):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, dataclasses.fields(thing)[0].name, "other")
