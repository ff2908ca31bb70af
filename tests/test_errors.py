import re

import pytest

from evidence_kit import errors
from evidence_kit.errors import EvidenceKitError, Exit

CLASSES = [
    thing
    for thing in vars(errors).values()
    if isinstance(thing, type) and issubclass(thing, EvidenceKitError) and thing is not EvidenceKitError
]


def test_no_two_errors_share_an_exit_code():
    assert len({cls.exit for cls in CLASSES}) == len(CLASSES)


def test_every_exit_code_but_three_has_an_error_that_carries_it():
    # OK is no error, INTERNAL is every other exception, INCOMPLETE is a result.
    assert set(Exit) - {cls.exit for cls in CLASSES} == {Exit.OK, Exit.INTERNAL, Exit.INCOMPLETE}


@pytest.mark.parametrize("code", Exit)
def test_every_exit_code_says_what_it_means_in_one_clause(code):
    assert re.fullmatch(r"[a-z].*[^.]", code.meaning)


def test_verdicts_on_evidence_are_10_to_16():
    verdicts = {Exit.DIGEST, Exit.MISSING, Exit.UNEXPECTED, Exit.SIGNATURE, Exit.CHAIN, Exit.UNTRUSTED}
    assert sorted(verdicts | {Exit.PROVIDER_PROOF}) == list(range(10, 17))


def test_an_unforeseen_error_counts_as_a_bug():
    assert EvidenceKitError("x").exit is Exit.INTERNAL


def test_an_error_keeps_message_and_hint_apart():
    error = errors.UsageError("what happened", hint="what to do")
    assert (str(error), error.message, error.hint) == ("what happened", "what happened", "what to do")


def test_an_error_needs_no_hint():
    assert errors.VaultError("full").hint is None
