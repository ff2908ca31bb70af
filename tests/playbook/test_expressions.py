"""Conditions: strict, bounded, and with a place for every name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_kit.playbook.expressions import MAX_LENGTH, ExpressionError, parse

NAMES = {
    "inputs": {"list": ["a", "b"], "n": 2, "text": "x", "at": "2026-11-18T00:00:00Z"},
    "steps": {"q": {"outcome": "success", "gaps": 0, "outputs": {"ips": ["192.0.2.1", "203.0.113.66"], "rows": 2}}},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("steps.q.outputs.rows > 1 && inputs.text == 'x'", True),
        ("size(steps.q.outputs.ips)", 2),
        ("steps.q.outputs.ips.filter(ip, !inNetwork(ip, ['192.0.2.0/24']))", ["203.0.113.66"]),
        ("steps.q.outputs.ips.exists(ip, ip.startsWith('203.'))", True),
        ("inputs.n == 2 ? 'two' : 'many'", "two"),
        ("inputs.list.join('-')", "a-b"),
        ("'a,b,a'.split(',').distinct()", ["a", "b"]),
        ("'ÄB'.lowerAscii()", "Äb"),
        ("'é'.size()", 1),
        ("timestamp(inputs.at) < timestamp('2026-11-19T00:00:00Z')", True),
        ("inNetwork('no address', '192.0.2.0/24')", False),
        ("[1, 2] + [3]", [1, 2, 3]),
        ("'x' in inputs.list", False),
        ("inputs['text']", "x"),
    ],
)
def test_an_expression_has_a_value(text, value):
    assert parse(text).value(NAMES) == value


@pytest.mark.parametrize("text", ["inputs.text", "inputs.text && true", "true || 'x' == 1 || inputs.text", "1", "[]"])
def test_what_is_neither_true_nor_false_is_no_condition(text):
    if text.startswith("true ||"):
        assert parse(text).holds(NAMES)
        return
    with pytest.raises(ExpressionError):
        parse(text).holds(NAMES)


@pytest.mark.parametrize(
    "text",
    ["inputs.none == 1", "nothing", "1 / 0", "inputs.list[9]", "'a' + 1", "foo(1)", "int('x')", "-inputs.text"],
)
def test_what_comes_to_nothing_is_an_error(text):
    with pytest.raises(ExpressionError):
        parse(text).value(NAMES)


@pytest.mark.parametrize(
    ("text", "at"),
    [("a b", 2), ("(a", 1), ("a &&", 2), ("a\n  b", 4), ("a.reduce(x, y, 0, 1)", 2), ("a.min()", 2), (".a", 0)],
)
def test_a_mistake_is_told_where_it_is(text, at):
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.at == at


@pytest.mark.parametrize("text", ["1" * (MAX_LENGTH + 1), "(" * 65 + "1" + ")" * 65, "[" * 5_000])
def test_what_is_too_long_or_too_deep_is_not_read(text):
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "l.all(a, l.all(b, l.all(c, true)))",
        "[s, s, s, s].map(a, a + a).map(a, a + a).map(a, a + a).size() > 0",
    ],
)
def test_what_would_never_end_is_stopped(text):
    with pytest.raises(ExpressionError):
        parse(text).value({"l": list(range(200)), "s": "x" * (1 << 18)})


def test_names_are_told_with_their_parts_and_places():
    found = parse(
        'size(steps.q.outputs["ips"]) > inputs.n && steps.q.outputs.ips.exists(v, v == inputs.text)'
    ).references()

    assert [(one.path, one.at) for one in found] == [
        (("steps", "q", "outputs", "ips"), 5),
        (("inputs", "n"), 31),
        (("steps", "q", "outputs", "ips"), 43),
        (("inputs", "text"), 78),
    ]


def test_the_variable_of_a_macro_is_no_name_of_the_playbook():
    assert [one.path for one in parse("inputs.list.exists(x, x == x)").references()] == [("inputs", "list")]


@settings(deadline=None, max_examples=100)
@given(st.text("abins.[](){}'\"!&|=<>+-*/?:, 01\n\\", max_size=40))
def test_whatever_is_written_is_read_or_refused_with_a_place_in_it(text):
    try:
        found = parse(text)
    except ExpressionError as error:
        at = error.at
    else:
        at = 0
        assert all(text.startswith(one.path[0], one.at) for one in found.references())
    assert 0 <= at <= len(text)
