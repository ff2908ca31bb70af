import io
import json
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.custody import ledger, strict
from evidence_kit.custody.ledger import GENESIS, MAX_LINE, Chain, Torn
from evidence_kit.errors import ChainError, SignatureError


def made(count=6):
    chain = Chain()
    return [chain.line(ledger.EXCHANGE, {"unit": f"u{number}"}) for number in range(count)], chain


def read(*lines, chain=None):
    return list(ledger.read(io.BytesIO(ledger.lines(lines)), chain))


LINES, END = made()


def test_a_ledger_reads_back_as_it_was_written():
    entries = read(*LINES)
    assert [entry.text("unit") for entry in entries] == [f"u{number}" for number in range(6)]
    assert {entry.kind for entry in entries} == {ledger.EXCHANGE}


def test_reading_tells_where_the_next_line_attaches():
    chain = Chain()
    read(*LINES, chain=chain)
    assert chain == END


@pytest.mark.parametrize("zeros", [LINES[2][:10] + bytes(30), bytes(40), bytes(MAX_LINE + 9)])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nmore\n"])
def test_zeros_in_place_of_what_was_written_last_are_a_torn_line(zeros, end):
    entries = ledger.read(io.BytesIO(ledger.lines(LINES[:2]) + zeros + end))
    assert [next(entries).text("unit"), next(entries).text("unit")] == ["u0", "u1"]
    with pytest.raises(Torn):
        next(entries)


def test_every_entry_knows_where_it_ends():
    assert [entry.end for entry in read(*LINES[:2])] == [len(LINES[0]) + 1, len(LINES[0]) + len(LINES[1]) + 2]


def test_the_first_line_follows_nothing():
    assert json.loads(LINES[0])["prev"] == GENESIS


def test_a_torn_last_line_is_told_from_a_broken_one():
    stream = io.BytesIO(ledger.lines(LINES)[:-1])
    with pytest.raises(Torn, match="line 6 is torn"):
        deque(ledger.read(stream), maxlen=0)


def test_what_stands_before_a_torn_line_is_read():
    found = []
    with pytest.raises(Torn):
        found.extend(ledger.read(io.BytesIO(ledger.lines(LINES) + b'{"se')))
    stream = ledger.read(io.BytesIO(ledger.lines(LINES) + b'{"se'))
    assert [next(stream).text("unit") for _ in LINES] == [f"u{number}" for number in range(6)]


def test_every_swap_of_two_lines_breaks_the_chain():
    for first in range(6):
        for second in range(first + 1, 6):
            swapped = list(LINES)
            swapped[first], swapped[second] = swapped[second], swapped[first]
            with pytest.raises(ChainError, match=f"line {first + 1} does not follow"):
                read(*swapped)


@pytest.mark.parametrize("position", range(5))
def test_a_removed_line_breaks_the_chain(position):
    with pytest.raises(ChainError, match=f"line {position + 1} does not follow"):
        read(*LINES[:position], *LINES[position + 1 :])


@pytest.mark.parametrize("position", range(6))
def test_a_doubled_line_breaks_the_chain(position):
    with pytest.raises(ChainError, match=f"line {position + 2} does not follow"):
        read(*LINES[: position + 1], *LINES[position:])


def test_a_foreign_line_breaks_the_chain():
    other = Chain(3, "f" * 64).line(ledger.EXCHANGE, {"unit": "x"})
    with pytest.raises(ChainError, match="line 4 does not follow"):
        read(*LINES[:3], other)


@given(st.data())
def test_any_change_of_any_line_but_the_last_breaks_the_chain(data):
    number = data.draw(st.integers(0, 4))
    line = bytearray(LINES[number])
    line[data.draw(st.integers(0, len(line) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ChainError):
        read(*LINES[:number], bytes(line), *LINES[number + 1 :])


@pytest.mark.parametrize("line", [b"", b"[]", b"x", b'{"type":1}', b'{"seq":0}', b'{"a":1,"a":1}'])
def test_a_line_that_cannot_be_read_breaks_the_chain(line):
    with pytest.raises(ChainError, match="line 1 cannot be read"):
        read(line)


def test_a_line_beyond_the_limit_is_refused_before_it_is_held():
    class Endless(io.RawIOBase):
        def readline(self, size=-1):
            assert 0 < size <= MAX_LINE + 1
            return b"x" * size

    with pytest.raises(ChainError, match="longer than"):
        deque(ledger.read(Endless()), maxlen=0)


def test_a_whole_line_at_the_limit_is_read():
    ((line, whole),) = ledger.raw_lines(io.BytesIO(b"x" * 9 + b"\n"), limit=9)
    assert (len(line), whole) == (9, True)


def test_an_empty_ledger_holds_nothing():
    assert read() == []


def test_a_field_of_another_type_is_refused():
    (entry,) = read(Chain().line(ledger.UNIT, {"unit": 7}))
    with pytest.raises(SignatureError, match="`unit` is int"):
        entry.text("unit")


def test_lines_are_compact():
    assert all(strict.encode(json.loads(line)) == line for line in LINES)
