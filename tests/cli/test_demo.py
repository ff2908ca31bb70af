"""The demo, and what happens on Ctrl-C: real processes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

EK = [sys.executable, "-m", "evidence_kit"]


def _environment(tmp_path, **more):
    return {**os.environ, "EVIDENCE_KIT_HOME": str(tmp_path / "home"), "EVIDENCE_KIT_PASSPHRASE": "p", **more}


def test_demo_leaves_a_verified_case_a_trust_policy_and_keys(tmp_path) -> None:
    out = tmp_path / "demo"
    run = subprocess.run([*EK, "demo", "--out", str(out)], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == f"case: {out / 'case'}"
    assert (out / "trust.yaml").exists()
    assert list((out / "keys").glob("*.p12"))
    again = _ask(tmp_path, "verify", str(out / "case"), "--trust", str(out / "trust.yaml"))
    assert again.returncode == 0, again.stdout
    whole = _ask(tmp_path, "verify", str(out / "case"), "--trust", str(out / "trust.yaml"), "--require-complete")
    assert whole.returncode == 3, whole.stdout
    told = json.loads(_ask(tmp_path, "coverage", str(out / "case"), "--json").stdout)["rows"]
    ends = {(row["name"], row["region"], cell["status"]) for row in told for cell in row["cells"]}
    lost = {(name, end) for name, _, end in ends if end not in {"complete", "not_enabled", "not_configured"}}
    assert lost == {
        ("aws.sagemaker.capture_state", "sampled_at_source"),
        ("aws.sagemaker.data_capture", "sampled_at_source"),
    }
    for name in ("aws.bedrock.logging", "aws.bedrock.invocations_s3"):
        assert {(name, "us-east-1", "complete"), (name, "eu-west-1", "not_enabled")} <= ends


def _ask(tmp_path, *arguments):
    return subprocess.run([*EK, *arguments], capture_output=True, text=True, check=False, env=_environment(tmp_path))


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
