"""Making and checking disclosure packages: what `prove`, `export --to disclosure` and `verify` share."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from evidence_kit.cli import output, settings
from evidence_kit.cli.files import read_file
from evidence_kit.errors import UsageError

if TYPE_CHECKING:
    from evidence_kit.analysis.rules import Rules
    from evidence_kit.custody.trust import Trust
    from evidence_kit.model.check import Report
    from evidence_kit.model.ports import Vault
    from evidence_kit.vaults.local import LocalVault

SECONDS = 60  # for the rules of one artifact of at most 64 MB; a pattern that backtracks for ever ends here


def make(
    case: Path,
    out: Path,
    artifacts: Sequence[str],
    *,
    is_glob: bool,
    recipient: str = "",
    purpose: str = "",
    authority: str = "",
    redact: Path | None = None,
    allow_unmatched: bool = False,
    limits: str | None = None,
    key: str | None,
    trust: str | None,
    as_json: bool,
) -> None:
    """Write a package and say what is in it."""
    from evidence_kit.acquire.case import keeper_of
    from evidence_kit.report.disclosure.disclosing import Handover, Order, disclose
    from evidence_kit.vaults.local import LocalVault

    order = Order(
        artifacts=tuple(artifacts),
        is_glob=is_glob,
        to=Handover(recipient=recipient, purpose=purpose, authority=authority),
        rules=_rules(redact, limits),
        allow_unmatched=allow_unmatched,
        limit=_in_time,
    )
    policy = settings.trust(trust)
    vault = LocalVault(case)
    keeper = keeper_of(vault, settings.key_ring(), settings.setting("key", key))
    made = disclose(vault, keeper, policy, out, order, at=settings.now())
    if as_json:
        counts = {"artifacts": made.artifacts, "redacted": made.redacted, "withheld": made.withheld}
        output.document(
            {"name": str(out), "sha256": made.sha256, **counts, "event": made.event, "attestationsMatch": made.told}
        )
    else:
        redacted = f", {made.redacted:,} of them redacted" if made.redacted else ""
        output.data(f"disclosed  {out}  {output.plural(made.artifacts, 'artifact')}{redacted}")
        output.note(f"{made.withheld:,} more artifacts of the same bags withheld; noted as event {made.event}")
    for name in made.told:
        output.note(f"warning: rule `{name}` also matches an attestation, which is signed and travels as it is")
    if made.redacted:
        output.note("warning: a short value can be guessed: the originals' digests are part of the proof")


def _rules(path: Path | None, limits: str | None) -> "Rules | None":
    """Return what is taken out: by a file of rules, and by an organisation's policy."""
    from evidence_kit.analysis.rules import minimising, parse_rules
    from evidence_kit.governance.policy import parse_policy

    rules = parse_rules(read_file(path), name=str(path)) if path else None
    if limits is None:
        return rules
    policy = parse_policy(read_file(limits), name=limits)
    fields = (*policy.minimise.drop, *policy.minimise.pseudonymise)
    return minimising(policy.name, fields, policy.digest, rules) if fields else rules


@contextmanager
def _in_time() -> Iterator[None]:
    """End what runs for longer than SECONDS: the regular expressions of `re` look for signals while they search."""

    def stop(_: int, __: FrameType | None) -> None:
        raise UsageError(
            f"the rules took more than {SECONDS} seconds on one artifact", hint="a `pattern` backtracks; simplify it"
        )

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def is_package(said: str) -> bool:
    """Say whether what is to be verified is a disclosure in a local folder."""
    folder = Path(said)
    return (folder / "disclosure.json").is_file() and not (folder / "case.json").exists()


def check(said: str, policy: "Trust", *, against: str | None, require_timestamp: bool) -> "tuple[Report, LocalVault]":
    """Verify a package; return what was found, and the vault that its names are relative to."""
    from evidence_kit.custody.verify.disclosures import verify_disclosure
    from evidence_kit.vaults.local import LocalVault

    folder = Path(said).absolute()
    vault = LocalVault(folder.parent)
    trust = replace(policy, timestamps_required=True) if require_timestamp else policy
    return verify_disclosure(vault, name=folder.name, trust=trust, against=_case(against)), vault


def _case(said: str | None) -> "Vault | None":
    """Return the case that a package is held against: a folder, an archive or a bucket."""
    from evidence_kit.vaults.registry import open_subject

    if said is None:
        return None
    subject = open_subject(said, os.environ)
    if subject.is_bag:
        raise UsageError(f"`{said}` is a bag", hint="name the case that it belongs to")
    return subject.vault
