"""Renewing a case: every file is hashed once more with SHA-512 while SHA-256 still vouches for it."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from evidence_kit.custody import log, names, renewal, statement
from evidence_kit.custody.log import Keeper
from evidence_kit.custody.trust import Trust
from evidence_kit.custody.verify.case import Options, verify_case
from evidence_kit.errors import EvidenceKitError, Exit, UsageError
from evidence_kit.vaults.local import LocalVault


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What a renewal made."""

    path: str
    sha512: str
    files: int


def require_sound(vault: LocalVault, trust: Trust) -> None:
    """Raise unless everything verifies and everything is sealed: a renewal would make a defect look like history."""
    report = verify_case(vault, name=vault.root.name, trust=trust, options=Options())
    if report.exit() is Exit.OK:
        return
    if report.unsealed and not report.defects:
        raise UsageError("an acquisition is not sealed yet", hint="`evidence-kit resume`, then renew")
    first = report.defects[0] if report.defects else None
    why = f"{first.subject}: {first.message}" if first else "there is nothing in it"
    kinds = {kind.exit: kind for kind in EvidenceKitError.__subclasses__()}
    raise kinds.get(report.exit(), EvidenceKitError)(
        f"the case does not verify, so it is not renewed: {why}", hint="`evidence-kit verify` lists all defects"
    )


def renew_case(vault: LocalVault, keeper: Keeper, reason: str, now: Callable[[], datetime]) -> Renewed:
    """List every file of the case with its SHA-512 and say so in the log; the caller holds the lock."""
    if not reason.strip():
        raise UsageError("a renewal says why it was made", hint="`--reason TEXT`")
    path = renewal.manifest(_count(keeper) + 1)
    made, count = hashlib.sha512(), 0

    def told() -> Iterator[bytes]:
        nonlocal count
        for line in renewal.lines(_listed(vault, path)):
            made.update(line)
            count += 1
            yield line

    sha256, _ = vault.publish(path, told())
    renewed = Renewed(path=path, sha512=made.hexdigest(), files=count)
    said = {"algorithm": renewal.ALGORITHM, "sha512": renewed.sha512, "files": count, "reason": reason}
    keeper.append(log.RENEWED, at=now(), subjects=[statement.Subject(path, sha256)], fields={"renewal": said})
    return renewed


def _count(keeper: Keeper) -> int:
    made = 0

    def seen(event: log.Event) -> None:
        nonlocal made
        made += event.type == log.RENEWED

    def stop(error: EvidenceKitError, _: str) -> None:
        raise error

    with keeper.vault.open(log.LOG) as stream:
        log.scan(stream, report=stop, seen=seen)
    return made


def _listed(vault: LocalVault, manifest: str) -> Iterator[renewal.Listed]:
    """Yield every protected file but the manifest that is being written, and what an interrupted run left of it."""
    folder, _, name = manifest.rpartition("/")
    for entry in vault.walk(""):
        if renewal.protected(entry.path) and entry.path not in {manifest, f"{folder}/.{name}.partial"}:
            path = names.require_safe(entry.path)
            yield renewal.Listed(path, renewal.digester(vault, path)(renewal.ALGORITHM).hex())
