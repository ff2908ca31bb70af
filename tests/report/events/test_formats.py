"""Each format against who reads it: a spreadsheet, Timesketch, Elastic, a data lake."""

import csv
import io

import pyarrow.dataset as ds
import pytest
from support.evidence import HOSTILE

from evidence_kit.report.events import ecs, parquet, spreadsheet, timesketch
from evidence_kit.report.events.addresses import is_ip
from evidence_kit.report.events.outcomes import outcome_of
from evidence_kit.report.events.spreadsheet import cell

TIMED, UNTIMED = 11, 1
# The fields that are used, with their types: `generated/csv/fields.csv` of elastic/ecs at 8.17.0.
ECS_FIELDS = {
    "@timestamp": "date",
    "ecs.version": "keyword",
    "message": "match_only_text",
    "event.kind": "keyword",
    "event.action": "keyword",
    "event.outcome": "keyword",
    "event.provider": "keyword",
    "event.module": "keyword",
    "event.dataset": "keyword",
    "event.original": "keyword",
    "cloud.provider": "keyword",
    "cloud.account.id": "keyword",
    "cloud.region": "keyword",
    "user.name": "keyword",
    "user_agent.original": "keyword",
    "source.address": "keyword",
    "source.ip": "ip",
    "related.ip": "ip",
    "related.user": "keyword",
    "log.file.path": "keyword",
    "labels": "object",
}
ECS_KINDS = {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"}


def flat(value, path=""):
    """Yield dotted names and values, labels as one."""
    for name, inside in value.items():
        here = f"{path}{name}"
        if isinstance(inside, dict) and here != "labels":
            yield from flat(inside, f"{here}.")
        else:
            yield here, inside


def test_timesketch_gets_its_three_fields_in_the_order_of_common_time_and_every_column(found, package, lines) -> None:
    written = timesketch.export(found, package)
    rows = lines("timeline.jsonl")

    assert [one.rows for one in written] == [TIMED, UNTIMED]
    assert all(one["message"] and one["timestamp_desc"] and one["artifact"] and one["line"] for one in rows)
    assert [one["datetime"] for one in rows] == sorted(one["datetime"] for one in rows)
    assert rows[0]["datetime"] == "2026-11-21T12:00:00.250000Z"
    assert (rows[0]["time"], rows[0]["clock_shift_s"]) == ("2026-11-21T12:00:40.250Z", 40.0)
    assert [one["action"] for one in lines("untimed.jsonl")] == ["lost"]
    hostile = next(one for one in rows if one["actor"] == HOSTILE["actor"])
    assert {name: hostile[name] for name in HOSTILE} == HOSTILE
    assert not set(hostile["message"]) & {"\x1b", "\u202e", "\n", "\r"}


def test_ecs_uses_only_fields_that_are_there_each_of_its_type(found, package, lines) -> None:
    ecs.export(found, package)
    rows = lines("events.ndjson")

    assert len(rows) == TIMED
    for one in rows:
        fields = dict(flat(one))
        assert set(fields) <= set(ECS_FIELDS)
        assert fields["event.kind"] in ECS_KINDS
        assert fields["event.outcome"] in {"success", "failure", "unknown"}
        assert all(isinstance(value, str) for value in one["labels"].values())
        assert {"artifact", "line"} <= set(one["labels"])
        assert is_ip(fields.get("source.ip", "127.0.0.1"))
        assert "" not in fields.values()
    kinds = {one["event"]["dataset"]: one["event"]["kind"] for one in rows}
    assert (kinds["aws.guardduty.findings"], kinds["aws.cloudtrail.s3"]) == ("alert", "event")


def test_csv_holds_all_records_and_no_cell_that_computes(found, package) -> None:
    (written,) = spreadsheet.export(found, package)
    text = (package.root / "events.csv").read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))

    assert written.rows == len(rows) == TIMED + UNTIMED
    assert rows[-1]["at"] == ""
    assert not [value for one in rows for value in one.values() if value.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert not set(text) & {"\x1b", "\x07", "\u202e", "\u2028", "\x00"}
    assert {(one["artifact"] != "", one["line"] != "") for one in rows} == {(True, True)}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"),
        ("  =1+1", "'  =1+1"),
        ("\t=1+1", "'\\t=1+1"),
        ("\uff1dSUM(1)", "'\uff1dSUM(1)"),
        ("-1", "'-1"),
        (-1, "-1"),
        (-0.5, "-0.5"),
        (None, ""),
        ("a\r\n=b", "a\\r\\n=b"),
        ("plain, with comma", "plain, with comma"),
    ],
)
def test_a_cell_stays_text(value, text) -> None:
    assert cell(value) == text


def test_parquet_is_read_by_provider_and_day_with_nothing_lost(found, package) -> None:
    written = parquet.export(found, package)
    table = ds.dataset(package.root / "events", partitioning="hive").to_table()
    by_day = ds.dataset(package.root / "events", partitioning="hive").to_table(filter=ds.field("provider") == "gcp")

    assert sum(one.rows for one in written) == table.num_rows == TIMED + UNTIMED
    assert {one.path.split("/")[1] for one in written} == {"provider=aws", "provider=gcp", "provider=partner"}
    assert by_day.column("action").to_pylist() == ["storage.objects.get"]
    hostile = next(one for one in table.to_pylist() if one["actor"] == HOSTILE["actor"])
    assert {name: hostile[name] for name in HOSTILE} == HOSTILE
    assert all(one["artifact"] and one["line"] for one in table.to_pylist())
    midnight = next(one for one in table.to_pylist() if one["action"] == "ConsoleLogin")
    assert str(midnight["date"]) == "2026-11-22"
    assert midnight["clock_shift_s"] == 40.0


def test_parquet_days_are_those_of_common_time_and_hostile_providers_stay_in_their_folder(package) -> None:
    from support.evidence import clock, evidence, row

    with evidence(row("2026-11-22T00:00:20Z", provider="../../x/y"), clocks=(clock("aws", 40),)) as found:
        (written,) = parquet.export(found, package)

    assert written.path == "events/provider=..%2F..%2Fx%2Fy/date=2026-11-21/part-0.parquet"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("success", "success"), ("Succeeded", "success"), ("200", "success"), ("AccessDenied", "failure"),
        ("403", "failure"), ("ClientError", "failure"), ("", "unknown"), ("5.0", "unknown"), ("HIGH", "unknown"),
    ],
)  # fmt: skip
def test_an_outcome_that_nobody_told_is_unknown(text, outcome) -> None:
    assert outcome_of(text) == outcome
