"""Records come out as the text that went in, in order; what cannot be read is named and spoils nothing else."""

import gzip
import itertools
import json
import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import memory
from support.bodies import OneBody, artifact_of, raws, read, reasons
from support.casemaker import SPEC

from evidence_kit.analysis.records import body as bodies
from evidence_kit.analysis.records import documents, lines, reading, swift, window
from evidence_kit.analysis.records.decoding import decode
from evidence_kit.analysis.records.layout import Layout
from evidence_kit.analysis.records.places import identity_of
from evidence_kit.analysis.records.reading import read_records, read_together
from evidence_kit.analysis.records.record import Defect, Record, Records
from evidence_kit.errors import DigestError
from evidence_kit.model.source import RecordPath

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.lists(st.dictionaries(st.text(), VALUES, min_size=1, max_size=4), max_size=8)
STYLES = st.fixed_dictionaries(
    {"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 1]), "sort_keys": st.booleans()}
)


@pytest.fixture(params=[7, 256 << 10])
def piece(request, monkeypatch):
    """How many bytes are read at a time: records lie across pieces, or within one."""
    monkeypatch.setattr(bodies, "CHUNK", request.param)


@given(records=RECORDS, style=STYLES, before=VALUES, chunk=st.sampled_from([3, 16, 1 << 16]))
def test_any_records_of_a_document_come_out_as_they_stand_in_order(records, style, before, chunk) -> None:
    texts = [json.dumps(record, **style) for record in records]
    body = f'{{"before": {json.dumps(before)}, "Records": [{" , ".join(texts)} ], "after": [{{}}]}}'.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "CHUNK", chunk)
        assert raws(body) == texts
        assert raws(gzip.compress(body)) == texts


@pytest.mark.slow
@given(records=RECORDS, chunk=st.sampled_from([3, 16, 1 << 16]))
def test_any_records_in_lines_come_out_as_they_stand_in_order(records, chunk) -> None:
    texts = [json.dumps({"n": number, "of": record}) for number, record in enumerate(records)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "CHUNK", chunk)
        assert raws("\r\n".join(texts).encode(), "") == texts


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_reading_ends_with_records_and_defects(body) -> None:
    for start in (b"", b"{", b'{"Records":[', b"<a>", b"\x1f\x8b"):
        for path in ("Records", ""):
            assert all(isinstance(one, Record | Defect) for one in read(start + body, path))


def test_numbers_keep_their_digits() -> None:
    (raw,) = raws(b'{"Records":[{"a":1.10,"b":1e400,"c":123456789012345678901234567890,"d":-0}]}')
    assert raw == '{"a":1.10,"b":1e400,"c":123456789012345678901234567890,"d":-0}'
    assert decode(raw) == {"a": "1.10", "b": "1e400", "c": "123456789012345678901234567890", "d": "-0"}


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        ("@", b'[{"a":1},{"a":2}]', ['{"a":1}', '{"a":2}']),
        ("value", b'{"value":[{"a":1}]}', ['{"a":1}']),
        ("tables[0].rows", b'{"tables":[{"rows":[["x"]]},{"rows":[["y"]]}]}', ['["x"]']),
        ("items.*.instances[]", b'{"items":{"z":{"instances":[{"a":1}]},"y":{}}}', ['{"a":1}']),
        ("a || b", b'{"b":[{"x":1}]}', ['{"x":1}']),
        ("loggingConfig", b'{"loggingConfig":{"on":true}}', ['{"on":true}']),
        ("Records", b'{"Records":[]}', []),
        ("Records", b'{"Records":null}', []),
        ("", b'{"Records":[{"a":1}]}\n{"Records":[{"a":2}]}\n', ['{"a":1}', '{"a":2}']),
        ("", b'{\n  "a": 1\n}\n', ['{\n  "a": 1\n}']),
    ],
)
def test_records_are_found_where_the_source_says(piece, path, body, found) -> None:
    assert raws(body, path) == found
    assert reasons(body, path) == []


def test_an_answer_without_its_list_is_itself_a_record() -> None:
    assert raws(b'{"Status":"Enabled"}') == ['{"Status":"Enabled"}']
    assert raws(b'{"nextPageToken":"x"}') == [], "what only leads to the next page holds nothing"


