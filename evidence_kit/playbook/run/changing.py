"""Steps that change a target so that evidence stays: only what was approved, in exactly these words, and on record.

An action goes through the same engine as a collection: planned, paced, every answer signed and sealed. Done twice it
changes nothing, so a crash between question and answer needs nothing but another run.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from evidence_kit.acquire.handover import subject_of
from evidence_kit.acquire.plan import make_plan
from evidence_kit.acquire.scope import Order
from evidence_kit.custody import log
from evidence_kit.errors import EmptyError
from evidence_kit.model.time import Window
from evidence_kit.playbook.model import Outcome, Step
from evidence_kit.playbook.run.collecting import collect
from evidence_kit.playbook.run.play import Play
from evidence_kit.playbook.run.results import Result, failed
from evidence_kit.playbook.run.taken import Part, Wanted, latest
from evidence_kit.preservation import book

CHANGES = frozenset({"preserve", "hold"})
CASE = "case"  # the action that holds this case itself
_YEAR = timedelta(days=365)


def arguments(play: Play, step: Step) -> dict[str, Any]:
    """Return all that a step is going to do, in full: what an approval shows and is bound to."""
    items, left_out = play.items(step)
    return {
        "action": step.fields["action"],
        "matter": play.value(step.fields.get("matter", "")),
        "targets": [entry.target.id for entry in play.targets_of(step)] if step.fields["action"] != CASE else [],
        "with": [play.filled(step.fields.get("with", {}), **play.of_item(step, item)) for item in items],
        "leftOut": left_out,
    }


def run_change(play: Play, step: Step) -> Result:
    """Do it if it was approved as it stands."""
    wanted = arguments(play, step)
    if (against := _unapproved(play, step, wanted)) is not None:
        return against
    if step.fields["action"] == CASE:
        return _hold_case(play, step, wanted)
    action = book.choose(step.fields["action"], book.load_actions())
    parts = [part for one in wanted["with"] for part in _parts(play, step, action, one)]
    asked = Wanted(step=step, parts=tuple(parts), left_out=wanted["leftOut"])
    result = collect(play, [asked])[step.id]
    return _with_resources(play, step, result)


def _unapproved(play: Play, step: Step, wanted: Mapping[str, Any]) -> Result | None:
    """Return the end of a step that nobody has approved, or not in these words."""
    approval = step.fields["approval"]
    result, asked = play.results.get(approval), play.asked.get(approval)
    if result is None or not result.outputs.get("approved") or asked is None:
        return failed(f"`{approval}` did not approve it", Outcome.DENIED)
    if _same(asked.covers.get(step.id)) != _same(wanted):
        return failed(f"what `{approval}` approved is not what is to be done now", Outcome.DENIED)
    return None


def _same(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _parts(play: Play, step: Step, action: book.ActionSpec, given: Mapping[str, Any]) -> list[Part]:
    provider = action.source.provider
    case = play.engine.keeper.state().case
    found = []
    for entry in play.targets_of(step):
        if entry.target.provider == provider:
            order = Order(
                sources=(action.name,),
                targets=(entry.target,),
                window=Window(play.started, play.started + _YEAR),
                params=book.arguments(action, given, case=case, run=play.id, step=step.id),
            )
            found.append(Part(step=step.id, order=order))
    return found


def would(play: Play, step: Step, wanted: Mapping[str, Any]) -> list[str]:
    """Return in words what would be done, for whoever approves; only reads are made for it."""
    if wanted["action"] == CASE:
        return [f"hold this case as `{wanted['matter']}`: its log accepts no disposal until it is released"]
    action = book.choose(wanted["action"], book.load_actions())
    lines: list[str] = []
    for part in (part for one in wanted["with"] for part in _parts(play, step, action, one)):
        try:
            lines += book.plan_text(action, make_plan(part.order, play.engine.collectors, play.engine.world()).units)
        except EmptyError as error:
            lines.append(error.message)
    return list(dict.fromkeys(lines))


def _with_resources(play: Play, step: Step, result: Result) -> Result:
    """Add what was made or is held, by the findings of the actions."""
    from dataclasses import replace

    resources: dict[str, None] = {}
    for one in latest(play.engine.vault, play.id, step.id).values():
        for finding in one.outcome.findings if one.outcome else ():
            if finding.facts.get("id"):
                resources[f"{finding.facts.get('resource', '')} {finding.facts['id']}".strip()] = None
    told = {
        "resources": list(resources),
        "done": int(result.outputs["units"]) - result.missing,
        "missing": result.missing,
    }
    return replace(result, outputs=told)


def _hold_case(play: Play, step: Step, wanted: Mapping[str, Any]) -> Result:
    """Place a hold on the case, once."""
    keeper = play.engine.keeper
    state = keeper.state()
    name = str(wanted["matter"])
    if name not in state.custody.holds:
        reason = step.description or step.label
        fields = {"hold": {"id": name, "reason": reason, "authority": play.playbook.policy.purpose}}
        keeper.append(log.HELD, at=play.now(), subjects=[subject_of(state)], fields=fields)
    return Result(outcome=Outcome.SUCCESS, outputs={"resources": [name], "done": 1, "missing": 0})
