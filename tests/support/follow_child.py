"""Follows an incident in a process of its own, which dies by SIGKILL at the n-th act of a kind upon the vault.

Serves tasks as `crash_child` does, each in a forked process: `at` is what the wall clock shows, `root` the case.
"""

from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from support import crash_child
from support.following import SINCE, Hands, Incident
from support.lab import END, Lab, from_pem

from evidence_kit.model.time import Window


def run(task: dict[str, Any], acts: TextIO) -> None:
    """Run one pass, in the forked process."""
    root, hands = Path(task["root"]), Hands(at=datetime.fromisoformat(task["at"]))
    keys = {name: from_pem(task[name]) for name in ("signer", "log_signer")}
    incident = Incident(root, hands=hands, lab=Lab(root, Window(SINCE, END), now=hands.now, **keys))
    death = {"act": task.get("act", ""), "nth": task.get("nth", 0), "halfway": task.get("halfway", False)}
    incident.run(hands.at, vault=crash_child.DyingVault(incident.root, acts=acts, **death))


if __name__ == "__main__":
    crash_child.run = run
    crash_child.main()
