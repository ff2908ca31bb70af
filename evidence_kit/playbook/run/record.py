"""What a run puts on record: each step's begin and end, clocks that start, and its own end."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evidence_kit.acquire.handover import subject_of
from evidence_kit.custody import log, statement
from evidence_kit.errors import EvidenceKitError, Exit, UsageError
from evidence_kit.governance.clocks.recording import started as clock_started
from evidence_kit.governance.clocks.running import running, statements, the_one
from evidence_kit.governance.clocks.sets import choose as choose_clock
from evidence_kit.model.time import parse_instant, rfc3339
from evidence_kit.playbook import expressions
from evidence_kit.playbook.model import Outcome, Step
from evidence_kit.playbook.run import journal
from evidence_kit.playbook.run.play import Play
from evidence_kit.playbook.run.results import Result

WAITING = "waiting"
_CONTRACT = "contract"
_BAD = frozenset({Outcome.FAILED, Outcome.DENIED, Outcome.TIMED_OUT})
_MAX_WHY = 2_000
_COUNTS = frozenset({"records", "artifacts", "missing", "rows", "passed", "done"})
_CHOICES = frozenset({"choice", "choices", "approved_by"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run stands: ended, or waiting for people."""

    run: str
    outcome: str  # one of the outcomes, or `waiting`
    results: Mapping[str, Result]
    waiting: tuple[str, ...] = ()

    @property
    def exit(self) -> Exit:
        """Return OK only where every step that ran did all that it is for."""
        if self.outcome == Outcome.FAILED:
            return Exit.PROVIDER
        return Exit.OK if self.outcome == Outcome.SUCCESS else Exit.INCOMPLETE

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "run": self.run,
            "outcome": self.outcome,
            "waiting": list(self.waiting),
            "steps": [{"name": name, **one.to_json()} for name, one in self.results.items()],
            "exit": int(self.exit),
        }


def start_step(play: Play, step: Step) -> bool:
    """Note that a step begins; say whether it had begun before a crash."""
    before = step.id in play.begun
    if not before:
        play.begun.add(step.id)
        play.journal.add(journal.STARTED, {"step": step.id, "kind": step.type, "at": rfc3339(play.now())})
        play.tools.teller.step(step, "begins")
    return before


def end_step(play: Play, step: Step, result: Result) -> None:
    """Put the end of a step into the journal, and the journal's head into the custody log."""
    play.journal.add(journal.ENDED, {"step": step.id, "at": rfc3339(play.now()), "result": result.to_json()})
    note_end(play, step, result)
    keeper = play.engine.keeper
    said = {
        "run": play.id,
        "step": step.id,
        "outcome": result.outcome.value,
        "gaps": result.missing,
        "journal": {"size": play.journal.chain.size, "head": play.journal.chain.head},
    }
    keeper.append(log.PLAY_STEP, at=play.now(), subjects=[subject_of(keeper.state())], fields={"playbook": said})
    told = "; ".join(part for part in (result.reason, shown(result)) if part)
    play.tools.teller.step(step, f"{result.outcome.value}{f': {told}' if told else ''}")
    start_clocks(play)


def shown(result: Result) -> str:
    """Return what a step hands on in a few words: numbers, how long lists are, and what people chose."""
    said = []
    for name, value in result.outputs.items():
        if isinstance(value, bool):
            said.append(name if value else f"not {name}")
        elif isinstance(value, int) and name in _COUNTS:
            said.append(f"{value:,} {name}")
        elif isinstance(value, list):
            said.append(f"{len(value):,} {name}" if name not in _CHOICES else ", ".join(map(str, value)))
        elif name in _CHOICES:
            said.append(str(value))
    return ", ".join(said)


def note_end(play: Play, step: Step, result: Result) -> None:
    """Take in how a step ended; a failure may end the run."""
    play.results[step.id] = result
    if result.outcome in _BAD and step.on_error == "stop":
        play.stopped = play.stopped or step.id


