"""Times of AWS are read as botocore reads them, only sooner."""

from datetime import datetime

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.collectors.aws.access import _time


@given(st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 1, 1)))  # noqa: DTZ001 - strategies want it
def test_the_usual_form_is_the_same_instant(moment):
    text = f"{moment.isoformat(timespec='milliseconds')}Z"
    assert _time(text) == parse_timestamp(text)
    assert _time(text).utcoffset() == parse_timestamp(text).utcoffset()


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T12:00:00Z",
        "2026-11-20T12:00:00.123Z",
        "2026-11-20T12:00:00.123456Z",
        "2026-11-20T12:00:00+02:00",
        "Fri, 20 Nov 2026 12:00:00 GMT",
        "1795608000",
        1795608000,
        1795608000.5,
    ],
)
def test_every_other_form_is_botocores_business(text):
    assert _time(text) == parse_timestamp(text)


@pytest.mark.parametrize("text", ["2026-13-20T12:00:00Z", "2026-11-20T24:61:00Z", "soon"])
def test_what_is_no_time_is_the_error_it_was(text):
    with pytest.raises(ValueError) as theirs:  # noqa: PT011 - whichever botocore raises
        parse_timestamp(text)
    with pytest.raises(type(theirs.value)):
        _time(text)
