"""A playbook that one person runs and another approves, told act by act to whoever traces this program.

What is written into the voice is said to the operator at that moment: all before it is acknowledged.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from support import power_child
from support.casemaker import NOW
from support.deck import LOOKUP, OBJECTS, Deck, book, parts
from support.people import Cast, Somebody
from support.play_child import ANSWERS, APPROVALS, EVENTS, STEPS
from support.playing import Heard
from support.power_child import SAID, Telling, Voice, leave_out

from evidence_kit.acquire.case import keeper_of, open_case, require_sound_log
from evidence_kit.acquire.observer import Silent
from evidence_kit.custody.log import Keeper
from evidence_kit.model.ports import Signer
from evidence_kit.playbook.model import Step
from evidence_kit.playbook.reading import parse_playbook
from evidence_kit.playbook.run.opening import again, begin
from evidence_kit.playbook.run.play import Tools
from evidence_kit.playbook.run.record import Ended
from evidence_kit.playbook.run.runner import run

PEOPLE = ("alice", "bob")
OPENED = "opened alice"
TAKEN = {"take": LOOKUP, "more": OBJECTS}  # which steps ask for what
BOOK = book(
    STEPS
    + """  - id: counted
    type: query
    needs: [keep]
    sql: >-
      SELECT (SELECT count(*) FROM units) AS units,
      (SELECT count(*) FROM custody WHERE type = 'hold.placed') AS holds
    outputs: {units: {column: units, type: int}, holds: {column: holds, type: int}}
  - {id: within, type: playbook, needs: [counted], playbook: inner@1}
"""
)
INNER = book("""  - {id: whole, type: verify, checks: [{verify: case, message: bad}]}
""").replace(b"id: test-book", b"id: inner")


@dataclass
class Loud(Heard):
    """Says how each step ends, as the command does."""

    say: Voice | None = None

    def step(self, step: Step, said: str) -> None:
        super().step(step, said)
        if self.say and said != "begins":
            self.say(f"{step.id} {said.partition(':')[0]}")


@dataclass(kw_only=True)
class Desk(Deck):
    """Somebody's case and keys, with evidence from memory; whoever approves sits elsewhere."""

    say: Voice | None = None
    heard: Loud = field(default_factory=Loud)

    def tools(self) -> Tools:
        """Return tools that tell what the operator sees."""
        tools = replace(super().tools(), library=lambda _: parse_playbook(INNER, name="inner"))
        tools.engine.observer = Telling(self.say) if self.say else Silent()
        return tools

    @contextmanager
    def at_work(self) -> Iterator[Tools]:
        """Hold the case as a command does."""
        tools = self.tools()
        with self.lab.vault.lock(), self.lab.vault.working():
            require_sound_log(self.lab.keeper, at=self.lab.now())
            yield tools

    def resume(self, name: str = "") -> Ended:
        """Take up a run."""
        with self.at_work() as tools:
            return run(again(name, tools))

    def runs(self) -> list[str]:
        """Return the run that is on record; of one that is not, its playbook may lie there."""
        return [one["playbook"]["run"] for one in self.events("playbook.started") if not one["playbook"]["parents"]]

    def carry_out(self) -> Ended:
        """Run the playbook, or go on with the run that is on record, until it has ended."""
        with self.at_work() as tools:
            known = self.runs()
            play = again(known[0], tools) if known else begin(parse_playbook(BOOK, name="-"), tools, {})
            self.tell(OPENED)
            ended = run(play)
        while ended.outcome == "waiting" and self._approve(ended.run):
            self.tell("answered agree")
            ended = self.resume(ended.run)
        return ended

    def tell(self, text: str) -> None:
        """Say something, if anybody listens."""
        if self.say:
            self.say(text)


def desk(case: Path, keeper: Keeper, approver: Signer, say: Voice | None = None) -> Desk:
    """Return the desk at which a case is worked on."""
    given = {**parts(case.parent, EVENTS), "answers": ANSWERS, "approvals": APPROVALS, "approver": approver}
    made = Desk(**given, say=say, heard=Loud(say=say))
    made.lab.signer, made.lab.log_signer = keeper.signer, keeper.log_signer  # type: ignore[assignment]
    return made


def opened(alice: Somebody, bob: Somebody) -> tuple[Keeper, Signer]:
    """Return what writes the case of the one, and the key of the other."""
    return keeper_of(alice.vault, alice.ring, None), bob.ring.open("bob")[1]


def whole(top: Path, say: Voice) -> None:
    """Open a case and carry out a playbook."""
    cast = Cast(top)
    alice, bob = cast.add("alice"), cast.add("bob")
    open_case(alice.vault, alice.ring, None, SAID, at=NOW)
    os.sync()
    say(OPENED)
    _carry_out(alice, bob, say)


def mending(top: Path, say: Voice) -> None:
    """Go on with what a killed run left."""
    people = (Somebody(name=name, home=top / name / "home", case=top / name / "case") for name in PEOPLE)
    _carry_out(*people, say)


def _carry_out(alice: Somebody, bob: Somebody, say: Voice) -> None:
    desk(alice.case, *opened(alice, bob), say).carry_out()


# Faults that only a run of a playbook shows.
FAULTS: dict[str, Callable[[], None]] = {
    "journals of runs are not synced": lambda: leave_out(lambda path, _: path.endswith("/journal.jsonl")),
    "tables are not synced": lambda: leave_out(lambda path, _: path.endswith("/facts")),
}


def main(story: str, top: str, voice: str, fault: str) -> None:
    """Play a story."""
    (power_child.FAULTS | power_child.MENDING_FAULTS | FAULTS)[fault]()
    {"whole": whole, "mending": mending}[story](Path(top), Voice(Path(voice)))


if __name__ == "__main__":
    main(*sys.argv[1:])
