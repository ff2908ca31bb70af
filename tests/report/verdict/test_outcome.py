"""Nothing that the exit code says is missing from the findings, and nothing is claimed that was not shown."""

from hypothesis import given
from support.outcomes import OUTCOMES, defect, outcome, passed

from evidence_kit.errors import Exit
from evidence_kit.model.check import Check, CheckStatus, Report
from evidence_kit.report.verdict.outcome import COMPLETE, Outcome


def complete(told):
    *_, last = told.checks
    assert last.id == COMPLETE
    return last


@given(OUTCOMES)
def test_a_verdict_other_than_ok_has_a_finding_that_carries_it(told):
    verdicts = {finding.defect.verdict for finding in told.findings}

    assert (told.code is Exit.OK) == (not verdicts)
    assert told.code is Exit.OK or told.code in verdicts


@given(OUTCOMES)
def test_a_check_fails_if_and_only_if_it_has_defects(told):
    assert all((check.status is CheckStatus.FAIL) == bool(check.defects) for check in told.checks)


def test_an_unsealed_acquisition_is_a_finding():
    told = outcome(unsealed=2)

    assert [finding.defect.message for finding in told.findings] == ["2 acquisitions are not sealed"]


def test_missing_units_are_a_finding_if_they_were_asked_for():
    told = outcome(missing_units=1, require=True)

    assert [finding.defect.message for finding in told.findings] == ["1 unit was not obtained in full (see coverage)"]
    assert told.code is Exit.INCOMPLETE


def test_missing_units_are_an_open_question_otherwise():
    told = outcome(missing_units=1)

    assert not list(told.findings)
    assert COMPLETE in dict(told.open_questions)


def test_a_hand_over_without_an_answer_is_a_finding_if_completeness_was_asked_for():
    (finding,) = outcome(pending=("to Robin",), require=True).findings

    assert finding.defect.message == "a hand-over was not answered: to Robin"
    assert not list(outcome(pending=("to Robin",)).findings)
    assert "to Robin" in dict(outcome(pending=("to Robin",)).open_questions)[COMPLETE]


def test_a_broken_case_is_not_called_complete():
    assert complete(outcome(defect("custody/log.jsonl:1"))).status is CheckStatus.NOT_CHECKED
    assert complete(outcome()).status is CheckStatus.PASS


def test_defects_beyond_the_bound_are_counted():
    told = outcome(defect("a", verdict=Exit.CHAIN), more=1234)

    *_, last = told.findings
    assert last.defect.message == "1,234 more defects of check `log` are not listed"
    assert last.defect.verdict is Exit.CHAIN


def test_nothing_checked_is_a_finding():
    report = Report(subject="case", checks=(Check(id="log", status=CheckStatus.NOT_CHECKED, summary=""),))
    told = Outcome(report=report, code=report.exit(), headline="")

    assert [finding.defect.verdict for finding in told.findings] == [Exit.EMPTY]
    assert ("log", "not checked") in told.open_questions


def test_a_check_that_fails_without_a_defect_is_a_bug_and_says_so():
    report = Report(subject="case", checks=(passed(), Check(id="log", status=CheckStatus.FAIL, summary="")))
    told = Outcome(report=report, code=report.exit(), headline="")

    assert [finding.defect.verdict for finding in told.findings] == [Exit.INTERNAL]


def test_what_was_left_unasked_keeps_its_check():
    told = outcome(unasked=("log: that it was not rolled back", "no check here"))

    assert ("log", "that it was not rolled back") in told.open_questions
    assert (COMPLETE, "no check here") in told.open_questions


def test_a_defect_about_the_case_itself_has_no_place():
    (finding,) = outcome(defect("case", verdict=Exit.EMPTY)).findings

    assert finding.place is None


def test_a_place_is_named_from_the_reader_s_root():
    (finding,) = outcome(defect("custody/log.jsonl:3"), base="cases/IR-1").findings

    assert outcome(base="cases/IR-1").located(finding.place) == "cases/IR-1/custody/log.jsonl"
    assert outcome(base=".").located(finding.place) == "custody/log.jsonl"
