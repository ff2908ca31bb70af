"""`sigma`: rules over a sealed case through the locked process; every rule is accounted for."""

import csv
import io
import json
import subprocess
import sys

import pytest
from support.sealed_records import TRAIL, case_of, event, trail
from support.sifting import rule

from evidence_kit.errors import Exit

STOP = {"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}
HOSTILE = "=cmd()\x1b]0;owned\x07"


@pytest.fixture(scope="module")
def sifted(tmp_path_factory):
    """A case in which a trail is stopped, and where its tables are kept; derived once."""
    base = tmp_path_factory.mktemp("sigma")
    events = [event(1), event(2, **STOP), event(3, eventName=HOSTILE)]
    return case_of(base / "case", {TRAIL: {"a.json.gz": trail(events)}}), base / "work"


@pytest.fixture
def sift(run, sifted):
    case, work = sifted
    return lambda *options: run("sigma", case.root, "--work", work, *options)


@pytest.fixture
def rules(tmp_path):
    """A folder of rules, one of each kind of end."""
    folder = tmp_path / "rules"
    folder.mkdir()
    said = {
        "stop.yml": rule(STOP),
        "none.yml": rule({"eventName": "DeleteTrail", "misspelt": 1}),
        "other.yml": rule({"a": 1}, product="okta", service="okta"),
        "ahead.yml": rule({"eventName|re": "(?=x)"}),
        "bomb.yml": b"a: &a [x]\nb: [*a]\n",
        "windows.yaml": rule({"a": 1}, product="windows"),
    }
    for name, text in said.items():
        (folder / name).write_bytes(text)
    return folder


def test_the_kits_own_rules_find_the_stopped_trail(sift, sifted) -> None:
    told = sift()

    assert told.code == Exit.OK, told.err
    assert "CloudTrail trail stopped or deleted  1 record" in told.out
    assert "line 2" in told.out
    assert "no records       Okta administrator role granted: it is about okta.system_log" in told.out


def test_every_rule_of_a_folder_is_accounted_for(sift, rules) -> None:
    told = sift("--rules", rules, "--format", "json")

    said = json.loads(told.out)
    ends = {one["file"].rpartition("/")[2]: one["result"] for one in said["rules"]}
    assert ends == {
        "stop.yml": "matched", "none.yml": "no_match", "other.yml": "no_records", "ahead.yml": "not_translated",
        "bomb.yml": "not_translated", "windows.yaml": "not_translated",
    }  # fmt: skip
    assert said["totals"] == {"matched": 1, "no_match": 1, "no_records": 1, "not_translated": 3}
    assert all(one["reason"] for one in said["rules"] if one["result"] == "not_translated")
    (misspelt,) = [one for one in said["rules"] if one["result"] == "no_match"]
    assert misspelt["fieldsNoRecordHas"] == ["misspelt"]


def test_a_match_leads_to_the_sealed_bytes(sift, sifted, rules) -> None:
    case, _ = sifted
    (found,) = json.loads(sift("--rules", rules / "stop.yml", "--format", "json").out)["rules"]

    (match,) = found["matches"]
    assert (case.root / match["artifact"]).is_file()
    assert match["line"] == 2


def test_one_rule_is_run_alone(sift, rules) -> None:
    said = json.loads(sift("--rules", rules, "--rule", "stop", "--format", "json").out)

    assert len(said["rules"]) == 1
    assert sift("--rules", rules, "--rule", "absent").code == Exit.EMPTY


@pytest.mark.slow
def test_csv_and_text_harm_no_reader(sift, rules) -> None:
    (rules / "hostile.yml").write_bytes(rule({"eventName|startswith": "=cmd"}))

    rows = list(csv.DictReader(io.StringIO(sift("--rules", rules, "--format", "csv").out)))

    assert len(rows) == 7
    assert [row["action"][:2] for row in rows if row["file"].endswith("hostile.yml")] == ["'="]
    assert "\x1b" not in sift("--rules", rules).out


def test_matches_beyond_the_limit_are_counted(sift, rules) -> None:
    (rules / "all.yml").write_bytes(rule({"eventName|exists": True}))

    told = sift("--rules", rules / "all.yml", "--limit", "1")

    assert "3 records" in told.out
    assert "and 2 more" in told.out


@pytest.mark.parametrize(
    ("options", "code"),
    [(("--format", "xml"), Exit.USAGE), (("--rules", "gone"), Exit.USAGE), (("--rules", "."), Exit.USAGE)],
)
def test_what_cannot_be_carried_out_is_said(sift, options, code) -> None:
    assert sift(*options).code == code


def test_help_loads_neither_pysigma_nor_duckdb() -> None:
    code = (
        "import sys; from evidence_kit.cli.app import main; main(['sigma', '--help'])\n"
        "print([m for m in sys.modules if m.partition('.')[0] in {'sigma', 're2', 'duckdb', 'pyarrow', 'pyparsing'}])"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.endswith("[]\n")


def test_coverage_names_streams_that_fall_silent(run, tmp_path) -> None:
    times = [f"2026-11-{day}T{hour:02}:40:00Z" for day in (18, 19) for hour in range(24)]
    events = [event(number, eventTime=at) for number, at in enumerate(times) if not 33 <= number < 38]
    case = case_of(tmp_path / "case", {TRAIL: {"a.json.gz": trail(events)}})

    said = json.loads(run("coverage", case.root, "--silence", "--work", tmp_path / "work", "--json").out)

    assert [one["hours"] for one in said["silences"]] == [5]
    assert said["silences"][0]["basis"].endswith("and 0 for 5 hours")
