"""A program that is killed with SIGKILL at the n-th call that reaches the file system, whatever it is doing.

Reads one JSON object a line: what to do, and at which call to die; forks for each, and answers how that ended and how
many calls there were. The calls are counted by the interpreter, so nothing of ours has to take part.
"""

import io
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from support import play_child
from support.casemaker import NOW, Case
from support.deck import Deck, book
from support.lab import from_pem
from support.people import Cast, Somebody
from support.power_child import ORDER, TERMS, Pages

from evidence_kit.acquire.case import require_sound_log
from evidence_kit.acquire.handover import accept, offer
from evidence_kit.acquire.open_work import find_work
from evidence_kit.acquire.storing import Place, store
from evidence_kit.custody.log import Keeper
from evidence_kit.vaults.deposit import Lock
from evidence_kit.vaults.registry import open_bucket

CALLS = frozenset(
    {
        os.open, os.write, os.fsync, os.mkdir, os.rename, os.replace, os.link, os.unlink, os.rmdir, os.ftruncate,
        os.chmod, os.fchmod, os.close, io.open,
    }
)  # fmt: skip


class Fate:
    """Counts calls and kills this process at the `nth`: before it, after it, or with half of a write done."""

    def __init__(self, nth: int, how: str, log: Path) -> None:
        self._nth, self._how = nth, how
        self._guard, self.calls = threading.Lock(), 0
        self._log = log

    def watch(self) -> None:
        """Begin."""
        threading.setprofile(self)
        sys.setprofile(self)

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == ("c_return" if self._how == "after" else "c_call") and arg in CALLS:
            with self._guard:
                self.calls += 1
                if self.calls == self._nth:
                    sys.setprofile(None)
                    self._die(frame, arg)

    def _die(self, frame: FrameType, call: object) -> None:
        if self._how == "halfway" and call is os.write:
            found = [one for one in frame.f_locals.values() if isinstance(one, bytes | memoryview)]
            handle = frame.f_locals.get("handle")
            if isinstance(handle, int) and found:
                os.write(handle, found[-1][: len(found[-1]) // 2])
        os.kill(os.getpid(), signal.SIGKILL)


def collector() -> Pages:
    """Return the evidence of every acquisition here."""
    return Pages(pages=3, names=("two words", "x" * 900), regions=("us-east-1", "eu-west-1"))


def _case(task: dict[str, Any]) -> Case:
    return Case(Path(task["root"]), *map(from_pem, task["keys"]))


def collect(task: dict[str, Any]) -> None:
    """Begin an acquisition."""
    case = _case(task)
    vault = case.vault
    with vault.lock(), vault.working():
        require_sound_log(case.keeper_of(vault), at=NOW)
        case.engine(collector(), vault).collect(ORDER)


def resume(task: dict[str, Any]) -> None:
    """Go on with one."""
    case = _case(task)
    vault = case.vault
    work = find_work(vault)
    with vault.lock(), vault.working():
        require_sound_log(case.keeper_of(vault), at=NOW)
        work.run(case.engine(collector(), vault))


def _somebody(task: dict[str, Any], name: str) -> Somebody:
    root = Path(task["root"]) / name
    return Somebody(name=name, home=root / "home", case=root / "case")


def give(task: dict[str, Any]) -> None:
    """Offer a case."""
    alice, bob = _somebody(task, "alice"), _somebody(task, "bob")
    offer(alice.vault, alice.ring, None, to=bob.person, terms=TERMS, at=NOW)


def take(task: dict[str, Any]) -> None:
    """Accept a case."""
    people = {name: _somebody(task, name) for name in ("alice", "bob")}
    trust = Cast(Path(task["root"]), people).trust()
    bob = people["bob"]
    accept(bob.vault, bob.ring, None, trust=trust, terms=TERMS, last=None, at=NOW + timedelta(hours=1))


def put(task: dict[str, Any]) -> None:
    """Store a case in a bucket."""
    case = _case(task)
    os.environ.update(task["environ"])
    target, name = open_bucket(task["url"], Lock(), os.environ)
    keeper: Keeper = case.keeper
    store(case.vault, keeper, Place(vault=target, at=name, lock=Lock()), purpose="for the record", at=NOW)


def play(task: dict[str, Any]) -> None:
    """Run a playbook."""
    table = Deck(**play_child.parts_of(Path(task["root"])))
    table.lab.signer, table.lab.log_signer, table.approver = map(from_pem, task["keys"])
    table.play(book(play_child.STEPS), {})


DEEDS: dict[str, Callable[[dict[str, Any]], None]] = {
    "collect": collect,
    "resume": resume,
    "seal": resume,
    "offer": give,
    "accept": take,
    "store": put,
    "playbook": play,
}


def attempt(task: dict[str, Any]) -> dict[str, Any]:
    """Fork, do it, and say how it ended."""
    log = Path(task["log"])
    log.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        code = 1
        fate = Fate(task["nth"], task["how"], log)
        try:
            fate.watch()
            DEEDS[task["do"]](task)
            code = 0
        except BaseException:  # noqa: BLE001 - the parent prints it
            sys.setprofile(None)
            log.write_text(traceback.format_exc())
        finally:
            sys.setprofile(None)
            if code == 0:
                log.write_text(str(fate.calls))
            os._exit(code)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {"killed": killed, "said": "" if killed else log.read_text()}


def main() -> None:
    """Serve tasks until the other end closes."""
    for line in sys.stdin:
        print(json.dumps(attempt(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
