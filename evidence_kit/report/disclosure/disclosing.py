"""Disclosing part of a case: chosen artifacts, whole or redacted, and what proves each to whoever receives them."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from evidence_kit.acquire.case import require_sound_log
from evidence_kit.custody import disclosure, log, statement
from evidence_kit.custody.disclosure import Disclosed, Handover
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify.custodians import Approvals
from evidence_kit.custody.verify.disclosures import verify_disclosure
from evidence_kit.errors import EmptyError, UntrustedError
from evidence_kit.report.disclosure import recipe
from evidence_kit.report.disclosure.package import Package, building, hand_out
from evidence_kit.report.disclosure.taking import Order, Taking, first_defect
from evidence_kit.vaults.local import LocalVault

__all__ = ["Handover", "Made", "Order", "disclose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was handed out."""

    sha256: str  # of `disclosure.json`
    event: int
    artifacts: int
    redacted: int
    withheld: int
    told: tuple[str, ...]  # rules that match what an attestation says, which travels as it is


def disclose(vault: LocalVault, keeper: Keeper, trust: Trust, out: Path, order: Order, *, at: datetime) -> Made:
    """Make the package at `out` and say so in the custody log; nothing is handed out that does not verify."""
    with vault.lock(), vault.working(), building(out, outside=vault) as package:
        state = require_sound_log(keeper, at=at)
        _require_agreed(keeper, trust)
        sealed = [known for known in state.acquisitions.values() if known.seal_sha256]
        if not sealed:
            raise EmptyError(
                "no acquisition of this case is sealed, so nothing of it can be proved",
                hint="`evidence-kit resume` continues and seals one that was interrupted",
            )
        with package.writing(disclosure.REDACTIONS) as redactions:
            work = Taking(vault=vault, package=package, redactions=redactions, state=state, trust=trust, order=order)
            taken = [made for known in sealed if (made := work.take(known)) is not None]
        disclosed = work.finish(taken, keeper, at)
        sha256 = _sign(package, disclosed, keeper)
        _require_sound(package, trust)
        seq = _record(keeper, disclosed, sha256, at)
        hand_out(package, out)
    return Made(
        sha256=sha256,
        event=seq,
        artifacts=disclosed.artifacts,
        redacted=disclosed.redacted,
        withheld=disclosed.withheld,
        told=tuple(sorted(work.told)),
    )


def _require_agreed(keeper: Keeper, trust: Trust) -> None:
    """Raise UntrustedError where the caller's policy wants more people behind a disclosure than have agreed."""
    approvals = Approvals(trust)

    def count(event: log.Event) -> None:
        known = trust.keys.get(event.envelope.keyid)
        if known is not None and event.type in {log.APPROVED, log.DISCLOSED}:
            with suppress(UntrustedError):
                approvals.take(event, known)

    with keeper.vault.open(log.LOG) as stream:
        log.scan(stream, report=lambda *_: None, seen=count)
    own = trust.keys.get(keeper.signer.keyid)
    agreed = approvals.given.get("disclosure", set()) | {own.name if own else keeper.actor}
    if len(agreed) < (wanted := trust.threshold("disclosure")):
        raise UntrustedError(
            f"{wanted} people must agree to a disclosure, {len(agreed)} did",
            hint="an approver agrees with `evidence-kit custody approve`",
        )


def _sign(package: Package, disclosed: Disclosed, keeper: Keeper) -> str:
    package.write(disclosure.README, [recipe.readme(disclosed)])
    package.write(disclosure.SCRIPT, [recipe.script()])
    manifest = package.close(disclosure.MANIFEST)
    # Listed nowhere, for it signs the list; whoever writes it last cannot be listed before.
    return package.write(disclosure.ENVELOPE, [disclosure.make(manifest, disclosed, keeper.signer)])


def _require_sound(package: Package, trust: Trust) -> None:
    """Check the package as its receiver will."""
    report = verify_disclosure(LocalVault(package.root.parent), name=package.root.name, trust=trust)
    for check in report.checks:
        if check.defects:
            raise first_defect(check, f"{package.root.name}/")


def _record(keeper: Keeper, disclosed: Disclosed, sha256: str, at: datetime) -> int:
    """Say in the custody log what is about to leave; before it does, so that nothing leaves unrecorded."""
    said = {
        "recipient": disclosed.to.recipient,
        "purpose": disclosed.to.purpose,
        "authority": disclosed.to.authority,
        "artifacts": disclosed.artifacts,
        "redacted": disclosed.redacted,
        "sha256": sha256,
    }
    subjects = [statement.Subject(disclosure.ENVELOPE, sha256)]
    return keeper.append(log.DISCLOSED, at=at, subjects=subjects, fields={"disclosure": said}).tree.size - 1
