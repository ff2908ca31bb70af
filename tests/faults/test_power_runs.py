"""The power goes at any moment of a playbook's run: going on ends it as if nothing had happened."""

import os

import pytest
from support import power_run, straced
from support.power_child import FAULTS, MENDING_FAULTS
from support.power_run_child import FAULTS as OF_RUNS

SEED = int(os.environ.get("EVIDENCE_KIT_TEST_SEED", "20261122"))
JOURNAL = "journal.jsonl"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module", autouse=True)
def _traced():
    if reason := straced.reason_not_to():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A playbook collects, asks, has a question answered from a file and another elsewhere, holds and verifies."""
    return power_run.carry_out(tmp_path_factory.mktemp("whole"))


def cut_and_judge(run, place, count, seed=SEED):
    judged = 0
    for cut in power_run.cuts(run, count, seed):
        power_run.judge(cut, run, place)
        judged += 1
    assert judged == count


def test_the_simulated_disk_is_the_real_one_as_long_as_the_power_stays(whole):
    top, end = whole.story.cast.root, whole.story.end
    there = {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}
    assert {path: end.read(path) for path in end.files()} == there
    assert {"take", "seen", "choose", "more", "agree", "keep", "done", "counted", "within"} == whole.results.keys()
    assert {result["outcome"] for result in whole.results.values()} == {"success"}


@pytest.mark.parametrize("part", range(2))
def test_what_a_power_cut_leaves_of_a_run_is_gone_on_with_to_the_same_end(whole, tmp_path, part):
    cut_and_judge(whole, tmp_path / "left", 14, SEED + part)


# The process is killed, which leaves its last writes to the page cache; resuming builds on them; then the power goes.
KILLED = {
    "a question was asked": ("write", JOURNAL, b'"type":"asked"'),
    "the last step had ended": ("write", JOURNAL, b'"type":"ended"'),
    "the last playbook was put in place": ("rename", "playbook.yaml", b""),  # that of the run which is called
    "the last journal was closed": ("write", JOURNAL, b'"type":"closed"'),
}


def mend(whole, place, name, **more):
    return power_run.mend(whole, place, *KILLED[name], last="last" in name, **more)


@pytest.mark.parametrize("name", KILLED)
def test_killed_first_and_without_power_while_it_goes_on_it_comes_to_the_same_end(whole, tmp_path, name):
    cut_and_judge(mend(whole, tmp_path, name), tmp_path / "left", 8)


def test_no_power_cut_leaves_tables_that_pass_for_newer_than_they_are(whole):
    assert list(power_run.stale_facts(whole, 500)) == []


# -- what the simulation notices -----------------------------------------------------------------------------


def noticed(run, place):
    try:
        for cut in power_run.cuts(run, 100, SEED):
            power_run.judge(cut, run, place)
    except Exception as error:  # noqa: BLE001 - lost, unreadable or refused: each is noticed
        return repr(error)
    return ""


@pytest.mark.parametrize("fault", ["journals of runs are not synced", "evidence is not synced"])
def test_a_run_with_a_fault_in_what_it_writes_is_noticed(tmp_path, fault):
    assert fault in FAULTS | OF_RUNS
    assert noticed(power_run.carry_out(tmp_path, fault=fault), tmp_path / "left")


@pytest.mark.parametrize("name", ["the last step had ended", "the last playbook was put in place"])
def test_what_a_killed_run_left_and_is_trusted_is_noticed(whole, tmp_path, name):
    (fault,) = MENDING_FAULTS
    assert noticed(mend(whole, tmp_path, name, fault=fault), tmp_path / "left")


def test_tables_that_are_not_synced_are_noticed(tmp_path):
    run = power_run.carry_out(tmp_path, fault="tables are not synced")
    assert set(power_run.stale_facts(run, 500))
