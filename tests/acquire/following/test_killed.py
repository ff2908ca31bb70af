"""Killed at any moment of a pass, the same command goes on as if nothing had happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.following import MINUTE, QUICK, REGIONS, SINCE, SLOW, Incident, joined
from support.lab import END, to_pem

from evidence_kit.errors import Exit
from evidence_kit.model.time import Window

TESTS = Path(__file__).parents[2]
SETTLES = {QUICK.name: QUICK.settle, SLOW.name: SLOW.settle}
# In the order in which a pass does them.
ACTS = (
    "append custody/log.jsonl", "publish custody/checkpoint", "append record/artifacts.intoto.jsonl",
    "append record/exchanges.jsonl", "stage", "commit", "append record/exchanges.jsonl of artifacts",
    "publish manifest-sha256.txt", "publish seal/seal.sigstore.json",
)  # fmt: skip


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """Another process, which runs one pass and dies where it is told to."""
    acts = tmp_path_factory.mktemp("acts") / "acts"
    with subprocess.Popen(
        [sys.executable, TESTS / "support/follow_child.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    ) as process:

        def follow(incident, at, act, nth, *, halfway):
            keys = {"signer": to_pem(incident.lab.signer), "log_signer": to_pem(incident.lab.log_signer)}
            death = {"act": act, "nth": nth, "halfway": halfway, "acts": str(acts)}
            task = {"root": str(incident.root), "at": at.isoformat(), **keys, **death}
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["killed"] or answer["code"] == 0, answer["error"]
            return answer["killed"]

        yield follow
        process.stdin.close()


def assert_as_if_nothing_had_happened(incident, until):
    for source, settle in SETTLES.items():
        for region in REGIONS:
            assert joined(incident.complete()[source, region]) == Window(SINCE, until - settle)
        minutes = (until - settle - SINCE) // MINUTE
        assert incident.events(source).total() == len(incident.events(source)) == len(REGIONS) * minutes
    assert incident.lab.verify().exit(require_complete=True) is Exit.OK


@pytest.mark.parametrize("act", ACTS)
def test_killed_in_its_second_pass_the_same_command_leaves_no_gap_and_asks_nothing_twice(tmp_path, mortal, act):
    incident = Incident(tmp_path / "case")
    incident.run(END)
    assert mortal(incident, END + 10 * MINUTE, act, 0, halfway=True)

    incident.run(END + 15 * MINUTE)

    assert_as_if_nothing_had_happened(incident, END + 15 * MINUTE)


@pytest.mark.slow
@pytest.mark.parametrize("halfway", [False, True], ids=["before", "halfway"])
@pytest.mark.parametrize("act", ACTS)
def test_killed_at_every_act_of_every_pass_it_still_has_every_window_once(tmp_path, mortal, act, halfway):
    incident, at, nth = Incident(tmp_path / "case"), END, 0
    while mortal(incident, at, act, nth, halfway=halfway):
        at, nth = at + 7 * MINUTE, nth + 1
        mortal(incident, at, "", 0, halfway=False)
        at += 7 * MINUTE
    assert nth
    incident.run(at)
    assert_as_if_nothing_had_happened(incident, at)
