"""An organisation's accounts by regions by sources, collected in a process of its own that may die on the way.

It prints what it held in memory: after the plan, and at its end.
"""

import json
import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from support.casemaker import SPEC, exchange
from support.lab import Lab, from_pem
from support.memory import peak

from evidence_kit.acquire.observer import Silent
from evidence_kit.acquire.plan import make_plan
from evidence_kit.model.exchange import Closed, Page
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target, Unit

REGIONS = tuple(f"region-{n}" for n in range(1, 18))
EVIDENCE = "region-7"  # where the first source has something; elsewhere all is off


class Fleet:
    """One unit a region, which ends at once; `asked` has those that were."""

    def __init__(self, name):
        self.spec = replace(SPEC, name=name)
        self.asked = []

    def units(self, scope, ctx):
        for region in scope.target.regions:
            yield Unit(source=self.spec.name, target=scope.target, region=region, window=scope.window)

    def acquire(self, unit, ctx):
        self.asked.append(unit.id)
        if unit.region == EVIDENCE and unit.source.endswith("-0"):
            body = json.dumps({"Events": [{"id": unit.id, "at": "2026-11-21T00:00:00Z"}]}).encode()
            yield Page(name="List", body=body, exchange=exchange("List", body), next_cursor=None, records=1)
        else:
            yield Closed(status=UnitStatus.NOT_ENABLED, reason="off here")


def collectors(sources):
    """Return the collectors of so many sources."""
    return {f"aws.fleet-{n}": Fleet(f"aws.fleet-{n}") for n in range(sources)}


def accounts(number):
    """Return that many accounts, each in all regions."""
    return tuple(
        Target(
            provider="aws",
            id=f"{n:012}",
            name=f"account-{n}",
            regions=REGIONS,
            access={"role": f"arn:aws:iam::{n:012}:role/ir-readonly"},
        )
        for n in range(number)
    )


class Dying(Silent):
    """Dies as after SIGKILL when so many units have ended."""

    def __init__(self, after):
        self._left = after

    def closed(self, unit, outcome):
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main():
    """Collect as the arguments say."""
    task = json.loads(sys.argv[1])
    lab = Lab(
        Path(task["root"]),
        Window(*(datetime.fromisoformat(moment).astimezone(UTC) for moment in task["window"])),
        signer=from_pem(task["signer"]),
        log_signer=from_pem(task["log_signer"]),
    )
    made = collectors(task["sources"])
    with lab.vault.lock(), lab.vault.working():
        engine = lab.engine(made, observer=Dying(task["dies"]), workers=16)
        order = lab.order(*made, targets=accounts(task["accounts"]))
        plan = make_plan(order, made, engine.world())
        planned = peak()
        result = engine.collect(order, plan)
    held = peak()
    print(json.dumps({"units": len(plan.units), "ended": len(result.outcomes), "planned": planned, "held": held}))


if __name__ == "__main__":
    main()
