"""A program that collects from the sandbox's Google and dies with SIGKILL before it stages its nth artifact."""

import json
import sys
from datetime import datetime
from pathlib import Path

from support.crash_child import DyingVault
from support.google import sources
from support.lab import Clock, Lab, from_pem

from evidence_kit.collectors.registry import build
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target


def run(task: dict) -> None:
    """Collect until death."""
    root = Path(task["root"])
    window = Window(*(datetime.fromisoformat(moment) for moment in task["window"]))
    signers = {name: from_pem(task[name]) for name in ("signer", "log_signer")}
    lab = Lab(root, window, now=Clock(datetime.fromisoformat(task["now"])), **signers)
    target = Target(provider="gcp", id=task["project"], name="shop", access=task["access"])
    with Path(task["acts"]).open("w") as acts:
        vault = DyingVault(root, act="stage", nth=task["nth"], halfway=task["halfway"], acts=acts)
        specs = {name: sources()[name] for name in task["sources"]}
        lab.collect(*specs, specs=specs, targets=(target,), vault=vault, workers=4)


if __name__ == "__main__":
    build({})
    run(json.loads(sys.stdin.read()))
