"""What is read at speed is exactly what the careful reader gives; whatever is in doubt is left to it."""

import gzip
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import OneBody, artifact_of, read
from support.casemaker import SPEC

from evidence_kit.analysis.records import swift
from evidence_kit.analysis.records.mapping import shape_of
from evidence_kit.analysis.records.promote import Promoter
from evidence_kit.analysis.records.reading import read_records
from evidence_kit.analysis.records.record import Record
from evidence_kit.model.source import RecordPath

pytest.importorskip("orjson")
TRAIL = "aws.cloudtrail.s3"
NUMBERS = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 1e16, 1e-7, 2**64])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["arn", "ARN", ":", '"']), inner),
    max_leaves=6,
)
NAMES = ("eventTime", "eventName", "userIdentity", "sourceIPAddress", "resources", "errorCode", "requestParameters")
RECORDS = st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5), max_size=4)


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def rows(body: bytes) -> list[object]:
    """Return the rows and the defects of a CloudTrail file."""
    artifact = artifact_of(body, TRAIL)
    promoter = Promoter("IR-1", artifact, shape_of(TRAIL))
    spec = replace(SPEC, records=RecordPath(path="Records"))
    found = read_records(OneBody(body), artifact, spec)  # type: ignore[arg-type]
    return [promoter.row(one) if isinstance(one, Record) else one for one in found]


