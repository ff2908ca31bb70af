"""The fuzzers find what they are for: each of these decoders has the fault that one bound is there to catch."""

import pytest
from fuzz.feeding import Decoder, Endless, judge, weighed

from evidence_kit.errors import UsageError


def _refuse(_):
    raise UsageError("no")


def _never_end(_):
    while True:
        len("")


def test_what_is_refused_by_name_is_no_crash():
    assert not judge(Decoder("refuses", _refuse, ()), b"x")
    assert judge(Decoder("takes", len, ()), b"x")


def test_an_error_of_another_kind_is_a_crash():
    with pytest.raises(UnicodeDecodeError):
        judge(Decoder("stumbles", lambda data: data.decode(), ()), b"\xff")


def test_a_loop_without_an_end_is_found():
    with pytest.raises(Endless):
        judge(Decoder("turns", _never_end, ()), b"x")


def test_a_memory_that_grows_out_of_all_proportion_is_found():
    with pytest.raises(AssertionError, match="grows"):
        weighed(Decoder("grows", lambda _: bytes(80 << 20), ()), b"x")
