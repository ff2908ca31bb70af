"""Follows two sources of the sandbox, a pass a line of its input, by clocks that it moves itself.

Before each pass it says as JSON what it holds and which units are open; the end of its input ends it. Nothing loses
power here, so it waits for no disk.
"""

import gc
import json
import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from support import memory
from support.lab import Lab, fast, from_pem, target

from evidence_kit.acquire.following.passes import Follow
from evidence_kit.acquire.scope import Order
from evidence_kit.collectors.registry import build
from evidence_kit.model.time import Window
from evidence_kit.vaults import local

SOURCES = ("aws.cloudtrail.lookup", "aws.cloudtrail.s3")
TARGETS = (target("111122223333", "us-east-1"), target("444455556666", "eu-west-1"))
EVERY, SETTLES = timedelta(minutes=5), timedelta(minutes=15)  # both sources


@dataclass
class Night:
    """The command, as it runs from evening till dawn."""

    lab: Lab
    since: datetime
    at: datetime = field(init=False)
    follow: Follow = field(init=False)

    def __post_init__(self) -> None:
        self.at = self.since + SETTLES
        self.follow = Follow(
            vault=self.lab.vault,
            order=Order(sources=SOURCES, targets=TARGETS, window=Window(self.since, self.at), params={}),
            specs=fast(*SOURCES),
            opened=self.opened,
            now=self.now,
            steady=self.steady,
            wait=self.wait,
            tell=lambda _: None,
            every=EVERY,
        )

    def now(self) -> datetime:
        return self.at

    def steady(self) -> float:
        return (self.at - self.since).total_seconds()

    @contextmanager
    def opened(self):
        with self.lab.vault.lock(), self.lab.vault.working():
            yield self.lab.engine(build(fast(*SOURCES), {}), workers=4)

    def wait(self, _seconds: float) -> bool:
        """Say what is held, and pass five minutes where another line comes."""
        gc.collect()
        held = {
            "megabytes": memory.resident() / 1024,
            "threads": threading.active_count(),
            "handles": len(list(Path("/proc/self/fd").iterdir())),
            "settled": (self.at - SETTLES).isoformat(),
            "open": [[unit.source, *unit.window.to_json().values()] for unit in self.follow.had.open.values()],
            "short": len(self.follow.had.short),
        }
        print(json.dumps(held), flush=True)
        self.at += EVERY
        return not sys.stdin.readline()


def main() -> None:
    """Follow the case that the first line names."""
    os.fsync = lambda _: None
    local._sync_file_system = lambda _: None
    task = json.loads(sys.stdin.readline())
    since = datetime.fromisoformat(task["since"])
    keys = {name: from_pem(task[name]) for name in ("signer", "log_signer")}
    lab = Lab(Path(task["root"]), Window(since, since + EVERY), **keys)
    night = Night(lab, since)
    lab.now = night.now
    night.follow.run()


if __name__ == "__main__":
    main()
