"""A portfolio: the numbers of each case's own report, what is late first, nothing left out in silence."""

import html
import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.case_reports import HOSTILE, reported
from support.casemaker import CASE, NOW, make_case
from support.forging import overwrite
from support.sealed_records import TRAIL, case_of, event, trail

from evidence_kit.acquire.handover import subject_of
from evidence_kit.analysis.tables.asking import Limits, Question, ask
from evidence_kit.custody import bag, log
from evidence_kit.errors import EmptyError, UsageError
from evidence_kit.governance.clocks.recording import started
from evidence_kit.governance.clocks.sets import choose, standard
from evidence_kit.report.portfolio import page
from evidence_kit.report.portfolio.model import Month, Open
from evidence_kit.report.portfolio.reading import read_portfolio
from evidence_kit.report.portfolio.timing import Span, timings
from evidence_kit.vaults.local import LocalVault

WHOLE = "('complete', 'not_enabled', 'not_configured', 'region_disabled')"
AWARE = NOW - timedelta(hours=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two cases in one folder, the second with a clock that a person started; and the report of the first."""
    base = tmp_path_factory.mktemp("portfolio")
    first = reported(base / "cases")
    second = case_of(base / "cases" / "deep" / "two", {TRAIL: {"a.json.gz": trail([event(1)])}}, name="IR-2")
    known = standard()
    clock = choose(known, "eu.gdpr.art33")
    keeper = second.keeper
    fields = started(known, clock, at=AWARE, why="the supplier called")
    keeper.append(log.CLOCK_STARTED, at=NOW, subjects=[subject_of(keeper.state())], fields=fields)
    return base / "cases", first


@pytest.fixture
def read(made):
    """Read the portfolio at a time."""
    folder, _ = made
    return lambda now=NOW, at=folder: read_portfolio(at, LocalVault, standard().clocks, now=now)


def test_each_case_has_the_numbers_of_its_own_report(read, made) -> None:
    _, first = made
    row = next(one for one in read().cases if one.case == first.report.case)
    counts = first.report.counts
    assert (row.artifacts, row.bytes) == (counts.artifacts, counts.bytes)
    assert (row.units, row.units_whole, row.units_missing) == (counts.units, counts.units_whole, counts.units_missing)
    assert row.acquisitions == counts.acquisitions
    assert row.unread == ()


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("artifacts", "SELECT count(*) FROM manifest"),
        ("bytes", "SELECT sum(bytes) FROM manifest"),
        ("units", "SELECT count(DISTINCT unit) FROM units"),
        ("acquisitions", "SELECT count(DISTINCT acquisition) FROM units"),
        ("units_whole", f"SELECT count(DISTINCT unit) FILTER (status IN {WHOLE}) FROM units"),
    ],
)
def test_each_number_is_what_a_query_counts(read, made, name, sql) -> None:
    _, first = made
    row = next(one for one in read().cases if one.case == first.report.case)
    with ask([first.tables], Question(sql), Limits()) as (_, batches):
        (counted,) = [tuple(found.values()) for batch in batches for found in batch.to_pylist()]
    assert counted == (getattr(row, name),)


def test_a_clock_that_is_over_is_late_and_comes_first(read) -> None:
    (before,) = [one for one in read().open if one.kind == "clock"]
    assert (before.case, before.late) == ("IR-2", False)
    found = read(NOW + timedelta(days=10)).open
    assert (found[0].kind, found[0].late) == ("clock", True)


def test_time_is_measured_from_the_order_and_from_awareness(read) -> None:
    found = {(one.kind, one.name): one for one in read().timings}
    one = found["source", TRAIL]
    assert (one.count, one.median, one.longest) == (2, 0, 0)
    assert (one.aware_count, one.from_aware) == (1, int((NOW - AWARE).total_seconds()))


def test_a_case_that_cannot_be_read_is_named(read, made, tmp_path) -> None:
    folder, _ = made
    (tmp_path / "broken" / "custody").mkdir(parents=True)
    (tmp_path / "broken" / "custody" / "log.jsonl").write_text("nothing\n")
    found = read(at=tmp_path)
    assert found.cases[0].unread
    assert "broken" in found.cases[0].folder
    assert folder != tmp_path


@pytest.mark.parametrize("deep", [".", "one", "one/two"])
def test_a_case_whose_log_is_gone_is_named(read, tmp_path, deep) -> None:
    case = make_case(tmp_path / "all" / deep / "case", pages=1, names=())
    (case.root / log.LOG).unlink()
    shutil.copy(case.root / log.CASE, case.root / "bags")  # what lies in a case is no case
    for folder in {tmp_path / "all", case.root} if deep != "one/two" else {tmp_path / "all" / "one"}:
        (row,) = read(at=folder).cases
        assert row.case == CASE
        assert any(why.startswith(f"{log.LOG}: ") for why in row.unread)


def test_a_description_beside_cases_hides_none_of_them(read, tmp_path) -> None:
    case = make_case(tmp_path / "all" / "case", pages=1, names=())
    shutil.copy(case.root / log.CASE, tmp_path / "all")
    assert [(one.folder, bool(one.unread)) for one in read(at=tmp_path / "all").cases] == [
        ("all", True),
        ("case", False),
    ]


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: overwrite(path, b"{}\n")], ids=["gone", "broken"])
def test_a_seal_that_cannot_be_read_is_named(read, small_case, harm) -> None:
    assert read(at=small_case.root).cases[0].unread == ()
    harm(small_case.path(bag.SEAL))
    (why,) = read(at=small_case.root).cases[0].unread
    assert why.startswith(f"{small_case.bag.removeprefix('bags/')}: its seal ")


def test_a_folder_without_a_case_is_empty_and_none_is_usage(read, tmp_path) -> None:
    with pytest.raises(EmptyError):
        read(at=tmp_path)
    with pytest.raises(UsageError):
        read(at=tmp_path / "nowhere")


def test_partners_and_months_are_over_all_cases(read) -> None:
    found = read()
    assert {case for one in found.partners for case in one.cases} == {one.case for one in found.cases}
    assert sum(one.acquisitions for one in found.months) == sum(one.acquisitions for one in found.cases)


def test_the_median_is_of_what_was_measured() -> None:
    several = [Span(kind="source", name="a", seconds=at, from_aware=None) for at in (10, 20, 90)]
    (one,) = timings(several)
    assert (one.mean, one.median, one.longest, one.from_aware) == (40, 20, 90, None)


# -- the page ----------------------------------------------------------------------------------------------------


def test_the_page_says_that_nothing_was_verified_and_asks_for_nothing(read) -> None:
    said = page.html(read())
    assert "Nothing was verified" in said
    assert "<script" not in said
    assert not re.search(r"(?:src|href)=\"(?!#)", said)
    assert "default-src 'none'" in html.unescape(said)


def test_the_json_has_the_same_numbers(read) -> None:
    found = read()
    said = json.loads(page.as_json(found))
    assert said["apiVersion"] == "evidence-kit/portfolio.v1"
    assert [one["artifacts"] for one in said["cases"]] == [one.artifacts for one in found.cases]
    assert said["madeAt"] == "2026-11-21T21:30:00Z"


def test_hostile_text_is_text(read) -> None:
    found = read()
    bad = replace(
        found,
        cases=tuple(replace(one, title=HOSTILE, case=HOSTILE, unread=(HOSTILE,)) for one in found.cases),
        open=(Open(kind="clock", case=HOSTILE, what=HOSTILE, who=HOSTILE, due="", late=True),),
        unread=((HOSTILE, HOSTILE),),
    )
    said = page.html(bad)
    assert "<img" not in said
    assert "\u202e" not in said
    assert "\x1b" not in said
    assert "\\u202e" in said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_661, "1 h 1 min"), (200_000, "2 d 7 h")]
)
def test_a_stretch_of_time_reads_in_two_units(seconds, said) -> None:
    assert page.lasting(seconds) == said


def test_a_share_of_a_hundred_means_all() -> None:
    assert page.share(Month(month="2026-11", acquisitions=1, units=1_000, units_whole=999)) == 99
    assert page.share(Month(month="2026-11", acquisitions=1, units=0, units_whole=0)) == 0
