"""`timeline` on a real case, and what it prints."""

import csv
import io
import json
import re

import pytest
from support.casemaker import make_case
from support.evidence import HOSTILE, clock, evidence, row

from evidence_kit.analysis.timeline.asked import Asked
from evidence_kit.analysis.timeline.gaps import Gap
from evidence_kit.cli import timeline_forms
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.report.events.rows import NAMES

SOURCES = ("aws.cloudtrail.lookup", "aws.cloudtrail.s3", "aws.cloudtrail.digest")
STOPPED = re.compile(r"╳ no evidence {2}\S+ – \S+ {2}aws\.cloudtrail\.s3 \S.*not logged")


@pytest.fixture
def collected(run, opened, window, inventory, monkeypatch, tmp_path):
    """A case of both CloudTrail witnesses, with its tables in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told = run("collect", *SOURCES, "--case", opened, *window, *inventory)
    assert told.code in {0, 3}, told.err
    return opened


def gap(start, end):
    window = Window(parse_instant(start), parse_instant(end))
    return Gap(kind="denied", source="aws.x", target="1", places=("eu-west-1",), window=window, reason="no right")


def shown(found, *, gaps=(), most=None):
    return timeline_forms.Events(found, Asked(), gaps, most)


@pytest.mark.slow
def test_an_attack_reads_from_top_to_bottom_with_its_silence_in_place(run, collected, cloud, tmp_path) -> None:
    start = cloud.window.to_json()["start"]
    told = run("timeline", collected, "--address", "198.51.100.0/24", "--limit", "0", "--since", start)
    lines = told.out.splitlines()
    names = ("CreateAccessKey", "AssumeRole", "StopLogging", "CreateUser", "UpdateEndpoint")
    places = [next(at for at, line in enumerate(lines) if f"  {name} " in line) for name in names]
    silence = next(at for at, line in enumerate(lines) if STOPPED.match(line))

    assert told.code == 0
    assert places == sorted(places)
    assert places[2] < silence < places[3]
    assert all(re.search(r"bags/\S+:\d+$", lines[at]) for at in places)

    groups = run("timeline", collected, "--group", "credential", "--address", "198.51.100.23", "--json")
    keys = [one["key"] for one in json.loads(groups.out)["groups"]]
    assert keys == ["AKIAEXAMPLECIDEPLOY1", "AKIAEXAMPLESVCPRICE9", "ASIAEXAMPLEPRICEEXP7"]

    document = json.loads(run("timeline", collected, "--action", "StopLogging", "--format", "json").out)
    assert [one["name"] for one in document["events"]] == ["StopLogging"]
    assert document["events"][0]["witnesses"] == "aws.cloudtrail.lookup aws.cloudtrail.s3"
    assert document["records"] == 1
    assert "[in aws.cloudtrail.lookup and aws.cloudtrail.s3]" in lines[places[2]]
    assert "not_logged" in {one["kind"] for one in document["gaps"]}

    other = make_case(tmp_path / "other", pages=1)
    both = json.loads(run("timeline", collected, other.root, "--json", "--limit", "1").out)
    assert {one["case"] for one in both["clocks"]} == {"IR-1", "IR-2026-014"}

    table = list(csv.DictReader(io.StringIO(run("timeline", collected, "--format", "csv").out)))
    assert {one["row"] for one in table} == {"gap", "record"}
    assert [one["at"] for one in table if one["row"] == "record"] == sorted(
        one["at"] for one in table if one["row"] == "record"
    )


def test_a_case_without_a_collection_a_wrong_format_and_a_wrong_group_are_said(
    run, opened, monkeypatch, tmp_path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    assert run("timeline", opened).code == 4
    assert run("timeline", opened, "--format", "yaml").code == 2
    assert run("timeline", opened, "--since", "2026-11-21 12:00").code == 2
    assert run("timeline", tmp_path / "nowhere").code == 4


def test_an_unknown_group_is_usage(run, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    case = make_case(tmp_path / "case", pages=1)

    assert run("timeline", case.root, "--group", "colour").code == 2


# -- forms ---------------------------------------------------------------------------------------------------


def test_a_gap_stands_before_the_record_that_it_starts_with(capsys) -> None:
    rows = (row("2026-11-21T12:00:00Z", action="one"), row("2026-11-21T13:00:00Z", action="two"))
    with evidence(*rows) as found:
        timeline_forms.EVENTS["text"](shown(found, gaps=(gap("2026-11-21T13:00:00Z", "2026-11-21T14:00:00Z"),)))
    lines = capsys.readouterr().out.splitlines()

    assert [("one" in line, "╳" in line, "two" in line) for line in lines] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


def test_a_limit_says_how_many_there_are_and_shows_no_gap_of_what_is_not_shown(capsys) -> None:
    rows = (row("2026-11-21T12:00:00Z"), row("2026-11-21T13:00:00Z"))
    with evidence(*rows) as found:
        late = gap("2026-11-21T12:30:00Z", "2026-11-21T14:00:00Z")
        timeline_forms.EVENTS["text"](shown(found, gaps=(late,), most=1))
    told = capsys.readouterr()

    assert len(told.out.splitlines()) == 1
    assert "the first 1 of 2 records" in told.err


def test_a_clock_that_is_off_is_shown_with_what_was_taken_off_and_what_was_logged(capsys) -> None:
    with evidence(row("2026-11-21T12:00:40Z"), clocks=(clock("aws", 40),)) as found:
        timeline_forms.EVENTS["text"](shown(found))
    first, second = capsys.readouterr().out.splitlines()

    assert "aws: 40.0 s ahead of ours" in first
    assert "+40.0 s taken off its times" in first
    assert second.startswith("2026-11-21T12:00:00Z [logged 2026-11-21T12:00:40Z]")


def test_what_has_no_time_is_not_passed_over_in_silence(capsys) -> None:
    with evidence(row(), row(None)) as found:
        timeline_forms.EVENTS["text"](shown(found))

    assert "1 record more without a time" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_hostile_evidence_acts_on_no_terminal_and_no_spreadsheet(capsys, form) -> None:
    with evidence(row(**HOSTILE)) as found:
        timeline_forms.EVENTS[form](shown(found))
    out = capsys.readouterr().out

    assert not set(out) & {"\x1b", "\x07", "\u202e", "\u2028", "\x00"}
    if form == "text":
        assert len(out.splitlines()) == 1
    if form == "csv":
        (only,) = csv.DictReader(io.StringIO(out))
        assert only["action"].startswith("'=")
        assert only["resource"].startswith("'@")
        assert list(only)[1:] == list(NAMES)
    if form == "json":
        (only,) = json.loads(out)["events"]
        assert {name: only[name] for name in HOSTILE} == HOSTILE  # whole, and inert


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_groups_of_hostile_names_are_as_harmless(capsys, form) -> None:
    with evidence(row(actor=f"=1+1{HOSTILE['credential']}\n")) as found:
        timeline_forms.GROUPS[form](timeline_forms.Grouped(found, Asked(), (), None, "actor"))
    out = capsys.readouterr().out

    assert not set(out) & {"\x1b", "\x07"}
    assert "\n=1+1" not in out


def test_more_groups_than_shown_and_records_in_none_are_said(capsys) -> None:
    with evidence(row(actor="ana"), row(actor="bo"), row(actor=None)) as found:
        timeline_forms.GROUPS["text"](timeline_forms.Grouped(found, Asked(), (), 1, "actor"))
        some = capsys.readouterr()
        timeline_forms.GROUPS["text"](timeline_forms.Grouped(found, Asked(), (), 2, "actor"))
        both = capsys.readouterr()
        timeline_forms.GROUPS["json"](timeline_forms.Grouped(found, Asked(), (), None, "actor"))
        document = json.loads(capsys.readouterr().out)

    assert (len(some.out.splitlines()), len(both.out.splitlines())) == (1, 2)
    assert "the first 1 group; `--limit 0` shows all" in some.err
    assert "2 groups" in both.err
    assert "1 record in no group" in both.err
    assert document["recordsInNoGroup"] == 1


def test_no_records_are_still_one_whole_document(capsys) -> None:
    with evidence() as found:
        timeline_forms.EVENTS["json"](shown(found))
        assert json.loads(capsys.readouterr().out)["events"] == []
        timeline_forms.GROUPS["json"](timeline_forms.Grouped(found, Asked(), (), None, "actor"))
        assert json.loads(capsys.readouterr().out)["groups"] == []
