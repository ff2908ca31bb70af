"""The loop: whatever may run, runs; what vanishes first goes first; each end is on record before the next begins."""

from collections.abc import Sequence
from typing import Any

from evidence_kit.errors import ChainError, EvidenceKitError, OperatorStop, UsageError, VaultError
from evidence_kit.playbook.expressions import parse
from evidence_kit.playbook.model import Outcome, Step
from evidence_kit.playbook.run.asking import run_query
from evidence_kit.playbook.run.changing import CHANGES, arguments, run_change, would
from evidence_kit.playbook.run.checking import run_verify
from evidence_kit.playbook.run.collecting import collect, wanted
from evidence_kit.playbook.run.onrecord import anchors
from evidence_kit.playbook.run.opening import again, begin
from evidence_kit.playbook.run.people import PEOPLE, run_people
from evidence_kit.playbook.run.play import Play
from evidence_kit.playbook.run.record import Ended, close, end_step, start_step
from evidence_kit.playbook.run.results import Gap, NotAllowedError, Result, Waiting, failed
from evidence_kit.playbook.run.taken import Wanted
from evidence_kit.playbook.run.telling import run_notify, run_report

MAX_NESTING = 5


def run(play: Play) -> Ended:
    """Run what can be run; return how the run stands when nothing more can."""
    waiting: dict[str, str] = {}
    while not play.engine.stop.is_set():
        ready = [step for step in _ready(play) if step.id not in waiting]
        if not ready:
            break
        batch = [step for step in ready if step.type == "collect"]
        if batch:
            _collect(play, batch)
            continue
        step = ready[0]
        try:
            _one(play, step)
        except Waiting as left:
            waiting[step.id] = left.left
            play.tools.teller.step(step, f"waiting: {left.left}")
    return close(play, waiting)


def _ready(play: Play) -> list[Step]:
    """Return the steps of which all that they need has ended; those that must not run are ended on the way."""
    found: list[Step] = []
    for step in _ordered(play.playbook.steps):
        if step.id in play.results or any(need.step not in play.results for need in step.needs):
            continue
        skipped = _not_to_run(play, step)
        if skipped is None:
            found.append(step)
        else:
            end_step(play, step, skipped)
            return _ready(play)  # a step that waited for this one may be ready now, or skipped in turn
    return found


def _ordered(steps: Sequence[Step]) -> list[Step]:
    """Return the steps as they are tried: volatile ones first, those that need nobody before those that do."""
    return sorted(steps, key=lambda step: (not step.fields.get("volatile", False), step.type in PEOPLE, step.index))


def _not_to_run(play: Play, step: Step) -> Result | None:
    """Return the end of a step that is skipped, or None if it may run; a condition that cannot be told is a gap."""
    for need in step.needs:
        outcome = play.results[need.step].outcome
        if outcome.value not in need.accept:
            return _skipped(f"`{need.step}` ended {outcome.value}")
    if play.stopped and not any(need.takes_failure for need in step.needs):
        return _skipped(f"the run stopped at `{play.stopped}`")
    if step.when:
        try:
            if not play.holds(step.when):
                return _skipped("its condition is not met")
        except EvidenceKitError as error:
            reason = f"its condition cannot be told: {error.message}"
            return _skipped(reason, Gap(kind="not_known", reason=reason))
    return None


def _skipped(reason: str, *gaps: Gap) -> Result:
    return Result(outcome=Outcome.SKIPPED, reason=reason, gaps=gaps)


def _collect(play: Play, steps: Sequence[Step]) -> None:
    """Collect for all steps that are ready, volatile ones planned first."""
    asked = []
    for step in steps:
        start_step(play, step)
        try:
            asked.append(wanted(play, step))
        except UsageError as error:
            outcome = Outcome.DENIED if isinstance(error, NotAllowedError) else Outcome.FAILED
            end_step(play, step, failed(error.message, outcome))
    if not asked:
        return
    results = _collected(play, asked)
    if play.engine.stop.is_set():
        return  # cut off, not ended: whoever resumes takes the rest
    for one in asked:
        end_step(play, one.step, results[one.step.id])


