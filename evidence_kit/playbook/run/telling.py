"""Steps that tell people: notices without a word of evidence, and reports of what is on record."""

from collections import Counter
from typing import Any

from evidence_kit.analysis.tables.keeping import record_derived
from evidence_kit.errors import UsageError
from evidence_kit.model.status import UnitStatus
from evidence_kit.notices.delivered import Outcome as Delivery
from evidence_kit.notices.notice import Notice, Written
from evidence_kit.playbook import templates
from evidence_kit.playbook.expressions import Reference
from evidence_kit.playbook.language import SECRET
from evidence_kit.playbook.model import Outcome, Step
from evidence_kit.playbook.run.play import Play
from evidence_kit.playbook.run.results import Gap, Result, failed
from evidence_kit.vaults.local import LocalVault

_STATUSES = frozenset(status.value for status in UnitStatus)


def run_notify(play: Play, step: Step, *, again: bool) -> Result:
    """Send a notice once; `again` says that a crash came while it was being sent, and nobody knows whether it was."""
    if again:
        reason = "a crash came while it was being sent: it may have arrived, and is not sent a second time"
        gap = Gap(kind="not_known", reason=reason)
        return Result(outcome=Outcome.PARTIAL, reason=reason, outputs={"delivered": False}, gaps=(gap,))
    if play.tools.notify is None:
        return failed("no channels are set up: give them with `--channels`", Outcome.SKIPPED)
    channel = str(play.value(step.fields["channel"]))
    done = play.tools.notify(channel, notice(play, step))
    told = {"delivered": done.is_done}
    if done.is_done or done.outcome is Delivery.DRY:
        return Result(outcome=Outcome.SUCCESS, reason=done.said, outputs=told)
    gap = Gap(kind="not_delivered", reason=f"{done.channel}: {done.outcome.value}: {done.said}")
    return Result(outcome=Outcome.FAILED, reason=gap.reason, outputs=told, gaps=(gap,))


def notice(play: Play, step: Step) -> Notice:
    """Return what is said: the author's words with numbers in them, and how far the run has got."""
    gaps = Counter(gap.kind for result in play.results.values() for gap in result.gaps)
    ends = Counter(result.outcome.value for result in play.results.values())
    return Notice(
        case=play.engine.keeper.state().case,
        title=Written(step.label),
        text=Written(message(play, step)),
        counts={f"steps {name.replace('_', ' ')}": count for name, count in sorted(ends.items())},
        gaps={UnitStatus(kind): count for kind, count in sorted(gaps.items()) if kind in _STATUSES},
        digests={"playbook": play.playbook.digest, "journal": play.journal.chain.head},
    )


def message(play: Play, step: Step) -> str:
    """Return the message with every slot filled in; UsageError for one that could hold evidence."""
    names = play.names()
    parts: list[str] = []
    for part in templates.read(step.fields["message"]).parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        value = part.expression.value(names)
        harmless = isinstance(value, int | float) or all(_is_ours(play, one) for one in part.expression.references())
        if not harmless or not isinstance(value, str | int | float):
            raise UsageError(
                f"`{part.expression.text[:80]}` may hold evidence, and a notice holds none",
                hint="numbers may stand in it, such as `size(…)`",
            )
        parts.append(str(value))
    return "".join(parts)


def _is_ours(play: Play, one: Reference) -> bool:
    """Say whether a name stands for what people or we ourselves said, never for a value of evidence."""
    if one.path[0] == "run":
        return True
    if one.path[0] == "inputs" and len(one.path) > 1:
        known = play.playbook.inputs.get(one.path[1])
        return known is not None and known.type != SECRET
    return one.path[0] == "steps" and len(one.path) == 3 and one.path[2] == "outcome"


def run_report(play: Play, step: Step) -> Result:
    """Write the reports and keep them in the case, with what they were made from on record."""
    if play.tools.render is None:
        return failed("nothing here writes reports", Outcome.SKIPPED)
    keeper, vault = play.engine.keeper, play.engine.vault
    asked: dict[str, Any] = {
        "title": step.fields.get("title", ""),
        "formats": list(step.fields["formats"]),
        "audience": step.fields.get("audience", "internal"),
        "run": play,
    }
    kept: list[str] = []
    for file in play.tools.render(asked):
        path = _new_path(vault, play.id, step.id, file.suffix)
        said = {"by": "report", "run": play.id, "step": step.id, "audience": asked["audience"]}
        kept.append(record_derived(vault, keeper, file, path, said, at=play.now()).path)
    return Result(outcome=Outcome.SUCCESS, outputs={"files": kept})


def _new_path(vault: LocalVault, run: str, step: str, suffix: str) -> str:
    number, base = 1, f"derived/playbooks/{run}/{step}"
    path = f"{base}{suffix}"
    while vault.stat(path) is not None:  # of an attempt that a crash cut short
        number += 1
        path = f"{base}.{number}{suffix}"
    return path
