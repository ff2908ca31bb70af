"""Every number of a report is what `query` gives on the same case: in all, and of each row that is counted."""

import json
from collections import Counter
from dataclasses import fields
from operator import itemgetter

import pytest
from support.case_reports import report_of, tables_of
from support.casemaker import make_case

from evidence_kit.analysis.tables.asking import Limits, Question, ask
from evidence_kit.analysis.timeline.gaps import NEVER_ASKED
from evidence_kit.model.time import rfc3339
from evidence_kit.report.case import page, plain

# A unit is whole where the provider had nothing more to give.
UNITS = """WITH u AS (
    SELECT *, status IN ('complete', 'not_enabled', 'not_configured', 'region_disabled') AS is_whole FROM units
) """
SAME = {
    "events": "SELECT count(*) FROM custody",
    "acquisitions": "SELECT count(DISTINCT acquisition) FROM units",
    "units": "SELECT count(DISTINCT unit) FROM units",
    "units_whole": "SELECT count(DISTINCT unit) FILTER (is_whole) FROM u",
    "units_missing": "SELECT count(*) FILTER (NOT w) FROM (SELECT bool_or(is_whole) AS w FROM u GROUP BY unit)",
    "artifacts": "SELECT count(*) FROM manifest",
    "bytes": "SELECT sum(bytes) FROM manifest",
    "records": "SELECT coalesce(sum(records), 0) FROM manifest",
    "findings": "SELECT count(*) - (SELECT count(*) FILTER (NOT is_whole) FROM u) FROM gaps",
    "sources": "SELECT count(DISTINCT source) FROM units",
    "targets": "SELECT count(DISTINCT target) FROM units",
}
# CloudTrail's history and its files hold the same events, which a time line tells once.
ONCE = "CASE WHEN source LIKE 'aws.cloudtrail.%' THEN event_id ELSE artifact || ':' || line END"


def rows(tables, sql) -> list[tuple]:
    with ask([tables], Question(sql), Limits()) as (_, batches):
        return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def one_number(tables, sql) -> int:
    ((found,),) = rows(tables, sql)
    return int(found)


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """A case whose units were collected twice, one of them in part, and its tables."""
    base = tmp_path_factory.mktemp("again")
    case = make_case(base / "case", regions=("us-east-1", "eu-west-1"), partial=("eu-west-1",), acquisitions=2)
    return report_of(case), tables_of(case, base)


@pytest.fixture(params=["once", "again"])
def both(request, real, again):
    """Return a report and its tables: of a case collected once, and of one collected twice."""
    return (real.report, real.tables) if request.param == "once" else again


def test_every_number_is_what_a_query_counts(both) -> None:
    report, tables = both
    (found,) = rows(tables, f"{UNITS} SELECT {', '.join(f'({sql})::BIGINT' for sql in SAME.values())}")
    assert {name: getattr(report.counts, name) for name in SAME} == dict(zip(SAME, found, strict=True))
    assert set(SAME) == {one.name for one in fields(report.counts)}


def test_every_artifact_is_a_row_of_the_manifest(both) -> None:
    report, tables = both
    sql = """SELECT artifact, sha256, bytes, source, unit, acquisition, kind, original_name, records, received_at,
        status_code, request_id FROM manifest ORDER BY artifact"""
    told = [
        (
            *(one.path, one.sha256, one.bytes, one.source, one.unit, one.acquisition, one.kind, one.original_name),
            *(one.records, one.received_at, one.status_code, one.request_id or None),
        )
        for one in report.artifacts
    ]
    asked = [(*row[:-1], row[-1] or None) for row in rows(tables, sql)]
    assert sorted(told, key=itemgetter(0)) == asked != []


def test_every_event_is_a_row_of_the_custody_table(both) -> None:
    report, tables = both
    told = [(one.seq, one.at, one.type, one.actor, one.keyid, one.summary) for one in report.events]
    assert told == rows(tables, "SELECT seq, custody.at, type, actor, keyid, summary FROM custody ORDER BY seq")


def test_units_by_status_are_those_of_the_last_best_try(both) -> None:
    report, tables = both
    told = Counter(cell.status.value if cell.status else "" for row in report.coverage for cell in row.cells)
    best = """SELECT coalesce(max_by(status, (status = 'complete', acquisition)), '') AS status FROM units
        GROUP BY unit"""
    assert told == dict(rows(tables, f"SELECT status, count(*) FROM ({best}) GROUP BY 1"))


def test_each_acquisition_counts_what_its_rows_count(both) -> None:
    report, tables = both
    told = [(one.id, one.artifacts, one.bytes, one.units, one.units_missing) for one in report.acquisitions]
    sql = """SELECT acquisition, count(*), sum(bytes)::BIGINT,
        (SELECT count(*) FROM u WHERE u.acquisition = m.acquisition),
        (SELECT count(*) FILTER (NOT is_whole) FROM u WHERE u.acquisition = m.acquisition)
        FROM manifest m GROUP BY 1"""
    assert sorted(told) == sorted(rows(tables, UNITS + sql))


def test_findings_are_those_of_the_table_of_gaps_by_kind_and_words(both) -> None:
    report, tables = both
    told = Counter((one.unit, one.kind, one.message) for one in report.findings)
    units = "SELECT unit, status, reason FROM u WHERE NOT is_whole"
    asked = Counter(rows(tables, "SELECT unit, kind, reason FROM gaps")) - Counter(rows(tables, UNITS + units))
    assert told == asked


def test_gaps_are_those_of_the_table_of_gaps(real) -> None:
    told = {
        (one.kind, one.source, one.target, one.reason, rfc3339(one.window.start), rfc3339(one.window.end))
        for one in real.report.gaps
        if one.kind != NEVER_ASKED
    }
    sql = "SELECT DISTINCT kind, source, split_part(unit, '|', 2), reason, since, until FROM gaps"
    assert told == set(rows(real.tables, sql)) != set()


def test_the_time_line_counts_what_a_query_counts(real) -> None:
    found = real.report.incident
    untimed = one_number(real.tables, "SELECT count(*) FROM evidence WHERE time_ns IS NULL")
    assert found.untimed == untimed > 0
    assert found.total + found.outside == one_number(
        real.tables, f"SELECT count(DISTINCT {ONCE}) FROM evidence WHERE time_ns IS NOT NULL"
    )
    assert len(found.moments) + found.left_out == found.total


def test_the_bars_count_by_time_and_source_what_a_query_counts(real) -> None:
    found, span = real.report.incident, real.report.span
    assert {one.shift for one in real.report.clocks} <= {0.0}, "no time was moved, so that both count alike"
    sql = f"""SELECT time_ns // {found.bar_ns} * {found.bar_ns} AS bar, source, count(DISTINCT {ONCE}) FROM evidence
        WHERE time_ns >= {_ns(span.start)} AND time_ns < {_ns(span.end)} GROUP BY 1, 2 ORDER BY 1, 2"""
    assert [(bar.starts_ns, bar.source, bar.records) for bar in found.bars] == rows(real.tables, sql) != []


def test_the_numbers_of_the_model_stand_in_every_format(both) -> None:
    report, _ = both
    counts = json.loads("".join(plain.pieces(report)))["counts"]
    assert counts["unitsMissing"] == report.counts.units_missing
    shown = "".join(page.pieces(report))
    for name in ("artifacts", "bytes", "records", "units", "units_missing", "sources", "targets", "acquisitions"):
        assert f"<dd>{getattr(report.counts, name):,}</dd>" in shown


def _ns(moment) -> int:
    return int(moment.timestamp()) * 1_000_000_000
