"""Reconciliation: counts in sealed bytes, two witnesses, losses of the provider; each check has what it catches."""

import gzip
import json

import pytest
from support.casemaker import WINDOW
from support.counted import collect, opened

from evidence_kit.analysis.coverage import read_coverage
from evidence_kit.analysis.crosscheck import MAX_NAMED, cross_check
from evidence_kit.analysis.oracles import tallies
from evidence_kit.analysis.reconciliation import Place, place_of, reconcile
from evidence_kit.analysis.remembered import Counts
from evidence_kit.cli import coverage_lines, reconciled
from evidence_kit.model.time import rfc3339
from evidence_kit.sources.catalogue import load_catalogue

SPECS = load_catalogue()
AT = rfc3339(WINDOW.start)


@pytest.fixture
def empty(tmp_path):
    return opened(tmp_path / "case")


def found_in(case):
    return reconcile(case.vault, read_coverage(case.vault), cross_check(case.vault), SPECS)


def event(name):
    return {"eventID": name, "eventTime": AT, "eventCategory": "Management", "managementEvent": True}


def history(*names):
    said = {"Events": [{"EventId": n, "EventTime": AT, "CloudTrailEvent": json.dumps(event(n))} for n in names]}
    return json.dumps(said).encode()


def delivered(*names):
    return gzip.compress(json.dumps({"Records": [event(name) for name in names]}).encode())


def table(columns, rows):
    said = {"name": "PrimaryResult", "columns": [{"name": name, "type": "long"} for name in columns], "rows": rows}
    return json.dumps({"tables": [said]}).encode()


@pytest.mark.parametrize(
    "bad", [{"eventTime": AT}, {"eventID": "x\ty", "eventTime": AT}, {"eventID": 1, "eventTime": AT}, [], None]
)
def test_a_record_that_cannot_be_compared_spoils_no_other_and_its_file_is_named(empty, bad) -> None:
    entries = [{"CloudTrailEvent": json.dumps(one)} for one in (event("a"), bad, event("b"))]
    collect(empty, "aws.cloudtrail.lookup", [("LookupEvents", json.dumps({"Events": [*entries, {}]}).encode())])
    body = json.dumps({"Records": [event("a"), bad, event("b")]}).encode()
    collect(empty, "aws.cloudtrail.s3", [("GetObject", gzip.compress(body))], suffix="json.gz")

    checked = cross_check(empty.vault)

    assert (checked.both, checked.only_lookup, checked.only_files, checked.unreadable) == (2, 0, 0, 2)
    assert all((empty.root / path).exists() for path in checked.unread)
    told = "\n".join(coverage_lines.lines(read_coverage(empty.vault), checked, width=100))
    assert f"2 artifacts could not be read for this; the first: {checked.unread[0]}" in told


def test_events_of_one_witness_are_named_with_their_artifact(empty) -> None:
    collect(empty, "aws.cloudtrail.lookup", [("LookupEvents", history("a", "b", "c"))])
    collect(empty, "aws.cloudtrail.s3", [("GetObject", delivered("b", "d"))], suffix="json.gz")

    gone, extra = found_in(empty)

    assert (gone.kind, gone.count, gone.first) == ("not_delivered", 2, ("a", "c"))
    assert (extra.kind, extra.count, extra.first) == ("not_in_history", 1, ("d",))
    assert gone.place == Place("aws.cloudtrail.lookup", "111122223333", "us-east-1")
    assert [(empty.root / path).read_bytes() for path in gone.artifacts] == [history("a", "b", "c")]


def test_ids_are_bounded_and_the_rest_is_counted(empty) -> None:
    names = [f"e{number:03}" for number in range(MAX_NAMED + 7)]
    collect(empty, "aws.cloudtrail.lookup", [("LookupEvents", history(*names))])
    collect(empty, "aws.cloudtrail.s3", [("GetObject", delivered())], suffix="json.gz")

    (gone,) = found_in(empty)

    assert (len(gone.first), gone.more, gone.count) == (MAX_NAMED, 7, MAX_NAMED + 7)
    assert "and 24 more" in "\n".join(reconciled.lines([gone], ()))


@pytest.mark.slow
def test_witnesses_that_agree_bring_nothing(empty) -> None:
    collect(empty, "aws.cloudtrail.lookup", [("LookupEvents", history("a", "b"))])
    collect(empty, "aws.cloudtrail.s3", [("GetObject", delivered("b", "a"))], suffix="json.gz")

    assert found_in(empty) == ()


@pytest.mark.parametrize(
    ("rows", "kind", "count"),
    [([[1], [2]], "fewer_than_counted", 1), ([[1]] * 3, None, 0), ([[1]] * 5, "more_than_counted", 2)],
)
def test_rows_of_a_workspace_are_held_against_its_own_count(empty, rows, kind, count) -> None:
    pages = [
        ("count", table(["TimeGenerated", "Rows"], [[AT, 9]])),  # at first; what counts is the count at the end
        ("query", table(["A"], rows)),
        ("recount", table(["TimeGenerated", "Rows"], [[AT, 1], [AT, 2]])),
    ]
    collect(empty, "azure.la.signins", pages, stream="SigninLogs")

    found = found_in(empty)

    assert [(one.kind, one.count) for one in found] == ([(kind, count)] if kind else [])
    assert all("/recount/" in path for one in found for path in one.artifacts)


