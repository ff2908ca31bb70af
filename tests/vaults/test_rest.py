"""Requests to a store are sent again whole, for a bounded number of times, and no error shows their URL."""

import io
from contextlib import contextmanager

import pytest
import requests

from evidence_kit.errors import ProviderError
from evidence_kit.sandbox.serving import free_port
from evidence_kit.testing import Loopback, Reply
from evidence_kit.vaults import rest
from evidence_kit.vaults.rest import ATTEMPTS, Line

BODY = b"0123456789" * 1000


@contextmanager
def store(*replies):
    """Serve `replies`, the last of them for ever; yield the line, the URL, what was asked and how long was waited."""
    asked, waited, left = [], [], list(replies)

    def answer(request):
        asked.append(request)
        return left.pop(0) if len(left) > 1 else left[0]

    with Loopback(answer, empty=b"").serving() as server, requests.Session() as session:
        yield (
            Line(name="The store", session=session, pause=waited.append),
            f"{server.url}/o?sig=hunter2",
            asked,
            waited,
        )


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_store_is_asked_again_with_the_whole_body(status) -> None:
    with store(Reply(body=b"", status=status), Reply(body=b"done")) as (line, url, asked, waited):
        answer = line.send("POST", url, what="x", body=io.BytesIO(BODY))

    assert (answer.status, answer.body) == (200, b"done")
    assert [one.body for one in asked] == [BODY, BODY]
    assert len(waited) == 1


def test_a_store_that_stays_busy_ends_it_and_the_url_is_not_told() -> None:
    with (
        store(Reply(body=b"", status=503)) as (line, url, asked, _),
        pytest.raises(ProviderError, match="`x`: status 503") as refused,
    ):
        line.send("POST", url, what="x", body=io.BytesIO(BODY))

    assert len(asked) == ATTEMPTS
    assert "hunter2" not in refused.value.message + str(refused.value.hint)


def test_nobody_there_ends_it_and_the_url_is_not_told() -> None:
    session = requests.Session()
    line = Line(name="The store", session=session, pause=lambda _: None)
    with session, pytest.raises(ProviderError) as refused:
        line.send("GET", f"http://127.0.0.1:{free_port()}/o?sig=hunter2", what="x")

    assert "ConnectionError" in refused.value.message
    assert "hunter2" not in refused.value.message + str(refused.value.hint)


def test_a_refusal_is_handed_over_and_a_redirect_is_not_followed() -> None:
    for status in (307, 403, 404, 412):
        with store(Reply(body=b"no", status=status, headers={"Location": "/elsewhere"})) as (line, url, asked, _):
            assert line.send("GET", url, what="x").status == status
        assert len(asked) == 1


def test_an_answer_without_end_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(rest, "_MOST", 100)
    with store(Reply(body=b"x" * 101)) as (line, url, _, _), pytest.raises(ProviderError, match="more than 100"):
        line.send("GET", url, what="x")
