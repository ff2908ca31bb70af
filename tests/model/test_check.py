import pytest

from evidence_kit.errors import ChainError, Exit
from evidence_kit.model.check import Check, CheckStatus, Defect, Report


def check(status=CheckStatus.PASS, *verdicts):
    defects = tuple(Defect(verdict=verdict, subject="s", message="m") for verdict in verdicts)
    return Check(id="x", status=CheckStatus.FAIL if verdicts else status, summary="", defects=defects)


def failed(*verdicts):
    return check(CheckStatus.FAIL, *verdicts)


def report(*checks, **said):
    return Report(subject="case", checks=checks, **said)


PASSED, UNASKED = check(), check(CheckStatus.NOT_CHECKED)


@pytest.mark.parametrize(
    ("found", "complete", "code"),
    [
        (report(), False, Exit.EMPTY),
        (report(UNASKED), False, Exit.EMPTY),
        (report(PASSED), False, Exit.OK),
        (report(PASSED, UNASKED), True, Exit.OK),
        (report(PASSED, missing_units=2), False, Exit.OK),
        (report(PASSED, missing_units=2), True, Exit.INCOMPLETE),
        (report(PASSED, unsealed=1), False, Exit.INCOMPLETE),
        (report(PASSED, unsealed=1), True, Exit.INCOMPLETE),
        (report(UNASKED, unsealed=1), False, Exit.EMPTY),
        (report(failed(Exit.CHAIN)), False, Exit.CHAIN),
        (report(PASSED, failed(Exit.CHAIN, Exit.DIGEST), failed(Exit.UNTRUSTED)), False, Exit.DIGEST),
        (report(PASSED, failed(Exit.UNTRUSTED), missing_units=1, unsealed=1), True, Exit.UNTRUSTED),
        (report(PASSED, failed(Exit.PROVIDER_PROOF)), True, Exit.PROVIDER_PROOF),
        (report(PASSED, check(CheckStatus.FAIL)), False, Exit.INTERNAL),
    ],
)
def test_the_exit_code_is_the_lowest_verdict(found, complete, code):
    assert found.exit(require_complete=complete) is code


@pytest.mark.parametrize(
    ("found", "authentic"),
    [
        (report(), False),
        (report(UNASKED), False),
        (report(PASSED), True),
        (report(PASSED, UNASKED, missing_units=3), True),
        (report(PASSED, failed(Exit.CHAIN)), False),
        (report(PASSED, check(CheckStatus.FAIL)), False),
    ],
)
def test_authentic_needs_a_pass_and_no_failure(found, authentic):
    assert found.authentic is authentic


def test_a_report_lists_the_defects_of_all_checks():
    found = report(failed(Exit.DIGEST), PASSED, failed(Exit.CHAIN, Exit.MISSING))
    assert [defect.verdict for defect in found.defects] == [Exit.DIGEST, Exit.CHAIN, Exit.MISSING]


def test_a_defect_keeps_the_verdict_of_its_error():
    defect = Defect.of(ChainError("torn"), "log")
    assert (defect.verdict, defect.subject, defect.message) == (Exit.CHAIN, "log", "torn")
