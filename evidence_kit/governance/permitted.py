"""Whether an order may be carried out: what agreements and the organisation's policy have to say about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from evidence_kit.governance.inventory import Entry
from evidence_kit.governance.policy import Policy
from evidence_kit.model.source import SourceSpec
from evidence_kit.model.time import Window, spelled

EVERYWHERE = "all targets"  # what a refusal is about that concerns no single one


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One thing that may not be done, and the clause that forbids it."""

    target: str
    source: str  # empty where it is about all of them
    clause: str
    reason: str

    @property
    def text(self) -> str:
        """Return it in one line."""
        what = f"{self.source} at {self.target}" if self.source else self.target
        return f"{what}: {self.reason} ({self.clause})"


def refusals(
    specs: Iterable[SourceSpec],
    entries: Sequence[Entry],
    window: Window,
    *,
    at: datetime,
    policy: Policy | None = None,
    vault: str = "",
) -> tuple[Refusal, ...]:
    """Return everything that stands against collecting `specs` at `entries`; `vault` is where the case lies."""
    listed = list(specs)
    found: list[Refusal] = []
    for entry in entries:
        found += _by_agreement(entry, [spec for spec in listed if spec.provider == entry.target.provider], at)
        if policy is not None:
            found += _by_residency(entry, policy, vault)
    if policy is not None:
        found += _by_window(policy, window, any(spec.windowed for spec in listed))
    return tuple(found)


def standing(entries: Iterable[Entry], policy: Policy | None, vault: str) -> dict[str, object]:
    """Return what an order keeps on record of it all: agreements, jurisdictions and the policy."""
    targets = [entry.to_json() for entry in entries if entry.agreement or entry.jurisdiction.data]
    limited = {"policy": {"name": policy.name, "sha256": policy.digest}, "vault": vault} if policy else {}
    return {**({"targets": targets} if targets else {}), **limited}


def _by_agreement(entry: Entry, specs: Sequence[SourceSpec], at: datetime) -> list[Refusal]:
    agreement, label = entry.agreement, entry.target.label
    if agreement is None:
        return []
    if over := ended(entry, at):
        return [over]
    allowed = allowance(agreement.evidence)
    found = []
    for spec in specs:
        outside = [name for name in spec.evidence if name not in agreement.evidence]
        if outside or not spec.evidence:
            taken = ", ".join(outside) or "evidence of no declared class"
            reason = f"takes {taken}; the agreement allows {allowed}"
            found.append(Refusal(target=label, source=spec.name, clause=agreement.reference, reason=reason))
    return found


def ended(entry: Entry, at: datetime) -> Refusal | None:
    """Return what stands against everything at a target whose agreement is over."""
    agreed = entry.agreement
    if agreed is None or not agreed.is_over(at):
        return None
    reason = f"the agreement ended on {agreed.expires}"
    return Refusal(target=entry.target.label, source="", clause=agreed.reference, reason=reason)


def allowance(evidence: Mapping[str, str]) -> str:
    """Return in words what an agreement allows, each class with its clause."""
    return ", ".join(f"{name} by {clause}" if clause else name for name, clause in evidence.items())


def _by_residency(entry: Entry, policy: Policy, vault: str) -> list[Refusal]:
    found = []
    for place in entry.jurisdiction.data:
        allowed = policy.residency.get(place)
        if allowed is not None and vault not in allowed:
            where = f"a vault in {vault}" if vault else "a vault whose place nobody named"
            reason = f"its data lie in {place} and may be kept in {', '.join(allowed)}, not in {where}"
            found.append(
                Refusal(target=entry.target.label, source="", clause=f"{policy.name}, residency", reason=reason)
            )
    return found


def _by_window(policy: Policy, window: Window, windowed: bool) -> list[Refusal]:  # noqa: FBT001 - a question's answer
    asked = window.end - window.start
    if not windowed or policy.max_window is None or asked <= policy.max_window:
        return []
    reason = f"a window of {spelled(asked)} is longer than the {spelled(policy.max_window)} allowed"
    return [Refusal(target=EVERYWHERE, source="", clause=f"{policy.name}, maxWindow", reason=reason)]
