"""`collect --follow`, as a person runs it against the sandbox."""

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from evidence_kit.cli.following import Ending
from evidence_kit.model.time import rfc3339
from evidence_kit.sandbox.faults import Fault

LOOKUP = "aws.cloudtrail.lookup"
ONE = ("--region", "us-east-1", "--target", "shop")


@pytest.fixture
def follow(run, opened, window, inventory):
    """Follow the incident, which is over: the first pass takes it all."""

    def call(*more, since=window):
        return run("collect", LOOKUP, "--case", opened, *since, *inventory, *ONE, "--follow", *more)

    return call


def test_a_pass_is_one_line_and_the_last_line_names_the_case(run, follow, opened):
    told = follow("--no-preflight")

    assert told.code == 0
    assert told.out.splitlines() == [f"case: {opened}"]
    case, one, end = told.err.splitlines()
    assert case.startswith("case      IR-1")
    assert one.startswith("pass 1    ")
    assert one.endswith(" · 0 open · the last one")
    assert end.startswith("followed  1 pass · ")
    assert run("verify", opened, "--require-complete").code == 0


@pytest.mark.slow
def test_the_same_command_again_asks_for_nothing(follow):
    follow()
    told = follow()

    assert "pass 1    nothing new has settled · 0 open · the last one" in told.err
    assert told.code == 4


@pytest.mark.slow
def test_json_is_one_document_a_line(follow, opened):
    said = [json.loads(line) for line in follow("--json").out.splitlines()]

    assert [one["kind"] for one in said] == ["pass", "end"]
    assert said[0]["next"] is None
    assert said[0]["artifacts"] == said[1]["artifacts"] > 0
    assert said[1] == {**said[1], "case": str(opened), "passes": 1, "open": 0, "exit": 0}


@pytest.mark.slow
def test_what_is_open_at_the_end_is_said_and_exits_3_until_the_same_command_has_it(follow, cloud):
    cloud.door.faults.add(Fault(kind="denied", service="cloudtrail", operation="LookupEvents", times=None))
    told = follow("--no-preflight")
    cloud.door.faults.clear()

    assert told.code == 3
    assert "missing 1 unit denied: " in told.err or "missing 2 units denied: " in told.err
    assert "the same command goes on" in told.err
    assert follow().code == 0


@pytest.mark.slow
def test_a_plan_says_what_the_first_pass_would_take_and_when_the_next_would_come(follow, opened):
    told = follow("--plan", "--every", "10m")
    assert "cloudtrail:LookupEvents" in told.out
    assert "then      a pass every 10m, the next at " in told.err
    assert not (opened / "bags").exists()
    follow()
    assert "plan      0 units" in follow("--plan").out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("aws.iam.account", "--follow"), "`aws.iam.account`: a snapshot, without windows to follow"),
        (("aws.cloudtrail.digest", "--follow"), "checked as a whole, not piece by piece"),
        ((LOOKUP, "--follow", "--every", "1s"), "asks almost without pause"),
        ((LOOKUP, "--follow", "--every", "soon"), "is not a length of time"),
        ((LOOKUP, "--follow", "--override", "because"), "a refusal is set aside for one acquisition"),
        (("--follow", "--reconcile"), "takes up what a case holds"),
    ],
)
def test_what_cannot_be_followed_is_said_before_anything_is_asked(run, opened, inventory, cloud, arguments, said):
    told = run("collect", *arguments, "--case", opened, *inventory, *ONE)

    assert told.code == 2
    assert said in told.err
    assert not (opened / "bags").exists()


@pytest.mark.slow
def test_ctrl_c_between_passes_ends_it_with_everything_sealed(run, opened, inventory, cloud):
    since = rfc3339(cloud.window.start)
    command = (
        "collect",
        LOOKUP,
        "--case",
        str(opened),
        "--since",
        since,
        *inventory,
        *ONE,
        "--follow",
        "--no-preflight",
    )
    with subprocess.Popen(
        [sys.executable, "-m", "evidence_kit", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        heard = next(line for line in process.stderr if line.startswith("pass 1"))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)

    assert " · next at " in heard
    assert (process.returncode, out.splitlines()) == (0, [f"case: {opened}"]), err
    assert run("verify", opened, "--require-complete").code == 0


def test_until_may_lie_ahead(run, opened, inventory, cloud):
    later = rfc3339(cloud.window.end + timedelta(days=400))
    told = run(
        "collect", LOOKUP, "--case", opened, "--since", "1h", "--until", later, *inventory, *ONE, "--plan", "--follow"
    )
    assert told.code == 0


def test_each_ctrl_c_asks_for_less(capsys):
    ending = Ending(at_work=True)
    ending.hear(signal.SIGINT, None)
    assert (ending.wait(3600), ending.stop.is_set()) == (True, False)
    ending.hear(signal.SIGINT, None)
    assert ending.stop.is_set()
    with pytest.raises(KeyboardInterrupt):
        ending.hear(signal.SIGINT, None)
    after_this, sealed = capsys.readouterr().err.splitlines()
    assert after_this.startswith("ending after this pass")
    assert sealed.startswith("stopping: what has arrived is being sealed")
