"""Whom the providers took us for, of the lines of a ledger."""

import io

import pytest

from evidence_kit.acquire import callers
from evidence_kit.custody.ledger import EXCHANGE, Chain


class Ledger:
    """A vault that holds one ledger."""

    def __init__(self, *lines) -> None:
        chain = Chain()
        self.text = b"".join(chain.line(EXCHANGE, fields) + b"\n" for fields in lines)

    def open(self, path):
        """Open the ledger."""

        return io.BytesIO(self.text)


def test_each_caller_is_told_once_in_order_of_first_mention() -> None:
    vault = Ledger({"caller": "b"}, {"caller": "a"}, {}, {"caller": "b"}, {"caller": ""})
    assert callers.callers(vault, "bags/x") == ("b", "a")


@pytest.mark.parametrize("name", ['say "a"', 'say "b"', "back\\slash", "grüße", "a,b"])
def test_a_caller_with_odd_characters_is_told_as_it_is(name) -> None:
    assert callers.callers(Ledger({"caller": 'say "'}, {"caller": name}), "bags/x") == ('say "', name)


def test_a_caller_within_what_was_asked_is_none_of_ours() -> None:
    lines = ({"caller": "a"}, {"request": {"caller": "a"}, "caller": "b"}, {"request": {"caller": "c"}})
    assert callers.callers(Ledger(*lines), "bags/x") == ("a", "b")


def test_a_caller_that_is_no_text_is_left_out() -> None:
    assert callers.callers(Ledger({"caller": 7}, {"caller": {"caller": "a"}}), "bags/x") == ()


def test_what_is_known_does_not_grow_without_end(monkeypatch) -> None:
    monkeypatch.setattr(callers, "MAX_CALLERS", 3)
    found = callers.callers(Ledger(*({"caller": f"c{number}"} for number in range(10))), "bags/x")
    assert found == ("c0", "c1", "c2")
