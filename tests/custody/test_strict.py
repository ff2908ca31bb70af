import contextlib
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


@pytest.mark.slow
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


# -- the swift way -------------------------------------------------------------------------------------------


@pytest.fixture(params=["with orjson", "without"])
def codec(request, monkeypatch):
    if request.param == "without":
        monkeypatch.setattr(strict, "_swift_codec", lambda: None)
    else:
        pytest.importorskip("orjson")
    return request.param


NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(1 << 66), 1 << 66)
    | st.sampled_from([1e16, 1e-5, -0.0])
)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=127))  # every ETag has quotes
PLAIN = st.recursive(
    NUMBERS | TEXTS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, PLAIN, max_size=4), st.data())
def test_orjson_changes_nothing_of_what_is_read_or_refused(value, data):
    """Of lines as we write them, as orjson writes them, and of either with a few bytes that are others."""
    orjson = pytest.importorskip("orjson")
    lines = [strict.encode(value)]
    with contextlib.suppress(TypeError):  # an integer that is too large for it
        lines.append(orjson.dumps(value))
    for line in lines:
        text = bytearray(line)
        where = data.draw(st.integers(0, len(text)))
        text[where : where + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b"e", b"0", b".", b"-", b"9", b'"', b",", b"\\", b" ", b"\x7f", b"\xc3\xa9"])
        )
        for one in (line, bytes(text)):
            swift = strict._swiftly(one)
            assert swift is None or typed(swift) == typed(strict._STRICT.decode(one.decode()))
            found = strict._as_encoded(one, len(one))
            assert found is None or (strict._ENCODER.encode(found).encode() == one and found == strict.decode(one))


def typed(value):
    """Return a value whose numbers tell their kind, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return [(name, typed(inner)) for name, inner in value.items()]
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return type(value).__name__, repr(value)


@given(st.floats(1e-4, 1e15, exclude_max=True))
def test_orjson_writes_a_float_of_usual_size_as_we_do(number):
    orjson = pytest.importorskip("orjson")
    for one in (number, -number):
        assert orjson.dumps(one) == strict.encode(one)


@pytest.mark.parametrize(
    "line",
    [
        b'{"a":1,"a":1}',
        b'{"a":1e16}',
        b'{"a":1e-7}',
        b'{"a":0.00001}',
        b'{"a":[{"b":0.00001234}]}',
        b'{"a":18446744073709551616.0}',
        b'{"a":"\xc3\xa9"}',
        b'{"a":NaN}',
        b'{"a":1} ',
        b'{"a":-0}',
        b'{"a":"\x7f"}',
    ],
)
def test_what_only_orjson_writes_like_this_is_refused(codec, line):
    with pytest.raises(SignatureError):
        strict.decode_line(line)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": 0.0},
        {"a": -0.0},
        {"a": -0.3},
        {"a": 1e16},
        {"a": 1e-5},
        {"a": [1 << 64, -(1 << 63)]},
        {"a": "\x7f"},
        {"\u00e9": "\n"},
    ],
)
def test_what_we_write_is_read_with_orjson_and_without(codec, value):
    assert strict.decode_line(strict.encode(value)) == value
    assert strict.decode(strict.encode(value)) == value


def test_the_lines_that_we_write_are_read_the_swift_way():
    pytest.importorskip("orjson")
    assert strict._swiftly(b'{"seq":1,"clockSkew":-0.3,"headers":{"date":"x"},"artifact":null}')
    assert strict._swiftly(b'{"etag":"\\"00\\"","size":3}') == {"etag": '"00"', "size": 3}
    assert strict._swiftly(b'{"path":"C:\\\\x\\\\"}') is None
    assert strict._swiftly(b'{"a":"\\u00e9"}') is None
    assert strict._swiftly(b'{"a":' + b"[" * 70 + b"]" * 70 + b"}") is None
