"""Redaction takes out what the rules name, in place, and refuses whatever would let a secret through."""

import gzip
import hashlib
import io
import json
import signal
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_kit.analysis import jsonspans, redaction
from evidence_kit.analysis.jsonspans import NotJsonError, find, steps_of
from evidence_kit.analysis.redaction import redact
from evidence_kit.analysis.rules import parse_rules
from evidence_kit.custody.redacted import MAX_DECODED, Redaction, digest_of
from evidence_kit.errors import UsageError

PATH = "bags/b/data/s/000000.json"
HEAD = "apiVersion: evidence-kit/redaction.v1\nkind: RedactionRules\nrules:\n"


def rules_of(*lines):
    """Parse rules given as flow mappings without name and reason."""
    made = "".join(f"  - {{name: r{n}, reason: why {n}, {line}}}\n" for n, line in enumerate(lines))
    return parse_rules((HEAD + made).encode(), name="rules.yaml")


def redacted(data, *lines, path=PATH):
    return redact(path, io.BytesIO(data), rules_of(*lines).about(path))


# -- rules -----------------------------------------------------------------------------------------------------------


def test_a_rules_file_is_read_with_its_digest():
    text = HEAD + '  - {name: n, reason: r, field: a.b, artifacts: "*.json"}\n'
    rules = parse_rules(text.encode(), name="rules.yaml")

    assert rules.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert rules.rules[0].steps == ("a", "b")
    assert rules.about(PATH)
    assert not rules.about("bags/b/data/x.log")


@pytest.mark.parametrize(
    "rest",
    [
        "  []",
        "  - {name: n, reason: r}",
        "  - {name: n, reason: r, field: a, pattern: b}",
        "  - {name: n, field: a}",
        "  - {name: '', reason: r, field: a}",
        '  - {name: "a]", reason: r, field: a}',
        "  - {name: n, reason: ' ', field: a}",
        "  - {name: n, reason: r, field: a..b}",
        "  - {name: n, reason: r, field: '**'}",
        "  - {name: n, reason: r, field: ''}",
        "  - {name: n, reason: r, pattern: '('}",
        "  - {name: n, reason: r, pattern: 'x*'}",
        "  - {name: n, reason: r, pattern: ''}",
        f"  - {{name: n, reason: r, pattern: {'x' * 1025}}}",
        "  - {name: n, reason: r, bytes: '5'}",
        "  - {name: n, reason: r, bytes: '5-5'}",
        "  - {name: n, reason: r, bytes: 5}",
        "  - {name: n, reason: r, field: 7}",
        "  - {name: n, reason: r, field: a, artifacts: ''}",
        "  - {name: n, reason: r, field: a, surplus: b}",
        "  - text",
        "  - {name: n, reason: r, field: a}\n  - {name: n, reason: r, field: b}",
        "  - {name: n, reason: r, field: a}\nmore: 1",
    ],
)
def test_rules_that_could_mean_something_else_are_refused(rest):
    with pytest.raises(UsageError):
        parse_rules((HEAD + rest + "\n").encode(), name="rules.yaml")


def test_a_file_of_another_kind_is_refused():
    with pytest.raises(UsageError, match="RedactionRules"):
        parse_rules(b"apiVersion: x\nkind: y\nrules: []\n", name="rules.yaml")


def test_a_rule_that_takes_nothing_out_is_named():
    rules = rules_of("field: requestParameters.password", "pattern: x")

    rules.require_matched(["r0", "r1"])
    with pytest.raises(UsageError, match="`r0`") as told:
        rules.require_matched(["r1"])
    assert "**" in told.value.hint


# -- JSON ------------------------------------------------------------------------------------------------------------


def values(data, path):
    return [(one.place, data[one.start : one.end]) for one in find(data, (steps_of(path),))]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", [("#1/a/b", b"1")]),
        ("a", [("#1/a", b'{"b": 1}')]),
        ("list.*.k", [("#1/list/0/k", b'"v"'), ("#1/list/2/k", b"[]")]),
        ("list.1", [("#1/list/1", b"null")]),
        ("**.k", [("#1/list/0/k", b'"v"'), ("#1/list/2/k", b"[]")]),
        ("list.**.k", [("#1/list/0/k", b'"v"'), ("#1/list/2/k", b"[]")]),
        (r"x\.y/~", [("#1/x.y~1~0", b"true")]),
        ("passA", [("#1/passA", b"-1.5e3")]),
        ("nothing", []),
        ("a.b.c", []),
        ("b", []),
    ],
)
def test_a_path_finds_values_where_they_stand(path, found):
    data = b'{"a": {"b": 1}, "list":[{"k":"v"},null,{"k":[]}], "x.y/~":true,"pass\\u0041":-1.5e3}'

    assert values(data, path) == found


def test_a_key_that_stands_twice_is_found_twice():
    assert values(b'{"p":1,"p":"2"}', "p") == [("#1/p", b"1"), ("#1/p", b'"2"')]


