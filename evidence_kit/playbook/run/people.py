"""Steps that wait for people: their words are signed by their own keys and bound to exactly what they were asked."""

from collections.abc import Mapping
from typing import Any

from evidence_kit.analysis import bagfiles
from evidence_kit.custody.answer import Answer
from evidence_kit.custody.trust import SigningTime
from evidence_kit.errors import UntrustedError, UsageError
from evidence_kit.model.time import rfc3339
from evidence_kit.playbook.expressions import parse
from evidence_kit.playbook.model import Outcome, Step
from evidence_kit.playbook.run import journal
from evidence_kit.playbook.run.answering import handed_in
from evidence_kit.playbook.run.play import Play
from evidence_kit.playbook.run.questions import Asked, Reply, ask, judged, reply_of
from evidence_kit.playbook.run.results import Gap, Result, Waiting

PEOPLE = frozenset({"decide", "approve", "manual"})
APPROVER = "approver"


def run_people(play: Play, step: Step, covered: Mapping[str, Any]) -> Result:
    """Return what people said; Waiting while somebody has yet to say it."""
    if step.type == "decide" and step.fields.get("by") == "rule":
        return _by_rule(play, step)
    asked = _asked(play, step, covered)
    office = play.office
    said = list(office.answered(step, asked))
    late = asked.deadline is not None and play.now() >= asked.deadline
    if not late and not _enough(play, step, said) and (reply := play.tools.reply(asked)) is not None:
        _take_in(play, step, asked, reply)
        said = list(office.answered(step, asked))
    if _enough(play, step, said):
        return _result(play, step, said)
    if late:
        return _too_late(play, step, str(asked.said["deadline"]))
    raise Waiting(_left(step, asked, said))


def _take_in(play: Play, step: Step, asked: Asked, reply: Reply) -> None:
    """Sign and record what somebody answers here; what is no answer leaves the question open."""
    try:
        document = play.office.sign(asked, judged(step, reply), at=play.now())
        play.office.record(step, asked, document, at=play.now())
    except UsageError as error:
        raise Waiting(f"{_left(step, asked, [])}: {error.message}") from error


def _asked(play: Play, step: Step, covered: Mapping[str, Any]) -> Asked:
    """Return the question, asked once: after a crash it is the same, unless what it covers has changed."""
    known = play.asked.get(step.id)
    if known is not None and known.covers == covered:
        return known
    context = {name: result.outcome.value for name, result in play.results.items()}
    case = play.engine.keeper.state().case
    asked = ask(step, case=case, run=play.id, at=play.now(), covers=covered, context=context)
    play.journal.add(journal.ASKED, {"step": step.id, "sha256": asked.sha256, "question": asked.body.decode()})
    play.asked[step.id] = asked
    return asked


def _by_rule(play: Play, step: Step) -> Result:
    found = parse(step.fields["rule"]).value(play.names())
    choices = tuple(map(str, found)) if isinstance(found, list) else (str(found),)
    judged(step, Reply(choices=choices))
    return Result(
        outcome=Outcome.SUCCESS,
        outputs={**_choice(step, choices), "decided_by": "rule", "decided_at": rfc3339(play.now())},
    )


def _choice(step: Step, choices: tuple[str, ...]) -> dict[str, object]:
    return {"choices": list(choices)} if step.fields.get("multiple") else {"choice": choices[0]}


def _enough(play: Play, step: Step, said: list[Answer]) -> bool:
    """Say whether no more has to be said: one refusal ends an approval, and so do as many yeses as were asked for."""
    if step.type != "approve":
        return bool(said)
    return any(one.approved is False for one in said) or len(_approvers(play, step, said)) >= step.fields.get(
        "min", 1
    )


def _approvers(play: Play, step: Step, said: list[Answer]) -> dict[str, str]:
    """Return the keys and names of those whose yes counts."""
    operator = play.engine.keeper.signer.keyid
    apart = step.fields.get("not_operator", True)
    return {
        one.keyid: one.name
        for one in said
        if one.approved and not (apart and one.keyid == operator) and _may(play, one)
    }


def _may(play: Play, said: Answer) -> bool:
    """Say whether the trust policy lets a key approve; the operator's own is asked for only where it may."""
    if said.keyid == play.engine.keeper.signer.keyid:
        return True
    known = play.tools.trust.keys.get(said.keyid) if play.tools.trust is not None else None
    if known is None or known.revoked is not None:
        return False
    try:
        known.require((APPROVER,), SigningTime(play.now()))
    except UntrustedError:
        return False
    return True


def _result(play: Play, step: Step, said: list[Answer]) -> Result:
    last = said[-1]
    fields = judged(step, reply_of(last)).fields  # whoever signed them elsewhere wrote texts
    if step.type == "approve":
        approvers = _approvers(play, step, said)
        refused = next((one for one in said if one.approved is False), None)
        outputs = {
            "approved": refused is None,
            "approved_by": [] if refused else list(approvers.values()),
            "approved_at": rfc3339(last.at),
        }
        if refused is not None:
            reason = f"{refused.name} refused: {refused.reason or 'no reason given'}"
            return Result(
                outcome=Outcome.DENIED, reason=reason, outputs=outputs, gaps=(Gap(kind="refused", reason=reason),)
            )
        return Result(outcome=Outcome.SUCCESS, reason=last.reason, outputs=outputs)
    if step.type == "manual":
        return Result(
            outcome=Outcome.SUCCESS,
            reason=last.reason,
            outputs={
                "done_by": last.name,
                "done_at": rfc3339(last.at),
                "artifacts": _handed_in(play, step, last),
                **fields,
            },
            acquisitions=(last.acquisition,) if last.acquisition else (),
        )
    outputs = {**_choice(step, last.choices), "decided_by": last.name, "decided_at": rfc3339(last.at), **fields}
    return Result(outcome=Outcome.SUCCESS, reason=last.reason, outputs=outputs)


def _handed_in(play: Play, step: Step, said: Answer) -> int:
    bag = handed_in(step, said, play.engine.keeper.state())
    return sum(1 for _ in bagfiles.artifacts(play.engine.vault, bag)) if bag else 0


def _too_late(play: Play, step: Step, deadline: str) -> Result:
    """Return the cautious end of a question that nobody answered in time."""
    reason = f"nobody answered until {deadline}"
    outputs: dict[str, object] = {}
    if step.type == "approve":
        outputs = {"approved": False, "approved_by": [], "approved_at": ""}
    elif stands := step.fields.get("default_on_timeout"):
        outputs = {**_choice(step, (stands,)), "decided_by": "timeout", "decided_at": rfc3339(play.now())}
    return Result(
        outcome=Outcome.TIMED_OUT, reason=reason, outputs=outputs, gaps=(Gap(kind="timed_out", reason=reason),)
    )


def _left(step: Step, asked: Asked, said: list[Answer]) -> str:
    role = step.fields.get("role") or ("an approver" if step.type == "approve" else "a person")
    until = f" until {rfc3339(asked.deadline)}" if asked.deadline else ""
    have = f", {len(said)} have answered" if said else ""
    return f"{role} has to answer `{step.id}`{until}{have}"
