"""The suite for vaults finds what it is for: each faulty vault is caught by the test whose claim it breaks."""

import pytest
from support.plugin import ROOT, ends_of_tests

MUTATED = ROOT / "tests" / "support" / "mutated_vaults.py"
CAUGHT = [
    ("TestOverwrites", "test_what_is_there_is_never_overwritten"),
    ("TestOverwrites", "test_two_of_one_name_in_a_batch_do_not_overwrite_each_other"),
    ("TestTellsAnotherDigest", "test_what_goes_in_comes_out_under_its_own_digest[4096]"),
    ("TestStagesInSight", "test_what_is_staged_is_out_of_sight"),
    ("TestKeepsHalves", "test_a_write_that_breaks_off_leaves_nothing_to_be_seen_and_its_error_comes_through"),
    ("TestReplacesEvidence", "test_evidence_cannot_be_replaced_by_an_index"),
    ("TestReplacesEvidence", "test_an_index_that_breaks_off_leaves_the_old_one"),
    ("TestWalksItsNeighbour", "test_a_walk_names_everything_once_and_nothing_beside"),
    ("TestWalksInOneGo", "test_a_walk_is_begun_without_being_finished"),
    ("TestFollowsLinks", "test_a_link_is_named_and_never_followed"),
    ("TestOpensNothing", "test_what_is_missing_is_said_to_be"),
    ("TestForgetsWhatItCuts", "test_what_is_cut_from_a_journal_is_handed_over"),
    ("TestSetsAsideOverOthers", "test_what_is_set_aside_is_kept_and_overwrites_nothing"),
]


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    chosen = [f"{MUTATED}::{mutant}::{test}" for mutant, test in CAUGHT]
    return ends_of_tests(tmp_path_factory.mktemp("mutated"), f"{MUTATED}::TestSound", *chosen)


@pytest.mark.parametrize(("mutant", "test"), CAUGHT)
def test_each_fault_is_caught_by_the_test_whose_claim_it_breaks(ends, mutant, test):
    assert ends[mutant, test] == "failed"


def test_a_sound_vault_passes_all_of_it(ends):
    sound = {test: end for (suite, test), end in ends.items() if suite == "TestSound"}

    assert {test for _, test in CAUGHT} <= sound.keys()
    assert set(sound.values()) == {"passed"}