def test_lines_are_documents_of_their_own():
    assert values(b'{"p":1}\n\n{"p":2}\r\n', "p") == [("#1/p", b"1"), ("#2/p", b"2")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"text",
        b"{",
        b'{"a":1',
        b'{"a" 1}',
        b'{"a":1,}',
        b"[1,]",
        b"[1 2]",
        b"[,1]",
        b'{"a":1} {"b":2}',
        b"01",
        b"1.",
        b"NaN",
        b"tru",
        b"truex",
        b'"\n"',
        b'"\\x"',
        b'"\xff"',
        b'{"\xff":1}',
        b"\xef\xbb\xbf{}",
        b"{1:2}",
        b"]",
        b'{"a":1}x',
        b"'a'",
        b'"\\ud8"',
        b"[" * 300 + b"]" * 300,
        b'{"a":1]',
    ],
)
def test_what_is_not_json_is_not_taken_for_it(data):
    with pytest.raises(NotJsonError):
        find(data, (steps_of("a"),))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=25,
)


@given(JSON, st.sampled_from([None, 1]), st.booleans())
def test_the_span_of_every_value_is_what_json_says_it_is(value, indent, ascii_only):
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    for one in find(data, (("**", "*"),)):
        here = value
        for step in one.place.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            here = here[int(key)] if isinstance(here, list) else here[key]
        assert json.loads(data[one.start : one.end]) == here


@given(JSON)
def test_what_is_redacted_stays_json_and_loses_nothing_else(value):
    data = json.dumps({"keep": value, "secret": value, "deep": [{"secret": value}]}).encode()
    copy = redacted(data, "field: secret", 'field: "deep.*.secret"')

    said = json.loads(copy.body)
    assert said == {"keep": value, "secret": "[redacted: r0]", "deep": [{"secret": "[redacted: r1]"}]}


def test_deep_nesting_is_refused_and_not_recursed_into():
    with pytest.raises(NotJsonError, match="nested"):
        find(b'{"a":' * 100_000, (steps_of("a"),))
    assert jsonspans.MAX_DEPTH < 1000


# -- applying rules --------------------------------------------------------------------------------------------------


def test_every_other_byte_stays_as_it_was():
    data = b'{ "user" : "eve" ,\t"pw":"s3cret","n":1.50e+3,\n "t":"\\u00e9" }\n'
    copy = redacted(data, "field: pw")

    assert copy.body == data.replace(b'"s3cret"', b'"[redacted: r0]"')
    (span,) = copy.redaction.spans
    assert (span.rule, span.reason, span.place) == ("r0", "why 0", "#1/pw")
    assert data[span.start : span.end] == b'"s3cret"'


def test_the_entry_says_digests_of_whole_files_and_none_of_what_was_taken_out():
    data = b'{"pw":"s3cret"}'
    copy = redacted(data, "field: pw")
    line = copy.redaction.line()

    assert Redaction.from_line(line) == copy.redaction
    assert copy.redaction.sha256 == hashlib.sha256(data).hexdigest()
    assert copy.redaction.copy_sha256 == hashlib.sha256(copy.body).hexdigest()
    assert digest_of(io.BytesIO(data), copy.redaction) == copy.redaction.copy_sha256
    for secret in (b"s3cret", b'"s3cret"'):
        assert secret not in line
        assert hashlib.sha256(secret).hexdigest().encode() not in line


def test_a_pattern_replaces_bytes_and_leaves_json_strings_whole():
    copy = redacted(b'{"m":"key AKIA1234 used"}', "pattern: 'AKIA[0-9]+'")

    assert json.loads(copy.body) == {"m": "key [redacted: r0] used"}
    assert copy.redaction.spans[0].place == "bytes"


def test_a_range_is_cut_at_the_end_and_matches_nothing_behind_it():
    assert redacted(b"0123456789", 'bytes: "8-64"').body == b"01234567[redacted: r0]"
    assert redacted(b"0123456789", 'bytes: "10-64"') is None


def test_what_no_rule_matches_has_no_copy():
    assert redacted(b'{"a":1}', "field: b", "pattern: zzz") is None


def test_the_same_original_and_rules_give_the_same_copy():
    data = b'{"a":"x@y.z","b":["x@y.z"]}'

    assert redacted(data, "field: a", "pattern: '[a-z]@[a-z.]+'") == redacted(
        data, "field: a", "pattern: '[a-z]@[a-z.]+'"
    )


def test_spans_that_overlap_become_one_and_name_all_rules():
    copy = redacted(b"abcdefgh", "pattern: cdef", "pattern: abcd", 'bytes: "0-2"')

    (span,) = copy.redaction.spans
    assert (span.start, span.end, span.rule) == (0, 6, "r0, r1, r2")
    assert span.reason == "why 0; why 1; why 2"
    assert copy.body == b"[redacted: r0, r1, r2]gh"


def test_a_value_within_a_value_vanishes_in_the_outer_one():
    copy = redacted(b'{"a":{"b":"mail x@y"}}', "field: a.b", "field: a", "pattern: 'x@y'")

    assert copy.body == b'{"a":"[redacted: r0, r1, r2]"}'
    assert [span.place for span in copy.redaction.spans] == ["#1/a"]
    assert copy.matched == {"r0", "r1", "r2"}


