"""Windows tile what was asked for, without gap, overlap or more than an answer holds; questions stay questions."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.collectors.azure import kusto
from evidence_kit.collectors.azure.kusto import HOUR, PACK_BYTES, PACK_ROWS, SECOND, Count, Question, Span
from evidence_kit.errors import UsageError
from evidence_kit.model.time import Window

START = datetime(2026, 11, 1, tzinfo=UTC)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 2, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given a zone


@st.composite
def windows(draw, most=timedelta(days=40)):
    start = draw(moments)
    return Window(start, start + draw(st.timedeltas(timedelta(microseconds=1), most)))


@st.composite
def counted(draw, width=HOUR):
    """A window and the counts of some of its bins, none above what an answer holds."""
    window = draw(windows(timedelta(days=3) if width == HOUR else timedelta(minutes=2)))
    bins, start = [], kusto.floor(window.start, width)
    while start < window.end:
        rows = draw(st.integers(0, PACK_ROWS))
        if rows:
            bins.append(Count(start, width, rows, draw(st.integers(0, PACK_BYTES))))
        start += width
    return window, bins


def require_tiling(spans, window):
    """Fail unless spans, in order, cover the window once; and shards stand together, all of them."""
    at = window.start
    while spans:
        first = spans[0]
        together, spans = spans[: first.shards], spans[first.shards :]
        assert [span.shard for span in together] == list(range(first.shards))
        assert {(span.window, span.shards) for span in together} == {(first.window, first.shards)}
        assert first.window.start == at
        at = first.window.end
    assert at == window.end


@given(counted())
def test_spans_tile_the_window_and_hold_no_more_than_an_answer(found):
    window, counts = found
    spans = kusto.pack(counts, window)
    require_tiling(spans, window)
    for span in spans:
        inside = [c for c in counts if kusto.clamped(c, window).start in span.window]
        assert span.shards == 1
        assert sum(c.rows for c in inside) <= PACK_ROWS
        assert sum(c.size for c in inside) <= PACK_BYTES


@given(counted())
def test_no_two_neighbours_would_have_fitted_together(found):
    window, counts = found
    spans = kusto.pack(counts, window)
    for left, right in itertools.pairwise(spans):
        held = [c for c in counts if kusto.clamped(c, window).start in left.window]
        first = next(c for c in counts if kusto.clamped(c, window).start in right.window)
        rows, size = sum(c.rows for c in held) + first.rows, sum(c.size for c in held) + first.size
        assert rows > PACK_ROWS or size > PACK_BYTES


@given(window=windows(timedelta(hours=2)), rows=st.integers(1, 40 * PACK_ROWS))
def test_a_bin_above_the_limit_becomes_shards_each_below_it(window, rows):
    spans = kusto.pack([Count(kusto.floor(window.start, SECOND), SECOND, rows, 0)], window)
    require_tiling(spans, window)
    assert rows / spans[0].shards <= PACK_ROWS
    assert len(spans) == -(-rows // PACK_ROWS)


@given(window=windows(), data=st.data())
def test_cutting_tiles_what_was_cut_down_to_a_second_and_then_to_shards(window, data):
    span, depth = Span(window), 0
    while parts := span.split():
        depth += 1
        left, right = parts
        if right.shards == 1:
            assert (left.window.start, left.window.end, right.window.end) == (
                span.window.start, right.window.start, span.window.end,
            )  # fmt: skip
            assert left.window.end.microsecond == 0
        else:
            assert span.window.end - span.window.start <= SECOND
            for item in range(64):  # whatever an item hashes to
                held = [part for part in parts if item % part.shards == part.shard]
                assert len(held) == (item % span.shards == span.shard)
        span = data.draw(st.sampled_from(parts))
    assert span.shards == kusto.MAX_SHARDS
    assert depth < 40


def test_a_stretch_without_rows_is_asked_for_with_its_neighbour():
    window = Window(START, START + 30 * timedelta(days=1))
    (span,) = kusto.pack([Count(START + 5 * HOUR, HOUR, 7, 7)], window)
    assert span == Span(window)


def test_the_fewest_windows_for_three_million_rows_in_thirty_days_are_eight():
    window = Window(START, START + 30 * timedelta(days=1))
    counts = [Count(START + n * HOUR, HOUR, 3_000_000 // 720, 0) for n in range(720)]
    assert len(kusto.pack(counts, window)) == 8


def test_heavy_hours_are_counted_by_the_second_in_runs_of_a_day_at_most():
    window = Window(START + timedelta(minutes=30), START + timedelta(days=4))
    rows = [PACK_ROWS + 1] * 30 + [5] + [PACK_ROWS + 1, PACK_ROWS] + [0, PACK_ROWS + 1]
    counts = [Count(START + n * HOUR, HOUR, some, 0) for n, some in enumerate(rows)]
    found = list(kusto.heavy(counts, window))
    assert [(one.start - START, one.end - START) for one in found] == [
        (timedelta(minutes=30), 24 * HOUR),
        (24 * HOUR, 30 * HOUR),
        (31 * HOUR, 32 * HOUR),
        (34 * HOUR, 35 * HOUR),
    ]


def test_an_hour_is_heavy_by_its_bytes_too():
    counts = [Count(START, HOUR, 1, PACK_BYTES + 1)]
    assert list(kusto.heavy(counts, Window(START, START + HOUR))) == [Window(START, START + HOUR)]


# -- what came against what was counted --------------------------------------------------------------------------


def test_equal_counts_make_no_difference_however_the_hours_were_cut():
    counts = [Count(START, HOUR, 10, 0), Count(START + HOUR, HOUR, 5, 0)]
    half = START + HOUR / 2
    got = [
        (Window(half, START + HOUR), 4), (Window(START, half), 6),
        (Window(START + HOUR, START + 2 * HOUR), 2), (Window(START + HOUR, START + 2 * HOUR), 3),
    ]  # fmt: skip
    assert kusto.compare(got, counts) == ()


def test_a_difference_names_the_smallest_stretch_of_whole_hours():
    counts = [Count(START + n * HOUR, HOUR, 10, 0) for n in range(3)]
    got = [(Window(START + n * HOUR, START + (n + 1) * HOUR), 10 - (n == 1)) for n in range(3)]
    (one,) = kusto.compare(got, counts)
    assert (one.window.start, one.got, one.counted, one.is_explained) == (START + HOUR, 9, 10, False)


@pytest.mark.parametrize(("late", "explained"), [(0, False), (1, True), (3, True)])
def test_what_arrived_meanwhile_explains_what_did_not_come(late, explained):
    counts = [Count(START, HOUR, 10, 0, late)]
    (one,) = kusto.compare([(Window(START, START + HOUR), 9)], counts)
    assert one.is_explained is explained


def test_two_errors_that_cancel_out_are_two_errors():
    counts = [Count(START + n * HOUR, HOUR, 10, 0) for n in range(2)]
    got = [(Window(START, START + HOUR), 9), (Window(START + HOUR, START + 2 * HOUR), 11)]
    assert [one.got for one in kusto.compare(got, counts)] == [9, 11]


# -- text --------------------------------------------------------------------------------------------------------


def test_questions_are_half_open_and_exact():
    window = Window(START, START + timedelta(hours=1, microseconds=5))
    question = Question("SigninLogs", 'Kind == "a"', "x > 3")
    head = (
        "SigninLogs\n| where TimeGenerated >= datetime(2026-11-01T00:00:00Z) and "
        'TimeGenerated < datetime(2026-11-01T01:00:00.000005Z)\n| where (Kind == "a")\n| where (x > 3)'
    )
    assert question.rows(Span(window)) == head
    assert question.rows(Span(window, 3, 8)) == f"{head}\n| where hash(_ItemId, 8) == 3"
    assert question.count(window, HOUR) == (
        f"{head}\n| summarize Rows=count(), Bytes=sum(_BilledSize) by TimeGenerated=bin(TimeGenerated, 1h)"
    )
    assert question.recount(window, START) == (
        f"{head}\n| summarize Rows=count(), Late=countif(ingestion_time() >= datetime(2026-11-01T00:00:00Z)) "
        "by TimeGenerated=bin(TimeGenerated, 1h)"
    )


@pytest.mark.parametrize(
    "table", ["", "a b", "T | take 1", "T;U", "T\n", "workspace('x').T", "externaldata(x:int)", "1T", "T" * 129]
)
def test_what_is_not_the_name_of_a_table_is_refused(table):
    with pytest.raises(UsageError, match="is not the name of a table"):
        Question(table)


@pytest.mark.parametrize(
    "predicate",
    [
        "x | take 1", "x; drop", "x // y", "x\n| take 1", "`x`", "~~~x~~~", '@"x\\"', '"open', "'it's'", "x\\",
        'a == "b" "', "x" * 1001, "a\u202eb",
    ],
)  # fmt: skip
def test_what_could_be_more_than_a_predicate_is_refused(predicate):
    with pytest.raises(UsageError, match="is not a plain predicate"):
        Question("T", "", predicate)


@pytest.mark.parametrize("predicate", ["a) or (b", "(a", "a)", ")("])
def test_brackets_close_what_they_opened(predicate):
    with pytest.raises(UsageError, match="brackets"):
        Question("T", "", predicate)


@pytest.mark.parametrize(
    "predicate",
    [
        'ResultType != "0"', "UserPrincipalName =~ 'robin@example.com'", 'a has "x | y; // ` ( @"', r'a == "q\"b)"',
        "x in (1, 2) and (y > 3 or not(isempty(z)))",
    ],
)  # fmt: skip
def test_a_plain_predicate_passes(predicate):
    assert f"| where ({predicate})" in Question("T", "", predicate).rows(Span(Window(START, START + HOUR)))