def start_clocks(play: Play) -> None:
    """Start every clock whose condition holds by now: by the time that a person has recorded."""
    if play.tools.clocks is None:
        return
    for name, use in play.playbook.clocks.items():
        if name in play.clocks or not _is_due(play, use.when):
            continue
        try:
            at = parse_instant(str(expressions.parse(use.start).value(play.names())))
            clock = choose_clock(play.tools.clocks, _clock_id(play, use.use, use.target))
        except UsageError as error:  # an agreement without a term, perhaps: the evidence is taken all the same
            told: dict[str, object] = {"clock": name, "id": "", "startsAt": "", "refused": error.message}
            play.journal.add(journal.CLOCK, told)
            play.clocks[name] = told
            ended = next(step for step in reversed(play.playbook.steps) if step.id in play.results)
            play.tools.teller.step(ended, f"the clock `{name}` was not started: {error.message}")
            continue
        keeper = play.engine.keeper
        known = running(statements(play.engine.vault), play.tools.clocks.clocks)
        if the_one(known, clock.id) is None:  # it may run already, by a person's word or by this run before a crash
            why = f"playbook {play.playbook.id}, run {play.id}: {use.when}"
            said = clock_started(play.tools.clocks, clock, at=at, why=why[:_MAX_WHY])
            keeper.append(log.CLOCK_STARTED, at=play.now(), subjects=[subject_of(keeper.state())], fields=said)
        play.journal.add(journal.CLOCK, {"clock": name, "id": clock.id, "startsAt": rfc3339(at)})
        play.clocks[name] = {"id": clock.id, "startsAt": rfc3339(at)}


def _is_due(play: Play, when: str) -> bool:
    try:
        return play.holds(when)
    except EvidenceKitError:
        return False  # what it asks about has not been said yet


def _clock_id(play: Play, use: str, target: str) -> str:
    if use != _CONTRACT:
        return use
    wanted_id = str(play.value(target))
    entry = next((one for one in play.tools.entries if wanted_id in {one.target.id, one.target.name}), None)
    return f"{_CONTRACT}.{(entry.target.name or entry.target.id) if entry else wanted_id}"


def close(play: Play, waiting: Mapping[str, str]) -> Ended:
    """Say how the run stands; one that has ended is closed, with its journal's digest on record."""
    left = [step.id for step in play.playbook.steps if step.id not in play.results]
    if left:
        return Ended(
            run=play.id, outcome=WAITING, results=play.results, waiting=tuple(waiting.values()) or ("stopped",)
        )
    outcome = _verdict(play)
    if not play.closed:
        play.journal.add(journal.CLOSED, {"at": rfc3339(play.now()), "outcome": outcome.value})
        play.closed = True
        announce(play)
    return Ended(run=play.id, outcome=outcome.value, results=play.results)


def announce(play: Play) -> None:
    """Put the end of a closed run on record, with the digest of its whole journal."""
    keeper, path = play.engine.keeper, journal.journal_path(play.id)
    play.engine.vault.close()
    with play.engine.vault.open(path) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    said = {"run": play.id, "outcome": _verdict(play).value, "steps": _ends(play)}
    subjects = [statement.Subject(path, digest), subject_of(keeper.state())]
    keeper.append(log.PLAY_ENDED, at=play.now(), subjects=subjects, fields={"playbook": said})


def _verdict(play: Play) -> Outcome:
    ends = [(step, play.results[step.id]) for step in play.playbook.steps]
    if any(one.outcome in _BAD and step.on_error == "stop" for step, one in ends):
        return Outcome.FAILED
    if any(one.get("refused") for one in play.clocks.values()):
        return Outcome.PARTIAL
    if any(one.missing or not (one.outcome.is_done or one.outcome is Outcome.SKIPPED) for _, one in ends):
        return Outcome.PARTIAL
    return Outcome.SUCCESS


def _ends(play: Play) -> dict[str, str]:
    return {step.id: play.results[step.id].outcome.value for step in play.playbook.steps}
