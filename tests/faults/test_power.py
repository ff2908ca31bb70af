"""The power goes at any moment: the next command puts right what is left, and nothing acknowledged is lost."""

import os
import random

import pytest
from support import power, straced
from support.disk import AT_END, Act, Disk
from support.power_child import FAULTS

SEED = int(os.environ.get("EVIDENCE_KIT_TEST_SEED", "20261122"))
BUILT_IN = [fault for fault in FAULTS if fault]
USUAL = ("the operator is told too early",)


@pytest.fixture(scope="module", autouse=True)
def _traced():
    if reason := straced.reason_not_to():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A case is opened, collected into twice, noted in, offered and accepted."""
    return power.play("whole", tmp_path_factory.mktemp("whole"))


def cut_and_judge(story, place, count, seed=SEED):
    judged = 0
    for cut in story.cuts(power.some(story, count, seed), seed):
        power.judge(cut, story, place)
        judged += 1
    assert judged == count


def test_the_simulated_disk_is_the_real_one_as_long_as_the_power_stays(whole):
    top = whole.cast.root
    there = {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}
    assert {path: whole.end.read(path) for path in whole.end.files()} == there
    assert len(there) > 150


@pytest.mark.slow
def test_what_a_power_cut_leaves_of_a_story_is_put_right_by_the_next_command(whole, tmp_path):
    cut_and_judge(whole, tmp_path / "left", 30)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(3))
def test_what_a_thousand_power_cuts_leave_is_put_right(whole, tmp_path, part):
    cut_and_judge(whole, tmp_path / "left", 350, SEED + 1 + part)


# The process is killed, which leaves its last writes to the page cache; resuming builds on them; then the power goes.
KILLED = {
    "the ledger was closed": ("write", "record/exchanges.jsonl", b'"type":"closed"'),
    "an artifact was acknowledged": ("write", "record/exchanges.jsonl", b'"artifact":{'),
    "the seal was put in place": ("rename", "seal/seal.sigstore.json", b""),
    "the index was put in place": ("rename", "manifest-sha256.txt", b""),
    "evidence was put in place": ("rename", "list/000001.json", b""),
    "bytes were staged": ("write", ".work/", b"Events"),
    "the last bytes were staged": ("write", ".work/", b"contents"),
}


def _slow_but(usual, names):
    return [pytest.param(name, id=name, marks=[] if name in usual else pytest.mark.slow) for name in names]


@pytest.mark.slow
@pytest.mark.parametrize("name", _slow_but({"the ledger was closed"}, KILLED))
def test_killed_first_and_without_power_while_it_is_mended_it_is_put_right_all_the_same(whole, tmp_path, name):
    again = power.play("mending", tmp_path, start=power.killed(whole, *KILLED[name], last="last" in name))
    cut_and_judge(again, tmp_path / "left", 30)


# -- what the simulation notices -----------------------------------------------------------------------------


def noticed(story, place, seed=SEED):
    try:
        for cut in story.cuts(power.some(story, 300, seed), seed):
            power.judge(cut, story, place)
    except Exception as error:  # noqa: BLE001 - lost, unreadable or refused: each is noticed
        return repr(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("fault", _slow_but(USUAL, BUILT_IN))
def test_a_write_path_with_a_fault_is_noticed(tmp_path, fault):
    story = power.play("whole", tmp_path, fault=fault)
    assert noticed(story, tmp_path / "left"), fault


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("what a killed run left is trusted", "the ledger was closed"),
        ("what a killed run left is trusted", "the seal was put in place"),
    ],
)
def test_a_fault_in_how_a_killed_run_is_gone_on_with_is_noticed(whole, tmp_path, fault, name):
    story = power.play(
        "mending", tmp_path, start=power.killed(whole, *KILLED[name], last="last" in name), fault=fault
    )
    assert noticed(story, tmp_path / "left"), fault


def disk(*acts):
    made = Disk()
    for act in acts:
        made.do(act)
    return made


def left(made, *ways):
    return [made.left(way, random.Random(0)) for way in ways]


MADE = (Act("make", ("a",)), Act("write", ("a",), data=b"abc", at=AT_END))


def test_what_was_never_synced_may_be_gone_empty_or_zeros():
    assert left(disk(*MADE), "least", "names only", "zeros", "most") == [
        {},
        {"a": b""},
        {"a": bytes(3)},
        {"a": b"abc"},
    ]


def test_a_synced_file_in_a_folder_that_is_not_synced_may_be_gone():
    made = disk(*MADE, Act("fsync", ("a",), began=2))
    assert left(made, "least", "names only") == [{}, {"a": b"abc"}]
    made.do(Act("fsync", (), began=3))
    assert left(made, "least", "zeros") == [{"a": b"abc"}] * 2


def test_a_sync_covers_nothing_that_ended_after_it_began():
    made = disk(*MADE, Act("sync", began=2), Act("write", ("a",), data=b"d", at=AT_END), Act("sync", began=3))
    assert left(made, "least", "zeros", "most") == [{"a": b"abc"}, {"a": b"abc\0"}, {"a": b"abcd"}]


def test_of_a_rename_between_folders_one_half_may_survive():
    made = disk(Act("mkdir", ("d",)), *MADE, Act("sync", began=3), Act("rename", ("a",), ("d", "b")))
    made.do(Act("fsync", ("d",), began=5))
    assert left(made, "least", "most") == [{"a": b"abc", "d": None, "d/b": b"abc"}, {"d": None, "d/b": b"abc"}]
    seen = {frozenset(made.left("random", random.Random(seed))) for seed in range(20)}
    assert seen == {frozenset({"a", "d", "d/b"}), frozenset({"d", "d/b"})}


def test_a_torn_write_is_cut_or_has_zeros_somewhere():
    made = disk(*MADE, Act("fsync", (), began=2))
    seen = {made.left("random", random.Random(seed))["a"] for seed in range(200)}
    assert {b"", b"a", b"ab", b"abc", b"\0\0\0", b"a\0\0", b"\0bc", b"a\0c"} <= seen