# -- what an attacker may have written ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"a":1,"a":2}', "the key 'a' stands twice"),
        (b'{"a":{"b":1,"b":2}}', "the key 'b' stands twice"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":NaN}', "NaN is not a JSON number"),
        (b'{"a":01}', "not JSON"),
        (b'{"a":"\x01"}', "not JSON"),
        (b"[" * 1_001 + b"]" * 1_001, "nested more than 500 deep"),
        (b'{"a":' * 501 + b"1" + b"}" * 501, "nested more than 500 deep"),
    ],
)
def test_a_record_that_cannot_be_read_spoils_no_other(piece, bad, reason) -> None:
    for body, path in ((b'{"Records":[{"n":1},%b,{"n":3}]}' % bad, "Records"), (b'{"n":1}\n%b\n{"n":3}\n' % bad, "")):
        first, second, third = read(body, path)
        assert (first.raw, third.raw, third.line) == ('{"n":1}', '{"n":3}', 3)
        assert second.line == 2
        assert second.artifact == first.artifact
        assert second.reason.startswith(reason)
        assert second.place


def test_a_record_that_is_too_large_is_let_go_while_it_passes(monkeypatch) -> None:
    monkeypatch.setattr(swift, "MOST", 4_000)
    for module in (window, documents, lines):
        monkeypatch.setattr(module, "MAX_RECORD", 4_000)
    monkeypatch.setattr(bodies, "CHUNK", 512)
    huge = b'{"a":["' + b"x" * 50_000 + b'"]}'
    for body, path in ((b'{"Records":[{"n":1},%b,{"n":3}]}' % huge, "Records"), (b'{"n":1}\n%b\n{"n":3}' % huge, "")):
        assert raws(body, path) == ['{"n":1}', '{"n":3}']
        assert reasons(body, path) == ["a record of more than 4,000 characters"]


@pytest.mark.slow
def test_memory_does_not_grow_with_a_record_of_a_gigabyte() -> None:
    class Endless(OneBody):
        def open(self, path):
            return _Pieces(b'{"Records":[{"a":"', b"x" * (1 << 20), 1_000, b'"},{"n":2}]}')

    memory.forget()
    before = memory.resident()
    records = read_records(Endless(b""), artifact_of(b""), replace(SPEC, records=RecordPath(path="Records")))
    first, second = itertools.islice(records, 2)
    assert memory.peak() - before < 600 << 10
    assert (first.line, first.reason) == (1, "a record of more than 67,108,864 characters")
    assert second.raw == '{"n":2}'


class _Pieces:
    """A file of a beginning, many times the same piece, and an end."""

    def __init__(self, first, piece, times, last) -> None:
        self._rest = iter([first, *[piece] * times, last])

    def read(self, size):
        return next(self._rest, b"")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def test_a_gzip_stream_cut_short_gives_what_came_before() -> None:
    records = [{"n": number, "x": os.urandom(300).hex()} for number in range(400)]
    whole = gzip.compress(json.dumps({"Records": records}).encode())
    found = read(whole[: len(whole) // 2])
    assert len(found) > 10
    assert found[-1].reason == "the gzip stream is cut short"
    assert [one.raw for one in found[:-1]] == [json.dumps(record) for record in records[: len(found) - 1]]


def test_damage_in_a_gzip_stream_is_named() -> None:
    whole = bytearray(gzip.compress(json.dumps({"Records": [{"n": os.urandom(900).hex()}]}).encode()))
    whole[len(whole) // 2] ^= 0xFF
    assert any("gzip" in reason for reason in reasons(bytes(whole)))


def test_several_gzip_members_are_one_body() -> None:
    assert raws(gzip.compress(b'{"n":1}\n') + gzip.compress(b'{"n":2}\n'), "") == ['{"n":1}', '{"n":2}']


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"PAR1xxxx", "a Parquet file"),
        (b"\x28\xb5\x2f\xfdxxxx", "compressed with Zstandard"),
        ("{}".encode("utf-16"), "UTF-16"),
        (b'{"Records":[{"n":1}', "the JSON is cut short"),
        (b'{"Records":[{"n":', "the JSON is cut short"),
        (b'{"Records":[{"n":[}]}]}', "brackets do not match"),
        (b'{"Records":[{} {}]}', "the JSON breaks off"),
        (b'{"Records":[{},]}', "the JSON breaks off"),
        (b'{"Records" 1}', "the JSON breaks off: no value"),
        (b"{1:2}", "the JSON breaks off: no key"),
        (b"[" * (2 << 20), "more than 1,048,576 brackets are open at once"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "not XML: a document type"),
        (b"<a>", "not XML"),
        (b"<a>" * 600, "not XML: nested more than 500 deep"),
    ],
)
def test_a_body_that_cannot_be_read_is_one_defect(body, reason) -> None:
    assert [found for found in reasons(body) if found.startswith(reason)]


def test_ten_thousand_columns_are_a_defect() -> None:
    csv = Layout(split="csv", header="first")
    body = b"a,b\n1,2\n%b\n3,4\n" % b",".join([b"x"] * 10_000)
    assert raws(body, "", csv) == ["1,2", "3,4"]
    assert reasons(body, "", csv) == ["more than 4,000 columns"]


