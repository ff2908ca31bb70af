"""A delivery is held against what was asked for: classes, files, window; more than that is told too."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from collectors.intake.conftest import lines
from custody.test_request import ASKED

from evidence_kit.collectors.intake.dated import Dates, reader
from evidence_kit.model.time import Window

INSIDE, BEFORE = "2026-11-05T10:00:00Z", "2026-10-05T10:00:00Z"
ONLY = replace(ASKED, classes={"audit_logs": ""}, files=())


def test_classes_and_files_that_did_not_come_are_named_each(drop):
    drop.put("audit_logs/a.jsonl", lines({"time": INSIDE}))
    taken = drop.take(request=ASKED)
    assert [message.split("; ")[1] for message in taken.said("class_not_answered")] == [
        "nothing in this delivery is called so"
    ]
    assert "access_logs" in taken.said("class_not_answered")[0]
    assert "`admins-*.csv`" in taken.said("file_not_answered")[0]


def test_an_answer_in_full_leaves_nothing_to_say(drop):
    drop.put("audit_logs/a.jsonl", lines({"time": INSIDE}))
    taken = drop.take(request=ONLY)
    assert not {"class_not_answered", "file_not_answered", "not_asked_for", "outside_window"} & set(taken.kinds)
    assert taken.artifacts["audit_logs/a.jsonl"]["object"]["class"] == "audit_logs"


def test_more_than_was_asked_for_is_told(drop):
    drop.put("audit_logs/a.jsonl", lines({"time": BEFORE}, {"time": INSIDE}))
    drop.put("salaries.xlsx")
    taken = drop.take(request=ONLY)
    assert taken.said("not_asked_for") == [f"`salaries.xlsx` belongs to nothing that {ONLY.id} asks for"]
    assert taken.said("outside_window")[0].startswith("audit_logs: 1 records lie outside 2026-11-01T00:00:00Z")


def test_the_operator_says_which_file_is_what(drop):
    drop.put("export-1.bin")
    taken = drop.take(request=ONLY, classes=["audit_logs=export-*"])
    assert not taken.said("class_not_answered")


def test_files_without_lines_are_said_not_to_have_been_read_for_dates(drop):
    drop.put("audit_logs/a.json.gz", b"\x1f\x8b")
    assert "not in 1 of the files" in drop.take(request=ONLY).said("dates_not_read")[0]


WINDOW = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC))


def read(name, *chunks):
    dates = Dates()
    found = reader(name, dates, WINDOW)
    for chunk in chunks:
        found.feed(chunk)
    found.end()
    return dates


@pytest.mark.parametrize(
    "record",
    [
        {"eventTime": INSIDE}, {"@timestamp": INSIDE}, {"ts": 1793872800}, {"ts": "1793872800.5"},
        {"timestamp": 1793872800123}, {"time": "", "published": INSIDE},
    ],
)  # fmt: skip
def test_a_record_is_dated_by_a_field_of_a_usual_name(record):
    dates = read("a.jsonl", lines(record))
    assert (dates.records, dates.outside, dates.undated) == (1, 0, 0)
    assert dates.first.date().isoformat() == "2026-11-05"


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{",
        b'{"time":{}}',
        b'{"time":"soon"}',
        b'{"ts":1}',
        b'{"ts":1%s}' % (b"0" * 400),
        b'{"ts":"\xc2\xb2"}',
    ],
)
def test_what_cannot_be_dated_is_counted_as_such(line):
    dates = read("a.ndjson", line + b"\n")
    assert (dates.records, dates.undated, dates.first) == (1, 1, None)


def test_lines_are_put_together_over_pieces():
    body = lines({"time": INSIDE}, {"time": BEFORE})
    dates = read("a.jsonl", *(body[at : at + 3] for at in range(0, len(body), 3)))
    assert (dates.records, dates.outside) == (2, 1)


def test_a_line_without_end_costs_no_memory_and_is_one_undated_record():
    dates = read("a.jsonl", *[b"x" * 400_000] * 9, b"\n", lines({"time": INSIDE}))
    assert (dates.records, dates.undated) == (2, 1)


def test_rows_are_dated_by_the_names_above_them():
    dates = read("a.csv", b"\xef\xbb\xbfuser,EventTime\r\n\r\nx," + INSIDE.encode() + b'\r\n"y\n')
    assert (dates.records, dates.undated, dates.outside) == (2, 1, 0)


def test_other_files_are_not_read_for_dates():
    assert reader("a.zip", Dates(), WINDOW) is None