def test_neighbours_stay_apart():
    assert [span.rule for span in redacted(b"aabb", "pattern: aa", "pattern: bb").redaction.spans] == ["r0", "r1"]


def test_a_key_that_a_pattern_takes_out_is_not_told_as_the_place_of_its_value():
    copy = redacted(b'{"x@y.z":{"pw":"1"}}', "pattern: '[a-z]@[a-z.]+'", 'field: "*.pw"')

    assert b"x@y" not in copy.body
    assert b"x@y" not in copy.redaction.line()
    assert [span.place for span in copy.redaction.spans] == ["bytes", "json"]


def test_gzip_is_redacted_as_what_is_inside():
    data = b'{"pw":"s3cret"}\n' * 3
    raw = gzip.compress(data)
    copy = redacted(raw, "field: pw")

    assert copy.body == data.replace(b'"s3cret"', b'"[redacted: r0]"')
    assert (copy.redaction.decoded, copy.redaction.sha256) == ("gzip", hashlib.sha256(raw).hexdigest())
    assert digest_of(io.BytesIO(raw), copy.redaction) == copy.redaction.copy_sha256


def test_rules_apply_only_to_the_artifacts_that_they_name():
    rules = rules_of('field: pw, artifacts: "*.json"', 'pattern: s3, artifacts: "data/s/*"')

    assert [rule.name for rule in rules.about("bags/b/data/s/x.log")] == ["r1"]
    assert [rule.name for rule in rules.about("bags/b/data/t/x.json")] == ["r0"]


@pytest.mark.parametrize("data", [b"plain text", b'{"pw":', b'{"pw":1} {"pw":2}', b"\xff\xfe{\x00"])
def test_a_field_in_what_is_not_json_is_refused_rather_than_not_found(data):
    with pytest.raises(UsageError):
        redacted(data, "field: pw")


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04rest",
        b"\x28\xb5\x2f\xfdrest",
        gzip.compress(gzip.compress(b"s3cret", mtime=0), mtime=0),
        b"BZh9",
        b"\xfd7zXZ\x00",
        gzip.compress(b"s3cret", mtime=0)[:-9],
        b"\x1f\x8bnot gzip",
        b"PAR1",
        b"\xff\xfes\x00",
    ],
)
def test_what_rules_cannot_look_into_is_refused(data):
    with pytest.raises(UsageError):
        redacted(data, "pattern: s3cret")


def test_a_decompression_bomb_is_refused():
    bomb = gzip.compress(bytes(MAX_DECODED + 1), 9)

    with pytest.raises(UsageError, match="larger"):
        redacted(bomb, "pattern: s3cret")


def test_too_many_matches_are_refused(monkeypatch):
    monkeypatch.setattr(redaction, "MAX_SPANS", 10)
    with pytest.raises(UsageError, match="more than"):
        redacted(b"ab" * 20, "pattern: a")
    with pytest.raises(UsageError, match="more than"):
        redacted(b"abcd" * 7, "pattern: a", "pattern: c")


def test_a_rule_that_matches_what_is_left_is_refused():
    with pytest.raises(UsageError, match="still matches"):
        redacted(b"see red", "pattern: 'red|see .red'")


def test_a_rule_that_matches_its_own_marker_is_no_cause_for_alarm():
    assert redacted(b"a redacted b", "pattern: redacted").body == b"a [redacted: r0] b"
    assert redacted(b"token=abc;", "pattern: '(?<=token=)[^;]+'").body == b"token=[redacted: r0];"


def test_a_pattern_that_breaks_the_json_around_a_field_is_refused():
    with pytest.raises(UsageError, match="not JSON"):
        redacted(b'{"a":1,"b":2}', "field: a", "pattern: '\"b\":2'")


def test_a_pattern_that_backtracks_for_ever_is_ended_by_the_limit():
    @contextmanager
    def limit():
        def stop(*_):
            raise UsageError("too long")

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    with pytest.raises(UsageError, match="too long"):
        redact("x", io.BytesIO(b"a" * 60), rules_of("pattern: '(a+)+$b'").rules, limit=limit)


@given(st.binary(max_size=200), st.lists(st.tuples(st.integers(0, 200), st.integers(1, 30)), min_size=1, max_size=5))
def test_making_the_copy_anew_from_the_entry_gives_the_same_bytes(data, ranges):
    lines = [f'bytes: "{start}-{start + length}"' for start, length in ranges]
    if any(data.startswith(magic) for magic in redaction._CLOSED.values()):
        return
    copy = redacted(data, *lines)

    if copy is None:
        assert all(start >= len(data) for start, _ in ranges)
    else:
        assert digest_of(io.BytesIO(data), copy.redaction) == hashlib.sha256(copy.body).hexdigest()
        kept = bytearray(data)
        for start, length in ranges:
            kept[start : start + length] = bytes(len(kept[start : start + length]))
        assert all(kept[span.start : span.end] == bytes(span.end - span.start) for span in copy.redaction.spans)
