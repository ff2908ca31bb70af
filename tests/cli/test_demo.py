"""The demo, and what happens on Ctrl-C: real processes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
import yaml
from support.hybrid import places

from evidence_kit.cli.demo_steps import COMMANDER, EXAMINER, PLAYBOOK
from evidence_kit.model.time import Window, parse_instant
from evidence_kit.sandbox.hybrid.cast import ATTACKER
from evidence_kit.sandbox.hybrid.microsoft import STOLEN_CALLS
from evidence_kit.sandbox.hybrid.story import BY_NAME, STORY

EVENT = re.compile(r"\d{4}-\d\d-\d\dT\S+Z(?: \[logged \S+\])?  (\w+) ")
EK = [sys.executable, "-m", "evidence_kit"]


def _environment(tmp_path, **more):
    return {**os.environ, "EVIDENCE_KIT_HOME": str(tmp_path / "home"), "EVIDENCE_KIT_PASSPHRASE": "p", **more}


@pytest.fixture(scope="module")
def shown(clouds, tmp_path_factory):
    """One run of the demo: its folder, and what it printed."""
    clouds.close()
    folder = tmp_path_factory.mktemp("demo of a newcomer")
    out = folder / "demo"
    # What must not lead the demo elsewhere, though the user has it.
    mine = {"AWS_PROFILE": "mine", "HTTPS_PROXY": "http://127.0.0.1:9", "EVIDENCE_KIT_INVENTORY": "mine.yaml"}
    run = subprocess.run(
        [*EK, "demo", "--out", str(out)],
        capture_output=True, text=True, check=False, cwd=folder, env=_environment(folder, **mine),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return out, run


@pytest.mark.slow
def test_demo_leaves_a_verified_case_a_trust_policy_and_keys(shown, tmp_path) -> None:
    out, run = shown
    assert run.stdout.splitlines()[-1] == f"case: {out / 'case'}"
    assert (out / "trust.yaml").exists()
    assert list((out / "keys").glob("*.p12"))
    again = _ask(tmp_path, "verify", str(out / "case"), "--trust", str(out / "trust.yaml"))
    assert again.returncode == 0, again.stdout
    assert "CloudTrail: 147 of 147 digests chain" in again.stdout
    whole = _ask(tmp_path, "verify", str(out / "case"), "--trust", str(out / "trust.yaml"), "--require-complete")
    assert whole.returncode == 3, whole.stdout


@pytest.mark.slow
def test_demo_says_of_each_estate_what_it_could_not_have(shown, tmp_path) -> None:
    out, _ = shown
    told = json.loads(_ask(tmp_path, "coverage", str(out / "case"), "--json").stdout)["rows"]
    ends = {(row["name"], row["region"], cell["status"]) for row in told for cell in row["cells"]}
    assert {event.source for event in STORY} <= {name for name, _, _ in ends}
    lost = {(name, end) for name, _, end in ends if end not in {"complete", "not_enabled", "not_configured"}}
    assert lost == {
        ("aws.sagemaker.capture_state", "sampled_at_source"),
        ("aws.sagemaker.data_capture", "sampled_at_source"),
    }
    for name in ("aws.bedrock.logging", "aws.bedrock.invocations_s3"):
        assert {(name, "us-east-1", "complete"), (name, "eu-west-1", "not_enabled")} <= ends
    assert ("gcp.vertex.request_logging", "europe-west4", "not_enabled") in ends


def _timeline(tmp_path, out, *more):
    tables = ("--work", str(out / "tables"))
    told = _ask(tmp_path, "timeline", str(out / "case"), *tables, "--json", "--limit", "0", *more)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)["events"]


def _orders(out):
    """Return what each acquisition was asked for, in their order."""
    records = sorted((out / "case" / "bags").glob("*/record/acquisition.json"))
    return [json.loads(record.read_bytes())["order"] for record in records]


def _window(out):
    said = _orders(out)[0]["window"]
    return Window(parse_instant(said["start"]), parse_instant(said["end"]))


@pytest.mark.slow
def test_what_was_agreed_with_the_partners_is_on_record(shown) -> None:
    out, _ = shown
    agreed = {
        one["name"].partition(" ")[0]: one["agreement"]
        for order in _orders(out)
        for one in order["governance"]["targets"]
    }
    assert agreed["supplier-acme"]["notifyWithin"] == "PT24H"
    assert agreed["supplier-acme"]["evidence"]["audit_logs"] == "§ 9.2"
    assert agreed["shop"] is None


def _events(tmp_path, out, kind):
    told = json.loads(_ask(tmp_path, "custody", "log", str(out / "case"), "--json").stdout)
    return [one for one in told if one["type"] == kind]


@pytest.mark.slow
def test_the_hold_was_approved_by_somebody_else_whose_key_the_trust_policy_names(shown, tmp_path) -> None:
    out, _ = shown
    assert [path.name for path in (out / "keys").glob("*.p12")] == [f"{EXAMINER}.p12"]
    assert [path.name for path in (out / "commander" / "keys").glob("*.p12")] == [f"{COMMANDER}.p12"]
    (key,) = (one for one in yaml.safe_load((out / "trust.yaml").read_text())["keys"] if one["name"] == COMMANDER)
    assert key["roles"] == ["approver"]
    people = {
        one["answer"]["step"]: one["answer"]["by"]["name"] for one in _events(tmp_path, out, "playbook.answered")
    }
    assert people == {"personal_data": EXAMINER, "approve_hold": COMMANDER}
    assert len(_events(tmp_path, out, "hold.placed")) == 1
    assert [one["clock"]["id"] for one in _events(tmp_path, out, "clock.started")] == [
        "eu.gdpr.art33", "contract.supplier-acme",
    ]  # fmt: skip


@pytest.mark.slow
def test_demo_leaves_a_report_that_says_what_was_judged_and_by_whom(shown) -> None:
    out, _ = shown
    page = (out / "report.html").read_text()
    assert "Authentic, but not complete" in page
    assert {name for name in (PLAYBOOK, COMMANDER, "IR-DEMO") if name not in page} == set()


@pytest.mark.slow
def test_time_line_tells_each_event_of_the_story_once_and_in_order_across_all_estates(shown, tmp_path) -> None:
    out, _ = shown
    rows, window = _timeline(tmp_path, out), _window(out)
    found = {event.name: places(event, rows, window) for event in STORY}

    assert {name: len(at) for name, at in found.items()} == dict.fromkeys(found, 1)
    order = [at for (at,) in found.values()]
    assert order == sorted(order)
    assert {rows[at]["provider"] for at in order} == {"aws", "azure", "gcp", "github", "acme_supplier"}
    assert all((out / "case" / rows[at]["artifact"]).is_file() for at in order)


@pytest.mark.slow
def test_with_times_as_logged_the_supplier_comes_after_what_its_key_was_used_for(shown, tmp_path) -> None:
    out, _ = shown
    rows, window = _timeline(tmp_path, out, "--as-logged"), _window(out)
    (issued,), (poisoned,) = (places(BY_NAME[name], rows, window) for name in ("issued", "poisoned"))
    assert poisoned < issued


@pytest.mark.slow
def test_demo_shows_the_attacker_in_all_four_estates_and_says_why_each_step(shown) -> None:
    _, run = shown
    lines = run.stderr.splitlines()
    steps = [at for at, line in enumerate(lines) if line.startswith("$ ") and " evidence-kit " in line]
    names = [" ".join(lines[at].partition(" evidence-kit ")[2].split()[:2]) for at in steps]
    assert names == [
        "keys new", "init case", "playbook run", "playbook questions", "keys new", "playbook answer", "trust add",
        "playbook answer", "playbook resume", "coverage case", "timeline case", "timeline case", "verify case",
        "report case",
    ]  # fmt: skip
    said = [line for line in lines if line.startswith("# ")]
    assert len(said) == len(steps)
    assert "$ cat answers.yaml" in lines
    assert f"--address {ATTACKER}" in lines[steps[10]]
    seen = Counter(found[1] for line in run.stdout.splitlines() if (found := EVENT.match(line)))
    assert {name: seen[name] for name in ("github", "acme_supplier", "azure", "gcp")} == {
        "github": 1, "acme_supplier": 2, "azure": 2 + STOLEN_CALLS, "gcp": 4,
    }  # fmt: skip


def _ask(tmp_path, *arguments):
    return subprocess.run([*EK, *arguments], capture_output=True, text=True, check=False, env=_environment(tmp_path))


@pytest.mark.parametrize("module", ["trustme", "duckdb"])
def test_demo_names_what_it_lacks_and_makes_nothing(module, tmp_path) -> None:
    told = _ask_without(module, tmp_path, "demo", "--out", str(tmp_path / "out"))
    assert told.returncode == 7
    assert f"`{module}` is missing" in told.stderr
    assert not (tmp_path / "out").exists()


def _ask_without(module, tmp_path, *arguments):
    """Run a command where a module cannot be imported."""
    code = f"import sys; sys.modules[{module!r}] = None; from evidence_kit.cli.app import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(tmp_path))


def test_demo_never_overwrites(tmp_path) -> None:
    (tmp_path / "there").write_text("mine")
    run = subprocess.run([*EK, "demo", "--out", str(tmp_path)], capture_output=True, check=False)

    assert run.returncode == 2
    assert (tmp_path / "there").read_text() == "mine"


@pytest.fixture
def slow_collect(tmp_path, cloud):
    """A collection that takes a while, begun in a process of its own."""
    environment = _environment(tmp_path, **cloud.environ)
    span = cloud.window.to_json()
    (tmp_path / "inventory.yaml").write_text(cloud.inventory)
    for step in (["keys", "new", "--name", "a@example.com"], ["init", "case", "--id", "I", "--title", "t", "--yes"]):
        subprocess.run([*EK, *step], check=True, env=environment, cwd=tmp_path, capture_output=True)
    # The sandbox's own files come one by one on two cores: seconds, not milliseconds.
    return subprocess.Popen(
        [*EK, "collect", "aws.cloudtrail.s3", "aws.cloudtrail.digest", "--case", "case", "--workers", "2",
         "--inventory", "inventory.yaml", "--since", span["start"], "--until", span["end"]],
        env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ), environment  # fmt: skip


def _wait_for_evidence(tmp_path) -> None:
    for _ in range(4_000):
        if list(tmp_path.glob("case/bags/*/data/*/*/*/*/*/*")):
            return
        time.sleep(0.05)
    raise AssertionError("nothing arrived")


@pytest.mark.slow
def test_ctrl_c_once_seals_what_is_there(slow_collect, tmp_path) -> None:
    process, environment = slow_collect
    _wait_for_evidence(tmp_path)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)

    assert process.returncode == 3, err
    assert "being sealed" in err
    assert out.splitlines()[-1] == "case: case"
    verified = subprocess.run(
        [*EK, "verify", "case", "--each-signature"], env=environment, cwd=tmp_path, capture_output=True, check=False
    )
    assert verified.returncode == 0


@pytest.mark.slow
def test_ctrl_c_twice_stops_without_the_seal_and_resume_finishes(slow_collect, tmp_path) -> None:
    process, environment = slow_collect
    _wait_for_evidence(tmp_path)
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=240)
    if process.returncode == 3:
        pytest.skip("the first Ctrl-C had sealed everything before the second arrived")

    assert process.returncode == 130
    state = subprocess.run([*EK, "verify", "case"], env=environment, cwd=tmp_path, capture_output=True, check=False)
    assert state.returncode == 3
    again = subprocess.run([*EK, "resume", "case"], env=environment, cwd=tmp_path, capture_output=True, check=False)
    if again.returncode == 3:  # the first Ctrl-C had closed all units: they are sealed as open, then taken up again
        again = subprocess.run(
            [*EK, "resume", "case"], env=environment, cwd=tmp_path, capture_output=True, check=False
        )
    assert again.returncode == 0, again.stderr
    final = subprocess.run(
        [*EK, "verify", "case", "--require-complete", "--each-signature"],
        env=environment, cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert final.returncode == 0, final.stdout
