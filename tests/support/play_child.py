"""A playbook's run that is killed with SIGKILL at the n-th act upon the vault, before it or halfway through it.

Reads one JSON object a line, forks a process that plays, and answers how that ended and how often it acted.
"""

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

from support import playing
from support.crash_child import DyingVault, die
from support.deck import TAKE, Deck, book, deck, event
from support.lab import from_pem, to_pem

from evidence_kit.playbook.run.questions import Reply

EVENTS = {"111122223333": [event(n) for n in range(5)], "444455556666": [event(9, key="AKIA2")]}
STEPS = (
    TAKE
    + """  - id: seen
    type: query
    needs: [take]
    from: [take]
    sql: SELECT DISTINCT credential FROM take ORDER BY 1
    outputs: {keys: {column: credential}}
  - {id: choose, type: decide, needs: [seen], question: Which, options: [{value: a}, {value: b}]}
  - id: more
    type: collect
    needs: [choose]
    sources: [aws.s3.objects]
    targets: shop
    for_each: {items: "${{ steps.seen.outputs.keys }}", as: key}
    with: {bucket: "${{ key }}"}
  - {id: keep, type: hold, action: case, needs: [agree], approval: agree, matter: M-1}
  - {id: agree, type: approve, needs: [more], prompt: Hold, covers: [keep]}
  - id: done
    type: verify
    needs: [keep]
    checks: [{verify: case, message: bad}, {complete: [take, more], message: part}]
"""
)
ANSWERS = {"choose": Reply(choices=("a",))}
APPROVALS = {"agree": Reply(approved=True)}


def table_of(root: Path, **more: object) -> Deck:
    """Return a table with everybody who has to answer."""
    return deck(root, EVENTS, answers=ANSWERS, approvals=APPROVALS, **more)


def task_of(table: Deck, nth: int, *, halfway: bool) -> dict[str, Any]:
    """Return what the child is told: whose keys, and when to die."""
    return {
        "root": str(table.root),
        "keys": [to_pem(table.lab.signer), to_pem(table.lab.log_signer), to_pem(table.approver)],
        "nth": nth,
        "halfway": halfway,
    }


def attempt(task: dict[str, Any]) -> dict[str, Any]:
    """Fork, play, and say how it ended."""
    log = Path(task["root"]) / "acts"
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with log.open("w") as acts:
                _play(task, acts)
            code = 0
        except BaseException:  # noqa: BLE001 - the parent prints it
            Path(f"{log}.error").write_text(traceback.format_exc())
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    error = Path(f"{log}.error")
    return {
        "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
        "acts": len(log.read_text().splitlines()),
        "error": error.read_text() if error.exists() else "",
    }


class _AnyAct(DyingVault):
    """Dies at the n-th act of whatever kind."""

    def _act(self, name: str, half: Any) -> None:
        with self._guard:
            self._begun["all"] += 1
            this = self._begun["all"]
            self._acts.write(f"{name}\n")
            self._acts.flush()
        if this == self._last[1]:
            if self._halfway:
                half()
            die()


def _play(task: dict[str, Any], acts: TextIO) -> None:
    table = Deck(**parts_of(Path(task["root"])))
    table.lab.signer, table.lab.log_signer, table.approver = map(from_pem, task["keys"])
    vault = _AnyAct(table.lab.root, act="", nth=task["nth"], halfway=task["halfway"], acts=acts)
    playing.LocalVault = lambda _: vault  # type: ignore[assignment,misc]
    table.play(book(STEPS), {})


def parts_of(root: Path) -> dict[str, Any]:
    """Return what a table is made of, the case being open already."""
    from support.deck import parts

    return {**parts(root, EVENTS), "answers": ANSWERS, "approvals": APPROVALS}


def main() -> None:
    """Serve tasks until the other end closes."""
    for line in sys.stdin:
        print(json.dumps(attempt(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
