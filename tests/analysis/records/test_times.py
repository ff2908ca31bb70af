"""Times of every spelling become RFC 3339 in UTC with the precision they had, and nanoseconds that order them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.analysis.records import times
from evidence_kit.analysis.records.times import read_time, read_times


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
        ("2026-11-20T10:00:00.123456789Z", "2026-11-20T10:00:00.123456789Z"),
        ("2026-11-20T10:00:00.1234567+02:00", "2026-11-20T08:00:00.1234567Z"),
        ("2026-11-20T10:00:00-0730", "2026-11-20T17:30:00Z"),
        ("2026-11-20 10:00:00 UTC", "2026-11-20T10:00:00Z"),
        ("2026-11-20 10:00:00.120", "2026-11-20T10:00:00.120Z"),
        ("2026-11-20T11:00:00.1234567890+01:00", "2026-11-20T10:00:00.1234567890Z"),
        ("2026-12-31T24:00:00Z", "2027-01-01T00:00:00Z"),
        ("1795168800", "2026-11-20T10:00:00Z"),
        ("1795168800.250", "2026-11-20T10:00:00.250Z"),
        ("1795168800123", "2026-11-20T10:00:00.123Z"),
        ("1795168800123456", "2026-11-20T10:00:00.123456Z"),
        ("1795168800123456789", "2026-11-20T10:00:00.123456789Z"),
        ("1.7951688E9", None),
        ("1.795168800E9", "2026-11-20T10:00:00Z"),
        ("/Date(1795168800123)/", "2026-11-20T10:00:00.123Z"),
        ("Fri, 20 Nov 2026 11:00:00 +0100", "2026-11-20T10:00:00Z"),
        ("Fri, 20 Nov 2026 99:99:99 +0100", None),
        ("20/Nov/2026:10:00:00 +0000", "2026-11-20T10:00:00Z"),
        ("redacted", None),
        ("", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-20T25:00:00Z", None),
        ("9999-12-31T00:00:00Z", None),
        ("9" * 25, None),
    ],
)
def test_every_spelling_is_read(said, text) -> None:
    found = read_time(said)
    assert (found and found[0]) == text


@given(
    st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001 - the zone is drawn
    st.integers(min_value=-23 * 60, max_value=23 * 60),
)
def test_text_and_nanoseconds_are_the_same_instant(moment, offset) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text, ns = read_time(aware.isoformat())
    assert datetime.fromisoformat(text) == aware
    assert ns == (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000


def test_digits_finer_than_a_nanosecond_stay_in_the_text_and_are_not_rounded_up() -> None:
    assert read_time("1970-01-01T00:00:00.000000001999Z") == ("1970-01-01T00:00:00.000000001999Z", 1)


@given(st.text())
def test_any_text_is_a_time_or_none(said) -> None:
    found = read_time(said)
    assert found is None or read_time(found[0]) == found


@given(
    moment=st.datetimes(min_value=datetime(1600, 1, 1), max_value=datetime(2300, 1, 1)),  # noqa: DTZ001 - all end in Z
    cut=st.integers(0, 20),
    put=st.sampled_from(["", "0", "60", "24", "T", "Z", " ", "٣", ".5"]),
)
def test_a_plain_time_is_read_at_speed_as_any_other_is(moment, cut, put) -> None:
    said = f"{moment:%Y-%m-%dT%H:%M:%S}Z"
    for one in (said, said[:cut] + put + said[cut + len(put) :]):
        assert read_time(one) == times._read(one)


SPELT = st.sampled_from(
    [
        None, "", "redacted", "1795168800", "2026-11-20T10:00:00Z", "2026-11-20T10:00:60Z", "2026-11-20T10:00:00.5Z",
        "2026-11-20T24:00:00Z", "2026-02-29T10:00:00Z", "2028-02-29T10:00:00Z", "0000-11-20T10:00:00Z",
        "1677-01-01T00:00:00Z", "2262-04-11T23:59:59Z", "2026-11-20t10:00:00Z", "2026-11-20 10:00:00Z",
        "2026-11-20T10:00:00+", "\u0662026-11-20T10:00:00Z", "2026-11-20T10:00:0\u0660Z", "2026-11-20T1:000:00Z",
    ]
) | st.datetimes().map(lambda at: f"{at.isoformat()[:19]}Z")  # fmt: skip


@given(said=st.lists(SPELT, max_size=4))
def test_many_times_are_the_times_that_each_is(said) -> None:
    alone = [None if one is None else read_time(one) for one in said]
    found, instants = read_times(said)
    assert list(zip(found, instants, strict=True)) == [one or (None, None) for one in alone]


def test_minutes_that_are_remembered_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr(times, "_MOST_MINUTES", 10)
    said = [f"2026-11-20T10:{minute:02}:07Z" for minute in range(60)]
    assert read_times(said)[1] == [instant[1] for instant in map(read_time, said) if instant]
    assert len(times._KNOWN) <= 10
