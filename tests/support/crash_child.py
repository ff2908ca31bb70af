"""A program that is killed with SIGKILL while it collects: at the n-th act of a kind upon the vault, or in time.

It reads one JSON object a line: what to do, and when to die. For each it forks a process that does it, and answers
with one JSON object: the signal or exit code of that process, and the acts on the vault that it began. The fork
happens before anything starts a thread, and spares each run the import of the SDK.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import boto3  # noqa: F401 - loaded before the fork
from support.lab import Clock, Lab, catalogue, from_pem, target

from evidence_kit.model.ports import Stored
from evidence_kit.model.time import Window
from evidence_kit.vaults.local import LocalVault


def die() -> None:
    """Leave as a machine does that loses power, except that the page cache survives."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingVault(LocalVault):
    """Dies at the `nth` act called `act`: before it, or halfway through it."""

    def __init__(self, root: Path, *, act: str, nth: int, halfway: bool, acts: TextIO) -> None:
        super().__init__(root)
        self._last, self._halfway, self._acts = (act, nth), halfway, acts
        self._begun: Counter[str] = Counter()
        self._guard = threading.Lock()

    def _act(self, name: str, half: Callable[[], object]) -> None:
        with self._guard:
            this = (name, self._begun[name])
            self._begun[name] += 1
            self._acts.write(f"{name}\n")
            self._acts.flush()
        if this == self._last:
            if self._halfway:
                half()
            die()

    def stage(self, chunks: Iterable[bytes]) -> Stored:
        whole = b"".join(chunks)
        self._act("stage", lambda: super(DyingVault, self).stage(_first_half(whole)))
        return super().stage([whole])

    def commit(self, batch: Sequence[tuple[Stored, str]]) -> None:
        self._act("commit", lambda: super(DyingVault, self).commit(batch[: (len(batch) + 1) // 2]))
        super().commit(batch)

    def append(self, path: str, data: bytes) -> None:
        name = f"append {_kind(path)}" + (" of artifacts" if b'"artifact":{' in data else "")
        self._act(name, lambda: super(DyingVault, self).append(path, _torn(data)))
        super().append(path, data)

    def publish(self, path: str, data: Iterable[bytes]) -> tuple[str, int]:
        whole = b"".join(data)
        self._act(f"publish {_kind(path)}", lambda: super(DyingVault, self).publish(path, _first_half(whole)))
        return super().publish(path, [whole])

    def cut(self, path: str, size: int) -> bytes:
        self._act(f"cut {_kind(path)}", lambda: super(DyingVault, self).cut(path, size))
        return super().cut(path, size)

    def set_aside(self, path: str, destination: str) -> None:
        self._act("set_aside", lambda: super(DyingVault, self).set_aside(path, destination))
        super().set_aside(path, destination)

    def forget(self, path: str) -> None:
        self._act("forget", lambda: super(DyingVault, self).forget(path))
        super().forget(path)


def _torn(data: bytes) -> bytes:
    """Return about half of what was to be appended; the last line is never whole."""
    return data[: len(data) // 2].removesuffix(b"\n")


def _first_half(whole: bytes) -> Iterator[bytes]:
    yield whole[: len(whole) // 2]
    die()


def _kind(path: str) -> str:
    """Return a path without what differs from case to case."""
    parts = path.split("/")
    return "/".join(parts[2:]) if parts[0] == "bags" else path


def run(task: dict[str, Any], acts: TextIO) -> None:
    """Do what `task` says, in the forked process."""
    root = Path(task["root"])
    lab = Lab(
        root,
        Window(*(datetime.fromisoformat(moment) for moment in task["window"])),
        signer=from_pem(task["signer"]),
        log_signer=from_pem(task["log_signer"]),
        now=Clock(datetime.fromisoformat(task["now"])),
    )
    death = {"act": task.get("act", ""), "nth": task.get("nth", 0), "halfway": task.get("halfway", False)}
    vault = DyingVault(root, acts=acts, **death)
    targets = tuple(target(account, *regions) for account, regions in task["targets"])
    if task["do"] == "collect":
        lab.collect(*task["sources"], targets=targets, vault=vault, workers=4)
    else:
        lab.resume(*task["sources"], targets=targets, vault=vault, workers=4)


def attempt(task: dict[str, Any]) -> dict[str, object]:
    """Fork, let the child do the task, kill it after `seconds` if asked to, and say how it ended."""
    log = Path(task["acts"])
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with log.open("w") as acts:
                run(task, acts)
            code = 0
        except BaseException:  # noqa: BLE001 - the parent prints it
            Path(f"{log}.error").write_text(traceback.format_exc())
        finally:
            os._exit(code)
    if "seconds" in task:
        time.sleep(task["seconds"])
        os.kill(child, signal.SIGKILL)  # still ours, for it has not been waited for
    _, status = os.waitpid(child, 0)
    error = Path(f"{log}.error")
    return {
        "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "acts": log.read_text().splitlines() if log.exists() else [],
        "error": error.read_text() if error.exists() else "",
    }


def main() -> None:
    """Serve tasks until the other end closes."""
    catalogue()
    for line in sys.stdin:
        print(json.dumps(attempt(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
