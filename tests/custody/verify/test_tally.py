import pytest

from evidence_kit.custody.verify.tally import ORDER, Tallies, Tally
from evidence_kit.errors import ChainError, DigestError, Exit
from evidence_kit.model.check import MAX_DEFECTS, CheckStatus, Defect


def test_a_question_nobody_asked_is_not_a_pass():
    assert Tally("x").check().status is CheckStatus.NOT_CHECKED


def test_a_pass_and_a_defect_are_a_failure():
    tally = Tally("x", passed=9)
    tally.fail(DigestError("differs"), "file", found="0")
    check = tally.check()
    assert check.status is CheckStatus.FAIL
    assert check.defects == (Defect(verdict=Exit.DIGEST, subject="file", message="differs", facts=(("found", "0"),)),)


def test_asking_counts_a_block_that_raised_nothing():
    tally = Tally("x")
    with tally.asking("file"):
        pass
    assert tally.check().status is CheckStatus.PASS


def test_asking_keeps_what_was_raised_on_purpose():
    tally = Tally("x")
    with tally.asking("file"):
        raise ChainError("broken")
    assert [(defect.verdict, defect.subject) for defect in tally.defects] == [(Exit.CHAIN, "file")]
    assert tally.passed == 0


def test_asking_lets_a_bug_through():
    with pytest.raises(ZeroDivisionError), Tally("x").asking("file"):
        raise ZeroDivisionError


def test_defects_beyond_the_limit_are_counted_and_not_kept():
    tally = Tally("x")
    for number in range(MAX_DEFECTS + 5):
        tally.fail(DigestError("differs"), f"file {number}")
    check = tally.check()
    assert (len(check.defects), check.more_defects) == (MAX_DEFECTS, 5)


def test_a_question_left_unasked_says_why():
    tally = Tally("x", unasked=["no clock"], notes=["never shown"])
    assert tally.check().summary == "no clock"


def test_checks_come_in_the_order_of_the_design():
    tallies = Tallies()
    for name in reversed(ORDER):
        tallies[name].passed = 1
    assert [check.id for check in tallies.checks()] == list(ORDER)


def test_only_questions_that_matter_are_listed():
    tallies = Tallies()
    tallies["log"].passed = 1
    tallies["seal"].unasked.append("no seal")
    assert [check.id for check in tallies.checks()] == ["log", "seal"]


def test_what_was_left_out_of_an_answered_question_is_listed_apart():
    tallies = Tallies()
    tallies["log"].passed = 1
    tallies["log"].unasked.append("rollback")
    tallies["seal"].unasked.append("no seal")
    assert tallies.unasked() == ("log: rollback",)
