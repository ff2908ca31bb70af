"""Every moment of a window is asked for, whatever the provider's format and bounds."""

import operator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evidence_kit.collectors.partner.window import Terms, halved, when
from evidence_kit.model.time import Window, parse_instant

FORMATS = ["rfc3339", "rfc3339ms", "epoch_s", "epoch_ms", "date", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y%m%d%H"]
BOUNDS = ["[)", "[]", "(]", "()"]
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(text, format_):
    """Read a bound as a provider would, without our own code."""
    if format_ == "epoch_s":
        return EPOCH + timedelta(seconds=int(text))
    if format_ == "epoch_ms":
        return EPOCH + timedelta(milliseconds=int(text))
    if "%" in format_:
        return datetime.strptime(text, format_).replace(tzinfo=UTC)
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cut(moment, step):
    return EPOCH + (moment - EPOCH) // step * step


@pytest.mark.parametrize("exact", [True, False], ids=["compares exactly", "compares in steps"])
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("format_", FORMATS)
@given(data=st.data())
def test_a_provider_gives_every_moment_of_the_window(format_, bounds, exact, data):
    start, moment, end = sorted(data.draw(st.tuples(MOMENTS, MOMENTS, MOMENTS)))
    if data.draw(st.booleans()):
        end = min(end, start + timedelta(seconds=data.draw(st.integers(1, 100))))
        moment = min(moment, start + (end - start) / 2) if end > start else moment
    assume(start <= moment < end)
    terms = Terms(format_, bounds, timedelta(0))
    if terms.resolution > timedelta(seconds=1) and bounds[1] == "]":
        exact = False  # a day that is included is included as a whole

    low, high = (read(terms.text(bound), format_) for bound in terms.asked(Window(start, end)))
    seen = moment if exact else cut(moment, terms.resolution)

    assert (operator.le if bounds[0] == "[" else operator.lt)(low, seen)
    assert (operator.le if bounds[1] == "]" else operator.lt)(seen, high)
    assert moment in terms.covers(Window(start, end))


@pytest.mark.parametrize("format_", FORMATS)
@given(data=st.data())
def test_no_more_than_a_step_on_each_side_is_asked_for_twice(format_, data):
    start, end = sorted(data.draw(st.tuples(MOMENTS, MOMENTS)))
    assume(start < end)
    terms = Terms(format_, data.draw(st.sampled_from(BOUNDS)), timedelta(0))

    low, high = terms.asked(Window(start, end))

    assert start - 2 * terms.resolution < low
    assert high < end + terms.resolution


def test_an_overlap_begins_earlier():
    window = Window(parse_instant("2026-11-20T00:00:00Z"), parse_instant("2026-11-21T00:00:00Z"))

    assert Terms("rfc3339", "[)", timedelta(minutes=5)).asked(window)[0] == window.start - timedelta(minutes=5)


@pytest.mark.slow
@given(data=st.data())
def test_halves_tile_a_window(data):
    start, end = sorted(data.draw(st.tuples(MOMENTS, MOMENTS)))
    assume(start < end)
    step = data.draw(st.sampled_from([timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)]))

    halves = halved(Window(start, end), step)

    if halves:
        assert (halves[0].start, halves[1].end) == (start, end)
        assert halves[0].end == halves[1].start
    else:
        assert end - start <= 2 * step


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z"),
        ("2026-11-20T01:00:00.123456789+01:00", "2026-11-20T00:00:00.123456Z"),
        (1795132800, "2026-11-20T00:00:00Z"),
        (1795132800000, "2026-11-20T00:00:00Z"),
        ("1795132800.5", "2026-11-20T00:00:00.500000Z"),
        ("2026-11-20T00:00:00", None),
        ("yesterday", None),
        (None, None),
        (True, None),
        ([], None),
        (1e300, None),
    ],
)
def test_times_of_records_are_read_or_left_alone(value, wanted):
    assert when(value) == (parse_instant(wanted) if wanted else None)
