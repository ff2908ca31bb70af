"""Collects by a Dask cluster in a process of its own, which dies by SIGKILL at the n-th act of a kind upon the vault.

Serves tasks as `crash_child` does, each in a forked process: `url` is the cluster, `targets` what is collected.
"""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from support import crash_child
from support.afar import QUICK, SOURCE, spec
from support.lab import Clock, Lab, from_pem

from evidence_kit.acquire.afar.joining import joined
from evidence_kit.collectors.registry import build
from evidence_kit.model.time import Window
from evidence_kit.model.unit import Target


def run(task: dict[str, Any], acts: TextIO) -> None:
    """Run one collection, in the forked process."""
    keys = {name: from_pem(task[name]) for name in ("signer", "log_signer")}
    start, end, now = (datetime.fromisoformat(moment) for moment in (*task["window"], task["now"]))
    lab = Lab(Path(task["root"]), Window(start, end), now=Clock(now), **keys)
    lab.vault = crash_child.DyingVault(
        lab.root, acts=acts, act=task["act"], nth=task["nth"], halfway=task["halfway"]
    )  # fmt: skip
    targets = tuple(Target(provider="aws", id=name, access=access) for name, access in task["targets"])
    specs = {SOURCE: spec()}
    with lab.vault.lock(), lab.vault.working():
        engine = lab.engine(build(specs), workers=4)
        with joined(task["url"], specs, now=lab.now, note=str, patience=QUICK) as away:
            replace(engine, away=away).collect(lab.order(SOURCE, targets=targets))


if __name__ == "__main__":
    crash_child.run = run
    crash_child.main()