def test_the_total_of_a_listing_is_held_against_what_is_stored(empty) -> None:
    pages = [
        ("query", json.dumps({"totalSize": 3, "records": [{"Id": 1}]}).encode()),
        ("query", json.dumps({"totalSize": 3, "records": [{"Id": 2}]}).encode()),
        ("file", b"EVENT_TYPE,TIMESTAMP\nLogin,1\n"),
    ]
    collect(empty, "salesforce.event_log_files", pages)

    (one,) = found_in(empty)

    assert (one.kind, one.count, one.facts["counted"], one.facts["stored"]) == ("fewer_than_counted", 1, "3", "2")


def test_the_rows_of_a_statement_are_held_against_its_own_count(empty) -> None:
    first = {"resultSetMetaData": {"numRows": 3}, "data": [["1"], ["2"]]}
    pages = [("statements", json.dumps(first).encode()), ("partition", gzip.compress(b'{"data": []}'))]
    collect(empty, "snowflake.login_history", pages)

    (one,) = found_in(empty)

    assert (one.kind, one.count) == ("fewer_than_counted", 1)


def test_a_listing_that_is_cut_in_parts_has_no_total_of_the_whole(empty) -> None:
    body = json.dumps({"list": {"meta": {"totalCount": 20_000}, "elements": {"order": []}}}).encode()
    collect(empty, "walmart.orders", [("orders", body)])

    assert list(tallies(empty.vault, SPECS)) == []


def test_lines_of_skipped_data_are_counted_over_pieces_and_gzip(empty) -> None:
    line = b"2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - SKIPDATA\n"
    fine = b"2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n"
    pages = [("GetObject", gzip.compress((line + fine) * 20_000)), ("GetObject", fine)]
    collect(empty, "aws.vpc.flow_s3", pages, suffix="log.gz")

    (one,) = found_in(empty)

    assert (one.kind, one.count, len(one.artifacts)) == ("skipped_by_provider", 20_000, 1)


class Opened:
    """A vault that says which of its files were opened."""

    def __init__(self, vault):
        self._vault, self.paths = vault, []

    def __getattr__(self, name):
        return getattr(self._vault, name)

    def open(self, path):
        self.paths.append(path)
        return self._vault.open(path)


def test_a_flow_log_is_read_once_and_counted_alike_ever_after(empty, tmp_path) -> None:
    line = b"2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - SKIPDATA\n"
    collect(empty, "aws.vpc.flow_s3", [("GetObject", line * 3), ("GetObject", b"nothing\n")], suffix="log")
    vault, kept = Opened(empty.vault), tmp_path / "work" / "skipped.json"

    def said():
        vault.paths.clear()
        counts = Counts(kept)
        found = [(one.lost, one.artifacts) for one in tallies(vault, SPECS, counts)]
        counts.save()
        return found, [path for path in vault.paths if path.endswith(".log")]

    first, read = said()
    assert len(read) == 2
    assert first[0][0] == 3
    assert said() == (first, [])
    for torn in (b"", b"[]", b'{"madeBy": "another", "counts": {}}', b'{"madeBy": 1'):
        kept.write_bytes(torn)
        assert said() == (first, read)


def test_what_cannot_be_counted_is_asked_for_again(empty, tmp_path) -> None:
    collect(empty, "aws.vpc.flow_s3", [("GetObject", b"PAR1 and columns")], suffix="bin")
    for _ in range(2):
        counts = Counts(tmp_path / "skipped.json")
        (tally,) = tallies(empty.vault, SPECS, counts)
        assert tally.unreadable
        counts.save()


@pytest.mark.parametrize("body", [b"PAR1 and columns", b"\x1f\x8bno gzip"])
def test_flow_logs_that_cannot_be_read_are_said_to_be_not_counted(empty, body) -> None:
    collect(empty, "aws.vpc.flow_s3", [("GetObject", body)], suffix="bin")

    assert [one.kind for one in found_in(empty)] == ["not_counted"]


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"tables": []}', b'{"tables": [{"columns": [], "rows": []}]}', b"<"]
)
def test_a_count_that_cannot_be_read_is_never_agreement(empty, body) -> None:
    collect(empty, "azure.la.signins", [("recount", body)], stream="SigninLogs")

    assert [one.kind for one in found_in(empty)] == ["not_counted"]


def test_records_that_come_late_and_records_that_vanish_are_told_apart(empty) -> None:
    collect(empty, "aws.cloudtrail.lookup", [("LookupEvents", history("a", "b"))])
    collect(empty, "aws.cloudtrail.lookup", [("LookupEvents", history("b", "c", "d"))])

    assert [(one.kind, one.count) for one in found_in(empty)] == [("delivered_late", 2), ("no_longer_shown", 1)]


def test_a_stream_may_hold_the_sign_that_parts_a_unit() -> None:
    assert place_of("s|t|-|a|b|2026-11-01T00:00:00Z/2026-11-02T00:00:00Z") == Place("s", "t", "", "a|b")
    assert place_of("s|t|r|-|-") == Place("s", "t", "r", "")


def test_json_says_what_where_how_many_and_which(empty) -> None:
    collect(empty, "aws.cloudtrail.lookup", [("LookupEvents", history("a"))])
    collect(empty, "aws.cloudtrail.s3", [("GetObject", delivered())], suffix="json.gz")

    said = reconciled.as_json(found_in(empty), None)

    (one,) = said["disagreements"]
    assert (one["name"], one["source"], one["count"], one["firstIds"]) == (
        "not_delivered", "aws.cloudtrail.lookup", 1, ["a"],
    )  # fmt: skip
    assert one["artifacts"]
    assert said["silences"] is None
