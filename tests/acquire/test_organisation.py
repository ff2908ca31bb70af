"""A plan for a whole organisation: recorded before anything is asked, run without holding it twice, continued after
a kill where it stood.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support import organisation
from support.lab import to_pem

from evidence_kit.acquire.open_work import find_work
from evidence_kit.custody import ledger
from evidence_kit.errors import EmptyError, Exit
from evidence_kit.model.status import UnitStatus

ROOT = Path(__file__).parents[2]
REGIONS = len(organisation.REGIONS)


def run(lab, accounts, sources, dies=0):
    """Collect in another process; return how it ended and what it printed."""
    task = {
        "root": str(lab.root), "window": [at.isoformat() for at in (lab.window.start, lab.window.end)],
        "signer": to_pem(lab.signer), "log_signer": to_pem(lab.log_signer),
        "accounts": accounts, "sources": sources, "dies": dies,
    }  # fmt: skip
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    command = [sys.executable, "-m", "support.organisation", json.dumps(task)]
    return subprocess.run(
        command, env={"PATH": os.environ["PATH"], "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


def ends(lab):
    return Counter(str(line["unit"]) for line in lab.ledger() if line["type"] == ledger.UNIT)


def test_a_killed_run_over_an_organisation_goes_on_where_it_stood(lab):
    accounts, sources, dies = 10, 4, 300
    ended = run(lab, accounts, sources, dies)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    before = ends(lab)
    assert dies <= len(before) < accounts * sources * REGIONS
    made = organisation.collectors(sources)
    with lab.vault.lock(), lab.vault.working():
        lab.keeper.repair(at=lab.now())
        assert find_work(lab.vault).run(lab.engine(made)).exit is Exit.OK
    asked = Counter(unit for one in made.values() for unit in one.asked)
    assert set(asked.values()) == {1}
    assert not asked.keys() & before.keys()
    assert ends(lab) == before + asked
    assert len(ends(lab)) == accounts * sources * REGIONS
    assert lab.verify().exit(require_complete=True) is Exit.OK
    with pytest.raises(EmptyError):
        find_work(lab.vault)


@pytest.mark.slow
@pytest.mark.timeout(3600)  # under a minute of computing, on a machine that may have no time for it
def test_an_organisation_of_170000_units_is_planned_run_and_verified_in_the_memory_of_its_plan(lab):
    accounts, sources = 500, 20
    ended = run(lab, accounts, sources)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["units"] == said["ended"] == accounts * sources * REGIONS
    # What a run adds to its plan is what it says at its end, an outcome a unit, and no more than that.
    assert said["held"] - said["planned"] < 128 << 10
    assert Counter(lab.outcomes().values()) == {
        UnitStatus.COMPLETE: accounts,
        UnitStatus.NOT_ENABLED: accounts * (sources * REGIONS - 1),
    }
    assert lab.verify(each_signature=False).exit(require_complete=True) is Exit.OK
    with pytest.raises(EmptyError):
        find_work(lab.vault)
