"""`${{ … }}` is found by reading what is in it, filled in once, and never looked at again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.playbook.expressions import ExpressionError
from evidence_kit.playbook.templates import fill, read, texts

NAMES = {"a": "one", "n": 3, "t": True, "l": ["x", "y"], "evil": "${{ a }}'; DROP TABLE x; --\x1b[2J"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${{ n }}", 3),
        ("${{ l }}", ["x", "y"]),
        ("${{n}}", 3),
        ("is ${{ n }}", "is 3"),
        ("${{ a }} and ${{ n }}", "one and 3"),
        ("${{ t }}!", "true!"),
        ("${{ {'k': {'x': a}} }}", {"k": {"x": "one"}}),
        ("${{ '}}' + a }}", "}}one"),
        ('${{ "\\"}}" + a }}', '"}}one'),
    ],
)
def test_a_text_is_filled_in(text, value):
    assert fill(text, NAMES) == value


def test_what_is_filled_in_is_never_looked_at_again():
    assert fill("${{ evil }}", NAMES) == NAMES["evil"]
    assert fill("x ${{ evil }}", NAMES) == f"x {NAMES['evil']}"
    assert fill({"${{ a }}": ["${{ evil }}"]}, NAMES) == {"${{ a }}": [NAMES["evil"]]}


@given(st.text(max_size=50))
def test_any_value_comes_through_as_it_is(value):
    assert fill("<${{ a }}>", {"a": value}) == f"<{value}>"


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("one ${{ a", 4, "without"),
        ("one ${{ a b }}", 10, "no expression"),
        ("${{ a }} ${{ [a. }}", 15, "no expression"),
        ("${{ 'x }}", 0, "without"),
    ],
)
def test_a_slot_that_is_none_is_told_where_it_is(text, at, said):
    with pytest.raises(ExpressionError, match=said) as caught:
        read(text)
    assert caught.value.at == at


def test_a_list_is_no_text_within_a_text():
    with pytest.raises(ExpressionError, match="no text within a text"):
        fill("all: ${{ l }}", NAMES)


def test_every_text_in_data_has_its_path():
    assert list(texts({"a": ["x", {"b": "y"}], "c": 1})) == [(("a", 0), "x"), (("a", 1, "b"), "y")]
