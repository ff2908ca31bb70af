"""A look asks twice at the most, waits for nobody and keeps nothing."""

import pytest

from evidence_kit.acquire.glance import Glance
from evidence_kit.model.exchange import Retryable, Stop
from evidence_kit.model.status import UnitStatus


def glance():
    return Glance(lambda: None, lambda name: f"{name}!")


def failing(times, **how):
    asked = []

    def send(attempt):
        asked.append(attempt)
        if len(asked) <= times:
            raise Retryable("no", **how)
        return "yes"

    return send, asked


def test_a_second_attempt_is_made_and_no_third():
    send, asked = failing(1)
    assert glance().retrying((), send) == "yes"
    assert asked == [1, 2]
    send, asked = failing(2)
    with pytest.raises(Stop) as caught:
        glance().retrying((), send)
    assert (caught.value.status, asked) == (UnitStatus.PARTIAL_ERROR, [1, 2])


def test_who_asks_to_wait_is_not_asked_again():
    send, asked = failing(1, throttled=True, after=60)
    with pytest.raises(Stop) as caught:
        glance().retrying((), send)
    assert (caught.value.status, asked) == (UnitStatus.PARTIAL_THROTTLED, [1])


def test_nothing_is_replayed_and_nothing_waited_for():
    one = glance()
    one.pause(3600, "no")
    assert (one.replay("digest"), one.secret("a"), one.exchanges) == (None, "a!", [])
