import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.custody import strict
from evidence_kit.errors import SignatureError

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), 1 << 63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
OBJECTS = st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES, max_size=6)


@given(OBJECTS)
def test_decode_of_encode_is_the_same_object(value):
    assert strict.decode(strict.encode(value)) == value
    assert strict.decode_line(strict.encode(value)) == value


@given(OBJECTS)
def test_encoded_text_is_one_line_of_printable_ascii(value):
    encoded = strict.encode(value).decode("ascii")
    assert encoded.isprintable()


@given(st.data())
def test_a_flipped_byte_of_a_line_never_yields_the_same_object(data):
    value = data.draw(OBJECTS)
    line = bytearray(strict.encode(value))
    position = data.draw(st.integers(0, len(line) - 1))
    line[position] ^= data.draw(st.integers(1, 255))
    try:
        found = strict.decode_line(bytes(line))
    except SignatureError:
        return
    assert strict.encode(found) != strict.encode(value)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":-1e999}',
        b'{"a":1}x',
        b'{"a":1}{"a":1}',
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":"\n"}',
        b'{"a":"\\x"}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"",
        b" ",
    ],
)
def test_what_two_decoders_could_read_differently_is_refused(text):
    with pytest.raises(SignatureError, match="not strict JSON"):
        strict.decode(text)


@pytest.mark.parametrize("text", [b"[]", b"1", b'"a"', b"null", b"true"])
def test_a_document_is_an_object(text):
    with pytest.raises(SignatureError, match="expected a JSON object"):
        strict.decode(text)


@pytest.mark.parametrize(
    "text", [b'{"a": 1}', b'{"a":1.00}', b'{"a":1E5}', b'{"a":"\xc3\xbc"}', b'{"a":"\\/"}', b'{"a":1}\n', b" {}"]
)
def test_a_line_stands_in_compact_form_only(text):
    strict.decode(text)
    with pytest.raises(SignatureError, match="compact form"):
        strict.decode_line(text)


def nested(depth):
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_nesting_up_to_the_limit_is_read():
    assert strict.decode_line(nested(strict.MAX_DEPTH))


@pytest.mark.parametrize("depth", [strict.MAX_DEPTH + 1, 200, 900, 1000, 5000, 100_000])
def test_nesting_beyond_the_limit_is_refused(depth):
    with pytest.raises(SignatureError, match=r"nested|recursion"):
        strict.decode_line(nested(depth))


def test_a_wide_document_is_not_a_deep_one():
    value = {"a": [{} for _ in range(1000)]}
    assert strict.decode(strict.encode(value)) == value


def test_a_document_beyond_the_limit_is_refused_without_a_copy():
    huge = bytes(200 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(SignatureError, match="209,715,200 bytes"):
            strict.decode(huge)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_the_limit_is_the_callers():
    text = json.dumps({"a": "x" * 100}).encode()
    assert strict.decode(text, limit=len(text))
    with pytest.raises(SignatureError, match="larger than"):
        strict.decode(text, limit=len(text) - 1)


def test_nan_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        strict.encode({"a": float("nan")})


@pytest.mark.parametrize(
    ("value", "kind"), [({"a": 1}, str), ({"a": True}, int), ({"a": 1}, float), ({"a": None}, dict), ({}, str)]
)
def test_a_field_of_another_type_is_refused(value, kind):
    with pytest.raises(SignatureError, match="field `a` is"):
        strict.field(value, "a", kind)


def test_a_field_of_its_type_is_returned():
    assert strict.field({"a": 1}, "a", int) == 1


@given(st.binary())
def test_base64_reads_back_the_same(data):
    assert strict.from_base64(strict.to_base64(data)) == data


@given(st.data())
def test_a_changed_character_of_base64_never_means_the_same(data):
    blob = data.draw(st.binary(min_size=1, max_size=40))
    text = list(strict.to_base64(blob))
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(max_codepoint=0x2FFF).filter(lambda c: c != text[position]))
    text[position] = other
    try:
        found = strict.from_base64("".join(text))
    except SignatureError:
        return
    assert found != blob


@pytest.mark.parametrize("text", ["YQ", "YQ==\n", "Y Q==", "YR==", "YQ===", "-_==", "\u00fc", "====", "YQ==YQ=="])
def test_base64_has_one_spelling(text):
    with pytest.raises(SignatureError, match="base64"):
        strict.from_base64(text)


def slowly(line):
    """Say whether a line is in the form of `encode`, by reading it and writing it again."""
    try:
        return strict.encode(strict.decode(line)) == line
    except SignatureError:
        return False


@given(OBJECTS, st.data())
def test_a_line_is_read_as_it_is_when_it_is_read_the_slow_way(value, data):
    text = bytearray(strict.encode(value))
    where = data.draw(st.integers(0, len(text)))
    text[where : where + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        assert strict.decode_line(bytes(text)) == strict.decode(bytes(text))
        is_plain = True
    except SignatureError:
        is_plain = False
    assert is_plain == slowly(bytes(text))


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":1e5}',
        b'{"a":-0}',
        b'{"a":1.00}',
        b'{"a": 1}',
        b'{"a":1} ',
        b'{"a":1}\r',
        b'{"a":"\\/"}',
        b'{"a":"\\u00E9"}',
        b'{"a":"\xc3\xa9"}',
        b'{"a":"\\u0061"}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[]",
        b"",
        b"\xff",
    ],
)
def test_a_line_of_any_other_spelling_is_refused(line):
    with pytest.raises(SignatureError):
        strict.decode_line(line)


def test_a_line_of_as_many_braces_as_may_be_nested_is_read():
    value = {"a": [{} for _ in range(200)]}
    assert strict.decode_line(strict.encode(value)) == value
