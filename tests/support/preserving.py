"""Carries out actions with the real engine, at a speed that tests can wait for, and reads back what came of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from support.lab import Clock, Lab, from_pem, to_pem

from evidence_kit.acquire.plan import Plan, make_plan
from evidence_kit.acquire.run import Result
from evidence_kit.acquire.scope import Order
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target, Unit
from evidence_kit.preservation.book import ActionSpec, arguments, build, load_actions, plan_text
from evidence_kit.preservation.mechanism import Preserver
from evidence_kit.vaults.local import LocalVault

CASE, RUN, STEP = "IR-2026-014", "run 7f3a", "hold"
Given = Mapping[str, str | Sequence[str]]


@cache
def actions() -> dict[str, ActionSpec]:
    """Return the book, with no pace to keep to and looks that come at once."""
    found = {}
    for name, action in load_actions().items():
        spec = action.source
        settings = {"poll": {"every": 0.01, "most": 3}}
        limit = replace(spec.limit, rps=100_000.0, burst=100_000)
        found[name] = replace(action, source=replace(spec, limit=limit, settings=settings))
    return found


@dataclass
class Room:
    """One case from which actions are carried out at one target."""

    lab: Lab
    target: Target
    run: str = RUN
    environ: Mapping[str, str] | None = None

    def order(self, action: str, given: Given, step: str = STEP) -> Order:
        params = arguments(actions()[action], given, case=CASE, run=self.run, step=step)
        return Order(sources=(action,), targets=(self.target,), window=self.lab.window, params=params)

    def collectors(self, action: str) -> dict[str, Preserver]:
        return build({action: actions()[action]}, environ=self.environ or dict(os.environ))

    def plan(self, action: str, **given: str | Sequence[str]) -> Plan:
        collectors = self.collectors(action)
        return make_plan(self.order(action, given), collectors, self.lab.engine(collectors).world())

    def text(self, action: str, **given: str | Sequence[str]) -> str:
        """Return what people are asked to approve."""
        return "\n".join(plan_text(actions()[action], self.plan(action, **given).units))

    def do(self, action: str, *, step: str = STEP, **given: str | Sequence[str]) -> Result:
        """Carry out an action; each time into a bag of its own."""
        self.lab.vault = LocalVault(self.lab.root)
        with self.lab.vault.lock(), self.lab.vault.working():
            return self.lab.engine(self.collectors(action)).collect(self.order(action, given, step))

    def resume(self, action: str, **given: str | Sequence[str]) -> Result:
        """Continue the bag that has no seal."""
        self.lab.vault = LocalVault(self.lab.root)
        with self.lab.vault.lock(), self.lab.vault.working():
            self.lab.keeper.repair(at=self.lab.now())
            (left,) = [one for one in self.lab.keeper.state().acquisitions.values() if one.seal_sha256 is None]
            return self.lab.engine(self.collectors(action)).resume(left.id, self.order(action, given))

    def findings(self, kind: str) -> list[Mapping[str, str]]:
        """Return the facts of the last bag's findings of a kind."""
        ends = [line for line in self.ledger() if line["type"] == "unit"]
        return [dict(one["facts"]) for line in ends for one in line["findings"] if one["kind"] == kind]  # type: ignore[attr-defined]

    def failures(self) -> list[str]:
        """Return what the last bag's ledger says went wrong, request by request."""
        return [str(line["error"]) for line in self.ledger() if line["type"] == "exchange" and line.get("error")]

    def stored(self, phase: str) -> bool:
        """Return whether the ledger on disk acknowledges an answer of that phase, while somebody still writes it."""
        return any(f"/{phase}." in path.read_text() for path in self.lab.root.rglob("exchanges.jsonl"))

    def operations(self) -> list[str]:
        """Return what the last bag's ledger says was asked."""
        return [str(line["request"]["operation"]) for line in self.ledger() if line["type"] == "exchange"]  # type: ignore[index]

    def ledger(self) -> list[dict[str, object]]:
        """Return the ledger of the bag that was begun last."""
        last = list(self.lab.keeper.state().acquisitions.values())[-1]
        return self.lab.ledger(self.lab.root / last.bag)

    # -- a run that dies ---------------------------------------------------------------------------------------

    def start(self, action: str, **given: str | Sequence[str]) -> subprocess.Popen[str]:
        """Carry out an action in a process of its own, which waits for a line before it begins."""
        lab = self.lab
        task = {
            "root": str(lab.root), "action": action, "given": given, "run": self.run,
            "window": [lab.window.start.isoformat(), lab.window.end.isoformat()], "now": lab.now().isoformat(),
            "signer": to_pem(lab.signer), "log_signer": to_pem(lab.log_signer),
            "provider": self.target.provider, "id": self.target.id, "regions": self.target.regions,
            "access": dict(self.target.access),
        }  # fmt: skip
        tests = Path(__file__).parents[1]
        path = os.pathsep.join([str(tests), str(tests.parent)])
        process = subprocess.Popen(
            [sys.executable, "-m", "support.preserving"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(self.environ or {}), "PYTHONPATH": path},
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        return process


def died(process: subprocess.Popen[str]) -> bool:
    """Let a started process go on, and say whether it was killed."""
    _, said = process.communicate("go\n", timeout=120)
    assert process.returncode == -signal.SIGKILL, said
    return True


def only(result: Result) -> tuple[str, str]:
    """Return how the one unit ended, and why."""
    (outcome,) = result.outcomes
    return outcome.status.value, outcome.reason


def settled(plan: Plan) -> tuple[str, str]:
    """Return how the one unit of a plan was closed."""
    (unit,) = plan.units
    assert unit.settled is not None
    return unit.settled[0].value, unit.settled[1]


def would(plan: Plan) -> list[str]:
    """Return what would be done, unit by unit."""
    return [_would(unit) for unit in plan.units]


def _would(unit: Unit) -> str:
    return unit.settings["would"]


def _main() -> None:
    task = json.loads(sys.stdin.readline())
    lab = Lab(
        Path(task["root"]),
        Window(*(datetime.fromisoformat(moment) for moment in task["window"])),
        signer=from_pem(task["signer"]),
        log_signer=from_pem(task["log_signer"]),
        now=Clock(datetime.fromisoformat(task["now"])),
    )
    target = Target(
        provider=task["provider"], id=task["id"], regions=tuple(task["regions"]), access=dict(task["access"])
    )
    sys.stdin.readline()
    Room(lab, target, run=task["run"]).do(task["action"], **task["given"])


if __name__ == "__main__":
    _main()
