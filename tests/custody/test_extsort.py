import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.custody.extsort import LineSorter, sorted_lines

LINES = st.lists(st.binary(max_size=8).map(lambda b: b.replace(b"\n", b"") + b"\n"), max_size=40)


@given(LINES, st.integers(1, 7))
def test_runs_of_any_size_give_the_order_of_sorted(lines, run):
    assert list(sorted_lines(lines, run=run)) == sorted(lines)


@pytest.mark.slow
def test_a_sorter_that_spilled_and_was_never_read_leaves_no_open_file():
    sorter = LineSorter(run=2)
    for number in range(9):
        sorter.add(b"%d\n" % number)
    del sorter
    gc.collect()  # an unclosed file would warn, and warnings are errors here


def test_reading_half_of_it_leaves_no_open_file():
    found = sorted_lines((b"%d\n" % number for number in range(9)), run=2)
    assert next(found) == b"0\n"
    found.close()
    with pytest.raises(StopIteration):
        next(found)


def test_nothing_sorts_to_nothing():
    assert list(sorted_lines([])) == []