def test_a_quoted_cell_may_hold_line_breaks() -> None:
    csv = Layout(split="csv", header="first")
    first, second = read(b'a,b\n"1\n2",3\n4,"5 ""6"""\n', "", csv)
    assert (first.raw, first.value) == ('"1\n2",3', {"a": "1\n2", "b": "3"})
    assert second.value == {"a": "4", "b": '5 "6"'}
    assert reasons(b'a\n"1\n2', "", csv) == ["a quoted cell has no end"]


def test_a_first_line_that_names_no_column_is_a_record() -> None:
    flow = Layout(split="spaces", header="first", columns=("version", "srcaddr"))
    for first, found in (("version srcaddr", []), ("vpc-id pkt-srcaddr", []), ("2 10.0.0.1", ["2 10.0.0.1"])):
        assert raws(f"{first}\n2 10.0.0.9\n".encode(), "", flow) == [*found, "2 10.0.0.9"]


@given(st.lists(st.sampled_from(["a,b", '"', '"x', 'y"', "", '"z"', "q,,"]), max_size=12))
def test_every_line_of_csv_is_in_a_record_or_a_defect(said) -> None:
    found = read("\n".join(["h", *said]).encode(), "", Layout(split="csv", header="first"))
    told = [one.raw for one in found if isinstance(one, Record)]
    lost = [one for one in found if isinstance(one, Defect)]
    assert [one.line for one in found] == list(range(1, len(found) + 1))
    assert lost or [line for text in told for line in text.split("\n") if line] == [line for line in said if line]
    assert bool(found) == any(line.strip() for line in said)


@pytest.mark.parametrize("body", [b'{"Records": nope}', b'{"Records": nullx}', b'{"Records":nul'])
def test_what_only_looks_like_null_is_a_defect(body) -> None:
    assert raws(body) == []
    assert reasons(body), "null says that there are no records, and this does not"


def test_items_of_xml_come_out_as_they_stand() -> None:
    body = "<r><set><item><id>ä</id></item><item><id>2</id><tags><item>x</item></tags></item></set></r>".encode()
    first, second = read(body)
    assert (first.raw, first.value) == ("<item><id>ä</id></item>", {"id": "ä"})
    assert second.raw == "<item><id>2</id><tags><item>x</item></tags></item>"
    assert raws(b"<r><Version>1</Version></r>", "Version") == ["<Version>1</Version>"]
    assert raws(b"<r><on/></r>") == ["<r><on/></r>"]
    ended = [
        "<item/>",
        '<item a="/>"/>',
        "<n:item>x</n:item>",
        "<item>x</item >",
        "<item><x/></item>",
        "<item></item>",
    ]
    body = f"<r xmlns:n='n'>{'ä'.join(ended)}ääää</r>".encode()
    assert raws(body) == ended, "a record ends where its tag does, however that is written"


def test_the_listing_of_a_bucket_is_no_line_of_the_log_that_lies_in_it() -> None:
    log = Layout(split="quoted", columns=("owner", "bucket", "time"))
    listing = '<?xml version="1.0"?>\n<ListVersionsResult><Name>logs</Name></ListVersionsResult>'
    assert raws(listing.encode(), "", log) == [listing]
    assert raws(b"<34>1 shop now\n", "", log) == ["<34>1 shop now"]


def test_a_record_that_lacks_a_part_of_its_name_has_none() -> None:
    name = identity_of("join('@', [repository, digest])")
    assert name({"repository": "shop", "digest": "sha256:1"}) == "shop@sha256:1"
    assert name({"repository": "shop"}) is None
    assert name("no record at all") is None


@pytest.mark.parametrize("body", [b'{"Records":[{"n":1},{"n":2}]}', b'{"Records": [{"n":1}, {"a":NaN}, {"n":3}]}'])
@pytest.mark.parametrize("most", [1, 2, 1_000])
def test_records_that_come_together_are_those_that_come_alone(body, most, monkeypatch) -> None:
    monkeypatch.setattr(reading, "_TOGETHER", most)
    spec = replace(SPEC, records=RecordPath(path="Records"))
    together = list(read_together(OneBody(body), artifact_of(body), spec))  # type: ignore[arg-type]
    records = [one for some in together if isinstance(some, Records) for one in some]
    defects = [one for one in together if isinstance(one, Defect)]
    alone = read(body)
    assert records == [one for one in alone if isinstance(one, Record)]
    assert defects == [one for one in alone if isinstance(one, Defect)]


def test_bytes_that_are_not_the_sealed_ones_raise_at_the_end() -> None:
    body = b'{"Records":[{"n":1}]}'
    found = read_records(OneBody(body.replace(b"1", b"2")), artifact_of(body), SPEC)
    with pytest.raises(DigestError, match="sealed was"):
        list(found)
