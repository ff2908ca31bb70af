"""Six hours of `--follow` in a bad night: everything is had once or said to be open, and nothing grows.

Both clocks are simulated; the AWS is the sandbox's, its faults are those of a real one. Whoever follows is another
process, for the sandbox remembers what it was asked.
"""

import gzip
import json
import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from faults.wire import Wire, between
from support.lab import Clock, Lab, to_pem
from support.soak_child import EVERY, SOURCES, TARGETS

from evidence_kit.custody import ledger
from evidence_kit.errors import Exit
from evidence_kit.model.time import Window
from evidence_kit.sandbox.faults import Fault

TESTS = Path(__file__).parents[1]
LOOKUP, FILES = SOURCES
HOURS, PASSES_AN_HOUR = 6, timedelta(hours=1) // EVERY
MAX_GROWTH = 25.0  # MB between the first hour and the last; sixty acquisitions, none of which is kept
STAMP = re.compile(r"_(\d{8}T\d{4})Z_")
# What befalls one pass each, over and over; None is a good one. The last of six hours is the second.
NIGHT = (
    None,
    Fault(kind="throttle", operation="LookupEvents", times=None),
    Fault(kind="reset", operation="GetObject"),
    Fault(kind="token_loop", operation="LookupEvents", times=None),
    None,
    Fault(kind="status", status=503, operation="ListObjectVersions", times=None),
    Fault(kind="expired", times=None),
    Wire("longer", (b"EventId",)),
    Fault(kind="throttle", operation="LookupEvents", times=3),
    None,
    Fault(kind="short", operation="GetObject"),
    Fault(kind="denied", operation="LookupEvents", region="eu-west-1", times=None),
    Fault(kind="html", operation="LookupEvents", times=2),
    Fault(kind="status", status=500, operation="DescribeTrails", times=None),
)


class Night:
    """The other process, and the sky over it."""

    def __init__(self, process, cloud):
        self._process, self._cloud = process, cloud
        self.held = [self._hear()]

    def _hear(self):
        return json.loads(self._process.stdout.readline())

    def go_on(self, fault):
        """Let one pass happen, under a fault."""
        with ExitStack() as stack:
            if isinstance(fault, Fault):
                self._cloud.door.faults.add(fault)
            elif fault:
                stack.enter_context(between(Wire(fault.kind, fault.marks)))
            self._process.stdin.write("go on\n")
            self._process.stdin.flush()
            self.held.append(self._hear())
        self._cloud.door.faults.clear()
        self._cloud.door.sent.clear()


@pytest.fixture
def night(cloud, tmp_path):
    since = cloud.window.start + timedelta(hours=6)
    lab = Lab(tmp_path / "case", Window(since, cloud.window.end)).open()
    keys = {"signer": to_pem(lab.signer), "log_signer": to_pem(lab.log_signer)}
    with subprocess.Popen(
        [sys.executable, TESTS / "support/soak_child.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **cloud.environ, "PYTHONPATH": str(TESTS)},
    ) as process:
        process.stdin.write(json.dumps({"root": str(lab.root), "since": since.isoformat(), **keys}) + "\n")
        process.stdin.flush()
        made = Night(process, cloud)
        made.lab, made.since = lab, since
        yield made
        process.stdin.close()


def had(lab):
    """Return how often each event is in a unit that is not open, and when each event was."""
    found, times = Counter(), {}
    for root in lab.bags:
        ends = lab.outcomes(root)
        for line in lab.ledger(root):
            if line["type"] == ledger.EXCHANGE and line["artifact"]:
                brought = events(root / line["artifact"]["path"])
                times |= brought
                found.update(() if ends[line["unit"]].is_open else brought.keys())
    return found, times


def events(path):
    """Return when each event of an artifact was, by its id and place; of a file, when it was delivered."""
    if path.name.endswith(".json.gz"):
        at = datetime.strptime(STAMP.search(path.name)[1], "%Y%m%dT%H%M").replace(tzinfo=UTC)
        return {
            (FILES, path.name, one["eventID"]): at
            for one in json.loads(gzip.decompress(path.read_bytes()))["Records"]
        }
    if path.parent.name != "LookupEvents":
        return {}
    place = path.parts[-5:-3]
    return {
        (LOOKUP, place, one["EventId"]): datetime.fromtimestamp(one["EventTime"], UTC)
        for one in json.loads(path.read_bytes())["Events"]
    }


def one_collect(root, window):
    """Return what one undisturbed `collect` of the same hours brings, of what was there before their end."""
    lab = Lab(root, window, now=Clock(window.end + timedelta(hours=8))).open()
    assert lab.collect(LOOKUP, FILES, targets=TARGETS).exit is Exit.OK
    return {one: at for one, at in had(lab)[1].items() if at < window.end}


def silent(wanted, found, still_open):
    """Return what is neither had nor in the window of a unit that says it is open."""
    windows = [
        (source, Window(datetime.fromisoformat(start), datetime.fromisoformat(end)))
        for source, start, end in still_open
    ]
    return [
        one
        for one, at in wanted.items()
        if one not in found and not any(source == one[0] and at in window for source, window in windows)
    ]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_six_hours_of_a_bad_night_are_had_once_or_said_to_be_open_and_nothing_grows(night, tmp_path):
    for number in range(HOURS * PASSES_AN_HOUR):
        night.go_on(NIGHT[number % len(NIGHT)])
    dawn, lab = night.held[-1], night.lab
    before, _ = had(lab)
    night.go_on(None)
    last = night.held[-1]

    wanted = one_collect(tmp_path / "plain", Window(night.since, datetime.fromisoformat(last["settled"])))
    found, _ = had(lab)
    by_dawn = {one: at for one, at in wanted.items() if at < datetime.fromisoformat(dawn["settled"])}
    assert len(wanted) > 100
    assert dawn["open"]
    assert silent(by_dawn, before, dawn["open"]) == []
    assert set(found) == set(wanted)
    assert set(found.values()) == {1}
    assert (last["open"], last["short"]) == ([], 0)
    assert lab.verify(each_signature=False).exit(require_complete=True) is Exit.OK
    first = night.held[PASSES_AN_HOUR]
    assert last["megabytes"] < first["megabytes"] + MAX_GROWTH
    assert last["threads"] <= first["threads"]
    assert last["handles"] <= first["handles"] + 4


def test_an_event_that_is_nowhere_is_found():
    at = datetime(2026, 11, 21, tzinfo=UTC)
    wanted = {(LOOKUP, "", "a"): at, (LOOKUP, "", "b"): at + EVERY, (LOOKUP, "", "c"): at + EVERY}
    still_open = [(LOOKUP, at.isoformat(), (at + EVERY).isoformat())]
    assert silent(wanted, {(LOOKUP, "", "c")}, still_open) == [(LOOKUP, "", "b")]
