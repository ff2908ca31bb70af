"""kill -9 at any moment: the run that goes on comes to the same end, repeats nothing, and the case verifies."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from support.deck import LOOKUP, book
from support.play_child import STEPS, table_of, task_of
from support.playing import outcomes

from evidence_kit.vaults.local import LocalVault

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def child():
    with subprocess.Popen(
        [sys.executable, TESTS / "support/play_child.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": f"{TESTS}:{TESTS.parent}", "PATH": "/usr/bin:/bin"},
    ) as process:

        def ask(task):
            print(json.dumps(task), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


@pytest.fixture(scope="module")
def whole(child, tmp_path_factory):
    """How a run ends that nobody kills, and how often it acts upon the vault."""
    here = tmp_path_factory.mktemp("whole")
    told = child(task_of(table_of(here / "a"), 0, halfway=False))
    assert (told["killed"], told["error"]) == (False, "")
    return told["acts"], table_of(here / "b").play(book(STEPS), {})


def die_and_go_on(child, path, nth, halfway, ended):
    table = table_of(path)
    told = child(task_of(table, nth, halfway=halfway))
    where = f"act {nth}, {'halfway' if halfway else 'before'}: {told}"
    if not told["killed"]:  # how lines fall into batches differs a little from run to run
        assert (told["acts"] < nth, told["error"]) == (True, ""), where
        return False
    table.lab.vault = LocalVault(table.lab.root)
    with table.lab.vault.lock(), table.lab.vault.working():
        table.lab.keeper.repair(at=table.lab.now())
    if not table.events("playbook.started"):
        return False  # nothing had begun, and nothing is on record
    table.approvals = dict(table.approvals)
    again = table.go_on(table.resume(table.events("playbook.started")[0]["playbook"]["run"]))
    assert (again.outcome, outcomes(again)) == (ended.outcome, outcomes(ended)), where
    for step in ("take", "seen", "more"):
        assert again.results[step].outputs == ended.results[step].outputs, f"{where}, {step}"
    report = table.verify()
    assert report.exit() == 0, f"{where}: {report.defects[:3]}"
    assert len(table.events("hold.placed")) == 1, where
    assert len(table.events("playbook.ended")) == 1, where
    assert [one["answer"]["step"] for one in table.events("playbook.answered")] == ["choose", "agree"], where
    assert len(table.dealt[LOOKUP].asked) <= 2, where  # each account once more at the most
    return True


def moments(total, count, seed):
    drawn = random.Random(seed)
    return [(drawn.randrange(1, total + 1), drawn.random() < 0.5) for _ in range(count)]


@pytest.mark.slow
def test_a_run_that_is_killed_at_some_moments_comes_to_the_same_end(child, whole, tmp_path):
    total, ended = whole
    went_on = [
        die_and_go_on(child, tmp_path / f"{number}", nth, halfway, ended)
        for number, (nth, halfway) in enumerate(moments(total, 5, 1))
    ]
    assert any(went_on)


@pytest.mark.slow
def test_a_run_that_is_killed_at_thirty_random_moments_comes_to_the_same_end(child, whole, tmp_path):
    total, ended = whole
    went_on = [
        die_and_go_on(child, tmp_path / f"{number}", nth, halfway, ended)
        for number, (nth, halfway) in enumerate(moments(total, 30, 2))
    ]
    assert sum(went_on) > 15


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_a_run_that_is_killed_before_any_act_comes_to_the_same_end(child, whole, tmp_path, part):
    total, ended = whole
    went_on = [die_and_go_on(child, tmp_path / f"{nth}", nth, False, ended) for nth in range(1 + part, total + 1, 4)]
    assert sum(went_on) > total // 8
