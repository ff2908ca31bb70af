"""A kill in the middle and a resume give the files of an undisturbed run, and nothing stored is asked for again."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.google import ACTIVITY, PROJECT, Google, sources
from support.lab import to_pem

from evidence_kit.collectors.registry import build
from evidence_kit.errors import Exit
from evidence_kit.model.status import UnitStatus
from evidence_kit.sandbox.google.estate import project_lists

TESTS = Path(__file__).parents[2]
SOURCES = ("gcp.logging.admin_activity", "gcp.iam.service_accounts", "gcp.kms.keys")


def die(google, nth, *, halfway):
    """Collect in a process of its own, which dies; return how."""
    lab = google.lab
    task = {
        "root": str(lab.root), "acts": str(lab.root.parent / "acts"), "nth": nth, "halfway": halfway,
        "window": [lab.window.start.isoformat(), lab.window.end.isoformat()], "now": lab.now().isoformat(),
        "signer": to_pem(lab.signer), "log_signer": to_pem(lab.log_signer),
        "project": PROJECT, "access": dict(google.target().access), "sources": SOURCES,
    }  # fmt: skip
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    ended = subprocess.run(
        [sys.executable, "-m", "support.google_crash"],
        input=json.dumps(task), text=True, capture_output=True, env={**os.environ, "PYTHONPATH": path}, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def resume(google):
    lab = google.lab
    specs = {name: sources()[name] for name in SOURCES}
    with lab.vault.lock(), lab.vault.working():
        lab.keeper.repair(at=lab.now())
        (open_one,) = [one for one in lab.keeper.state().acquisitions.values() if one.seal_sha256 is None]
        order = lab.order(*SOURCES, targets=(google.target(),))
        return lab.engine(build(specs)).resume(open_one.id, order)


def seen(google):
    """Return every record, and the name of every file; page tokens differ from run to run."""
    records, files = Counter(), set()
    for path, body in google.lab.bodies():
        files.add(str(path).partition("/data/")[2])
        page = json.loads(body)
        page.pop("nextPageToken", None)
        records[json.dumps(page, sort_keys=True)] += 1
    return records, files


@pytest.mark.parametrize(("nth", "halfway"), [(0, False), (3, True), (7, False), (11, True)])
def test_a_killed_run_resumed_brings_what_an_undisturbed_one_does(google, tmp_path, nth, halfway):
    google.estate.lists = project_lists()
    google.fill(ACTIVITY, 3500)
    whole = Google(google.server, google.key, tmp_path / "whole")
    assert whole.collect(*SOURCES).exit is Exit.OK
    die(google, nth, halfway=halfway)
    google.lab.vault = type(google.lab.vault)(google.lab.root)
    assert resume(google).exit is Exit.OK
    assert seen(google) == seen(whole)
    assert set(google.lab.outcomes().values()) == {UnitStatus.COMPLETE}
    assert google.lab.verify().exit(require_complete=True) is Exit.OK
    assert google.stored() <= Counter(one.sha256 for one in google.evidence())
