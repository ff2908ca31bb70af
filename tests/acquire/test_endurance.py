"""What a large acquisition costs: memory stays flat however many pages there are."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MAX_RSS = 300.0  # MB, for a hundred thousand pages


def start(act, root, pages):
    return subprocess.Popen(
        [sys.executable, TESTS / "support/endurance.py", act, root, str(pages)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )


def cost(act, root, pages):
    with start(act, root, pages) as process:
        told, _ = process.communicate()
        assert process.returncode == 0
    print(act, told)
    return json.loads(told)


def test_memory_does_not_grow_with_the_number_of_pages(tmp_path):
    few, many = (cost("collect", tmp_path / f"{n}" / "case", n) for n in (200, 4000))
    assert many["pages"] == 4000
    assert many["rss_mb"] < few["rss_mb"] + 25


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_thousand_pages_stay_within_bounds(tmp_path):
    root = tmp_path / "case"
    collected = cost("collect", root, 100_000)
    assert collected["pages"] == 100_000
    assert collected["rss_mb"] < MAX_RSS
    for act in ("verify", "verify-each"):
        assert cost(act, root, 0)["rss_mb"] < MAX_RSS


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_resuming_a_hundred_thousand_pages_stays_within_bounds(tmp_path):
    root, ledger = tmp_path / "case", "bags/*/record/exchanges.jsonl"
    with start("collect", root, 100_000) as process:
        while not any(path.stat().st_size > 50 << 20 for path in root.glob(ledger)):
            assert process.poll() is None, "it was done before it could be killed"
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    resumed = cost("resume", root, 100_000)
    assert resumed["pages"] == 100_000
    assert resumed["rss_mb"] < MAX_RSS
    assert cost("verify", root, 0)["rss_mb"] < MAX_RSS