def carefully(body: bytes) -> list[object]:
    """Return the same without orjson."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(swift, "is_there", lambda: False)
        return rows(body)


@given(records=RECORDS, is_gzipped=st.booleans(), most=st.sampled_from([8, 1 << 20]))
def test_both_readers_give_the_same_rows(records, is_gzipped, most) -> None:
    body = compact({"Records": records})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(swift, "MOST", most)
        stored = gzip.compress(body) if is_gzipped else body
        assert rows(stored) == carefully(stored)


HOSTILE = (
    b'{"a":1,"a":2}', b'{"a":{"b":[{"c":1,"c":1}]}}', b'{"a":1,"\\u0061":2}', b'{"":1,"":1}', b'{"a":1,}', b"nul",
    b"{", b"9" * 400, b"1e400", b"-1e-400", b"18446744073709551616", b"9223372036854775808", b"-9223372036854775809",
    b"NaN", b"-Infinity", b"0.1000", b"1.0E+2", b"-0", b"-0.0", b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"',
    b'"\xed\xa0\x80"', b'"\xc3\xa9"', b'"\\u00e9"', b'"\\/"', b'"\x7f"', b'"\x1f"', b'"\\u001f"',
    b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 300 + b"1" + b"}" * 300,
    b'{"eventName":"x"}', b'{"eventTime":"2026-11-20T10:00:00Z","errorCode":1}',
    b'{"eventTime":"2026-11-20T10:00:00Z","event\\u0054ime":"2026-11-21T10:00:00Z"}', b'{"event\\u0054ime":"x"}',
    b'{"userIdentity":{"arn":"a","arn":"b"}}', b'{"userIdentity":{"arn":"a"},"userIdentity":{"arn":"b"}}',
    b'{"resources":[{"ARN":"a","ARN":"b"}]}', b'{"resources":[{},{"ARN":"a"}]}', b'{"resources":{"0":{"ARN":"a"}}}',
    b'{"resources":"x"}', b'{"resources":[["ARN"]]}', b'{"sourceIPAddress":12345678901234567890}',
    b'{"eventName":12345678901234567890123}', b'{"eventTime":1e400}', b'{"eventName":"\xc3\xa9\\ud83d"}',
)  # fmt: skip
AROUND = (
    b'{"Records":[%b]}', b'{"Records":[{"eventName":"x"},%b,{"eventName":"y"}]}', b'{"Events":[%b]}', b"[%b]", b"%b",
    b'{"nextToken":"t","Records":[%b]}', b'{"Records":[%b],"nextToken":"t"}', b'{"Records":[%b],"Records":[]}',
    b'{"Records":%b}', b'{"\\u0052ecords":[%b]}', b' {"Records":[%b]}', b'{"Records":[%b]}\n', b'{"Records":[%b',
    b'\xef\xbb\xbf{"Records":[%b]}', b'{"Records":[%b]}{"Records":[%b]}', b'{"Records":[%b]}x', b'{"Records":[%b]}\0',
    b'{"Records":[\r\n%b\r\n,\t{"eventName":"y"}\r\n]}\r\n', b'{"Records":[%b,%b]}', b'{"Records":[[%b]]}',
)  # fmt: skip


@pytest.mark.parametrize("around", AROUND)
def test_both_readers_give_the_same_of_hostile_records(around) -> None:
    for record in HOSTILE:
        body = around.replace(b"%b", record)
        assert rows(body) == carefully(body)
        assert rows(gzip.compress(body)) == carefully(gzip.compress(body))


@pytest.mark.parametrize("around", AROUND)
def test_both_readers_give_the_same_of_files_in_pieces(around) -> None:
    plain = around.replace(b"%b", b'{"eventName":"x"},{"eventName":"y"}')
    whole = gzip.compress(plain)
    split = gzip.compress(plain[:9]) + gzip.compress(plain[9:])
    for body in (whole[:-9], whole[:-1], whole + b"more", whole + whole, split, split[:-1], split + bytes(512)):
        assert rows(body) == carefully(body)


@given(
    records=st.lists(
        st.sampled_from(HOSTILE) | st.dictionaries(st.sampled_from(NAMES), VALUES).map(compact), max_size=5
    ),
    around=st.sampled_from(AROUND),
)
def test_both_readers_give_the_same_of_hostile_records_among_others(records, around) -> None:
    body = around.replace(b"%b", b",".join(records))
    assert rows(body) == carefully(body)


def test_a_record_nested_as_deep_as_may_be_is_a_row_and_one_deeper_is_a_defect() -> None:
    for depth, is_row in ((200, True), (255, True), (500, True), (501, False)):
        (found,) = rows(b'{"Records":[%b]}' % (b"[" * depth + b"]" * depth))
        assert isinstance(found, tuple) == is_row, depth


@given(body=st.text(alphabet='{}[]":,\\u0-1.eaRecords \n', max_size=60), inside=st.booleans())
def test_both_readers_give_the_same_of_what_is_hardly_json(body, inside) -> None:
    text = (f'{{"Records":[{body}]}}' if inside else body).encode()
    assert rows(text) == carefully(text)


@pytest.mark.parametrize(
    "record",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1,"\\u0061":2}',
        b'{"eventName":-0}',
        b'{"eventName":1.10}',
        b'{"eventName":1E5}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'{"a":"\\/"}',
        b'{"a": 1}',
        b"[" * 501 + b"]" * 501,
        b"[" * 5_001 + b"]" * 5_001,
    ],
)
def test_a_record_in_doubt_is_left_to_the_careful_reader(record) -> None:
    body = b'{"Records":[{"eventName":"x"},%b]}' % record
    assert swift.records_in(body, "Records") is None
    assert rows(body) == carefully(body)


@pytest.mark.parametrize(
    "body",
    [b'{"Records":[],"Records":[{}]}', b'{"Records":[{}],"more":1}', b'{"Records":{}}', b'{"Records":[{}]', b""],
)
def test_a_document_that_is_more_than_its_records_is_left_to_the_careful_reader(body) -> None:
    assert swift.records_in(body, "Records") is None
    assert rows(body) == carefully(body)


def test_a_plain_document_is_read_at_speed() -> None:
    found = swift.records_in(b'{"Records":[{"a":1,"b":"x:\\"y"},{"c":2.5}]}', "Records")
    assert found is not None
    assert list(zip(*found, strict=True)) == [
        (b'{"a":1,"b":"x:\\"y"}', {"a": 1, "b": 'x:"y'}),
        (b'{"c":2.5}', {"c": 2.5}),
    ]


def test_a_file_cut_short_gives_what_came_before() -> None:
    whole = gzip.compress(compact({"Records": [{"n": n, "x": "y" * 900} for n in range(2_000)]}), 0)
    *found, defect = read(whole[: len(whole) // 2])
    assert [one.line for one in found] == list(range(1, len(found) + 1))
    assert len(found) > 500
    assert defect.reason == "the JSON is cut short" or "gzip" in defect.reason
