import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.errors import UsageError
from evidence_kit.model.time import (
    Window,
    compact,
    epoch_ms,
    is_rfc3339,
    parse_age,
    parse_instant,
    parse_period,
    require_utc,
    rfc3339,
    spelled,
)

NOW = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
# From a day after the first to a day before the last: at the very ends another zone's time has no UTC.
FIRST, LAST = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis wants naive bounds
INSTANTS = st.datetimes(min_value=FIRST, max_value=LAST, timezones=st.just(UTC))
ANY_ZONE = st.datetimes(
    min_value=FIRST,
    max_value=LAST,
    timezones=st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)
WINDOWS = st.tuples(INSTANTS, INSTANTS).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: Window(*pair))


@given(INSTANTS)
def test_rfc3339_reads_back_as_the_same_instant(moment):
    assert parse_instant(rfc3339(moment)) == moment


@given(INSTANTS)
def test_rfc3339_is_of_one_form(moment):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", rfc3339(moment))


@given(ANY_ZONE)
def test_an_instant_is_the_same_in_any_zone(moment):
    assert parse_instant(moment.isoformat()) == moment
    assert require_utc(moment).utcoffset() == timedelta(0)


@given(INSTANTS)
def test_compact_is_as_long_for_every_year(moment):
    assert re.fullmatch(r"\d{8}T\d{6}Z", compact(moment))


@given(INSTANTS)
def test_epoch_milliseconds_are_rounded_up(moment):
    epoch, step = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
    assert moment <= epoch + epoch_ms(moment) * step < moment + step


def test_whole_milliseconds_are_exact():
    assert epoch_ms(NOW) == 1_795_296_600_000


def test_compact_drops_fractions():
    assert compact(NOW.replace(microsecond=999_999)) == "20261121T213000Z"


@pytest.mark.parametrize("text", ["2026-11-18T00:00:00", "2026-11-18", "2026-11-18 10:00"])
def test_a_naive_time_is_refused(text):
    with pytest.raises(UsageError, match="no time zone") as caught:
        parse_instant(text)
    assert "Z`" in caught.value.hint


def test_a_naive_datetime_is_refused():
    with pytest.raises(UsageError, match="no time zone"):
        require_utc(datetime(2026, 1, 1))  # noqa: DTZ001 - the point


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-01:00"])
def test_a_time_without_a_year_in_utc_is_refused(text):
    with pytest.raises(UsageError, match="outside the years"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01T00:00:00Z", "2d ago", "1", "\uff12026-11-18T00:00:00Z"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="is not a time"):
        parse_instant(text, now=NOW)


def test_nanoseconds_are_read_to_the_microsecond():
    assert parse_instant("2026-11-21T21:30:00.123456789Z").microsecond == 123456


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("36h", timedelta(hours=36)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
    ],
)
def test_an_age_counts_back_from_now(text, age):
    assert parse_age(text) == age
    assert parse_instant(text, now=NOW) == NOW - age


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "1.5h", "5 m"])
def test_what_is_no_age_is_refused(text):
    with pytest.raises(UsageError, match="is not a length of time"):
        parse_age(text)


def test_an_age_means_nothing_without_a_now():
    with pytest.raises(UsageError, match="is not a time"):
        parse_instant("2d")


@pytest.mark.parametrize("text", ["2026-11-21T21:30:00Z", "2026-11-21T21:30:00.000001Z"])
def test_our_own_form_is_recognised(text):
    assert is_rfc3339(text)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-21", "2026-11-21T21:30:00+00:00", "2026-11-21 21:30:00Z", "2026-11-21T21:30:00.000000Z"],
)
def test_any_other_form_is_not_ours(text):
    assert not is_rfc3339(text)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("P90D", timedelta(days=90)),
        ("PT15M", timedelta(minutes=15)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ],
)
def test_a_period_is_iso_8601(text, period):
    assert parse_period(text) == period


@pytest.mark.parametrize("text", ["", "P", "PT", "90D", "P1M", "P1Y", "P-1D", "P1.5D"])
def test_what_is_no_period_is_refused(text):
    with pytest.raises(UsageError, match="is not a duration"):
        parse_period(text)


def test_a_window_that_is_empty_is_refused():
    with pytest.raises(UsageError, match="ends"):
        Window(NOW, NOW)


def test_a_window_that_is_reversed_is_refused():
    with pytest.raises(UsageError, match="before it starts"):
        Window(NOW, NOW - timedelta(seconds=1))


def test_a_window_of_naive_times_is_refused():
    with pytest.raises(UsageError, match="no time zone"):
        Window(datetime(2026, 1, 1), NOW)  # noqa: DTZ001 - the point


def test_a_window_holds_its_start_and_not_its_end():
    window = Window(NOW, NOW + timedelta(hours=1))
    assert window.start in window
    assert window.end not in window


def test_a_window_is_kept_in_utc():
    window = Window(NOW.astimezone(timezone(timedelta(hours=5))), NOW + timedelta(hours=1))
    assert window.to_json() == {"start": "2026-11-21T21:30:00Z", "end": "2026-11-21T22:30:00Z"}


def steps(window):
    """Return steps that cut a window into at most some hundred parts."""
    least = max(timedelta(microseconds=1), (window.end - window.start) / 200)
    return st.timedeltas(min_value=least, max_value=timedelta(days=999_999))


@given(st.data())
def test_split_covers_the_window_exactly_without_overlap(data):
    window = data.draw(WINDOWS)
    parts = list(window.split(data.draw(steps(window))))
    assert (parts[0].start, parts[-1].end) == (window.start, window.end)
    assert all(left.end == right.start for left, right in pairwise(parts))


@given(st.data())
def test_overlapping_windows_share_their_inner_parts(data):
    window = data.draw(WINDOWS)
    step = data.draw(steps(window))
    cuts = {part.end for part in window.split(step)} - {window.end}
    later = Window(window.start + (window.end - window.start) / 2, window.end)
    assert {part.end for part in later.split(step)} - {window.end} == {cut for cut in cuts if cut > later.start}


def test_a_window_at_the_end_of_time_can_be_split():
    window = Window(datetime(9999, 12, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC))
    assert list(window.split(timedelta(days=400))) == [window]


@pytest.mark.parametrize(
    ("lasting", "said"),
    [
        (timedelta(days=1), "1 day"),
        (timedelta(days=90), "90 days"),
        (timedelta(days=6, hours=22), "6 days and 22 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "1.5 hours"),
        (timedelta(0), "0 hours"),
    ],
)
def test_a_period_is_spelled_for_people(lasting, said):
    assert spelled(lasting) == said
