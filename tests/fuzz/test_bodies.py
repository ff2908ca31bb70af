"""Whatever a provider or a partner sends: it is kept as it came, and read or told as what cannot be read."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from functools import cache

import pytest
from botocore.session import get_session
from fuzz.feeding import DEPTH, JSON_BOMBS, LONG, NORMAL, Decoder, damaged, ids, judge, weighed
from hypothesis import given
from hypothesis import strategies as st
from support import bodies

from evidence_kit.analysis import jsonspans
from evidence_kit.analysis.records import window
from evidence_kit.analysis.records.record import Defect
from evidence_kit.collectors.aws.dialect import require_dialect
from evidence_kit.collectors.aws.insights import read_counts
from evidence_kit.collectors.azure import blob_wire, query_answer
from evidence_kit.collectors.gcp import filters
from evidence_kit.collectors.intake import mail, sums
from evidence_kit.collectors.intake.dated import Dates, reader
from evidence_kit.collectors.partner import decoding
from evidence_kit.collectors.tap import BadBody
from evidence_kit.custody.cloudtrail.inflate import inflated_sha256
from evidence_kit.errors import EvidenceKitError
from evidence_kit.model.time import Window, parse_instant, parse_period

TRAIL = json.dumps(
    {"Records": [{"eventID": f"e{n}", "eventTime": "2026-11-21T09:00:00Z"} for n in range(3)]}
).encode()
LINES = b'{"id": 1, "at": "2026-11-21T09:00:00Z"}\n{"id": 2}\n'
CSV = b'id,at\n1,2026-11-21T09:00:00Z\n"2","x\ny"\n'
LISTING = (
    b'<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs><Blob><Name>a</Name></Blob></Blobs>'
    b"<NextMarker /></EnumerationResults>"
)
VERSIONS = b'<?xml version="1.0"?><ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>'
COUNTS = (
    b'{"status": "Complete", "statistics": {"recordsMatched": 3.0}, "results": [[{"field": "hour", "value": '
    b'"2026-11-21 09:00:00.000"}, {"field": "events", "value": "3"}]]}'
)
TABLE = (
    b'{"tables": [{"name": "PrimaryResult", "columns": [{"name": "TimeGenerated", "type": "datetime"}], '
    b'"rows": [["2026-11-21T09:00:00Z"]]}]}'
)
MAIL = (
    b"From: a@acme.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/csv\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\na,b\r\n--b--\r\n"
)
SUMS = b"%s  a.json\n%s *b.json\n" % (b"a" * 64, b"b" * 64)
FILTER = b'logName="projects/p/logs/x" AND NOT (resource.type="gce" OR severity>=ERROR)'
WINDOW = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def _zip(members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return made.getvalue()


def _partner(format_, *steps):
    return lambda data: decoding.read(data, {"content-type": "application/x"}, format_=format_, decode=steps)


def _of_aws(service, operation, protocol):
    """Return the check that every success of AWS goes through before botocore reads it."""
    return lambda data: require_dialect(data, protocol, _model(service, operation))


@cache
def _model(service, operation):
    return get_session().get_service_model(service).operation_model(operation)


def _dated(data):
    for name in ("a.jsonl", "a.csv"):
        read = reader(name, Dates(), WINDOW)
        read.feed(data)
        read.end()


TEXT = (EvidenceKitError, UnicodeDecodeError)  # bytes that are no text never get so far
DECODERS = (
    Decoder("records", bodies.read, (TRAIL, gzip.compress(TRAIL, mtime=0), LINES, CSV, LISTING)),
    Decoder("lines", lambda data: bodies.read(data, ""), (LINES, CSV, gzip.compress(LINES, mtime=0))),
    Decoder("spans", lambda data: jsonspans.find(data, (jsonspans.steps_of("Records[].eventID"),)), (TRAIL, LINES),
            (jsonspans.NotJsonError,)),
    Decoder("partner json", _partner("json"), (TRAIL,), (BadBody,)),
    Decoder("partner jsonl", _partner("jsonl", "gzip"), (LINES, gzip.compress(LINES, mtime=0)), (BadBody,)),
    Decoder("partner csv", _partner("csv", "zip"), (_zip({"a.csv": CSV, "b.csv": CSV}),), (BadBody,)),
    Decoder("answer in JSON", _of_aws("cloudtrail", "LookupEvents", "json"), (b'{"Events": []}',), (BadBody,)),
    Decoder("answer in XML", _of_aws("s3", "ListObjectVersions", "rest-xml"), (VERSIONS,), (BadBody,)),
    Decoder("answer in CBOR", _of_aws("cloudwatch", "DescribeAlarms", "smithy-rpc-v2-cbor"), (b"\xa0",), (BadBody,)),
    Decoder("counts of events", lambda data: read_counts(json.loads(data)), (COUNTS,),
            (ValueError, KeyError, TypeError, OverflowError, RecursionError)),
    Decoder("blob listing", blob_wire.read, (LISTING,), (BadBody,)),
    Decoder("query answer", lambda data: query_answer.read(data, keep=True), (TABLE,), (BadBody,)),
    Decoder("mail", lambda data: list(mail.attachments(data, ("sha256",), mailbox=False)), (MAIL,),
            (mail.UnreadableMailError,)),
    Decoder("mailbox", lambda data: list(mail.attachments(data, ("sha256",), mailbox=True)), (b"From a\n" + MAIL,),
            (mail.UnreadableMailError,)),
    Decoder("sums", lambda data: sums.parse(data, proof="p"), (SUMS,), (sums.UnreadableError,)),
    Decoder("manifest", lambda data: sums.parse_manifest(data, proof="p"), (SUMS.replace(b"*", b" "),),
            (sums.UnreadableError,)),
    Decoder("dates", _dated, (LINES, CSV)),
    Decoder("log filter", lambda data: filters.passes(data.decode(), "r", "l"), (FILTER,), TEXT),
    Decoder("instant", lambda data: parse_instant(data.decode()), (b"2026-11-21T09:00:00.123456789Z",), TEXT),
    Decoder("period", lambda data: parse_period(data.decode()), (b"P1DT2H",), TEXT),
    Decoder("trail log", lambda data: inflated_sha256((data,)), (gzip.compress(TRAIL, mtime=0), TRAIL)),
)  # fmt: skip


def _named(name):
    return next(one for one in DECODERS if one.name == name)


@pytest.mark.parametrize(**ids(DECODERS))
def test_every_seed_is_taken(decoder):
    assert [judge(decoder, seed) for seed in decoder.seeds] == [True] * len(decoder.seeds)


@pytest.mark.parametrize(**ids(DECODERS))
@given(data=st.data())
@NORMAL
def test_a_damaged_body_is_read_or_refused(decoder, data):
    judge(decoder, data.draw(damaged(decoder.seeds)))


@pytest.mark.slow
@pytest.mark.parametrize(**ids(DECODERS))
@given(data=st.data())
@LONG
def test_a_body_damaged_in_thousands_of_ways_is_read_or_refused(decoder, data):
    judge(decoder, data.draw(damaged(decoder.seeds)))


@pytest.mark.parametrize(**ids(DECODERS))
def test_a_body_made_to_hurt_is_read_or_refused(decoder):
    for bomb in JSON_BOMBS.values():
        judge(decoder, bomb)


@pytest.mark.slow
@pytest.mark.parametrize(**ids(DECODERS))
def test_a_body_made_to_hurt_takes_bounded_memory(decoder):
    for bomb in JSON_BOMBS.values():
        weighed(decoder, bomb)


def test_a_column_without_a_name_is_refused():
    assert not judge(_named("query answer"), TABLE.replace(b'"name": "TimeGenerated", ', b""))


def test_a_member_without_a_name_is_refused():
    packed = _zip({"a": CSV})
    at = packed.rindex(b"PK\x01\x02")
    directory = packed[at : at + 28] + b"\0\0" + packed[at + 30 : at + 46] + packed[at + 47 :]
    end = directory.rindex(b"PK\x05\x06")
    size = (46).to_bytes(4, "little")
    assert not judge(_named("partner csv"), packed[:at] + directory[: end + 12] + size + directory[end + 16 :])


LAUGHS = b"<!DOCTYPE l [<!ENTITY a 'lol'>%s]><EnumerationResults>&z9;</EnumerationResults>" % b"".join(
    b"<!ENTITY z%d '%s'>" % (n, b"&z%d;" % (n - 1) * 10) for n in range(1, 10)
)


@pytest.mark.parametrize("entity", [LAUGHS, LAUGHS.replace(b"'lol'", b"SYSTEM 'file:///etc/passwd'")])
def test_entities_are_never_expanded(entity):
    listing = _named("blob listing")
    records = _named("records")
    assert not weighed(listing, entity)
    weighed(records, entity)


def test_elements_nested_without_an_end_are_refused_or_read():
    for name in ("blob listing", "records"):
        decoder = _named(name)
        weighed(decoder, b"<EnumerationResults>" + b"<a>" * 20_000)
        weighed(decoder, b"<?xml version='1.0'?>" + b"<a>" * 5_000 + b"</a>" * 5_000)


def test_zeros_without_an_end_are_hashed_in_little_memory():
    """Sixty-four megabytes, of which no more than pieces are ever held."""
    weighed(_named("trail log"), gzip.compress(bytes(64 << 20), 9, mtime=0), most=4 << 20)


def test_a_record_that_never_ends_is_given_up_at_the_most_that_one_may_be(monkeypatch):
    monkeypatch.setattr(window, "MAX_RECORD", 1 << 20)
    found = bodies.read(gzip.compress(b'{"Records": ["' + b"a" * (16 << 20), 9, mtime=0))
    assert [type(one) for one in found] == [Defect]


def test_an_archive_of_bombs_is_bounded_in_all(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_DECODED", 8 << 20)
    packed = _zip({f"{number}.csv": bytes(4 << 20) for number in range(10)})
    assert weighed(_named("partner csv"), packed)


HARD = (
    b"a" * 50_000 + b"!",
    b"(" * 5_000,
    b"NOT " * 5_000,
    b'"' * 50_001,
    b"-" * 50_000,
    b"\\" * 50_000,
    b"=" * 50_000,
)


@pytest.mark.parametrize("name", ["log filter", "sums", "manifest", "instant", "period", "mail", "mailbox", "lines"])
def test_texts_that_make_patterns_turn_back_are_read_or_refused(name):
    decoder = _named(name)
    for text in (*HARD, b"P" + b"9" * DEPTH + b"D", b"2026-11-21T09:00:00." + b"1" * DEPTH + b"Z"):
        judge(decoder, text)
