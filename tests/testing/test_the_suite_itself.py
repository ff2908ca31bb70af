"""The suites find what they are for: each faulty collector is caught by the test whose claim it breaks."""

from inspect import isabstract

import pytest
from support.conformance_aws import AwsConformance
from support.conformance_google import GoogleConformance
from support.conformance_microsoft import MicrosoftConformance
from support.plugin import ROOT, ends_of_tests

from evidence_kit.testing import CollectorConformance

MUTATED = ROOT / "tests" / "support" / "mutated.py"
LOOP = "test_a_page_token_that_comes_back_ends_the_unit_and_not_as_whole[loop]"
TORN = "test_a_torn_run_resumed_repeats_nothing_and_loses_nothing"
CAUGHT = [
    ("TestReserialises", "test_the_bytes_stored_are_the_bytes_sent"),
    ("TestStopsEarly", "test_everything_there_is_to_find_is_stored_once"),
    ("TestEager", "test_no_page_is_asked_for_before_the_one_before_is_taken"),
    ("TestHasty", "test_nothing_is_asked_during_construction"),
    ("TestIgnoresCursor", "test_every_page_names_the_next_one_and_the_last_of_a_call_none"),
    ("TestIgnoresCursor", "test_an_end_before_the_last_page_is_a_truncation"),
    ("TestLeaksSecret", "test_no_credential_is_stored_recorded_or_logged"),
    ("TestSwallowsError", "test_an_outage_that_stays_is_no_completeness[unavailable]"),
    ("TestSwallowsError", "test_denied_is_denied_and_not_asked_again[denied]"),
    ("TestNaiveTimes", "test_every_time_on_record_has_a_zone"),
    ("TestReadsClock", "test_every_time_on_record_is_one_that_the_context_told"),
    ("TestLoopsForever", LOOP),
    ("TestRepeatsOnResume", f"{TORN}[before the end]"),
    ("TestFakeWithoutAnything", "test_the_provider_has_something_to_lose"),
    ("TestFakeOfOnePage", "test_the_provider_has_something_to_lose"),
    ("TestFakeWithoutSecrets", "test_no_credential_is_stored_recorded_or_logged"),
    ("TestExemptionInVain", "test_every_exemption_is_one_that_the_suite_knows_and_has_a_reason"),
]
SHARED = [("TestFakeForAllRuns", f"{TORN}[{torn}]") for torn in ("at the beginning", "before the end")]


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    chosen = [*CAUGHT, ("TestExemption", LOOP), *SHARED]
    return ends_of_tests(tmp_path_factory.mktemp("mutated"), *(f"{MUTATED}::{one}::{test}" for one, test in chosen))


@pytest.mark.parametrize(("mutant", "test"), CAUGHT)
def test_each_fault_is_caught_by_the_test_whose_claim_it_breaks(ends, mutant, test):
    assert ends[mutant, test] == "failed"


def test_what_a_provider_cannot_do_is_a_skip(ends):
    assert ends["TestExemption", LOOP] == "skipped"


def test_no_other_run_is_counted_where_one_provider_serves_them_all(ends):
    assert {ends[one] for one in SHARED} == {"passed"}


@pytest.mark.parametrize(
    ("suite", "missing"),
    [
        (CollectorConformance, "`provider`"),
        (AwsConformance, "`truth`"),
        (GoogleConformance, "`clear`, `furnish`"),
        (MicrosoftConformance, "`clear`, `furnish`"),
    ],
)
def test_a_test_that_lacks_what_is_abstract_is_refused_and_not_passed_over(suite, missing):
    with pytest.raises(TypeError) as refused:
        type("TestHalf", (suite,), {})
    assert str(refused.value) == f"`TestHalf` would test nothing: it does not define {missing}"
    assert isabstract(type("Half", (suite,), {}))  # one to inherit from is as good as ever


@pytest.mark.slow
def test_a_test_that_lacks_its_provider_ends_the_run(tmp_path):
    half = tmp_path / "test_half.py"
    half.write_text(
        "from evidence_kit.testing import CollectorConformance\n\n\n"
        "class TestHalf(CollectorConformance):\n    pass\n\n\ndef test_other():\n    pass\n"
    )
    with pytest.raises(AssertionError, match="does not define `provider`"):
        ends_of_tests(tmp_path, str(half))
