"""What a run has taken, by its ledgers: every unit says for which steps it was, and the last end of each counts."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from evidence_kit.acquire.scope import Order
from evidence_kit.analysis import bagfiles
from evidence_kit.analysis.bagfiles import Ended
from evidence_kit.custody import log, strict
from evidence_kit.custody.log import Event
from evidence_kit.errors import EvidenceKitError
from evidence_kit.governance.permitted import Refusal
from evidence_kit.model.ports import Vault
from evidence_kit.model.status import UnitStatus
from evidence_kit.model.unit import Unit
from evidence_kit.playbook.model import Outcome, Step
from evidence_kit.playbook.run.results import MAX_GAPS, Gap, Result

STEP = "playbook.step"  # among a unit's settings: the steps that it was taken for
_REFUSED = frozenset({UnitStatus.DENIED, UnitStatus.DENIED_BY_POLICY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one step asks for with one item: an order, and what may not be had of it."""

    step: str
    order: Order
    refused: tuple[Refusal, ...] = ()


@dataclass(slots=True, kw_only=True)
class Wanted:
    """What a step asks for: its parts, and the items that are left out."""

    step: Step
    parts: tuple[Part, ...]
    left_out: int = 0

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Return what is known to be missing before anything is asked."""
        found = [Gap(kind="refused", reason=one.text) for part in self.parts for one in part.refused]
        if self.left_out:
            found.append(
                Gap(kind="left_out", reason=f"{self.left_out:,} items beyond the {_most(self.step)} allowed")
            )
        return tuple(dict.fromkeys(found))


def result_of(vault: Vault, run: str, asked: Wanted) -> Result:
    """Return how a step ended, from the ledgers of its acquisitions alone: a later one answers for an earlier."""
    ends = latest(vault, run, asked.step.id)
    gaps = [
        *asked.gaps,
        *(_gap(one) for one in ends.values() if one.outcome is None or not one.outcome.status.is_whole),
    ]
    done = [one.outcome for one in ends.values() if one.outcome is not None]
    outputs = {
        "records": sum(one.records for one in done),
        "artifacts": sum(one.artifacts for one in done),
        "bytes": sum(one.bytes for one in done),
        "units": len(ends),
        "missing": len(gaps),
    }
    outcome, reason = _judged(asked, ends, gaps)
    return Result(
        outcome=outcome,
        reason=reason,
        outputs=outputs,
        gaps=tuple(gaps[:MAX_GAPS]),
        gap_count=len(gaps),
        acquisitions=tuple(dict.fromkeys(one.acquisition for one in ends.values())),
    )


def latest(vault: Vault, run: str, step: str) -> dict[str, Ended]:
    """Return the last end of every unit that was taken for a step of a run."""
    return latest_of(vault, run, (step,))[step]


def latest_of(vault: Vault, run: str, steps: Collection[str]) -> dict[str, dict[str, Ended]]:
    """Return the same for several steps, with every ledger read once."""
    found: dict[str, dict[str, Ended]] = {step: {} for step in steps}
    for name in acquisitions(vault, run) if steps else ():
        for one in bagfiles.units(vault, f"bags/{name}"):
            for step in found.keys() & {*one.unit.settings.get(STEP, "").split(",")}:
                found[step][unit_key(one.unit)] = one
    return found


def acquisitions(vault: Vault, run: str) -> dict[str, Order]:
    """Return the acquisitions of a run with their orders, in their order, as the custody log has them."""
    found: dict[str, Order] = {}

    def seen(event: Event) -> None:
        if event.type in {log.STARTED, log.RESUMED}:
            said = strict.field(event.said.predicate, "acquisition", dict)
            order = Order.from_json(strict.field(said, "order", dict))
            belongs = order.governance.get("playbook")
            if isinstance(belongs, dict) and belongs.get("run") == run:
                found[strict.field(said, "id", str)] = order

    def stop(error: EvidenceKitError, _: str) -> None:
        raise error

    with vault.open(log.LOG) as stream:
        log.scan(stream, report=stop, seen=seen)
    return found


def open_units(vault: Vault, run: str, step: str) -> list[Unit]:
    """Return the units of a step that another try may bring more of."""
    ends = latest(vault, run, step).values()
    return [
        one.unit for one in ends if one.outcome is not None and one.outcome.status.is_open and not one.unit.settled
    ]


def unit_key(unit: Unit) -> str:
    """Return what tells units apart: two items of a list may ask for the same unit with other parameters."""
    told = sorted((name, value) for name, value in unit.settings.items() if name != STEP)
    return f"{unit.id} {json.dumps(told)}"


def _gap(one: Ended) -> Gap:
    if one.outcome is None:
        return Gap(kind="open", reason="never finished", unit=one.unit.id)
    return Gap(kind=one.outcome.status.value, reason=one.outcome.reason, unit=one.unit.id)


def _judged(asked: Wanted, ends: Mapping[str, Ended], gaps: Sequence[Gap]) -> tuple[Outcome, str]:
    """Return the outcome: success is that of every unit, and no unit at all is no success."""
    said = gaps[0].reason if gaps else ""
    if not ends:
        if any(part.refused for part in asked.parts):
            return Outcome.DENIED, said
        return (
            (Outcome.PARTIAL, said) if gaps else (Outcome.SKIPPED, "no target fits, or there is nothing to run over")
        )
    if not gaps:
        return Outcome.SUCCESS, ""
    statuses = [one.outcome.status for one in ends.values() if one.outcome is not None]
    got = any(
        one.outcome is not None and (one.outcome.status.is_whole or one.outcome.artifacts) for one in ends.values()
    )
    if got:
        return Outcome.PARTIAL, f"{len(gaps):,} of {len(ends):,} units are not whole; the first: {said}"
    if statuses and all(status in _REFUSED for status in statuses):
        return Outcome.DENIED, said
    if statuses and all(status is UnitStatus.SKIPPED_BY_OPERATOR for status in statuses):
        return Outcome.TIMED_OUT, said
    return Outcome.FAILED, said


def _most(step: Step) -> int:
    return step.for_each.most if step.for_each else 0
