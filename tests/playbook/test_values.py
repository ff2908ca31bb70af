"""A value is of its type or it is refused; texts become something else only where the type asks for it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.errors import UsageError
from evidence_kit.playbook.language import TYPES
from evidence_kit.playbook.values import MAX_TEXT, typed, window_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "given_", "found"),
    [
        ("string", "1e5", "1e5"),
        ("string", "true", "true"),
        ("int", "12", 12),
        ("int", -3, -3),
        ("double", "1.5", 1.5),
        ("bool", "true", True),
        ("timestamp", "2026-11-18T01:00:00+01:00", "2026-11-18T00:00:00Z"),
        ("duration", "PT6H", "PT6H"),
        ("window", "P1D", {"last": "P1D"}),
        ("ip", "2001:DB8::1", "2001:db8::1"),
        ("network", "198.51.100.7/24", "198.51.100.0/24"),
        ("arn", "arn:aws:s3:::b/k", "arn:aws:s3:::b/k"),
        ("email", "a@example.com", "a@example.com"),
        ("secret", "secret://env/X", "secret://env/X"),
        ("list<int>", ["1", 2], [1, 2]),
        ("list<ip>", "192.0.2.1", ["192.0.2.1"]),
    ],
)
def test_a_value_of_its_type_is_taken(kind, given_, found):
    assert typed(kind, given_) == found


@pytest.mark.parametrize(
    ("kind", "given_"),
    [
        ("string", 1), ("string", "x" * (MAX_TEXT + 1)), ("int", "1.0"), ("int", True), ("int", "9" * 19),
        ("double", "nan"), ("double", "inf"), ("double", True), ("bool", "yes"), ("bool", 1), ("bool", []),
        ("timestamp", "2026-11-18"), ("timestamp", "yesterday"), ("duration", "6h"), ("window", {"lust": "P1D"}),
        ("window", {"since": "x"}), ("window", {}), ("ip", "1.2.3"), ("ip", "host"), ("network", "1.2.3.4/33"),
        ("arn", "arn:aws"), ("email", "a b@c"), ("secret", "hunter2"), ("list<int>", ["x"]), ("nothing", "x"),
        ("string", None),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(kind, given_):
    with pytest.raises(UsageError, match="is not of type"):
        typed(kind, given_)


@given(st.sampled_from(TYPES), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
))  # fmt: skip
def test_whatever_comes_is_taken_or_refused_and_what_was_taken_is_taken_again(kind, value):
    try:
        found = typed(kind, value)
    except UsageError:
        return
    assert typed(kind, found) == found


def test_a_secret_is_never_repeated_in_full():
    with pytest.raises(UsageError) as caught:
        typed("secret", "x" * 200)
    assert "x" * 81 not in caught.value.message


@pytest.mark.parametrize(
    ("said", "start", "end"),
    [
        ({"last": "P1D"}, NOW - timedelta(days=1), NOW),
        ({"since": "2026-11-18T00:00:00Z"}, datetime(2026, 11, 18, tzinfo=UTC), NOW),
        ({"since": "2d", "until": "1d"}, NOW - timedelta(days=2), NOW - timedelta(days=1)),
        ({"around": "2026-11-18T00:00:00Z", "before": "PT1H", "after": "PT2H"},
         datetime(2026, 11, 17, 23, tzinfo=UTC), datetime(2026, 11, 18, 2, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_window_becomes_absolute(said, start, end):
    found = window_of(said, NOW)

    assert (found.start, found.end) == (start, end)