def _collected(play: Play, asked: Sequence[Wanted]) -> dict[str, Result]:
    """Return how each collection ended; what one of them cannot do is no reason to take nothing for the others."""
    try:
        return collect(play, asked)
    except (VaultError, OperatorStop):
        raise
    except EvidenceKitError as error:
        if len(asked) == 1:
            return {asked[0].step.id: failed(error.message)}
    return {name: ended for one in asked for name, ended in _collected(play, [one]).items()}


def _one(play: Play, step: Step) -> None:
    """Run a step that is no collection, and put its end on record."""
    was_started = start_step(play, step)
    try:
        result = _handled(play, step, was_started)
    except (VaultError, ChainError, OperatorStop):
        raise
    except EvidenceKitError as error:
        result = failed(f"{error.message}{f' ({error.hint})' if error.hint else ''}")
    if step.type in CHANGES and play.engine.stop.is_set():
        return  # it may have been cut off; done twice, it changes nothing
    end_step(play, step, result)


def _handled(play: Play, step: Step, was_started: bool) -> Result:  # noqa: FBT001 - a fact of the journal
    if step.type == "query":
        return run_query(play, step)
    if step.type == "verify":
        return run_verify(play, step)
    if step.type in PEOPLE:
        return run_people(play, step, _covered(play, step))
    if step.type in CHANGES:
        return run_change(play, step)
    if step.type == "notify":
        return run_notify(play, step, again=was_started)
    if step.type == "report":
        return run_report(play, step)
    return _call(play, step)


def _covered(play: Play, step: Step) -> dict[str, Any]:
    """Return what an approval is about: each covered step with all its arguments, and in words what it would do."""
    if step.type != "approve":
        return {}
    covered: dict[str, Any] = {}
    for name in step.fields["covers"]:
        one = play.playbook.step(name)
        if one.type in CHANGES and not _is_idle(play, one):
            covered[name] = arguments(play, one)
    if covered and step.id not in play.asked:
        for name, wanted_of in covered.items():
            for line in would(play, play.playbook.step(name), wanted_of):
                play.tools.teller.step(step, f"{name}: {line}")
    return covered


def _is_idle(play: Play, step: Step) -> bool:
    """Say whether a covered step will not run as things stand; if that changes, it finds itself unapproved."""
    try:
        return bool(step.when) and not play.holds(step.when)
    except EvidenceKitError:
        return False  # it is not known yet: whoever approves sees its arguments


def _call(play: Play, step: Step) -> Result:
    """Run another playbook as a step of this one."""
    if len(play.parents) >= MAX_NESTING:
        raise UsageError(f"playbooks call each other more than {MAX_NESTING} deep")
    child_run = f"{play.id}.{step.id}"
    if anchors(play.engine.vault, child_run):
        child = again(child_run, play.tools)
    else:
        other = play.tools.library(step.fields["playbook"])
        pinned = step.fields.get("sha256")
        if pinned and other.digest != pinned:
            raise UsageError(f"`{step.fields['playbook']}` is not the file whose digest is given")
        if not other.policy.allow <= play.playbook.policy.allow:
            more = ", ".join(sorted(other.policy.allow - play.playbook.policy.allow))
            raise UsageError(f"`{other.id}` may {more}, and this playbook may not")
        given = {
            name: value for name, value in play.filled(step.fields.get("with", {})).items() if value not in ("", [])
        }
        child = begin(other, play.tools, given, name=child_run, parents=(*play.parents, play.playbook.id))
    ended = run(child)
    if ended.waiting:
        raise Waiting("; ".join(ended.waiting))
    outcome = Outcome(ended.outcome)
    gaps = [Gap(kind="within", reason=f"{name}: {one.reason}") for name, one in ended.results.items() if one.missing]
    return Result(
        outcome=outcome,
        reason=f"run {child.id} ended {outcome.value}",
        outputs={"outcome": outcome.value, **_outputs(child)},
        gaps=tuple(gaps),
        gap_count=sum(one.missing for one in ended.results.values()),
    )


def _outputs(play: Play) -> dict[str, object]:
    return {name: parse(text).value(play.names()) for name, text in play.playbook.outputs.items()}
