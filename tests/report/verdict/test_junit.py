"""JUnit XML is well-formed for any evidence, its counts agree, and every defect is a failure of its own."""

from xml.etree import ElementTree as ET

import junitparser
from hypothesis import given
from support.outcomes import OUTCOMES, defect, outcome

from evidence_kit.errors import Exit
from evidence_kit.model.check import Check, CheckStatus
from evidence_kit.report.verdict import junit


def parsed(told):
    return ET.fromstring(junit.document(told))  # noqa: S314 - we wrote it a moment ago


@given(OUTCOMES)
def test_any_evidence_makes_well_formed_xml_whose_counts_agree(told):
    root = parsed(told)
    cases = root.findall("testsuite/testcase")
    failed = [case for case in cases if case.find("failure") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]

    for element in (root, root.find("testsuite")):
        found = {name: int(element.get(name)) for name in ("tests", "failures", "errors", "skipped")}
        assert found == {"tests": len(cases), "failures": len(failed), "errors": 0, "skipped": len(skipped)}
    assert bool(failed) == (told.code is not Exit.OK)
    assert junit.document(told).isascii()


@given(OUTCOMES)
def test_a_test_case_has_one_result_and_a_name_of_its_own(told):
    cases = parsed(told).findall("testsuite/testcase")

    assert all(len(case.findall("failure") + case.findall("skipped")) <= 1 for case in cases)
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)


@given(OUTCOMES)
def test_another_reader_counts_the_same(told):
    suites = junitparser.JUnitXml.fromstring(junit.document(told).encode())
    before = (suites.tests, suites.failures, suites.errors, suites.skipped)
    suites.update_statistics()

    assert (suites.tests, suites.failures, suites.errors, suites.skipped) == before


def test_each_defect_is_a_failure_with_its_verdict_place_and_facts():
    told = outcome(
        defect("custody/log.jsonl:3", "does not verify", Exit.SIGNATURE),
        defect("bags/a/data/x", "differs", Exit.DIGEST, sealed="aa", found="bb"),
    )

    first, second = (case for case in parsed(told).iter("testcase") if case.find("failure") is not None)

    assert dict(first.attrib) == {
        "classname": "evidence-kit.log",
        "name": "log: custody/log.jsonl:3",
        "file": "cases/IR-1/custody/log.jsonl",
        "line": "3",
    }
    assert first.find("failure").get("type") == "SIGNATURE"
    assert second.find("failure").get("message") == "differs"
    assert second.findtext("failure").splitlines() == [
        "bags/a/data/x: differs",
        "verdict: DIGEST 10, bytes differ from the manifest",
        "sealed: aa",
        "found: bb",
    ]


def test_what_was_not_checked_is_skipped_and_not_passed():
    unchecked = Check(id="proofs", status=CheckStatus.NOT_CHECKED, summary="no digests")
    told = outcome(checks=(unchecked,), unasked=("log: rolled back?",))

    skipped = [case for case in parsed(told).iter("testcase") if case.find("skipped") is not None]

    assert [(case.get("classname"), case.find("skipped").get("message")) for case in skipped] == [
        ("evidence-kit.proofs", "no digests"),
        ("evidence-kit.log", "rolled back?"),
    ]


def test_a_sound_check_passes_with_what_it_rests_on():
    case = parsed(outcome()).find("testsuite/testcase")

    assert case.get("name") == "files"
    assert [(child.tag, child.text) for child in case] == [("system-out", "3 of 3 files match")]


def test_the_same_defect_twice_makes_two_cases():
    names = [case.get("name") for case in parsed(outcome(defect("a"), defect("a"))).iter("testcase")]

    assert names[1:3] == ["log: a", "log: a (2)"]
